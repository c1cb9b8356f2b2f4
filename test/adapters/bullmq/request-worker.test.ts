import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createPostgresBackend, Queue, QueueEvents } from 'bullmq';
import type { QueueConnection } from '../../../src/adapters/bullmq/connection.ts';
import {
  createRequestWorker,
  type QueuedRequest,
  requestQueue,
} from '../../../src/adapters/bullmq/request-worker.ts';
import { startEmbeddedPostgres } from '../../../src/adapters/postgres/embedded/embedded.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import { recordingLog } from '../../conformance/wakeups.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const good = { token: 'secret', idempotencyKey: 'nightly-1', request: { project: 'digits' } };

/** What a request may come to. `more` tells how often it is handled with two attempts allowed. */
const rows: {
  title: string;
  data: unknown;
  handle?: (request: QueuedRequest) => Promise<unknown>;
  returns?: unknown;
  fails?: RegExp;
  times: number;
}[] = [
  { title: 'a good one returns the run', data: good, returns: { run: 42 }, times: 1 },
  {
    title: 'fields that nobody knows are not handed on',
    data: { ...good, admin: true },
    handle: async request => Object.keys(request),
    returns: ['token', 'idempotencyKey', 'body'],
    times: 1,
  },
  {
    title: 'a refused one fails with the line of the catalogue, at once',
    data: good,
    handle: async () => {
      throw new SignalboxError('TOKEN_INVALID');
    },
    fails: /^The token is not valid\. It is missing, unknown or revoked\. Send `Authorization/,
    times: 1,
  },
  {
    title: 'one that could not be stored is tried as often as its sender says',
    data: good,
    handle: async () => {
      throw new SignalboxError('STORE_UNAVAILABLE');
    },
    fails: /^Signalbox cannot store your request now\./,
    times: 2,
  },
  {
    title: 'an error that was not foreseen is not told',
    data: good,
    handle: async () => {
      throw new Error('password of the database: hunter2');
    },
    fails:
      /^Something went wrong inside Signalbox\..* under signalbox-requests\/\w+\. Tell the platform engineer/,
    times: 2,
  },
  {
    title: 'no token',
    data: { ...good, token: undefined },
    fails: /^The request cannot be read: token\./,
    times: 0,
  },
  { title: 'an empty key', data: { ...good, idempotencyKey: '' }, fails: /: idempotencyKey\./, times: 0 },
  {
    title: 'a key that is no text',
    data: { ...good, idempotencyKey: 7 },
    fails: /: idempotencyKey\./,
    times: 0,
  },
  { title: 'a request that is a list', data: { ...good, request: [] }, fails: /: request\./, times: 0 },
  { title: 'no request', data: { token: 'a', idempotencyKey: 'b' }, fails: /: request\./, times: 0 },
  { title: 'nothing', data: {}, fails: /: token\./, times: 0 },
  {
    title: 'one that is too large',
    data: { ...good, request: { note: 'x'.repeat(1_048_576) } },
    fails: /^The request is too large\./,
    times: 0,
  },
];

function suite(
  name: string,
  skip: string | false,
  start: () => Promise<{ connection: QueueConnection; close: () => Promise<void> }>,
) {
  describe(`the shared queue on ${name}`, { skip }, () => {
    let server: Awaited<ReturnType<typeof start>>;
    let sender: ReturnType<typeof openSender>;
    before(async () => {
      server = await start();
      sender = openSender(server.connection);
    });
    after(async () => {
      await sender.close();
      await server.close();
    });

    for (const { title, data, handle = async () => ({ run: 42 }), returns, fails, times } of rows) {
      test(title, { timeout: 60_000 }, async t => {
        const log = recordingLog();
        let handled = 0;
        const worker = createRequestWorker(
          server.connection,
          request => {
            handled += 1;
            return handle(request);
          },
          { log },
        );
        t.after(worker.close);
        const outcome = sender.send(data);
        if (fails) await assert.rejects(outcome, { message: fails });
        else assert.deepEqual(await outcome, returns);
        assert.equal(handled, times);
        const said = JSON.stringify(log.lines.map(line => line.fields));
        assert.doesNotMatch(said, /secret/, 'a token is never logged');
        const traces = (await sender.failed()).flatMap(job => job.stacktrace ?? []);
        assert.deepEqual(traces, [], 'no stack trace is shown to another service');
      });
    }
  });
}

/** Another service. */
function openSender(to: QueueConnection) {
  return to.kind === 'redis' ? redisSender(to.url) : postgresSender(to.url);
}

function redisSender(url: string) {
  const queue = new Queue(requestQueue, { connection: { url } });
  const events = new QueueEvents(requestQueue, { connection: { url } });
  return {
    send: async (data: unknown): Promise<unknown> => {
      await events.waitUntilReady();
      const job = await queue.add('run', data, { attempts: 2 });
      return await job.waitUntilFinished(events);
    },
    failed: () => queue.getFailed(),
    close: async () => {
      await events.close();
      await queue.close();
    },
  };
}

function postgresSender(url: string) {
  const connection = { connectionString: url, migrate: true };
  const queue = new Queue(requestQueue, { connection }, createPostgresBackend);
  const events = new QueueEvents(requestQueue, { connection }, createPostgresBackend);
  // A pool says that it is closed while its connections are still closing: the end of the server may reach them.
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  return {
    send: async (data: unknown): Promise<unknown> => {
      await events.waitUntilReady();
      const job = await queue.add('run', data, { attempts: 2 });
      return await job.waitUntilFinished(events);
    },
    failed: () => queue.getFailed(),
    close: async () => {
      await events.close();
      await queue.close();
    },
  };
}

suite('Redis', noRedis, async () => {
  const redis = await startRedis();
  return { connection: { kind: 'redis', url: redis.url }, close: redis.close };
});

suite('PostgreSQL', false, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-requests-'));
  const postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  return {
    connection: { kind: 'postgres', url: postgres.url },
    close: async () => {
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
