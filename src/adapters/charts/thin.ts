interface Point {
  x: number;
  y: number;
}

/**
 * As many points as a line of so many pixels can show: of each pixel's column the first, the least, the most and the last, which draws the
 * very same line as all of them would (Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation, 2014).
 */
export function thinned<P extends Point>(points: readonly P[], columns: number): P[] {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || points.length <= columns * 4) return [...points];
  const width = (last.x - first.x) / columns || 1;
  const kept = new Set<P>();
  let column = { at: -1, first, least: first, most: first, last: first };
  const close = () => {
    for (const point of [column.first, column.least, column.most, column.last]) kept.add(point);
  };
  for (const point of points) {
    const at = Math.min(columns - 1, Math.floor((point.x - first.x) / width));
    if (at !== column.at) {
      if (column.at >= 0) close();
      column = { at, first: point, least: point, most: point, last: point };
    }
    if (point.y < column.least.y) column.least = point;
    if (point.y > column.most.y) column.most = point;
    column.last = point;
  }
  close();
  return points.filter(point => kept.has(point));
}

/** How many times longer than the pauses before and after it a pause is that nothing is drawn across. */
const gapFactor = 10;

/** Stretches without a gap in them, each with at least one point. */
export function stretches<P extends Point>(points: readonly P[]): P[][] {
  const parts: P[][] = [];
  for (const [i, point] of points.entries()) {
    const pause = (k: number) => (points[k + 1]?.x ?? Number.NaN) - (points[k]?.x ?? Number.NaN);
    const around = [pause(i - 2), pause(i)].filter(Number.isFinite);
    const isGap = around.length > 0 && pause(i - 1) > gapFactor * Math.max(...around);
    const part = parts.at(-1);
    if (!part || isGap) parts.push([point]);
    else part.push(point);
  }
  return parts;
}
