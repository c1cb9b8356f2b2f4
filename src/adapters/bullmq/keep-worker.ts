import type { KeepJobs } from 'bullmq';
import type { Log } from '../../core/ports.ts';
import { LOCK_MS, type OpenWorker, openWorker, type QueueConnection, type QueueJob } from './connection.ts';
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
  const active = new Map<string, { token: string; handled: Promise<unknown> }>();
  let worker: OpenWorker | null = null;

  async function tracked(job: QueueJob): Promise<unknown> {
    const { id = '', token = '' } = job;
    const handled = handle(job);
    active.set(id, { token, handled });
    try {
      return await handled;
    } finally {
      active.delete(id);
    }
  }

  function renewLocks(): void {
    if (active.size === 0) return;
    const tokens = [...active.values()].map(job => job.token);
    worker?.extendJobLocks([...active.keys()], tokens, LOCK_MS).catch(err => trouble({ err, queue: name }));
  }

  const kept = keepOpen(
    () =>
      openWorker(connection, name, tracked, {
        concurrency: options.concurrency ?? 8,
        removeOnComplete: options.keepDone,
        removeOnFail: options.keepFailed,
      }),
    opened => {
      worker = opened;
      return opened.run();
    },
    err => trouble({ err, queue: name }),
  );
  const renewing = setInterval(renewLocks, LOCK_MS / 4);

  return {
    close: () =>
      kept.stop(async opened => {
        const closing = opened.close();
        const handled = Promise.allSettled([...active.values()].map(job => job.handled));
        await within(options.closeWithinMs ?? CLOSE_MS, Promise.race([closing, handled]));
        // With the server away BullMQ would wait for it.
        if (active.size === 0) await within(GOODBYE_MS, closing);
        clearInterval(renewing);
        opened.disconnect().catch(() => undefined);
      }),
  };
}
