import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import type { RunStore } from '../src/core/ports.ts';
import { type ReplyBlock, reply } from '../src/core/reply.ts';
import type { Run } from '../src/core/run.ts';
import { type ComparedMetric, cell, compareRuns, signed } from '../src/core/run-comparison.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** Holds two runs beside each other. Without a second one it is the last run of the same project before it that succeeded. */
export const trainCompare = defineCommand({
  path: ['train', 'compare'],
  summary: 'Hold two runs beside each other: metrics, parameters, code.',
  access: 'viewer',
  arguments: [
    { name: 'run', kind: 'run', summary: "The run's number.", required: true },
    {
      name: 'other',
      kind: 'run',
      summary: 'The run to compare it with; the last one of its project that succeeded before it otherwise.',
    },
  ],
  flags: [],
  examples: ['train compare 42 57', 'train compare 42'],
  needs: ['runs'],
  async run(values, _context, { runs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const other = await otherOf(run, values.other, runs);
    if (!other.ok) return other;
    if (!other.run) {
      const title = `#${run.number} has nothing to be compared with: no run of ${run.spec.project} succeeded before it.`;
      const text = ['Name another run, as in ', { command: `train compare ${run.number} 7` }, '.'];
      return {
        ok: true,
        reply: reply(title, [{ kind: 'text', text }], { data: { run: run.number, other: null } }),
      };
    }
    return { ok: true, reply: await compared(run, other.run, runs) };
  },
});

async function otherOf(run: Run, number: number | undefined, runs: RunStore) {
  if (number !== undefined) return await findRun(number, runs);
  const { project } = run.spec;
  const [last] = await runs.list({ project, states: ['succeeded'], before: run.number, limit: 1 });
  return { ok: true as const, run: last ?? null };
}

async function compared(a: Run, b: Run, runs: RunStore) {
  const [ofA, ofB] = await Promise.all([runs.metrics(a.number), runs.metrics(b.number)]);
  const { metrics, differences } = compareRuns({ run: a, metrics: ofA }, { run: b, metrics: ofB });
  const numbers = [a, b].map(run => ({ title: `#${run.number}`, align: 'right' as const }));
  const isFinal = a.state === 'succeeded' && b.state === 'succeeded';
  const blocks: ReplyBlock[] = [
    ...(metrics.length === 0
      ? [{ kind: 'text' as const, text: ['Neither has reported a metric.'] }]
      : metricTables(metrics, numbers, isFinal ? 'Final value of' : 'Last value of')),
    differences.length === 0
      ? { kind: 'text', text: ['Code, parameters and resources are the same.'] }
      : {
          kind: 'table',
          columns: [{ title: 'What differs' }, ...numbers],
          rows: differences.map(({ label, a, b }) => [label, a, b]),
        },
  ];
  const data = { run: a.number, other: b.number, metrics, differences };
  return reply(`${titleOf(a)}, beside ${titleOf(b)}.`, blocks, { data });
}

function metricTables(
  metrics: readonly ComparedMetric[],
  numbers: { title: string; align: 'right' }[],
  title: string,
): ReplyBlock[] {
  const known = metrics.filter(({ bestA, bestB }) => bestA !== null || bestB !== null);
  const best: ReplyBlock = {
    kind: 'table',
    columns: [{ title: 'Best value of' }, ...numbers],
    rows: known.map(one => [nameOf(one), cell(one.bestA), cell(one.bestB)]),
  };
  return [
    {
      kind: 'table',
      columns: [{ title }, ...numbers, { title: 'Difference', align: 'right' }],
      rows: metrics.map(one => [nameOf(one), cell(one.a), cell(one.b), differenceOf(one)]),
    },
    ...(known.length > 0 ? [best] : []),
  ];
}

/** `val_auc ↑`, where it is known which way it gets better. */
function nameOf({ name, better }: ComparedMetric): string {
  return better === null ? name : `${name} ${better === 'higher' ? '↑' : '↓'}`;
}

function differenceOf({ difference, verdict }: ComparedMetric): string {
  if (difference === null) return '–';
  return verdict === null ? signed(difference) : `${signed(difference)} ${verdict}`;
}
