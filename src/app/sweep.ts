import type { DeliveryStore, Log, PlanStore, SurfaceStore } from '../core/ports.ts';

export interface SweepPorts {
  deliveries: Pick<DeliveryStore, 'due'>;
  surfaces: Pick<SurfaceStore, 'due' | 'wantHomes'>;
  plan: Pick<PlanStore, 'wanted'>;
  /** Does the work of a wake-up. */
  deliver(id: number): Promise<void>;
  publish(id: string): Promise<void>;
  schedule(): Promise<void>;
  log: Log;
}

const atOnce = 16;

/**
 * Finds rows that want work and begins it, without any queue: what a lost wake-up, a flushed Redis or a killed worker left behind. It
 * does not wait for work that takes long, so that nothing else waits for it; `settled` does.
 */
export function createSweep(ports: SweepPorts): { sweep(): Promise<void>; settled(): Promise<void> } {
  const deliveries = lanes();
  const surfaces = lanes();

  /** Work under way, at most so much of one kind. A row that is begun twice is claimed once. */
  function lanes() {
    const busy = new Set<Promise<void>>();
    return {
      busy,
      async fill<T>(due: (limit: number) => Promise<T[]>, work: (item: T) => Promise<void>): Promise<void> {
        if (busy.size >= atOnce) return;
        for (const item of await due(atOnce - busy.size)) {
          const one = work(item)
            .catch(err => ports.log.warn({ err }, 'work that the sweep found failed'))
            .finally(() => busy.delete(one));
          busy.add(one);
        }
      },
    };
  }

  return {
    async sweep() {
      await deliveries.fill(limit => ports.deliveries.due(limit), ports.deliver);
      if (await ports.plan.wanted()) await ports.schedule();
      await ports.surfaces.wantHomes();
      await surfaces.fill(limit => ports.surfaces.due(limit), ports.publish);
    },
    async settled() {
      await Promise.all([...deliveries.busy, ...surfaces.busy]);
    },
  };
}
