import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { stopRun } from '../src/core/stop-run.ts';

/** Stops a run: at once where it waits, with SIGTERM and its grace period where it works. Stopping it twice is harmless. */
export const trainCancel = defineCommand({
  path: ['train', 'cancel'],
  summary: 'Stop a run.',
  access: 'trainer',
  own: true,
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train cancel 42'],
  needs: ['runs'],
  async run(values, context, { runs }) {
    const found = await findRun(values.run, runs);
    return found.ok ? await stopRun(found.run, `train cancel ${values.run}`, context, runs) : found;
  },
});
