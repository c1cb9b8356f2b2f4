import { setTimeout as pause } from 'node:timers/promises';

const everyMs = 50;

/** Looks again and again until there is something to return; fails after `withinS` seconds with what was waited for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  withinS = 30,
): Promise<T> {
  const giveUp = performance.now() + withinS * 1_000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > giveUp) throw new Error(`${what}: not seen within ${withinS} s`);
    await pause(everyMs);
  }
}
