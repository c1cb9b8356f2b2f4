import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../../src/adapters/postgres/tokens.ts';
import { type LogEntry, type Served, serve } from '../../e2e/process.ts';
import { startGitHub } from '../../fakes/github/fake.ts';
import { startServer } from '../../support/postgres.ts';
import { noRedis, startRedis } from '../../support/redis.ts';
import { startAgent } from '../agent.ts';

const secret = 'a-secret-of-the-hook';
const slots = 1_000;
const parts = ['web', 'worker', 'worker'] as const;

const nameOf = (index: number) => `org-${index}`;

/** JSON is YAML. One organisation each, so that each has limits of its own. */
function policyOf(repositories: number): string {
  const projects = Array.from({ length: repositories }, (_, index) => [
    nameOf(index),
    { team: 'research', github: `${nameOf(index)}/digits`, command: ['run'] },
  ]);
  return JSON.stringify({
    teams: { research: {} },
    pools: { local: { slots, accelerators: 'none', isolated: true } },
    projects: Object.fromEntries(projects),
    people: [{ github: 'octocat', name: 'A trainer', role: 'trainer', teams: ['research'] }],
  });
}

/** Web and two workers that can be killed, real servers, and a GitHub with many organisations that have one repository each. */
export async function openHouse(t: TestContext, repositories: number) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-load-'));
  const closes: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  t.after(async () => {
    for (const close of closes.reverse()) await close();
  });
  const github = await startGitHub({ secret });
  closes.push(() => github.close());
  const server = await startServer();
  closes.push(server.stop);
  const redis = noRedis ? null : await startRedis();
  if (redis) closes.push(redis.close);
  const databaseUrl = await server.database();
  const database = openDatabase(databaseUrl, { max: 2, onError: () => {} });
  closes.push(database.close);
  await migrate(database.pool);
  writeFileSync(join(folder, 'signalbox.yml'), policyOf(repositories));
  const { secret: token } = await tokenStore(database.db).create(
    { name: 'agent', scopes: ['agent'], pool: 'local' },
    new Date(),
  );
  const port = await freePort();
  const environment = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis?.url,
    SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
    SIGNALBOX_DATA: join(folder, 'data'),
    GITHUB_APP_ID: String(github.app.id),
    GITHUB_PRIVATE_KEY: github.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_URL: github.url,
  };
  // Always at the same place, as behind a name.
  const start = (part: 'web' | 'worker') =>
    serve(['--role', part], { ...environment, ...(part === 'web' ? { PORT: String(port) } : {}) });
  const running: Promise<Served>[] = parts.map(start);
  const log: LogEntry[] = [];
  closes.push(async () => {
    for (const one of running) await (await one).stop();
  });
  await Promise.all(running);
  const url = `http://127.0.0.1:${port}`;
  github.sendTo(`${url}/webhooks/github`);
  const agent = startAgent(url, token, 'local', slots);
  closes.push(agent.stop);

  return {
    github,
    database,
    address: `${url}/webhooks/github`,
    parts,
    /** Ends when the web role takes what comes. */
    open: async () => void (await running[0]),
    /** SIGKILL; it is started again at once. Whoever is still starting is killed when it has started. Ends when it is there again. */
    async kill(index: number): Promise<void> {
      const known = running[index];
      const part = parts[index];
      if (!known || !part) return;
      const next = (async () => {
        const one = await known;
        await one.kill();
        log.push(...one.log);
        return await start(part);
      })();
      running[index] = next;
      await next;
    },
    /** What all processes have written so far. */
    log: async (): Promise<LogEntry[]> => [...log, ...(await Promise.all(running)).flatMap(one => one.log)],
  };
}

export type House = Awaited<ReturnType<typeof openHouse>>;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
