import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import { freshDatabase } from '../support/postgres.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { wakeupsConformance } from './wakeups.ts';

wakeupsConformance('Redis', {
  skip: noRedis,
  start: async () => {
    const redis = await startRedis();
    let names = 0;
    return {
      connection: async () => ({ kind: 'redis', url: redis.url, prefix: `row-${++names}` }),
      away: redis.kill,
      back: redis.start,
      flush: async () => {
        const client = new Redis(redis.url);
        await client.flushall();
        await client.quit();
      },
      close: redis.close,
    };
  },
});

wakeupsConformance('PostgreSQL', {
  skip: false,
  start: async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-wakeups-'));
    const start = () => startEmbeddedPostgres({ dataDir, log: () => undefined });
    let postgres = await start();
    return {
      connection: async () => ({ kind: 'postgres', url: await freshDatabase(postgres.url) }),
      away: () => postgres.stop(),
      back: async () => {
        postgres = await start();
      },
      close: async () => {
        await postgres.stop();
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
});
