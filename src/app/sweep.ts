import type { DeliveryStore, Log, PlanStore, SurfaceStore } from '../core/ports.ts';

export interface SweepPorts {
  deliveries: Pick<DeliveryStore, 'due'>;
  surfaces: Pick<SurfaceStore, 'due'>;
  plan: Pick<PlanStore, 'wanted'>;
  /** Does the work of a wake-up. */
  deliver(id: number): Promise<void>;
  publish(id: string): Promise<void>;
  schedule(): Promise<void>;
  log: Log;
}

const batch = 64;
const atOnce = 8;

/**
 * Finds rows that want work and does it, without any queue: what a lost wake-up, a flushed Redis or a killed worker left behind.
 * Answers how much it did.
 */
export async function sweep(ports: SweepPorts): Promise<number> {
  const deliveries = await ports.deliveries.due(batch);
  await inParallel(deliveries, id => ports.deliver(id));
  const planned = await ports.plan.wanted();
  if (planned) await ports.schedule();
  const surfaces = await ports.surfaces.due(batch);
  await inParallel(surfaces, id => ports.publish(id));
  return deliveries.length + surfaces.length + (planned ? 1 : 0);
}

async function inParallel<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
}
