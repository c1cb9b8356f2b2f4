import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/adapters/postgres/embedded/embedded.ts';
import { type Contestant, startContestant } from './contestant.ts';

/** Where a benchmark lives. */
export interface Place {
  /** Its own folder, removed after it. */
  folder: string;
  /** What the contestants find in their environment besides. */
  variables: Record<string, string>;
  /** A database of its own, or null for the embedded server. */
  databaseUrl: string | null;
  /** A Redis of its own for the queue, or null for the queue in PostgreSQL. */
  redisUrl: string | null;
}

/** The environment of a contestant: nothing of the person's own Signalbox. */
export function environment({ folder, variables, databaseUrl, redisUrl }: Place): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: folder,
    NODE_OPTIONS: process.env.NODE_OPTIONS,
    ...variables,
    SIGNALBOX_DATA: join(folder, 'data'),
    PORT: '0',
    ...(databaseUrl && { DATABASE_URL: databaseUrl }),
    ...(redisUrl && { REDIS_URL: redisUrl }),
  };
}

/** The real thing as people start it, the web role alone, on an empty database. */
export async function startSignalbox(place: Place): Promise<Contestant> {
  const entry = join(import.meta.dirname, '../../src/main.ts');
  const options = { cwd: place.folder, env: environment(place) };
  return await startContestant('signalbox', [entry, 'serve', '--role', 'web'], options);
}

/** A server that is measured beside it, by the name of its file. */
export async function startServer(
  who: 'bolt' | 'node-http' | 'octokit' | 'probot',
  place: Place,
): Promise<Contestant> {
  const file = join(import.meta.dirname, 'servers', `${who}.ts`);
  return await startContestant(who, [file], { cwd: place.folder, env: environment(place) });
}

/** What Signalbox has stored, asked of its database. Call it when Signalbox runs; stop it before Signalbox. */
export async function openStored({
  folder,
  databaseUrl,
}: Place): Promise<{ count(): Promise<number>; stop(): Promise<void> }> {
  const embedded = databaseUrl
    ? null
    : await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => {} });
  const pool = new pg.Pool({ connectionString: databaseUrl ?? embedded?.url, max: 1 });
  return {
    count: async () => {
      const counted = await pool.query<{ count: number }>('select count(*)::int as count from deliveries');
      return counted.rows[0]?.count ?? 0;
    },
    stop: async () => {
      await pool.end();
      await embedded?.stop();
    },
  };
}

/** A fresh database on the server that `DATABASE_URL` names, dropped at the end; null without that variable. */
export async function freshDatabase(): Promise<{ url: string; stop(): Promise<void> } | null> {
  const url = process.env.DATABASE_URL;
  if (!url) return null;
  const name = `signalbox_bench_${randomBytes(6).toString('hex')}`;
  await ask(url, `create database ${name}`);
  return {
    // By hand: a socket's address has no host, which URL refuses.
    url: url.replace(/^(\w+:\/\/[^/]*)(\/[^?]*)?/, `$1/${name}`),
    stop: () => ask(url, `drop database ${name} with (force)`),
  };
}

async function ask(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
