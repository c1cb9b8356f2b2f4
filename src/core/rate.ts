/** How often something may be done: `burst` times at once, and once more every `everyMs` after that. */
export interface Rate {
  /** Who shares it. */
  key: string;
  everyMs: number;
  burst: number;
}

/** What is left of a rate. Moments in milliseconds since 1970. */
export interface Slot {
  /** When all of the burst is there again. */
  freeAt: number;
  /** Nothing before, whatever is left. */
  heldUntil: number;
}

/** In any minute at most `most`, of which `burst` may come at once. */
export function perMinute(key: string, most: number, burst: number): Rate {
  return { key, everyMs: 60_000 / (most - burst), burst };
}

/** Milliseconds until one may be taken; 0: now. */
export function waitFor({ freeAt, heldUntil }: Slot, { everyMs, burst }: Rate, now: number): number {
  return Math.max(0, heldUntil - now, Math.ceil(freeAt - (burst - 1) * everyMs - now));
}

/** When all of the burst is there again after one is taken (GCRA's theoretical arrival time). */
export function afterTaking({ freeAt }: Slot, { everyMs }: Rate, now: number): number {
  return Math.ceil(Math.max(freeAt, now) + everyMs);
}
