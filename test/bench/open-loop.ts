import { Worker } from 'node:worker_threads';
import { type Connection, openConnection } from './connection.ts';

export interface Load {
  port: number;
  perSecond: number;
  /** Whole requests, sent in this order, each once. */
  requests: Buffer[];
  /** How many connections are kept at the start; more are opened when all are busy. */
  connections: number;
}

export interface Measured {
  /** From the moment at which a request was due, whether or not it could be sent then, to its whole answer. In their order; milliseconds. */
  latenciesMs: Float64Array;
  /** From the moment at which a request was due to the moment at which it was sent: what this side adds. Milliseconds. */
  lateMs: Float64Array;
  /** How many were answered with each status; 0 is a broken connection. */
  statuses: Map<number, number>;
  /** From the first request's due time to the last answer. Seconds. */
  seconds: number;
}

const leadNs = 50_000_000n;

/**
 * Sends at a constant rate whatever the answers do (an open loop), as people who do not know of each other would: a server that stalls is
 * charged for everybody who came in the meantime.
 */
export async function openLoop({ port, perSecond, requests, connections }: Load): Promise<Measured> {
  const count = requests.length;
  const everyNs = BigInt(Math.round(1e9 / perSecond));
  const all = await Promise.all(Array.from({ length: connections }, () => openConnection(port)));
  const idle: Connection[] = [...all];
  const latenciesMs = new Float64Array(count);
  const lateMs = new Float64Array(count);
  const statuses = new Map<number, number>();
  const { promise: finished, resolve: finish, reject } = Promise.withResolvers<void>();
  const startAtNs = process.hrtime.bigint() + leadNs;
  let answered = 0;

  function sinceDueMs(i: number): number {
    return Number(process.hrtime.bigint() - startAtNs - BigInt(i) * everyNs) / 1e6;
  }

  function send(i: number, over: Connection): void {
    lateMs[i] = sinceDueMs(i);
    over.send(requests[i] ?? Buffer.alloc(0), status => {
      latenciesMs[i] = sinceDueMs(i);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status !== 0) idle.push(over);
      answered += 1;
      if (answered === count) finish();
    });
  }

  async function sendOverNew(i: number): Promise<void> {
    const fresh = await openConnection(port);
    all.push(fresh);
    send(i, fresh);
  }

  const ticker = new Worker(new URL('./ticker.ts', import.meta.url), {
    workerData: { startAtNs, everyNs, count },
  });
  ticker.on('error', reject);
  ticker.on('message', (i: number) => {
    // The one that has rested longest, so that all of them are used in turn.
    const over = idle.shift();
    if (over) send(i, over);
    else sendOverNew(i).catch(reject);
  });
  try {
    await finished;
  } finally {
    await ticker.terminate();
    for (const one of all) one.close();
  }
  return { latenciesMs, lateMs, statuses, seconds: Number(process.hrtime.bigint() - startAtNs) / 1e9 };
}
