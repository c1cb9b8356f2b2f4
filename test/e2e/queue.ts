import { randomUUID } from 'node:crypto';
import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import type { House } from './house.ts';

const name = 'signalbox-requests';
const patienceMs = 20_000;

type Outcome = { returned: unknown } | { failed: string };

interface Wish {
  request: unknown;
  token?: string;
  key?: string;
}

interface Sender {
  /** Adds a job, and answers with what it returned; fails with what it failed with. */
  send(data: unknown): Promise<unknown>;
  close(): Promise<unknown>;
}

/** Adds a job to the shared queue as another service would, and waits for what becomes of it. */
export async function sendRequest(
  house: House,
  { token = house.token, key, request }: Wish,
): Promise<Outcome> {
  const sender = await (house.settings.REDIS_URL ? openRedis(house.settings.REDIS_URL) : openPostgres(house));
  try {
    const returned = await sender.send({ token, idempotencyKey: key ?? randomUUID(), request });
    return { returned };
  } catch (err) {
    return { failed: err instanceof Error ? err.message : String(err) };
  } finally {
    await sender.close();
  }
}

async function openRedis(url: string): Promise<Sender> {
  const queue = new Queue(name, { connection: { url } });
  const events = new QueueEvents(name, { connection: { url } });
  await events.waitUntilReady();
  return {
    send: async data => await (await queue.add('train', data)).waitUntilFinished(events, patienceMs),
    close: () => Promise.all([events.close(), queue.close()]),
  };
}

async function openPostgres({ dataDir }: House): Promise<Sender> {
  const server = await startEmbeddedPostgres({ dataDir, log: () => {} });
  const connection = { connectionString: server.url, max: 1 };
  const queue = new Queue(name, { connection }, createPostgresBackend);
  const events = new QueueEvents(name, { connection }, createPostgresBackend);
  await events.waitUntilReady();
  return {
    send: async data => await (await queue.add('train', data)).waitUntilFinished(events, patienceMs),
    async close() {
      await Promise.all([events.close(), queue.close()]);
      await server.stop();
    },
  };
}
