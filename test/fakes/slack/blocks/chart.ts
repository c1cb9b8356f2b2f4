import { isRecord } from '../args.ts';
import { all, anything, type Check, list, number, object, say, string, typed } from './check.ts';

/* https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block */

const point = object({ label: string(20), value: number }, ['label', 'value']);
const segment = all(point, (value, at, scope) => {
  if (isRecord(value) && Number(value.value) <= 0) say(scope, 'must be greater than 0', `${at}/value`);
});
const series = object({ name: string(20), data: list(point, 20) }, ['name', 'data']);
const axes = object({ categories: list(string(20), 20), x_label: string(50), y_label: string(50) }, [
  'categories',
]);

/** Names only once, and every series with a value for each category and for nothing else. */
const matching: Check = (value, at, scope) => {
  if (!isRecord(value) || !Array.isArray(value.series) || !isRecord(value.axis_config)) return;
  const all = value.series.filter(isRecord);
  if (new Set(all.map(({ name }) => name)).size !== all.length)
    say(scope, 'series names must be unique', `${at}/series`);
  const categories = JSON.stringify(value.axis_config.categories);
  for (const [index, { data }] of all.entries()) {
    const labels = Array.isArray(data) ? data.filter(isRecord).map(({ label }) => label) : [];
    if (JSON.stringify(labels) !== categories)
      say(scope, 'data labels must match the categories', `${at}/series/${index}/data`);
  }
};

const overCategories = all(
  object({ type: anything, series: list(series, 6), axis_config: axes }, ['series', 'axis_config']),
  matching,
);

export const chartBlock: Check = object(
  {
    type: anything,
    block_id: string(255),
    title: string(50),
    chart: typed(
      new Map<string, Check>([
        ['pie', object({ type: anything, segments: list(segment, 6) }, ['segments'])],
        ['bar', overCategories],
        ['line', overCategories],
        ['area', overCategories],
      ]),
    ),
  },
  ['title', 'chart'],
);
