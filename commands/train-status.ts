import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { findSweep, sweepCost, sweepNumber } from '../src/core/find-sweep.ts';
import { isLease } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { recordBlocks } from '../src/core/run-record.ts';
import { runReply } from '../src/core/run-reply.ts';
import { sweepReply } from '../src/core/sweep-reply.ts';

/** Everything that is true of a run now, as its message shows it. */
export const trainStatus = defineCommand({
  path: ['train', 'status'],
  summary: 'See how a run is doing, or a sweep.',
  access: 'viewer',
  arguments: [
    { name: 'run', kind: 'work', summary: "The run's number, or the sweep's: S3.", required: true },
  ],
  flags: [],
  examples: ['train status 42', 'train status S3'],
  needs: ['runs', 'records', 'sweeps', 'costs'],
  async run(values, { now, policy }, { runs, records, sweeps, costs }) {
    const number = sweepNumber(values.run);
    if (number !== null) {
      const found = await findSweep(number, sweeps);
      if (!found.ok) return found;
      const members = await sweeps.members(found.sweep);
      const cost = await sweepCost(members, costs, policy.currency, now);
      return { ok: true, reply: { ...sweepReply(found.sweep, members, cost, now), audience: 'sender' } };
    }
    const found = await findRun(Number(values.run), runs);
    if (!found.ok) return found;
    const { run } = found;
    const [metrics, ahead, reported, shares, record] = await Promise.all([
      runs.metrics(run.number),
      runs.ahead(run),
      runs.reported(run.number),
      isLease(run) ? runs.shares(run) : [],
      records.of(run.number, now),
    ]);
    const shown = runReply(run, { metrics, ahead, shares, reported, output: null }, now);
    // What can be pressed stays last.
    const last = shown.blocks.filter(block => block.kind === 'actions');
    const first = shown.blocks.filter(block => block.kind !== 'actions');
    const blocks = [...first, ...recordBlocks(run, record, policy.currency), ...last];
    return {
      ok: true,
      reply: { ...shown, blocks, audience: 'sender', data: runJson(run, metrics, record) },
    };
  },
});
