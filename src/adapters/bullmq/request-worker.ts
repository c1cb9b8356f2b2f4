import { UnrecoverableError } from 'bullmq';
import { z } from 'zod';
import { type Fault, fault, faultLine, SignalboxError } from '../../core/errors.ts';
import type { QueueConnection, QueueJob } from './connection.ts';
import { keepWorker, type RunningWorker, type WorkerOptions } from './keep-worker.ts';

/** The queue that other services may add to. */
export const requestQueue = 'signalbox-requests';

/** The `data` of a job there; its name does not matter. Whoever wants it tried again on a fault of ours sets `attempts` and `backoff`. */
const requestJob = z.object({
  token: z.string().min(1).max(500).describe('An API token with the scope `runs:write`.'),
  idempotencyKey: z
    .string()
    .min(1)
    .max(200)
    .describe('Unique per wish: the same key never makes two runs, however often it arrives.'),
  request: z.record(z.string(), z.unknown()).describe('What `POST /v1/runs` takes as its body.'),
});

export interface QueuedRequest {
  token: string;
  idempotencyKey: string;
  /** Not parsed yet. */
  body: unknown;
}

const MOST_BYTES = 1_048_576;
// Each holds a token: long enough to be asked for, no longer.
const KEEP_DONE = { age: 3_600, count: 1_000 };
const KEEP_FAILED = { age: 86_400, count: 1_000 };

/**
 * Takes requests from the shared queue. A job returns what `handle` does: the request counts as accepted only then. One that is refused
 * (`SignalboxError` below 500) fails with the catalogue's line and is not tried again; any other fails as often as its `attempts` say.
 */
export function createRequestWorker(
  connection: QueueConnection,
  handle: (request: QueuedRequest) => Promise<unknown>,
  options: WorkerOptions,
): RunningWorker {
  const { log } = options;

  async function answer(job: QueueJob): Promise<unknown> {
    try {
      return await handle(readRequest(job.data));
    } catch (err) {
      if (err instanceof SignalboxError) throw jobError(err.fault);
      const reference = `${requestQueue}/${job.id}`;
      log.error({ err, reference }, 'a request from the shared queue failed');
      throw jobError(fault('INTERNAL', { reference }));
    }
  }

  return keepWorker(connection, requestQueue, answer, {
    concurrency: 4,
    ...options,
    keepDone: KEEP_DONE,
    keepFailed: KEEP_FAILED,
  });
}

/** Throws `BODY_INVALID` or `BODY_TOO_LARGE`. */
function readRequest(data: unknown): QueuedRequest {
  const parsed = requestJob.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SignalboxError('BODY_INVALID', {
      word: issue?.path.join('.') || 'data',
      reason: issue && `${issue.message}.`,
    });
  }
  const { token, idempotencyKey, request } = parsed.data;
  if (Buffer.byteLength(JSON.stringify(request)) > MOST_BYTES)
    throw new SignalboxError('BODY_TOO_LARGE', { limit: MOST_BYTES });
  return { token, idempotencyKey, body: request };
}

function jobError(f: Fault): Error {
  const line = faultLine(f);
  const error = f.status < 500 ? new UnrecoverableError(line) : new Error(line);
  // BullMQ stores it with the job, for another service to read.
  error.stack = '';
  return error;
}
