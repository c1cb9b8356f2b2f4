import { notOnGitHub } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { findLease } from '../src/core/find-lease.ts';
import { stopRun } from '../src/core/stop-run.ts';

/** Gives a lease back before its time. Doing it twice is harmless. */
export const gpuRelease = defineCommand({
  path: ['gpu', 'release'],
  summary: 'Give a lease back.',
  access: 'trainer',
  places: notOnGitHub,
  own: true,
  arguments: [{ name: 'run', kind: 'run', summary: "The lease's number.", required: true }],
  flags: [],
  examples: ['gpu release 7'],
  needs: ['runs'],
  async run(values, context, { runs }) {
    const found = await findLease(values.run, runs, 'train cancel');
    return found.ok ? await stopRun(found.run, `gpu release ${values.run}`, context, runs) : found;
  },
});
