import type { PlanStore, SurfaceStore } from '../core/ports.ts';
import type { Lanes } from './lanes.ts';

export interface SweepPorts {
  deliveries: Lanes;
  messages: Lanes;
  surfaces: Pick<SurfaceStore, 'wantHomes'>;
  plan: Pick<PlanStore, 'wanted'>;
  schedule(): Promise<void>;
  /** Warns those whose leases end soon. */
  warn(): Promise<void>;
  /** Looks after runs that were asked for together. */
  tend(): Promise<void>;
}

/**
 * Finds rows that want work and begins it, without any queue: what a lost wake-up, a flushed Redis or a killed worker left behind. It
 * does not wait for work that takes long, so that nothing else waits for it.
 */
export async function sweep({
  deliveries,
  messages,
  surfaces,
  plan,
  schedule,
  warn,
  tend,
}: SweepPorts): Promise<void> {
  await deliveries.fill();
  if (await plan.wanted()) await schedule();
  await warn();
  await tend();
  await surfaces.wantHomes();
  await messages.fill();
}
