/** One attempt by GitHub to tell something, as its list has it. Several may be for one delivery. */
export interface HookAttempt {
  id: number;
  /** Of the delivery. */
  guid: string;
  at: Date;
  outcome: 'ok' | 'failed' | 'pending';
}

/** A delivery of which no attempt is known to have succeeded. */
export interface LostDelivery {
  guid: string;
  /** The last one. */
  attempt: number;
  firstAt: Date;
}

/** For so long GitHub tells again what it is asked for. */
export const tellsAgainMs = 3 * 24 * 3_600_000;
const minuteMs = 60_000;
const longestPauseMs = 60 * minuteMs;

/** What a stretch of GitHub's list, newest first, says. `newest`: up to here all is known; what is still under way is looked at again. */
export function readAttempts(
  attempts: readonly HookAttempt[],
  before: number,
): { arrived: string[]; lost: LostDelivery[]; newest: number } {
  const arrived = new Set(attempts.filter(({ outcome }) => outcome === 'ok').map(({ guid }) => guid));
  const lost = new Map<string, LostDelivery>();
  for (const { id, guid, at, outcome } of attempts) {
    if (outcome !== 'failed' || arrived.has(guid)) continue;
    // Newest first: the first that is met can be made again, the last one is how old it is.
    lost.set(guid, { guid, attempt: lost.get(guid)?.attempt ?? id, firstAt: at });
  }
  const pending = attempts.filter(({ outcome }) => outcome === 'pending').map(({ id }) => id);
  const newest = attempts.reduce((most, { id }) => Math.max(most, id), before);
  return {
    arrived: [...arrived],
    lost: [...lost.values()],
    newest: Math.max(before, Math.min(newest, ...pending.map(id => id - 1))),
  };
}

/** Milliseconds until it may be asked for once more, after so many times: the answer to the last is to be in the list by then. */
export function pauseAfter(asks: number): number {
  return Math.min(longestPauseMs, 2 ** asks * minuteMs);
}
