import type { Log, PlanSnapshot, PlanStore, Wakeups } from '../core/ports.ts';
import type { Decision } from '../core/scheduler/world.ts';

export interface SchedulePorts {
  plan: PlanStore;
  /** `plan()` of the core over what `readWorld` makes of the snapshot. */
  decide(snapshot: PlanSnapshot, now: Date): Decision[];
  /** Wakes the messages of runs whose state or reason may have changed. */
  show(runs: number[]): Promise<void>;
  wakeups: Wakeups;
  log: Log;
}

const mostRounds = 5;

/**
 * One plan over one snapshot. Any worker may plan at any time: a plan on an older epoch is discarded and made again; what is left
 * after some rounds is left to the next wake-up or sweep.
 */
export async function schedule(ports: SchedulePorts, clock: () => Date): Promise<void> {
  for (let round = 0; round < mostRounds; round += 1) {
    const snapshot = await ports.plan.snapshot(clock());
    // Read after it: what is free in the snapshot was given back before it is given out again.
    const now = clock();
    const decisions = ports.decide(snapshot, now);
    if (await ports.plan.commit(snapshot, decisions, now)) {
      const runsOf = (type: Decision['type']) =>
        decisions.flatMap(one => (one.type === type ? [one.run] : []));
      const started = runsOf('start');
      const preempted = runsOf('preempt');
      const withdrawn = runsOf('withdraw');
      if (started.length > 0) ports.log.info({ started }, 'runs start');
      if (preempted.length > 0) ports.log.info({ preempted }, 'runs make room for others');
      if (withdrawn.length > 0)
        ports.log.warn({ withdrawn }, 'runs are taken back from machines that are silent');
      await ports.show(decisions.map(decision => decision.run));
      return;
    }
  }
  ports.wakeups.wake(['plan']);
}
