import type { Log } from '../../core/ports.ts';

const QUIET_MS = 60_000;

/** Writes a warning at most once a minute; the next one says in `more` how many were left out. */
export function seldom(log: Log, message: string): (fields: Record<string, unknown>) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let more = 0;
  return fields => {
    const now = performance.now();
    if (now < quietUntil) {
      more += 1;
      return;
    }
    log.warn(more === 0 ? fields : { ...fields, more }, message);
    quietUntil = now + QUIET_MS;
    more = 0;
  };
}
