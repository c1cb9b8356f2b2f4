import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPostgresBackend,
  createRedisBackend,
  type BackendFactory as Factory,
  type IQueueBackend,
  type KeepJobs,
  Queue,
  type RedisOptions,
  runMigrations,
  Worker,
} from 'bullmq';
import pg from 'pg';

/** Where the queues live. Installations that share one Redis need a `prefix` each (default `bull`); on PostgreSQL a database each. */
export type QueueConnection =
  | { kind: 'redis'; url: string; prefix?: string }
  | { kind: 'postgres'; url: string };

/** A job, as far as it is used here. `token` is its lock's. */
export interface QueueJob {
  id?: string;
  token?: string;
  data: unknown;
}

/** What queue and worker have in common on every backend. */
export interface Openable {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  /** Without waiting for anything. */
  disconnect(): Promise<void>;
  on(event: 'error', listener: (err: Error) => void): unknown;
}

export interface OpenQueue extends Openable {
  addAll(jobs: NewJob[]): Promise<unknown>;
}

interface NewJob {
  name: string;
  data: unknown;
  opts: Queue['jobsOpts'] & DeduplicationOpts;
}

export interface OpenWorker extends Openable {
  /** Handles jobs until the worker is closed. */
  run(): Promise<void>;
  /** Resolves to the ids of those that are no longer this worker's. */
  extendJobLocks(jobIds: string[], tokens: string[], ms: number): Promise<string[]>;
}

interface DeduplicationOpts {
  deduplication: { id: string; keepLastIfActive: boolean };
}

export interface WorkerSettings {
  concurrency: number;
  removeOnComplete: KeepJobs;
  removeOnFail: KeepJobs;
}

// A killed worker's job is free once its lock is over, and is found by the next look: 13 s at the most, for 15 that are promised.
export const LOCK_MS = 8_000;
const STALLED_MS = 2_500;
// Only a job that kills its worker each time comes near to it.
const STALLED_TIMES = 1_000;
const RETRY_MS = 1_000;

/** A queue to add to. It does not wait for a server that is away: adding fails at once. */
export function openQueue(connection: QueueConnection, name: string): OpenQueue {
  // Nobody reads the events, and by default ten thousand are kept.
  const streams = { events: { maxLen: 100 } };
  if (connection.kind === 'postgres') {
    const queue = new Queue(name, { connection: postgres(connection, 1), streams }, postgresBackend);
    return Object.assign(queue, { addAll: (jobs: NewJob[]) => queue.addBulk(jobs) });
  }
  const queue = new Queue(name, {
    ...redis(connection, { enableOfflineQueue: false, maxRetriesPerRequest: 1, socketTimeout: 5_000 }),
    streams,
  });
  // Not `addBulk`: what a pipeline of ioredis leaves behind outlives the young generation, and collecting it stops an ack for 30 ms.
  const add = (job: NewJob) => queue.add(job.name, job.data, job.opts);
  return Object.assign(queue, { addAll: (jobs: NewJob[]) => Promise.all(jobs.map(add)) });
}

/** A worker that is not running yet. Its connections come back by themselves; its locks are to be renewed by whoever opens it. */
export function openWorker(
  connection: QueueConnection,
  name: string,
  process: (job: QueueJob) => Promise<unknown>,
  settings: WorkerSettings,
): OpenWorker {
  const options = {
    ...settings,
    autorun: false,
    // Its timer would outlive a worker whose server is away when it is closed.
    skipLockRenewal: true,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_MS,
    maxStalledCount: STALLED_TIMES,
    runRetryDelay: RETRY_MS,
  };
  if (connection.kind === 'postgres') {
    // A notification ends the wait, so an idle worker may rest long.
    const rest = { ...options, connection: postgres(connection, 3), drainDelay: 60 };
    return new Worker(name, process, rest, patient(postgresBackend));
  }
  // Blocking for more than ten seconds is what BullMQ advises against on Redis.
  const far = redis(connection, { maxRetriesPerRequest: null, socketTimeout: 15_000 });
  return new Worker(name, process, { ...options, ...far, drainDelay: 10 }, patient(createRedisBackend));
}

function redis(connection: QueueConnection & { kind: 'redis' }, options: RedisOptions) {
  return {
    connection: {
      url: connection.url,
      connectTimeout: 5_000,
      keepAlive: 10_000,
      // After a failover the address may lead to the new master.
      reconnectOnError: (err: Error) => err.message.startsWith('READONLY'),
      retryStrategy: (times: number) => Math.min(100 * 2 ** Math.min(times, 5), 2_000),
      ...options,
    },
    prefix: connection.prefix ?? 'bull',
    // Or BullMQ writes on the console about an evicting policy, which `checkRedis` refuses.
    skipVersionCheck: true,
  };
}

/** The pool that BullMQ uses. Of a worker's connections one is for listening. */
function postgres(connection: QueueConnection & { kind: 'postgres' }, max: number): pg.Pool {
  const { url, options } = splitOptions(connection.url);
  let migrated = false;
  return new pg.Pool({
    Client: CalmClient,
    connectionString: url,
    // In the address they would win over these. What a crash of the server takes from the queue is made up for by the sweep, and not
    // worth a wait for the disk that an ack would have to share.
    options: [options, '-c search_path=bullmq -c synchronous_commit=off'].filter(Boolean).join(' '),
    onConnect: async client => {
      // Under a lock of its own, and nothing once it is done.
      if (!migrated) await runMigrations(client);
      migrated = true;
    },
    max,
    connectionTimeoutMillis: 5_000,
    query_timeout: 15_000,
    keepAlive: true,
  });
}

/**
 * A connection whose end is no error of the process. BullMQ listens for errors only some time after the connection stands and no longer
 * once it closes, and an error that nobody listens for would be thrown.
 */
class CalmClient extends pg.Client {
  override emit(event: string, ...more: unknown[]): boolean {
    if (event === 'error' && this.listenerCount('error') === 0) return false;
    return super.emit(event, ...more);
  }
}

/** As BullMQ makes it; the pool that was made for it ends with it. */
const postgresBackend: typeof createPostgresBackend = (name, options, more) => {
  const backend = createPostgresBackend(name, options, more);
  backend.connection.once('close', () => backend.connection.pool.end());
  return backend;
};

function splitOptions(url: string): { url: string; options: string | undefined } {
  const found = /(?<=[?&])options=([^&]*)&?/.exec(url);
  if (found?.[1] === undefined) return { url, options: undefined };
  return { url: url.replace(found[0], ''), options: decodeURIComponent(found[1].replaceAll('+', ' ')) };
}

/**
 * BullMQ asks again at once after any error but a refused TCP connection (a missing socket, a full or a read-only server): a loop at
 * full speed.
 */
function patient<B extends IQueueBackend, C>(factory: Factory<B, C>): Factory<B, C> {
  return (name, options, more) => {
    const backend = factory(name, options, more);
    const moveToActive = backend.moveToActive.bind(backend);
    backend.moveToActive = async (token, worker) => {
      try {
        return await moveToActive(token, worker);
      } catch (err) {
        await sleep(RETRY_MS);
        throw err;
      }
    };
    return backend;
  };
}
