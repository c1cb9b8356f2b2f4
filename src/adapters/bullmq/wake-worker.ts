import { z } from 'zod';
import type { WakeSubject } from '../../core/ports.ts';
import type { QueueConnection } from './connection.ts';
import { keepWorker, type RunningWorker, type WorkerOptions } from './keep-worker.ts';
import { wakeQueue } from './wakeups.ts';

const wake = z.object({
  subject: z.union([z.literal(['plan', 'deliveries']), z.templateLiteral(['surface:', z.string()])]),
});

/**
 * Handles wake-ups. A subject is handled by one worker at a time, and again when it was woken meanwhile. One whose worker was killed is handled
 * by another within 15 s. A handler that throws is logged and its wake-up forgotten: rows hold what is to be done, and the sweep finds it.
 */
export function createWakeWorker(
  connection: QueueConnection,
  handle: (subject: WakeSubject) => Promise<void>,
  options: WorkerOptions,
): RunningWorker {
  const { log } = options;
  return keepWorker(
    connection,
    wakeQueue,
    async job => {
      const parsed = wake.safeParse(job.data);
      if (!parsed.success) {
        log.warn({ job: job.id, err: parsed.error }, 'a job in the queue for wake-ups is none');
        return;
      }
      const { subject } = parsed.data;
      try {
        await handle(subject);
      } catch (err) {
        log.error({ subject, err }, 'a wake-up failed, the sweep tries again');
      }
    },
    { ...options, keepDone: { count: 0 }, keepFailed: { count: 0 } },
  );
}
