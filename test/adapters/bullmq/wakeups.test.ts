import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueConnection } from '../../../src/adapters/bullmq/connection.ts';
import { createWakeWorker } from '../../../src/adapters/bullmq/wake-worker.ts';
import { createWakeups, wakeQueue } from '../../../src/adapters/bullmq/wakeups.ts';
import type { WakeSubject } from '../../../src/core/ports.ts';
import { recordingLog } from '../../conformance/wakeups.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const droppedMessage = 'wake-ups were dropped, the sweep makes up for them';

describe('wake-ups on Redis', { skip: noRedis }, () => {
  test('nothing is left at the server when all is handled', async t => {
    const { connection, log, admin, closing } = await house(t);
    const handled = Promise.withResolvers<void>();
    const worker = createWakeWorker(connection, async () => handled.resolve(), { log });
    closing(worker.close);
    const wakeups = createWakeups(connection, { log });
    closing(wakeups.close);
    wakeups.wake(['plan']);
    await handled.promise;
    await worker.close();
    const passing = ['stalled-check', 'marker'];
    const keys = (await admin().keys('*')).map(key => key.replace(`bull:${wakeQueue}:`, ''));
    assert.deepEqual(keys.filter(key => !passing.includes(key)).sort(), ['events', 'id', 'meta']);
  });

  test('those that wait for a first connection are kept up to a limit', async t => {
    const { connection, log, redis, queue, closing } = await house(t);
    await redis.kill();
    const wakeups = createWakeups(connection, { log });
    closing(wakeups.close);
    const subjects = Array.from({ length: 10_000 }, (_, i): WakeSubject => `surface:${i}`);
    wakeups.wake(subjects);
    wakeups.wake(subjects);
    assert.ok(!log.at('warn').includes(droppedMessage), 'as many as fit, however often they are named');
    wakeups.wake(['surface:10000', 'surface:10001']);
    assert.ok(log.at('warn').includes(droppedMessage));
    await redis.start();
    const waiting = queue();
    while ((await waiting.getWaitingCount()) < 10_000) await sleep(20);
    await wakeups.close();
    assert.equal(await waiting.getWaitingCount(), 10_000);
  });

  test('a full server costs wake-ups, never more', async t => {
    const { connection, log, admin, queue, closing } = await house(t);
    const wakeups = createWakeups(connection, { log });
    closing(wakeups.close);
    const server = admin();
    await server.config('SET', 'maxmemory', '1');
    wakeups.wake(['plan']);
    await log.until('warn', droppedMessage);
    await server.config('SET', 'maxmemory', '0');
    wakeups.wake(['surface:1']);
    await wakeups.close();
    const jobs = await queue().getWaiting();
    assert.deepEqual(
      jobs.map(job => job.data),
      [{ subject: 'surface:1' }],
    );
  });

  test('a server that only reads is asked again until it writes', async t => {
    const { connection, log, admin, closing } = await house(t);
    const handled: WakeSubject[] = [];
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const server = admin();
    const worker = createWakeWorker(
      connection,
      async subject => {
        handled.push(subject);
        if (subject === 'plan') first.resolve();
        else second.resolve();
      },
      { log },
    );
    closing(worker.close);
    const wakeups = createWakeups(connection, { log });
    closing(wakeups.close);
    wakeups.wake(['plan']);
    await first.promise;
    await server.call('REPLICAOF', '127.0.0.1', '1');
    wakeups.wake(['surface:1']);
    await log.until('warn', droppedMessage);
    await server.call('REPLICAOF', 'NO', 'ONE');
    const again = setInterval(() => wakeups.wake(['surface:2']), 50);
    await second.promise;
    clearInterval(again);
    assert.equal(handled.includes('surface:1'), false);
  });

  test('a job that is no wake-up is dropped, and the next is handled', async t => {
    const { connection, log, queue, closing } = await house(t);
    const subjects: string[] = [];
    const handled = Promise.withResolvers<void>();
    const strange = [{}, null, { subject: 'run:1' }, { subject: 'delivery:1' }, { subject: 7 }];
    const sender = queue();
    for (const data of [...strange, { subject: 'surface:1' }]) await sender.add('wake', data);
    const worker = createWakeWorker(
      connection,
      async subject => {
        subjects.push(subject);
        handled.resolve();
      },
      { log, concurrency: 1 },
    );
    closing(worker.close);
    await handled.promise;
    assert.deepEqual(subjects, ['surface:1']);
    assert.deepEqual(
      log.at('warn'),
      strange.map(() => 'a job in the queue for wake-ups is none'),
    );
  });

  test('the console stays silent about an evicting server', async t => {
    const { connection, log, closing } = await house(t, ['maxmemory-policy allkeys-lru']);
    const warn = t.mock.method(console, 'warn', () => undefined);
    const error = t.mock.method(console, 'error', () => undefined);
    const handled = Promise.withResolvers<void>();
    const worker = createWakeWorker(connection, async () => handled.resolve(), { log });
    closing(worker.close);
    const wakeups = createWakeups(connection, { log });
    closing(wakeups.close);
    wakeups.wake(['plan']);
    await handled.promise;
    assert.equal(warn.mock.callCount() + error.mock.callCount(), 0);
  });
});

/** A server, and what may be opened on it; all is closed when the test ends, the last first. */
async function house(t: TestContext, settings: string[] = []) {
  const closes: (() => unknown)[] = [];
  const closing = (close: () => unknown) => {
    closes.push(close);
  };
  t.after(async () => {
    for (const close of closes.reverse()) await close();
  });
  const redis = await startRedis(settings);
  closing(redis.close);
  const connection: QueueConnection = { kind: 'redis', url: redis.url };
  return {
    redis,
    connection,
    closing,
    log: recordingLog(),
    admin: () => {
      const admin = new Redis(redis.url);
      closing(() => admin.disconnect());
      return admin;
    },
    queue: () => {
      const queue = new Queue(wakeQueue, { connection: { url: redis.url } });
      closing(() => queue.close());
      return queue;
    },
  };
}
