import type { Log } from '../core/ports.ts';

export interface LanesOptions<T> {
  /** Work under way at most. */
  atOnce: number;
  /** What wants to be done, the most urgent first; what is under way may be among it until it is claimed. */
  due(limit: number): Promise<T[]>;
  /** Claims its item and does it; one that was claimed elsewhere is left alone. */
  work(item: T): Promise<void>;
  log: Log;
}

export interface Lanes {
  /** Begins what is due, as much as there is room for, without waiting for its end. Says whether more may be due. */
  fill(): Promise<boolean>;
  /** Ends when there is room for one more. */
  room(): Promise<void>;
  /** Ends when nothing is under way. */
  settled(): Promise<void>;
}

/** Work of one kind in this process, bounded: a row that takes long holds up its own lane and nothing else. */
export function createLanes<T>({ atOnce, due, work, log }: LanesOptions<T>): Lanes {
  const busy = new Map<T, Promise<void>>();

  function begin(item: T): void {
    const one = work(item)
      .catch(err => log.warn({ err }, 'work that was due failed, the sweep tries again'))
      .finally(() => busy.delete(item));
    busy.set(item, one);
  }

  return {
    async fill() {
      const free = atOnce - busy.size;
      if (free <= 0) return true;
      const found = await due(free);
      for (const item of found) if (!busy.has(item) && busy.size < atOnce) begin(item);
      return found.length === free;
    },
    async room() {
      while (busy.size >= atOnce) await Promise.race(busy.values());
    },
    async settled() {
      await Promise.all(busy.values());
    },
  };
}
