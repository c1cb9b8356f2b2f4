import type pg from 'pg';
import { SignalboxError } from '../../core/errors.ts';
import { first } from './migrations/0001-first.ts';
import { installations } from './migrations/0002-installations.ts';
import { extend } from './migrations/0003-extend.ts';
import { rates } from './migrations/0004-rates.ts';
import { home } from './migrations/0005-home.ts';
import { audit } from './migrations/0006-audit.ts';
import { levers } from './migrations/0007-levers.ts';
import { links } from './migrations/0008-links.ts';
import { groups } from './migrations/0009-groups.ts';
import { ends } from './migrations/0010-ends.ts';
import { resources } from './migrations/0011-resources.ts';
import { sharedQueue } from './migrations/0012-shared-queue.ts';
import { leases } from './migrations/0013-leases.ts';
import { encodings } from './migrations/0014-encodings.ts';
import { repositories } from './migrations/0016-repositories.ts';
import { looks } from './migrations/0017-looks.ts';
import { files } from './migrations/0018-files.ts';
import { metrics } from './migrations/0019-metrics.ts';
import { mlflow } from './migrations/0020-mlflow.ts';
import { baselines } from './migrations/0022-baselines.ts';
import { sweeps } from './migrations/0024-sweeps.ts';
import { alerts } from './migrations/0025-alerts.ts';
import { records } from './migrations/0026-records.ts';
import { models } from './migrations/0027-models.ts';
import { promotions } from './migrations/0028-promotions.ts';
import { serving } from './migrations/0029-serving.ts';
import { reviews } from './migrations/0030-reviews.ts';
import { evaluations } from './migrations/0031-evaluations.ts';
import { stepUp } from './migrations/0032-step-up.ts';
import { lastWords } from './migrations/0033-last-words.ts';

const migrations = [
  ...[first, installations, extend, rates, home, audit, levers, links, groups, ends],
  ...[resources, sharedQueue, leases, encodings, repositories, looks, files, metrics, mlflow, baselines],
  ...[sweeps, alerts, records, models, promotions, serving, reviews, evaluations, stepUp],
  ...[lastWords],
];
// Any constant will do, as long as every version of Signalbox uses the same one.
const migrationLock = 7_310_501;
const oldestMajor = 15;

/**
 * Brings the schema up to date, one process at a time. Migrations that this version does not know are left alone: during a rolling
 * deploy the previous binary must start against the next schema. Throws POSTGRES_TOO_OLD.
 */
export async function migrate(pool: pg.Pool): Promise<{ applied: string[] }> {
  const client = await pool.connect();
  try {
    const version = await client.query<{ server_version_num: string }>('show server_version_num');
    const major = Math.floor(Number(version.rows[0]?.server_version_num) / 10_000);
    if (major < oldestMajor) throw new SignalboxError('POSTGRES_TOO_OLD', { word: major });
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    try {
      await client.query(
        'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
      );
      const known = await client.query<{ name: string }>('select name from schema_migrations');
      const done = new Set(known.rows.map(row => row.name));
      const missing = migrations.filter(migration => !done.has(migration.name));
      for (const migration of missing) await apply(client, migration);
      return { applied: missing.map(migration => migration.name) };
    } finally {
      await client.query('select pg_advisory_unlock($1)', [migrationLock]);
    }
  } finally {
    client.release();
  }
}

async function apply(client: pg.PoolClient, migration: { name: string; sql: string }): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query('insert into schema_migrations (name) values ($1)', [migration.name]);
    await client.query('commit');
  } catch (err) {
    await client.query('rollback');
    throw err;
  }
}
