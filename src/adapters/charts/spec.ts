import type { Mark, Spec } from 'vega';
import { axisTitle, type Chart, type Curve, curvesOf } from '../../core/chart.ts';
import { formatNumber } from '../../core/format.ts';
import { cutTo, drawable, type Font, family } from './font.ts';
import { type Axis, exact, labelsOf, largest, stepAxis, valueAxis } from './scale.ts';
import { type Colours, type Theme, themes } from './themes.ts';
import { stretches, thinned } from './thin.ts';

/** Pixels. A phone shows the picture at some 340: what is written is still 10 of its pixels high. */
const size = { width: 480, height: 320 };
const text = { title: 16, label: 14 };
const pad = 14;
const mostLabelWidth = 130;
const mostCurves = 6;
const fonts = `${family}, Verdana, sans-serif`;

interface Fonts {
  plain: Font;
  bold: Font;
}

interface Point {
  x: number;
  y: number;
}

/**
 * A chart as Vega draws it: the run in front, baselines dashed behind it, each with its name and last value at its end, the best value
 * marked. Where there is no point, only its title and that.
 */
export function chartSpec(chart: Chart, theme: Theme, { plain, bold }: Fonts): Spec {
  const colours = themes[theme];
  const words = (said: string) => drawable(said, plain) || '·';
  const title = cutTo(drawable(chart.title, bold) || '·', size.width - 2 * pad, text.title, bold);
  const curves = curvesOf(bounded(chart)).slice(0, mostCurves);
  const top = pad + text.title + 34;
  const bottom = pad + text.label * 2 + 16;
  if (curves.length === 0) {
    const none = label('There are no points yet.', { x: 0, y: 110, colour: colours.quiet });
    return framed({ top, bottom, left: pad, right: pad, title, colours, description: title, marks: [none] });
  }
  const y = valueAxis(
    curves.flatMap(({ points }) => points.map(point => point.y)),
    hasBestLabel(curves[0]) ? chart.better : null,
  );
  const xs = curves.flatMap(({ first, last }) => [first.x, last.x]);
  const x = stepAxis(Math.min(...xs), Math.max(...xs));
  const widest = Math.max(...y.labels.map(one => plain.width(one, text.label)));
  const left = pad + Math.ceil(widest) + 10;
  const ends = curves.map((curve, index) => ({
    curve,
    colour: colourOf(curve, index, colours),
    value: cutTo(words(valueText(curve.last.y, y, chart.unit)), mostLabelWidth, text.label, bold),
    name: cutTo(words(curve.name), mostLabelWidth, text.label, plain),
  }));
  const right =
    pad +
    10 +
    Math.ceil(
      Math.max(
        ...ends.map(end => Math.max(bold.width(end.value, text.label), plain.width(end.name, text.label))),
      ),
    );
  const width = size.width - left - right;
  const height = size.height - top - bottom;
  const place = { x: scaleOf(x, width), y: (value: number) => height - scaleOf(y, height)(value) };
  const heights = spread(
    ends.map(({ curve }) => place.y(curve.last.y)),
    height,
  );
  const behind = ends.toReversed();
  const marks: Mark[] = [
    ...behind.flatMap(({ curve, colour }) => lines(curve, colour, width)),
    ...ends
      .slice(0, 1)
      .flatMap(({ curve, colour }) =>
        bestMark(curve, { colour, chart, place, width, plain, colours, axis: y }),
      ),
    ...ends.flatMap(({ curve, colour, value, name }, i) => {
      const at = { x: width + 10, y: heights[i] ?? 0 };
      const dot = { x: place.x(curve.last.x), y: place.y(curve.last.y) };
      return [
        symbol(dot, colour, 40, colour),
        label(value, { ...at, y: at.y - 7, colour, bold: true }),
        label(name, { ...at, y: at.y + 9, colour }),
      ];
    }),
  ];
  const yTitle = [
    words(axisTitle(chart)),
    ...(y.kind === 'log' ? ['log scale'] : []),
    ...(y.base === null ? [] : [`above ${exact(y.base)}`]),
  ].join(', ');
  return framed({
    top,
    bottom,
    left,
    right,
    title,
    colours,
    description: title,
    marks: [
      label(cutTo(yTitle, size.width - 2 * pad, text.label, plain), {
        x: pad - left,
        y: -20,
        colour: colours.quiet,
      }),
      ...marks,
    ],
    axes: { x, y, xTitle: x.base === null ? chart.xTitle : `${chart.xTitle}, above ${exact(x.base)}` },
  });
}

