import { axisTitle, type Chart, curvesOf, curveWords, gridOf, withUnit } from '../../core/chart.ts';
import { formatNumber } from '../../core/format.ts';
import type { ReplyBlock } from '../../core/reply.ts';
import { cutEnd, shown } from './shown.ts';

/**
 * Slack's own chart (https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block), which @slack/types does not know yet. A
 * workspace that does not know it answers `invalid_blocks`.
 */
export interface DataVisualizationBlock {
  type: 'data_visualization';
  title: string;
  chart: {
    type: 'line';
    series: { name: string; data: { label: string; value: number }[] }[];
    axis_config: { categories: string[]; x_label: string; y_label: string };
  };
}

/** What Slack takes: of series the fewest that it was ever said to take. */
export const chartLimits = { charts: 2, series: 6, points: 20, name: 20, label: 50 };

/** Null where there is no line to draw: fewer than two points, or names that are the same when they are cut. */
export function slackChart(chart: Chart): DataVisualizationBlock | null {
  const grid = gridOf(chart, chartLimits.points);
  if (!grid || grid.xs.length < 2) return null;
  const categories = grid.xs.map(x => cutEnd(formatNumber(x), chartLimits.name));
  const series = grid.curves.slice(0, chartLimits.series).map(({ name, ys }) => ({
    name: clean(name, chartLimits.name),
    data: ys.map((value, i) => ({ label: categories[i] ?? '', value })),
  }));
  const isUnclear = [categories, series.map(({ name }) => name)].some(
    names => new Set(names).size < names.length,
  );
  if (isUnclear) return null;
  return {
    type: 'data_visualization',
    title: clean(chart.title, chartLimits.label),
    chart: {
      type: 'line',
      series,
      axis_config: {
        categories,
        x_label: clean(chart.xTitle, chartLimits.label),
        y_label: clean(axisTitle(chart), chartLimits.label),
      },
    },
  };
}

/** Its curves in words, as they stand below Slack's chart: what a line shows with twenty points is not its best and last value. */
export function chartNotes(chart: Chart): ReplyBlock & { kind: 'list' } {
  return {
    kind: 'list',
    items: curvesOf(chart).map(curve => [{ bold: curve.name }, `: ${curveWords(curve, chart)}`]),
  };
}

/** The same as a table, for where nothing can be drawn; without rows where there is no point. */
export function chartTable(chart: Chart): ReplyBlock & { kind: 'table' } {
  const at = (point: { x: number; y: number } | null) =>
    point ? `${withUnit(point.y, chart.unit)} (${chart.xTitle} ${formatNumber(point.x)})` : '–';
  const best = chart.better !== null;
  return {
    kind: 'table',
    columns: [
      { title: axisTitle(chart) },
      { title: 'Last', align: 'right' },
      ...(best ? [{ title: 'Best', align: 'right' as const }] : []),
    ],
    rows: curvesOf(chart).map(curve => {
      const last =
        curve.oddAt === undefined
          ? at(curve.last)
          : `not finite (${chart.xTitle} ${formatNumber(curve.oddAt)})`;
      return [curve.name, last, ...(best ? [at(curve.best)] : [])];
    }),
  };
}

function clean(text: string, limit: number): string {
  return cutEnd(shown(text).replace(/\s+/g, ' ').trim(), limit) || '–';
}
