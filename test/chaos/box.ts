import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import { botToken, type Town } from './town.ts';

/** One installation of Signalbox, its roles as processes of their own that are started again when they end. */
export interface Box {
  name: string;
  folder: string;
  /** Of Signalbox. */
  dataDir: string;
  url: string;
  database: Database;
  /** SIGKILL. */
  kill(role: string): void;
  /** Ends of roles that nobody asked for, with their last words. A boot while PostgreSQL is away is none. */
  surprises: string[];
  /** The end of what a role has written. */
  log(role: string): string;
  close(): Promise<void>;
}

export const signingSecret = 'the-secret-of-the-test';
const restartMs = 200;
const project = join(import.meta.dirname, 'project');

const usual = (folder: string, pools: readonly string[]) => `
teams: { research: {} }
pools: { ${pools.map(name => `${name}: { slots: 6, accelerators: none }`).join(', ')} }
projects:
  quick: { team: research, source: ./project, command: [sh, quick.sh], environment: { STARTS: ${folder}/starts } }
  slow: { team: research, source: ./project, command: [sh, slow.sh], grace: 5s, environment: { STARTS: ${folder}/starts } }
  pinned: { team: research, source: "file://${folder}/repository", command: [sh, quick.sh], environment: { STARTS: ${folder}/starts } }
`;

/**
 * `roles`: `web`, `worker`, `front`, `agent` and, for the agent of another pool, `agent:lab`; one process for each time that it is named.
 * `queue`: Redis where there is one, unless said otherwise.
 */
export async function openBox(
  town: Town,
  number: number,
  roles: readonly string[],
  {
    queue = 'redis',
    policy = usual,
    environment: more = {},
  }: {
    queue?: 'redis' | 'postgres';
    policy?: (folder: string, pools: readonly string[]) => string;
    environment?: Record<string, string>;
  } = {},
): Promise<Box> {
  const name = `box${number}`;
  const folder = join(town.folder, name);
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { recursive: true });
  cpSync(project, join(folder, 'project'), { recursive: true });
  await makeRepository(join(folder, 'repository'));
  writeFileSync(join(folder, 'starts'), '');
  const pools = roles.flatMap(role => (role.startsWith('agent:') ? [role.slice('agent:'.length)] : []));
  writeFileSync(join(folder, 'signalbox.yml'), policy(folder, ['local', ...pools]));
  const databaseUrl = await town.database(name);
  const database = openDatabase(databaseUrl, { max: 3, onError: () => {} });
  await migrate(database.pool);
  const { secret } = await tokenStore(database.db).create(
    { name: 'agent', scopes: ['agent'], ...(pools.length === 0 ? { pool: 'local' } : {}) },
    new Date(),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: join(town.folder, 'compiled'),
    DATABASE_URL: databaseUrl,
    ...(town.redis && queue === 'redis' ? { REDIS_URL: `${town.redis.url}/${number}` } : {}),
    SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
    SIGNALBOX_DATA: dataDir,
    SIGNALBOX_URL: url,
    SIGNALBOX_TOKEN: secret,
    PORT: String(port),
    SLACK_SIGNING_SECRET: signingSecret,
    SLACK_BOT_TOKEN: botToken,
    SLACK_API_URL: `${town.slackUrl}/api/`,
    ...more,
  };

  let closing = false;
  const surprises: string[] = [];
  const children = new Map<string, Set<ChildProcess>>();

  async function keep(role: string): Promise<void> {
    const output = openSync(join(folder, `${role}.log`), 'a');
    while (!closing) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'role.ts'), role, folder], {
        env: environment,
        stdio: ['ignore', output, output, 'ipc'],
      });
      const all = children.get(role) ?? new Set();
      children.set(role, all.add(child));
      const [code, signal] = await once(child, 'exit');
      all.delete(child);
      if (!closing && signal !== 'SIGKILL' && !/POSTGRES_UNREACHABLE/.test(box.log(role)))
        surprises.push(`${role} ended with ${code ?? signal}:\n${box.log(role)}`);
      await pause(restartMs);
    }
  }

  const kept = roles.map(keep);
  const box: Box = {
    name,
    folder,
    dataDir,
    url,
    database,
    kill(role) {
      for (const child of children.get(role) ?? []) child.kill('SIGKILL');
    },
    surprises,
    log: role => readFileSync(join(folder, `${role}.log`), 'utf8').slice(-6_000),
    async close() {
      closing = true;
      for (const role of children.keys()) box.kill(role);
      await Promise.all(kept);
      await database.close();
    },
  };
  for (let tries = 0; !(await isReady(url)); tries += 1) {
    if (tries > 600) throw new Error(`${name} does not become ready:\n${box.log('web')}`);
    await pause(50);
  }
  return box;
}

async function isReady(url: string): Promise<boolean> {
  return await fetch(`${url}/readyz`).then(
    response => response.ok,
    () => false,
  );
}

async function makeRepository(folder: string): Promise<void> {
  cpSync(project, folder, { recursive: true });
  const identity = ['-c', 'user.name=octocat', '-c', 'user.email=octocat@example.com'];
  for (const words of [
    ['init', '--quiet', '--initial-branch=main'],
    ['add', '.'],
    [...identity, 'commit', '--quiet', '-m', 'first'],
  ]) {
    const child = spawn('git', ['-C', folder, ...words], { stdio: 'ignore' });
    await once(child, 'exit');
  }
}

/** Below those that the system gives to outgoing connections: it must be free again after each death. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const free = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    server.close();
    if (free) return port;
  }
}
