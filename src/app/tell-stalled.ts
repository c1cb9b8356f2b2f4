import { stalledBefore, stallOf } from '../core/pace.ts';
import type { RunStore, StallStore, Wakeups } from '../core/ports.ts';
import { stalledReply } from '../core/run-reply.ts';

export interface TellStalledPorts {
  stalls: StallStore;
  runs: Pick<RunStore, 'metrics' | 'reported'>;
  wakeups: Wakeups;
}

/**
 * Says of runs that have come to a halt that they have, once in their thread, and keeps how long in their message true. Looked at by any
 * number of workers, again after a crash; when a run makes steps again, those show its message themselves.
 */
export async function tellStalled({ stalls, runs, wakeups }: TellStalledPorts, now: Date): Promise<void> {
  for (const { run, pace, heardSince } of await stalls.quiet(stalledBefore(now))) {
    if (!stallOf(run, pace, heardSince, now)) continue;
    const facts = {
      metrics: await runs.metrics(run.number),
      reported: await runs.reported(run.number),
      output: null,
    };
    const content = stalledReply(run, facts, now);
    if (!content) continue;
    const surfaces = await stalls.tell(run, pace, content);
    wakeups.wake(surfaces.map(id => `surface:${id}` as const));
  }
}