/** Numbers whose differences would be infinite are drawn as the largest that have one. */
function bounded(chart: Chart): Chart {
  const within = (value: number) => Math.max(-largest, Math.min(largest, value));
  return {
    ...chart,
    series: chart.series.map(series => ({
      ...series,
      points: series.points
        .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
        .map(({ x, y }) => ({ x: within(x), y: within(y) })),
    })),
  };
}

function colourOf({ role }: Curve, index: number, { runs, baseline }: Colours): string {
  return role === 'baseline' ? baseline : (runs[index % runs.length] ?? baseline);
}

/** `0.9746`, `12.5M`, `2.5e-9`: as short as an end of a line has room for; above the base of its axis where that has one. */
function valueText(value: number, { base }: Axis, unit: string | undefined): string {
  if (base !== null) return `+${labelsOf([Number((value - base).toPrecision(4))])[0] ?? ''}`;
  const short =
    Math.abs(value) >= 10_000 || (value !== 0 && Math.abs(value) < 1e-3)
      ? (labelsOf([Number(value.toPrecision(4))])[0] ?? '')
      : formatNumber(value).replace(/^-/, '−');
  return unit ? `${short} ${unit}` : short;
}

function scaleOf({ kind, domain: [low, high] }: Axis, length: number): (value: number) => number {
  if (kind === 'log') {
    const from = Math.log(low);
    const whole = Math.log(high) - from;
    return value => ((Math.log(value) - from) / whole) * length;
  }
  return value => ((value - low) / (high - low)) * length;
}

const labelHeight = 34;

/** Heights for labels at the ends of lines: as near to these as they can be without lying over each other. */
function spread(wanted: readonly number[], height: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const heights = [...wanted];
  let least = Number.NEGATIVE_INFINITY;
  for (const i of order) {
    heights[i] = Math.max(wanted[i] ?? 0, least);
    least = (heights[i] ?? 0) + labelHeight;
  }
  let most = height + 12;
  for (const i of order.toReversed()) {
    heights[i] = Math.min(heights[i] ?? 0, most);
    most = (heights[i] ?? 0) - labelHeight;
  }
  return heights;
}

function lines(curve: Curve, colour: string, width: number): Mark[] {
  const isBaseline = curve.role === 'baseline';
  const points = thinned(curve.points, Math.max(1, Math.floor(width)));
  return stretches(points).map(part => {
    const [only] = part;
    const values = part.map(({ x, y }) => ({ x, y }));
    if (only && part.length === 1)
      return {
        type: 'symbol',
        encode: {
          enter: { x: at('x', only.x), y: at('y', only.y), size: { value: 30 }, fill: { value: colour } },
        },
      };
    return {
      type: 'group',
      data: [{ name: 'part', values }],
      marks: [
        {
          type: 'line',
          from: { data: 'part' },
          encode: {
            enter: {
              x: { scale: 'x', field: 'x' },
              y: { scale: 'y', field: 'y' },
              stroke: { value: colour },
              strokeWidth: { value: isBaseline ? 1.75 : 2.5 },
              strokeJoin: { value: 'round' },
              strokeCap: { value: 'round' },
              ...(isBaseline ? { strokeDash: { value: [5, 5] } } : {}),
            },
          },
        },
      ],
    };
  });
}

function at(scale: 'x' | 'y', value: number) {
  return { scale, value };
}

interface Around {
  colour: string;
  chart: Chart;
  place: { x(value: number): number; y(value: number): number };
  width: number;
  plain: Font;
  colours: Colours;
  axis: Axis;
}

/** The best value has words of its own: it is another than the last one, which has its own beside it. */
function hasBestLabel(curve: Curve | undefined): boolean {
  return Boolean(curve?.best && curve.best.x !== curve.last.x);
}

