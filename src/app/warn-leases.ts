import type { LeaseStore, Wakeups } from '../core/ports.ts';
import { timeLimitOf } from '../core/run.ts';

export interface WarnLeasesPorts {
  leases: LeaseStore;
  wakeups: Wakeups;
}

/** Warns whoever holds a lease that ends soon. Made again after a crash, by any number of workers, it is said once. */
export async function warnLeases({ leases, wakeups }: WarnLeasesPorts, now: Date): Promise<void> {
  for (const run of await leases.ending(now)) {
    const surface = await leases.warn(run, timeLimitOf(run));
    if (surface !== null) wakeups.wake([`surface:${surface}`]);
  }
}
