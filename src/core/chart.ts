import { formatNumber } from './format.ts';

/** A curve to be drawn. Points stand in the order of `x`; what is not finite is left out wherever it is drawn. */
export interface ChartSeries {
  /** `#42`, `#38 (main)` */
  name: string;
  /** The run stands in front; the baseline lies behind it. */
  role: 'run' | 'baseline';
  points: { x: number; y: number }[];
  /** Where what was reported last was not finite, which is behind the last point or at it. */
  oddAt?: number | undefined;
}

/** The curves of one metric, as neutral data: each place draws them with what it has. */
export interface Chart {
  title: string;
  metric: string;
  unit?: string | undefined;
  /** Null: nobody knows which is better, so there is no best. */
  better: 'higher' | 'lower' | null;
  xTitle: 'step' | 'epoch';
  series: ChartSeries[];
  /** Where it can be seen as a picture for a while, in both themes; absent: nowhere. */
  pictures?: { light: string; dark: string } | undefined;
}

interface Point {
  x: number;
  y: number;
}

/** What is known of one curve. */
export interface Curve {
  name: string;
  role: ChartSeries['role'];
  /** At least one. */
  points: Point[];
  first: Point;
  last: Point;
  /** The earliest of the best; null where nobody knows which is better. */
  best: Point | null;
  oddAt: number | undefined;
}

/** The curves that have anything to draw: finite points only, by `x`, the last word where two stand at the same. Those of runs come first. */
export function curvesOf(chart: Pick<Chart, 'series' | 'better'>): Curve[] {
  const runs = chart.series.filter(({ role }) => role === 'run');
  const baselines = chart.series.filter(({ role }) => role === 'baseline');
  return [...runs, ...baselines].flatMap(({ name, role, points, oddAt }) => {
    const finite = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    const at = new Map(finite.map(point => [point.x, point]));
    const sorted = [...at.values()].sort((a, b) => a.x - b.x);
    const first = sorted[0];
    const last = sorted.at(-1);
    if (!first || !last) return [];
    return [{ name, role, points: sorted, first, last, best: bestIn(sorted, chart.better), oddAt }];
  });
}

function bestIn(points: readonly Point[], better: Chart['better']): Point | null {
  if (better === null) return null;
  const sign = better === 'higher' ? 1 : -1;
  return points.reduce<Point | null>(
    (best, point) => (best === null || sign * point.y > sign * best.y ? point : best),
    null,
  );
}

/** `val_auc (%)` */
export function axisTitle({ metric, unit }: Pick<Chart, 'metric' | 'unit'>): string {
  return unit ? `${metric} (${unit})` : metric;
}

/** `0.9746`, `97.5 %` */
export function withUnit(value: number, unit: string | undefined): string {
  return unit ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/**
 * The same in words, for each curve: `last 0.951 at step 100, best 0.957 at step 80`. Best is left out where it is the last, and the last point
 * is called otherwise where what came then was not finite.
 */
export function curveWords(curve: Curve, { unit, xTitle }: Pick<Chart, 'unit' | 'xTitle'>): string {
  const { last, best, points, oddAt } = curve;
  const at = (point: Point) => `${withUnit(point.y, unit)} at ${xTitle} ${formatNumber(point.x)}`;
  if (oddAt !== undefined)
    return `last not finite, at ${xTitle} ${formatNumber(oddAt)}, ${best ? `best ${at(best)}` : `before that ${at(last)}`}`;
  if (points.length === 1) return `only ${at(last)}`;
  if (best && best.x === last.x) return `last and best ${at(last)}`;
  return `last ${at(last)}${best ? `, best ${at(best)}` : ''}`;
}

export interface Grid {
  /** Evenly spaced but for their being whole where the points' are; at least one. */
  xs: number[];
  curves: (Curve & {
    /** One for each of `xs`. */
    ys: number[];
    /** It begins after the first of `xs` or ends before the last: its first or last value stands for what is missing. */
    carried: boolean;
  })[];
}

/**
 * All curves at the same few places, for renderers that cannot place a point freely. The places go from the first to the last point of
 * the curve in front, and no curve is drawn beyond. At each place stands the point nearest to it among those of its cell; the best, where
 * there is one, else the least and the most, stand in their cells whatever is nearest, so that no extreme is lost. A cell without a
 * point has what lies on the line between its neighbours. Null: there is nothing to draw.
 */
export function gridOf(chart: Pick<Chart, 'series' | 'better'>, most: number): Grid | null {
  const curves = curvesOf(chart);
  const front = curves[0];
  if (!front) return null;
  const from = front.first.x;
  const to = front.last.x;
  const whole = front.points.every(({ x }) => Number.isSafeInteger(x));
  const amount = Math.max(2, Math.min(most, whole ? to - from + 1 : front.points.length));
  const xs =
    from === to
      ? [from]
      : Array.from({ length: amount }, (_, i) => {
          const x = from + ((to - from) * i) / (amount - 1);
          return whole ? Math.round(x) : x;
        });
  return {
    xs,
    curves: curves.map(curve => ({
      ...curve,
      ys: valuesAt(xs, curve),
      carried: curve.first.x > from || curve.last.x < to,
    })),
  };
}

function valuesAt(xs: readonly number[], { points, best }: Curve): number[] {
  const from = xs[0] ?? 0;
  const width = xs.length > 1 ? ((xs.at(-1) ?? 0) - from) / (xs.length - 1) : 1;
  const nearest = new Map<number, Point>();
  for (const point of points) {
    const cell = Math.round((point.x - from) / width);
    const x = xs[cell];
    if (x === undefined) continue;
    const other = nearest.get(cell);
    if (!other || Math.abs(point.x - x) < Math.abs(other.x - x)) nearest.set(cell, point);
  }
  for (const point of best ? [best] : extremes(points)) {
    const cell = Math.round((point.x - from) / width);
    // The ends say where a curve begins and ends, which are never moved.
    if (cell > 0 && cell < xs.length - 1) nearest.set(cell, point);
  }
  return xs.map((x, cell) => nearest.get(cell)?.y ?? between(points, x));
}

function extremes(points: readonly Point[]): Point[] {
  const least = points.reduce<Point | null>((a, b) => (a === null || b.y < a.y ? b : a), null);
  const most = points.reduce<Point | null>((a, b) => (a === null || b.y > a.y ? b : a), null);
  return [least, most].filter(point => point !== null);
}

/** On the straight line between the points around `x`; beyond the ends what stands there. */
function between(points: readonly Point[], x: number): number {
  let low = 0;
  let high = points.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.x ?? 0) <= x) low = middle;
    else high = middle;
  }
  const before = points[low] ?? { x, y: 0 };
  const after = points[high] ?? before;
  if (x <= before.x || after.x === before.x) return before.y;
  if (x >= after.x) return after.y;
  const share = (x - before.x) / (after.x - before.x);
  return before.y * (1 - share) + after.y * share;
}
