import { type Chart, curvesOf, withUnit } from '../../core/chart.ts';
import { formatNumber } from '../../core/format.ts';
import type { ReplyBlock } from '../../core/reply.ts';

/** Its curves as a table, for where nothing can be drawn; without rows where there is no point. */
export function chartTable(chart: Chart): ReplyBlock & { kind: 'table' } {
  const at = (point: { x: number; y: number } | null) =>
    point ? `${withUnit(point.y, chart.unit)} (${chart.xTitle} ${formatNumber(point.x)})` : '–';
  const curves = curvesOf(chart);
  const best = chart.better !== null;
  return {
    kind: 'table',
    columns: [
      { title: chart.title },
      { title: 'First', align: 'right' },
      { title: 'Last', align: 'right' },
      ...(best ? [{ title: 'Best', align: 'right' as const }] : []),
    ],
    rows: curves.map(curve => [
      curve.name,
      at(curve.first),
      at(curve.last),
      ...(best ? [at(curve.best)] : []),
    ]),
  };
}
