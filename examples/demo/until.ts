import { pause } from './interruption.ts';

const pollMs = 100;
const longestMs = 120_000;

/** What `check` finds, as soon as it finds something. */
export async function until<T>(
  what: string,
  check: () => Promise<T> | T,
): Promise<NonNullable<Exclude<T, false>>> {
  const since = performance.now();
  while (performance.now() - since < longestMs) {
    const found = await check();
    if (found) return found as NonNullable<Exclude<T, false>>;
    await pause(pollMs);
  }
  throw new Error(`Nothing came of waiting two minutes for ${what}.`);
}
