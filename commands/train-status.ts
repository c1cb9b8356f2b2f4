import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { isLease } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { runReply } from '../src/core/run-reply.ts';

/** Everything that is true of a run now, as its message shows it. */
export const trainStatus = defineCommand({
  path: ['train', 'status'],
  summary: 'See how a run is doing.',
  access: 'viewer',
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train status 42'],
  needs: ['runs'],
  async run(values, { now }, { runs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const { run } = found;
    const [metrics, ahead, reported, shares] = await Promise.all([
      runs.metrics(run.number),
      runs.ahead(run),
      runs.reported(run.number),
      isLease(run) ? runs.shares(run) : [],
    ]);
    const shown = runReply(run, { metrics, ahead, shares, reported, output: null }, now);
    return { ok: true, reply: { ...shown, audience: 'sender', data: runJson(run, metrics) } };
  },
});
