import type { FreezeStore, RunStore, SurfaceStore, SweepStore, Wakeups } from '../core/ports.ts';

/** Wakes the messages of these runs, so that they are made true at once rather than at the next sweep. */
export async function wakeRuns(
  numbers: readonly number[],
  surfaces: Pick<SurfaceStore, 'unshown'>,
  wakeups: Wakeups,
): Promise<void> {
  const ids = await surfaces.unshown(numbers);
  wakeups.wake(ids.map(id => `surface:${id}` as const));
}

/** The store of runs, where every change also wakes planning and the run's messages. Lost wake-ups are made up for by the sweep. */
export function wakingRuns(
  runs: RunStore,
  surfaces: Pick<SurfaceStore, 'unshown'>,
  wakeups: Wakeups,
): RunStore {
  const changed = async (number: number) => {
    wakeups.wake(['plan']);
    await wakeRuns([number], surfaces, wakeups);
  };
  return {
    ...runs,
    async create(wish) {
      const made = await runs.create(wish);
      if (made.created) await changed(made.run.number);
      return made;
    },
    async change(number, change, now, actor) {
      const result = await runs.change(number, change, now, actor);
      if (result.ok) await changed(number);
      return result;
    },
  };
}

/** The store of sweeps, where a new one also wakes planning and its message. */
export function wakingSweeps(
  sweeps: SweepStore,
  surfaces: Pick<SurfaceStore, 'ofSweep'>,
  wakeups: Wakeups,
): SweepStore {
  return {
    ...sweeps,
    async create(wish) {
      const made = await sweeps.create(wish);
      if (!made.created) return made;
      const ids = await surfaces.ofSweep(made.sweep.number);
      wakeups.wake(['plan', ...ids.map(id => `surface:${id}` as const)]);
      return made;
    },
  };
}

/** What operators hold back and let go, where every change also wakes planning, and that the messages of the runs. */
export function wakingFreezes(freezes: FreezeStore, wakeups: Wakeups): FreezeStore {
  return {
    ...freezes,
    async freeze(wish) {
      const frozen = await freezes.freeze(wish);
      wakeups.wake(['plan']);
      return frozen;
    },
    async lift(wish) {
      const lifted = await freezes.lift(wish);
      wakeups.wake(['plan']);
      return lifted;
    },
  };
}
