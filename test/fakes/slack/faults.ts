import { random } from '../../support/random.ts';

/**
 * What goes wrong with a call: `rate-limited` 429, `server-error` 500, `cut` the line breaks before anything was done, `silent` nothing is
 * done and nothing answered, `lost` it is done and the line breaks, `silent-after` it is done and nothing answered.
 */
export type Fault = 'rate-limited' | 'server-error' | 'cut' | 'silent' | 'lost' | 'silent-after';

export interface FaultShare {
  /** Part of the calls, from 0 to 1. */
  share: number;
  kinds: readonly [Fault, ...Fault[]];
  /** Only these: method names, `response_url`, `upload`. All when left out. */
  methods?: readonly string[];
  /** Repeats the same choices. */
  seed?: number;
}

/** Disturbs the next calls, or a share of all. */
export function faultPlan(initial?: FaultShare) {
  let queue: { method: string; fault: Fault }[] = [];
  let shared = initial;
  let chance = random(initial?.seed ?? 1);
  return {
    /** The next `times` calls of the method (`*`: of any) fail so. */
    next(method: string, fault: Fault, times = 1) {
      queue.push(...Array.from({ length: times }, () => ({ method, fault })));
    },
    /** From now on a share of calls fails. */
    share(plan: FaultShare) {
      shared = plan;
      chance = random(plan.seed ?? 1);
    },
    clear() {
      queue = [];
      shared = undefined;
    },
    /** What is to happen to this call. */
    take(method: string): Fault | null {
      const found = queue.find(entry => entry.method === '*' || entry.method === method);
      if (found) {
        queue = queue.filter(entry => entry !== found);
        return found.fault;
      }
      if (!shared || (shared.methods && !shared.methods.includes(method))) return null;
      return chance.chance(shared.share) ? chance.pick(shared.kinds) : null;
    },
  };
}
