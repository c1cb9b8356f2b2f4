import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { isLease } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { recordBlocks } from '../src/core/run-record.ts';
import { runReply } from '../src/core/run-reply.ts';

/** Everything that is true of a run now, as its message shows it. */
export const trainStatus = defineCommand({
  path: ['train', 'status'],
  summary: 'See how a run is doing.',
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train status 42'],
  needs: ['runs', 'records'],
  async run(values, { now, policy }, { runs, records }) {
    const found = await findRun(values.run, runs);
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
