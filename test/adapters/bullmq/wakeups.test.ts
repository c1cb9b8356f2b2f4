import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createWakeWorker } from '../../../src/adapters/bullmq/wake-worker.ts';
import { createWakeups, wakeQueue } from '../../../src/adapters/bullmq/wakeups.ts';
import type { WakeSubject } from '../../../src/core/ports.ts';
import { recordingLog } from '../../conformance/wakeups.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const droppedMessage = 'wake-ups were dropped, the sweep makes up for them';

describe('wake-ups on Redis', { skip: noRedis }, () => {
  test('nothing is left at the server when all is handled', async t => {
    const redis = await startRedis();
    t.after(redis.close);
    const log = recordingLog();
    const handled = Promise.withResolvers<void>();
    const worker = createWakeWorker({ kind: 'redis', url: redis.url }, async () => handled.resolve(), {
      log,
    });
    const wakeups = createWakeups({ kind: 'redis', url: redis.url }, { log });
    wakeups.wake(['plan']);
    await handled.promise;
    await worker.close();
    await wakeups.close();
    const client = new Redis(redis.url);
    const keys = await client.keys('*');
    client.disconnect();
    const kept = [`bull:${wakeQueue}:events`, `bull:${wakeQueue}:id`, `bull:${wakeQueue}:meta`];
    const passing = [`bull:${wakeQueue}:stalled-check`, `bull:${wakeQueue}:marker`];
    assert.deepEqual(keys.filter(key => !passing.includes(key)).sort(), kept);
  });

  test('those that wait for a first connection are kept up to a limit', async t => {
    const redis = await startRedis();
    t.after(redis.close);
    await redis.kill();
    const log = recordingLog();
    const wakeups = createWakeups({ kind: 'redis', url: redis.url }, { log });
    const subjects = Array.from({ length: 10_000 }, (_, i): WakeSubject => `delivery:${i}`);
    wakeups.wake(subjects);
    wakeups.wake(subjects);
    assert.deepEqual(log.at('warn'), [], 'as many as fit, however often they are named');
    wakeups.wake(['delivery:10000', 'delivery:10001']);
    assert.deepEqual(log.at('warn'), [droppedMessage]);
    await redis.start();
    await wakeups.close();
    const queue = new Queue(wakeQueue, { connection: { url: redis.url } });
    t.after(() => queue.close());
    assert.equal(await queue.getWaitingCount(), 10_000);
  });

  test('a full server costs wake-ups, never more', async t => {
    const redis = await startRedis();
    t.after(redis.close);
    const log = recordingLog();
    const wakeups = createWakeups({ kind: 'redis', url: redis.url }, { log });
    t.after(wakeups.close);
    const admin = new Redis(redis.url);
    t.after(() => admin.disconnect());
    await admin.config('SET', 'maxmemory', '1');
    wakeups.wake(['plan']);
    await log.until('warn', droppedMessage);
    await admin.config('SET', 'maxmemory', '0');
    wakeups.wake(['delivery:1']);
    await wakeups.close();
    const queue = new Queue(wakeQueue, { connection: { url: redis.url } });
    t.after(() => queue.close());
    const [job, ...others] = await queue.getWaiting();
    assert.deepEqual([job?.data, others], [{ subject: 'delivery:1' }, []]);
  });

  test('a job that is no wake-up is dropped, and the next is handled', async t => {
    const redis = await startRedis();
    t.after(redis.close);
    const log = recordingLog();
    const subjects: string[] = [];
    const handled = Promise.withResolvers<void>();
    const queue = new Queue(wakeQueue, { connection: { url: redis.url } });
    t.after(() => queue.close());
    const strange = [{}, null, { subject: 'run:1' }, { subject: 'delivery:one' }, { subject: 7 }];
    for (const data of [...strange, { subject: 'delivery:1' }]) await queue.add('wake', data);
    const worker = createWakeWorker(
      { kind: 'redis', url: redis.url },
      async subject => {
        subjects.push(subject);
        handled.resolve();
      },
      { log, concurrency: 1 },
    );
    t.after(worker.close);
    await handled.promise;
    assert.deepEqual(subjects, ['delivery:1']);
    assert.deepEqual(
      log.at('warn'),
      strange.map(() => 'a job in the queue for wake-ups is none'),
    );
  });

  test('the console stays silent about an evicting server', async t => {
    const redis = await startRedis(['maxmemory-policy allkeys-lru']);
    t.after(redis.close);
    const warn = t.mock.method(console, 'warn', () => undefined);
    const error = t.mock.method(console, 'error', () => undefined);
    const log = recordingLog();
    const handled = Promise.withResolvers<void>();
    const worker = createWakeWorker({ kind: 'redis', url: redis.url }, async () => handled.resolve(), {
      log,
    });
    const wakeups = createWakeups({ kind: 'redis', url: redis.url }, { log });
    wakeups.wake(['plan']);
    await handled.promise;
    await worker.close();
    await wakeups.close();
    assert.equal(warn.mock.callCount() + error.mock.callCount(), 0);
  });
});
