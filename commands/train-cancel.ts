import { defineCommand } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { sweepNumber } from '../src/core/find-sweep.ts';
import { stopRun } from '../src/core/stop-run.ts';
import { stopSweep } from '../src/core/stop-sweep.ts';

/** Stops a run, or all of a sweep: at once where it waits, with SIGTERM and its grace period where it works. Stopping it twice is harmless. */
export const trainCancel = defineCommand({
  path: ['train', 'cancel'],
  summary: 'Stop a run, or all runs of a sweep.',
  access: 'trainer',
  own: true,
  arguments: [
    { name: 'run', kind: 'work', summary: "The run's number, or the sweep's: S3.", required: true },
  ],
  flags: [],
  examples: ['train cancel 42', 'train cancel S3'],
  needs: ['runs', 'sweeps'],
  async run(values, context, { runs, sweeps }) {
    const sweep = sweepNumber(values.run);
    if (sweep !== null) return await stopSweep(sweep, context, { runs, sweeps });
    const found = await findRun(Number(values.run), runs);
    return found.ok ? await stopRun(found.run, `train cancel ${values.run}`, context, runs) : found;
  },
});
