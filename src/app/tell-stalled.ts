import { stalledBefore, stallOf } from '../core/pace.ts';
import type { Log, RunStore, StallStore, Wakeups } from '../core/ports.ts';
import { stalledReply } from '../core/run-reply.ts';

export interface TellStalledPorts {
  stalls: StallStore;
  runs: Pick<RunStore, 'metrics' | 'reported'>;
  wakeups: Wakeups;
  log: Log;
}

/**
 * Says of runs that have come to a halt that they have, once in their thread, and keeps how long in their message true. Looked at by any
 * number of workers, again after a crash; when a run makes steps again, those show its message themselves. A run of which it cannot be
 * said keeps no other one from it.
 */
export async function tellStalled(ports: TellStalledPorts, now: Date): Promise<void> {
  for (const quiet of await ports.stalls.quiet(stalledBefore(now))) {
    try {
      await tell(quiet, ports, now);
    } catch (err) {
      ports.log.warn(
        { err, run: quiet.run.number },
        'it could not be said of a run that it has come to a halt',
      );
    }
  }
}

type Quiet = Awaited<ReturnType<StallStore['quiet']>>[number];

async function tell(
  { run, pace, heardSince }: Quiet,
  { stalls, runs, wakeups }: TellStalledPorts,
  now: Date,
): Promise<void> {
  if (!stallOf(run, pace, heardSince, now)) return;
  const [metrics, reported] = await Promise.all([runs.metrics(run.number), runs.reported(run.number)]);
  const content = stalledReply(run, { metrics, reported, output: null }, now);
  if (!content) return;
  const surfaces = await stalls.tell(run, pace, content);
  wakeups.wake(surfaces.map(id => `surface:${id}` as const));
}
