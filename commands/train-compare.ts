import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import type { Baselines, CodePages, RunCosts, RunStore } from '../src/core/ports.ts';
import { type Reply, reply } from '../src/core/reply.ts';
import type { Run } from '../src/core/run.ts';
import {
  type ComparableRun,
  compareRuns,
  comparisonBlocks,
  mostCompared,
} from '../src/core/run-comparison.ts';
import { titleOf } from '../src/core/run-reply.ts';

const others = ['other', 'third', 'fourth', 'fifth'] as const;

/** Holds runs beside the first one that is named. One alone is held against its baseline. */
export const trainCompare = defineCommand({
  path: ['train', 'compare'],
  summary: `Hold up to ${mostCompared} runs beside each other: metrics, parameters, code, cost.`,
  access: 'viewer',
  arguments: [
    { name: 'run', kind: 'run', summary: 'The run that the others are held against.', required: true },
    { name: 'other', kind: 'run', summary: 'Another run; what the first is usually held against otherwise.' },
    { name: 'third', kind: 'run', summary: 'One more.' },
    { name: 'fourth', kind: 'run', summary: 'One more.' },
    { name: 'fifth', kind: 'run', summary: 'One more.' },
  ],
  flags: [],
  examples: ['train compare 42 57', 'train compare 42 57 61', 'train compare 42'],
  needs: ['runs', 'costs', 'baselines', 'pages'],
  async run(values, { policy, now }, { runs, costs, baselines, pages }) {
    const first = await findRun(values.run, runs);
    if (!first.ok) return first;
    const named = others.map(name => values[name]).filter(number => number !== undefined);
    const numbers = [...new Set(named)].filter(number => number !== values.run);
    const read = (all: readonly Run[]) => compared(all, { runs, costs, pages }, policy.currency, now);
    if (numbers.length === 0 && named.length === 0)
      return { ok: true, reply: await beside(first.run, baselines, read) };
    const found: Run[] = [];
    for (const number of numbers) {
      const one = await findRun(number, runs);
      if (!one.ok) return one;
      found.push(one.run);
    }
    return { ok: true, reply: await read([first.run, ...found]) };
  },
});

/** A run beside its baseline, which comes first: what the run is, is said of the run. */
async function beside(
  run: Run,
  baselines: Baselines,
  read: (all: readonly Run[]) => Promise<Reply>,
): Promise<Reply> {
  const found = await baselines.of(run);
  if (found?.run) return await read([found.run, run]);
  const where = found?.wish.kind === 'base' ? ` on ${found.wish.branch}` : ' before it';
  const title = `#${run.number} has nothing to be compared with: no run of ${run.spec.project} succeeded${where}.`;
  const text = ['Name another run, as in ', { command: `train compare ${run.number} 7` }, '.'];
  return reply(title, [{ kind: 'text', text }], {
    data: { runs: [run.number], metrics: [], differences: [] },
  });
}

async function compared(
  all: readonly Run[],
  { runs, costs, pages }: { runs: Pick<RunStore, 'metrics'>; costs: RunCosts; pages: CodePages },
  currency: string,
  now: Date,
): Promise<Reply> {
  const measured = await Promise.all(
    all.map(async (run): Promise<ComparableRun> => {
      const [metrics, cost] = await Promise.all([runs.metrics(run.number), costs.of(run.number, now)]);
      return { run, metrics, cost };
    }),
  );
  const [first, ...rest] = measured;
  if (!first) throw new Error('nothing is compared');
  const comparison = compareRuns(first, rest, currency);
  const numbers = all.map(run => run.number);
  const title =
    rest.length === 1 && rest[0]
      ? `${titleOf(rest[0].run)}, beside ${titleOf(first.run)}.`
      : `${rest.map(({ run }) => `#${run.number}`).join(', ')} beside ${titleOf(first.run)}.`;
  const shown = comparisonBlocks(all, comparison, pages);
  return reply(rest.length === 0 ? `${titleOf(first.run)}.` : title, shown, {
    data: { runs: numbers, ...comparison, costs: measured.map(({ cost }) => cost), currency },
  });
}
