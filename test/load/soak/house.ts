import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../../src/adapters/postgres/tokens.ts';
import { type LogEntry, type Served, serve } from '../../e2e/process.ts';
import { startServer } from '../../support/postgres.ts';
import { noRedis, startRedis } from '../../support/redis.ts';
import { type Machine, startMachine, type Works } from './machine.ts';
import { policyText, poolNames } from './site.ts';

const workers = 2;

/** Web, two workers that can be killed, real servers, and one machine for each pool. */
export async function openHouse(t: TestContext, works: Works) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-soak-'));
  const closes: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  t.after(async () => {
    for (const close of closes.reverse()) await close();
  });
  mkdirSync(join(folder, 'project'));
  writeFileSync(join(folder, 'signalbox.yml'), policyText());
  const server = await startServer();
  closes.push(server.stop);
  const redis = noRedis ? null : await startRedis();
  if (redis) closes.push(redis.close);
  const databaseUrl = await server.database();
  const database = openDatabase(databaseUrl, { max: 2, onError: () => {} });
  closes.push(database.close);
  await migrate(database.pool);
  const observed = openDatabase(databaseUrl, { max: 1, onError: () => {} });
  closes.push(observed.close);
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis?.url,
    SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
    SIGNALBOX_DATA: join(folder, 'data'),
    SIGNALBOX_SECRET_KEY: randomBytes(32).toString('base64'),
  };
  const web = await serve(['--role', 'web'], environment);
  closes.push(web.stop);
  const startWorker = () => serve(['--role', 'worker'], environment);
  const kept: Promise<Served>[] = Array.from({ length: workers }, startWorker);
  const log: LogEntry[] = [];
  closes.push(async () => {
    for (const one of kept) await (await one).stop();
  });
  await Promise.all(kept);
  const machines: Machine[] = [];
  for (const pool of poolNames) {
    const { secret } = await tokenStore(database.db).create(
      { name: pool, scopes: ['agent'], pool },
      new Date(),
    );
    const machine = startMachine(web.url, secret, pool, works);
    machines.push(machine);
    closes.push(machine.stop);
  }
  return {
    database,
    /** A connection of the observer's own. */
    observed,
    machines,
    workers,
    /** SIGKILL; it is started again at once. Whoever is still starting is killed when it has started. */
    async kill(index: number): Promise<void> {
      const worker = await kept[index];
      if (!worker) return;
      await worker.kill();
      log.push(...worker.log);
      kept[index] = startWorker();
    },
    /** What all processes have written so far. */
    async log(): Promise<LogEntry[]> {
      return [...web.log, ...log, ...(await Promise.all(kept)).flatMap(one => one.log)];
    },
  };
}

export type House = Awaited<ReturnType<typeof openHouse>>;
