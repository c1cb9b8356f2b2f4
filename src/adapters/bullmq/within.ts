import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for the work, but no longer than `ms`. The work goes on, and its error is nobody's. */
export async function within(ms: number, work: Promise<unknown> | null): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
  const done = Promise.resolve(work).catch(() => undefined);
  await Promise.race([done, late]);
  timer.abort();
}
