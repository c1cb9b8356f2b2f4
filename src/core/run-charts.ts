import type { Chart } from './chart.ts';
import { betterOf } from './metric-direction.ts';
import type { MetricSeries, MetricSummary } from './ports.ts';
import type { Run } from './run.ts';
import type { MeasuredRun, ResultRow } from './run-result.ts';

/** Points of one curve at most, as many as can be told apart on a phone. */
export const chartPoints = 60;

/** The metrics whose curves are shown: those with one, in the order of the rows, at most so many. */
export function chartedMetrics(
  rows: readonly Pick<ResultRow, 'name'>[],
  metrics: readonly MetricSummary[],
  most: number,
): string[] {
  const drawn = new Set(metrics.filter(({ count }) => count > 1).map(({ name }) => name));
  return rows
    .map(({ name }) => name)
    .filter(name => drawn.has(name))
    .slice(0, most);
}

/** One chart for each of these metrics that the run has a curve of, with its baseline's behind it. */
export function chartsOf(
  { run, metrics }: MeasuredRun,
  names: readonly string[],
  series: readonly MetricSeries[],
  baseline: { run: Run; series: readonly MetricSeries[]; where: string } | null,
): Chart[] {
  const declared = run.spec.metrics ?? {};
  return names.flatMap((name): Chart[] => {
    const own = series.find(one => one.name === name);
    if (!own || own.points.length < 2) return [];
    const other = baseline?.series.find(one => one.name === name);
    const oddAt = metrics.find(metric => metric.name === name)?.notFinite;
    const behind = baseline && other ? `#${baseline.run.number}${baseline.where}` : null;
    return [
      {
        title: `${name} of #${run.number}${behind === null ? '' : ` beside ${behind}`}`,
        metric: name,
        unit: Object.hasOwn(declared, name) ? declared[name]?.unit : undefined,
        better: betterOf(name, declared),
        xTitle: xTitleOf(metrics),
        series: [
          {
            ...{ name: `#${run.number}`, role: 'run' as const, points: pointsOf(own) },
            ...(oddAt === undefined ? {} : { oddAt }),
          },
          ...(behind !== null && other
            ? [{ name: behind, role: 'baseline' as const, points: pointsOf(other) }]
            : []),
        ],
      },
    ];
  });
}

function pointsOf({ points }: MetricSeries): { x: number; y: number }[] {
  return points.map(({ step, value }) => ({ x: step, y: value }));
}

/** Points stand at the epoch where a run counts those and no steps. */
function xTitleOf(metrics: readonly MetricSummary[]): Chart['xTitle'] {
  const of = (name: string) => metrics.find(metric => metric.name === name);
  const epoch = of('epoch');
  return epoch && !of('step') && epoch.value === epoch.step ? 'epoch' : 'step';
}
