import { type Chart, gridOf } from './chart.ts';

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const flat = '▄';

/** One line of block characters for each curve, all on one scale, the run's first; none where there is nothing to draw. */
export function sparklines(
  chart: Pick<Chart, 'series' | 'better'>,
  most: number,
): { name: string; line: string }[] {
  const grid = gridOf(chart, most);
  if (!grid) return [];
  const all = grid.curves.flatMap(({ ys }) => ys);
  const least = Math.min(...all);
  const range = Math.max(...all) - least;
  return grid.curves.map(({ name, ys }) => ({
    name,
    line: ys.map(y => barOf(y, least, range)).join(''),
  }));
}

function barOf(y: number, least: number, range: number): string {
  // A range beyond what numbers hold is halved before it is divided.
  const share = Number.isFinite(range) ? (y - least) / range : (y / 2 - least / 2) / Number.MAX_VALUE;
  if (!Number.isFinite(share)) return flat;
  return bars[Math.min(bars.length - 1, Math.floor(share * bars.length))] ?? flat;
}