/** A ring at the best value and what it is, on the side to which better lies; at the last one a ring is enough, which has its value beside it. */
function bestMark(
  { best, last, points }: Curve,
  { colour, chart, place, width, plain, colours, axis }: Around,
): Mark[] {
  if (!best || points.length === 1 || points.every(({ y }) => y === best.y)) return [];
  const spot = { x: place.x(best.x), y: place.y(best.y) };
  const ring = symbol(spot, colour, 130, 'transparent');
  if (best.x === last.x) return [ring];
  const said = `best ${drawable(valueText(best.y, axis, chart.unit), plain)}`;
  const half = plain.width(said, text.label) / 2;
  const x = Math.max(half, Math.min(width - half, spot.x));
  const y = spot.y + (chart.better === 'lower' ? 18 : -18);
  // A halo in the colour of the page keeps it readable where it lies over a line.
  const halo = {
    stroke: { value: colours.background },
    strokeWidth: { value: 4 },
    strokeJoin: { value: 'round' },
  };
  return [
    ring,
    label(said, { x, y, colour: colours.background, align: 'center', more: halo }),
    label(said, { x, y, colour: colours.text, align: 'center' }),
  ];
}

function symbol({ x, y }: Point, stroke: string, area: number, fill: string): Mark {
  return {
    type: 'symbol',
    encode: {
      enter: {
        x: { value: x },
        y: { value: y },
        size: { value: area },
        fill: { value: fill },
        stroke: { value: stroke },
        strokeWidth: { value: 2 },
      },
    },
  };
}

interface LabelLook extends Point {
  colour: string;
  fontSize?: number;
  bold?: boolean;
  align?: 'left' | 'center';
  more?: object;
}

function label(
  said: string,
  { x, y, colour, fontSize = text.label, bold = false, align = 'left', more = {} }: LabelLook,
): Mark {
  return {
    type: 'text',
    encode: {
      enter: {
        x: { value: x },
        y: { value: y },
        text: { value: said },
        fill: { value: colour },
        font: { value: fonts },
        fontSize: { value: fontSize },
        fontWeight: { value: bold ? 'bold' : 'normal' },
        align: { value: align },
        baseline: { value: 'middle' },
        ...more,
      },
    },
  };
}

interface Frame {
  top: number;
  bottom: number;
  left: number;
  right: number;
  title: string;
  colours: Colours;
  description: string;
  marks: Mark[];
  axes?: { x: Axis; y: Axis; xTitle: string };
}

function framed({ top, bottom, left, right, title, colours, description, marks, axes }: Frame): Spec {
  const width = size.width - left - right;
  const height = size.height - top - bottom;
  const heading = label(title, {
    x: pad - left,
    y: pad + text.title / 2 - top,
    colour: colours.text,
    fontSize: text.title,
    bold: true,
  });
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    description,
    width,
    height,
    padding: { top, bottom, left, right },
    autosize: 'none',
    background: colours.background,
    ...(axes
      ? {
          scales: [
            { name: 'x', type: 'linear', domain: axes.x.domain, range: 'width', zero: false, nice: false },
            {
              name: 'y',
              type: axes.y.kind,
              domain: axes.y.domain,
              range: 'height',
              zero: false,
              nice: false,
            },
          ],
          signals: [
            { name: 'xLabels', value: named(axes.x) },
            { name: 'yLabels', value: named(axes.y) },
          ],
          axes: [
            {
              ...axisLook(axes.x, colours),
              scale: 'x',
              orient: 'bottom',
              encode: labelsFrom('xLabels'),
              title: axes.xTitle,
              domain: true,
            },
            {
              ...axisLook(axes.y, colours),
              scale: 'y',
              orient: 'left',
              encode: labelsFrom('yLabels'),
              grid: true,
              domain: false,
            },
          ],
        }
      : {}),
    marks: [heading, ...marks],
  };
}

function named({ ticks, labels }: Axis): Record<string, string> {
  return Object.fromEntries(ticks.map((tick, i) => [String(tick), labels[i] ?? '']));
}

function labelsFrom(signal: string) {
  return { labels: { update: { text: { signal: `${signal}[datum.value]` } } } };
}

function axisLook({ ticks }: Axis, { quiet, grid }: Colours) {
  return {
    values: ticks,
    ticks: false,
    domainColor: quiet,
    gridColor: grid,
    labelColor: quiet,
    labelFont: fonts,
    labelFontSize: text.label,
    labelPadding: 7,
    labelOverlap: 'greedy' as const,
    titleColor: quiet,
    titleFont: fonts,
    titleFontSize: text.label,
    titleFontWeight: 'normal' as const,
    titlePadding: 6,
  };
}
