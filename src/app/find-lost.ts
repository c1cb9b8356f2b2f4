import {
  type HookAttempt,
  type LostDelivery,
  pauseAfter,
  readAttempts,
  tellsAgainMs,
} from '../core/lost-delivery.ts';
import type { Log, LostDeliveries } from '../core/ports.ts';

export interface FindLostPorts {
  lost: LostDeliveries;
  hook: {
    /** Newest first. */
    attempts(): AsyncIterable<HookAttempt>;
    /** Asks for one more attempt. `gone`: GitHub has it no more. */
    tellAgain(attempt: number): Promise<'asked' | 'gone'>;
  };
  /** How long to wait after this error; null: it is none that waiting helps. */
  waitFor(err: unknown): number | null;
  log: Log;
}

/** GitHub's limits are for all that Signalbox does there: what was lost is a small part of it. */
const mostAsked = 20;
/** A thousand of the five thousand requests that GitHub takes in an hour. What is older is found by looking at the repositories themselves. */
const mostRead = 100_000;

/**
 * Asks GitHub to tell again what it could not: it never does so by itself. Once for each delivery, and again after a growing pause, until
 * an attempt succeeded or three days have passed. Any number of workers may do this; one of them looks at a time.
 */
export async function findLost({ lost, hook, waitFor, log }: FindLostPorts, now: Date): Promise<void> {
  // 1. It is this worker's turn, or it is nobody's yet.
  const before = await lost.begin(new Date(now.getTime() - tellsAgainMs));
  if (before === null) return;
  try {
    // 2. What has happened since the last look.
    const attempts: HookAttempt[] = [];
    for await (const attempt of hook.attempts()) {
      if (attempt.id <= before || now.getTime() - attempt.at.getTime() > tellsAgainMs) break;
      attempts.push(attempt);
      if (attempts.length < mostRead) continue;
      log.warn(
        { read: mostRead },
        'too many deliveries of GitHub to look at; older ones that failed stay lost',
      );
      break;
    }
    await lost.record(readAttempts(attempts, before));

    // 3. Ask for what is lost.
    for (const one of await lost.due(mostAsked)) await ask(one);
  } catch (err) {
    const waitMs = waitFor(err);
    if (waitMs === null) throw err;
    log.warn({ err, waitMs }, 'lost deliveries of GitHub are looked for later');
    await lost.hold(waitMs);
  }

  async function ask({ guid, attempt, asks }: LostDelivery & { asks: number }): Promise<void> {
    // Written first: what is asked for and not written down would be asked for again and again.
    await lost.asking(guid, pauseAfter(asks));
    const said = await hook.tellAgain(attempt);
    if (said === 'gone') await lost.forget(guid);
    log.info({ guid, attempt, said }, 'a lost delivery of GitHub');
  }
}
