import type { Log, WakeSubject, Wakeups } from '../../core/ports.ts';
import { type OpenQueue, openQueue, type QueueConnection } from './connection.ts';
import { aborted, keepOpen } from './keep-open.ts';
import { seldom } from './seldom.ts';
import { within } from './within.ts';

/** The queue that holds them. */
export const wakeQueue = 'signalbox-wakeups';

export interface ClosableWakeups extends Wakeups {
  /** Sends what waits, for at most two seconds, and closes the connection. */
  close(): Promise<void>;
}

const MOST_WAITING = 10_000;
const BATCH = 500;
const CLOSE_MS = 2_000;
/** Between two batches: adding one job costs the queue nearly as much as adding ten, and would be paid beside every ack. */
const GAP_MS = 20;

/**
 * Wake-ups over BullMQ. All that are asked for in one turn of the event loop travel at once, and
 * those of the next 20 ms together; a subject that waits already is not added again,
 * one that is being handled is handled once more afterwards. Until the first connection they are kept, at most ten thousand; when
 * the server is away later they are dropped, with one warning a minute.
 */
export function createWakeups(connection: QueueConnection, { log }: { log: Log }): ClosableWakeups {
  const waiting = new Set<WakeSubject>();
  const dropped = seldom(log, 'wake-ups were dropped, the sweep makes up for them');
  const trouble = seldom(log, 'the queue for wake-ups has trouble');
  const ready = Promise.withResolvers<void>();
  let queue: OpenQueue | null = null;
  let sending: Promise<void> | null = null;
  let endGap = () => {};
  let closed = false;

  const kept = keepOpen(
    () => openQueue(connection, wakeQueue),
    async (opened, stopped) => {
      queue = opened;
      send();
      ready.resolve();
      await aborted(stopped);
    },
    err => trouble({ err }),
  );

  function send(): void {
    if (queue === null || waiting.size === 0) return;
    sending ??= sendAll(queue).finally(() => {
      sending = null;
    });
  }

  async function sendAll(to: OpenQueue): Promise<void> {
    await turn();
    while (waiting.size > 0) {
      const batch = take(waiting, BATCH);
      try {
        await to.addAll(batch.map(wakeJob));
      } catch (err) {
        dropped({ err, count: batch.length + waiting.size });
        waiting.clear();
      }
      if (batch.length < BATCH) await gap();
    }
  }

  async function gap(): Promise<void> {
    if (closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, GAP_MS);
    endGap = () => {
      clearTimeout(timer);
      resolve();
    };
    await promise;
  }

  return {
    wake: subjects => {
      if (closed) return;
      for (const subject of subjects) {
        if (waiting.size < MOST_WAITING || waiting.has(subject)) waiting.add(subject);
        else dropped({ count: 1 });
      }
      send();
    },
    close: async () => {
      closed = true;
      endGap();
      if (waiting.size > 0 || sending !== null)
        await within(
          CLOSE_MS,
          ready.promise.then(() => sending),
        );
      await kept.stop(async opened => {
        await within(CLOSE_MS, opened.close());
        opened.disconnect().catch(() => undefined);
      });
    },
  };
}

// A job id would keep a wake-up away that comes while the subject is being handled, and so would plain deduplication.
function wakeJob(subject: WakeSubject) {
  return {
    name: 'wake',
    data: { subject },
    opts: {
      deduplication: { id: subject, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
    },
  };
}

function take<T>(from: Set<T>, count: number): T[] {
  const taken = [...from].slice(0, count);
  for (const one of taken) from.delete(one);
  return taken;
}

function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
