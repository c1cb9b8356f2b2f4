import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';

/** Real servers to test against; the database of each test is its own. */
export type ServerKind = 'embedded' | 'postgresql-15';

export interface TestServer {
  /** A fresh, empty database. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

const debian = '/usr/lib/postgresql/15/bin';

/** Why this server cannot be had here, or `false`. */
export function serverMissing(kind: ServerKind): string | false {
  if (kind === 'embedded') return false;
  return existsSync(join(debian, 'postgres')) ? false : "Debian's postgresql-15 is not installed";
}

export async function startServer(kind: ServerKind = 'embedded'): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-test-pg-'));
  const server = kind === 'embedded' ? await startEmbedded(folder) : await startDebian(folder);
  return {
    database: () => freshDatabase(server.url),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A new, empty database on the server at this address; answers with its own. */
export async function freshDatabase(
  server: string,
  name = `test_${randomBytes(6).toString('hex')}`,
): Promise<string> {
  await admin(server, `create database ${name}`);
  // A socket's address has no host, which URL refuses.
  return server.replace(/\/[^/?]+(\?|$)/, `/${name}$1`);
}

async function startEmbedded(folder: string) {
  // Tests may lose what they wrote when the machine goes down; they are faster for it.
  return await startEmbeddedPostgres({ dataDir: folder, log: () => {}, settings: { fsync: 'off' } });
}

async function startDebian(folder: string): Promise<{ url: string; stop(): Promise<void> }> {
  const asRoot = process.getuid?.() === 0;
  const ids = asRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (ids.uid !== undefined && ids.gid !== undefined) await chown(folder, ids.uid, ids.gid);
  await chmod(folder, 0o700);
  const data = join(folder, 'data');
  execFileSync(
    join(debian, 'initdb'),
    ['-D', data, '-A', 'trust', '-U', 'signalbox', '-E', 'UTF8', '--no-sync'],
    { ...ids, stdio: 'pipe', cwd: folder },
  );
  const flags = [
    '-D',
    data,
    '-c',
    'listen_addresses=',
    '-c',
    `unix_socket_directories=${folder}`,
    '-c',
    'fsync=off',
  ];
  const child = spawn(join(debian, 'postgres'), flags, { ...ids, stdio: 'ignore', cwd: folder });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const url = `postgres://signalbox@localhost/postgres?host=${encodeURIComponent(folder)}`;
  await ready(url);
  const stop = async () => {
    child.kill('SIGINT');
    await exited;
  };
  return { url, stop };
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres']).toString());
}

async function ready(url: string): Promise<void> {
  for (let i = 0; ; i += 1) {
    try {
      return await admin(url, 'select 1');
    } catch (err) {
      if (i > 100) throw err;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

async function admin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
