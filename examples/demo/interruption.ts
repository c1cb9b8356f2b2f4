import { setTimeout as timer } from 'node:timers/promises';

const controller = new AbortController();

/** Aborted once somebody wants the demo to end. */
export const interruption = controller.signal;

/** From now on Ctrl-C and its like end what the demo waits for, and with it the demo, which then tidies up. Repeats change nothing. */
export function heedInterruption(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => controller.abort(signal));
}

/** Throws when it is interrupted. */
export async function pause(ms: number): Promise<void> {
  await timer(ms, undefined, { signal: interruption });
}

/** Ends when it is interrupted. */
export function interrupted(): Promise<void> {
  if (interruption.aborted) return Promise.resolve();
  // What only waits for a signal would end by itself.
  const alive = setInterval(() => {}, 60_000);
  return new Promise(resolve => {
    interruption.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
}
