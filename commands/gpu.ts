import { defineCommand } from '../src/core/command.ts';
import { gpuReply } from '../src/core/gpu-reply.ts';
import { endStates, isOnMachine, runStates } from '../src/core/run.ts';
import { readWorld } from '../src/core/scheduler/read-world.ts';

const mostRuns = 100;
const liveStates = runStates.filter(state => !endStates.some(end => end === state));

/** Who has what now, until when, and what waits for it. */
export const gpu = defineCommand({
  path: ['gpu'],
  summary: 'See what is free, who has what until when, and what waits.',
  access: 'viewer',
  arguments: [],
  flags: [],
  examples: ['gpu'],
  needs: ['runs', 'plan'],
  async run(_values, { policy, now }, { runs, plan }) {
    const [snapshot, live] = await Promise.all([
      plan.snapshot(now),
      runs.list({ states: liveStates, limit: mostRuns }),
    ]);
    const working = live.filter(run => isOnMachine(run.state));
    const waiting = live.filter(run => !isOnMachine(run.state));
    return { ok: true, reply: gpuReply(readWorld(snapshot, policy, now), { working, waiting }) };
  },
});
