import type { KeepJobs } from 'bullmq';
import type { Log } from '../../core/ports.ts';
import { openWorker, type QueueConnection, type QueueJob } from './connection.ts';
import { keepOpen } from './keep-open.ts';
import { seldom } from './seldom.ts';
import { within } from './within.ts';

export interface WorkerOptions {
  log: Log;
  /** Jobs at the same time in this process. */
  concurrency?: number;
  /** How long `close` waits for the jobs that are being handled, in milliseconds. */
  closeWithinMs?: number;
}

export interface RunningWorker {
  /** Takes no more jobs and waits for those being handled; after the limit another worker gets them. */
  close(): Promise<void>;
}

const CLOSE_MS = 10_000;
const GOODBYE_MS = 2_000;

/** Handles the jobs of a queue from now on, whatever becomes of its server. */
export function keepWorker(
  connection: QueueConnection,
  name: string,
  handle: (job: QueueJob) => Promise<unknown>,
  options: WorkerOptions & { keepDone: KeepJobs; keepFailed: KeepJobs },
): RunningWorker {
  const trouble = seldom(options.log, 'a queue has trouble');
  const active = new Set<Promise<unknown>>();

  async function tracked(job: QueueJob): Promise<unknown> {
    const handled = handle(job);
    active.add(handled);
    try {
      return await handled;
    } finally {
      active.delete(handled);
    }
  }

  const kept = keepOpen(
    () =>
      openWorker(connection, name, tracked, {
        concurrency: options.concurrency ?? 8,
        removeOnComplete: options.keepDone,
        removeOnFail: options.keepFailed,
      }),
    worker => worker.run(),
    err => trouble({ err, queue: name }),
  );

  return {
    close: () =>
      kept.stop(async worker => {
        const closing = worker.close();
        await within(options.closeWithinMs ?? CLOSE_MS, Promise.race([closing, Promise.allSettled(active)]));
        // With the server away BullMQ would wait for it.
        if (active.size === 0) await within(GOODBYE_MS, closing);
        worker.disconnect().catch(() => undefined);
      }),
  };
}
