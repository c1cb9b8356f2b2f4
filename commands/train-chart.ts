import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { nearest } from '../src/core/nearest.ts';
import type { MetricSummary } from '../src/core/ports.ts';
import { reply } from '../src/core/reply.ts';
import { isEnd, type Run } from '../src/core/run.ts';
import { counterNames, primaryMetric } from '../src/core/run-facts.ts';

const shownNames = 12;

/** The curve of one metric, with that of what the run is held against behind it. */
export const trainChart = defineCommand({
  path: ['train', 'chart'],
  summary: "See the curve of a run's metric.",
  access: 'viewer',
  arguments: [
    { name: 'run', kind: 'run', summary: "The run's number.", required: true },
    { name: 'metric', kind: 'word', summary: "Its name; the project's primary metric otherwise." },
  ],
  flags: [],
  examples: ['train chart 42', 'train chart 42 val_loss'],
  needs: ['runs', 'charts'],
  async run(values, { now }, { runs, charts }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const { number } = run;
    const metrics = await runs.metrics(number);
    const curved = metrics.filter(({ count }) => count > 1);
    const data = { run: number, metric: null, chart: null, pictures: null };
    if (values.metric === undefined && curved.length === 0) {
      const why = metrics.length === 0 ? 'no metric' : 'each metric once, which is no curve';
      const title = `#${number} ${run.spec.project} has reported ${metrics.length === 0 && !isEnd(run.state) ? 'no metric yet' : why}.`;
      return { ok: true, reply: reply(title, [], { data }) };
    }
    const name = values.metric ?? usual(run, curved);
    const chart = await charts.of(run, name);
    if (!chart) {
      const names = curved.map(metric => metric.name);
      const near = nearest(name, names);
      const details = { word: name, number, allowed: names.slice(0, shownNames), nearest: near };
      return { ok: false, code: 'METRIC_UNKNOWN', details };
    }
    const pictures = (await charts.pictures(run, name, now)) ?? undefined;
    const blocks = [{ kind: 'chart' as const, ...chart, pictures }];
    const { series, ...about } = chart;
    const shown = { run: number, metric: name, chart: { ...about, series }, pictures: pictures ?? null };
    return { ok: true, reply: reply(`${chart.title}.`, blocks, { data: shown }) };
  },
});

/** The primary one, else the first that counts nothing. */
function usual(run: Run, curved: readonly MetricSummary[]): string {
  const primary = primaryMetric(run, curved);
  const first = curved.find(({ name }) => !counterNames.includes(name)) ?? curved[0];
  return (primary ?? first)?.name ?? '';
}
