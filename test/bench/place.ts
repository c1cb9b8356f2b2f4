import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noRedis, startRedis } from '../support/redis.ts';
import { freshDatabase, type Place } from './signalbox.ts';

/** Has what was started stopped in the end, the last one first. */
type Keep = <T extends { stop(): Promise<void> }>(one: T) => T;

/**
 * Measures in a place of its own: a folder, a database where a server for it can be had, and Redis where that can be had, as in production.
 * All of it is gone at the end, whatever comes of it.
 */
export async function inPlace<T>(
  variables: Record<string, string>,
  say: (line: string) => void,
  measure: (place: Place, keep: Keep) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-bench-'));
  const running: { stop(): Promise<void> }[] = [];
  const keep: Keep = one => {
    running.push(one);
    return one;
  };
  try {
    const database = await freshDatabase();
    if (database) keep(database);
    const redis = noRedis ? null : await startRedis();
    if (redis) keep({ stop: redis.close });
    say(
      `Signalbox stores in ${database ? 'DATABASE_URL' : 'the embedded PostgreSQL'}, its queue is in ${redis ? 'Redis' : 'PostgreSQL'}`,
    );
    const place = { folder, variables, databaseUrl: database?.url ?? null, redisUrl: redis?.url ?? null };
    return await measure(place, keep);
  } finally {
    for (const one of running.reverse()) await one.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
