import { type Selectable, sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { Candidate, ModelStore } from '../../core/ports.ts';
import type { ModelVersion } from '../../core/promotion/version.ts';
import { appendAudit } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { holdContent } from './records.ts';
import { showRuns } from './run-rows.ts';

/** A living worker keeps its claim well within it. */
const claimS = 6;
/** A run's metrics may still be on their way from MLflow; longer than this nobody waits for them. */
const metricsWait = '10 minutes';

export function modelStore(db: Db): ModelStore {
  const models = () => db.selectFrom('models').selectAll();
  const versions = () => db.selectFrom('model_versions').selectAll();
  return {
    all: async () => await models().orderBy('name').execute(),
    get: async name => (await models().where('name', '=', name).executeTakeFirst()) ?? null,
    async version(model, number) {
      const row = await versions().where('model', '=', model).where('number', '=', number).executeTakeFirst();
      return row ? versionOf(row) : null;
    },
    async versions(model, limit, before) {
      let query = versions().where('model', '=', model).orderBy('number', 'desc').limit(limit);
      if (before !== undefined) query = query.where('number', '<', before);
      return (await query.execute()).map(versionOf);
    },
    async ofRun(run) {
      return (await versions().where('run', '=', run).orderBy('model').execute()).map(versionOf);
    },
    async newestOf(model, commits) {
      const row = await versions()
        .where('model', '=', model)
        .where('sha', 'in', commits)
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row ? versionOf(row) : null;
    },
    async declare({ name, project, output, pullRequests }) {
      await db.transaction().execute(async tx => {
        const { rows } = await sql`
          insert into models (name, project, output) values (${name}, ${project}, ${output})
          on conflict (name) do update set project = excluded.project, output = excluded.output
            where (models.project, models.output) is distinct from (excluded.project, excluded.output)
          returning name`.execute(tx);
        if (rows.length === 0) return;
        await sql`
          insert into model_candidates (run)
          select number from runs
          where project = ${project} and state = 'succeeded' and kind = 'train'
            and (${pullRequests} or coalesce(spec ->> 'trigger', '') <> 'pull-request')
            and exists (select from artifacts as a where a.run = number and a.attempt = runs.attempt and a.name = ${output})
          order by number desc limit 1
          on conflict (run) do nothing`.execute(tx);
      });
    },
    async claim(limit) {
      const result = await sql<{ run: number; at: Date; claims: number; failures: number }>`
        update model_candidates set claims = claims + 1, claimed_until = now() + make_interval(secs => ${claimS})
        where run in (
          select c.run from model_candidates as c
          where c.claimed_until < now() and c.next_at <= now()
            and (c.at < now() - ${metricsWait}::interval
              or not exists (select from mlflow_follows as f where f.run = c.run and f.done_at is null))
          order by c.at, c.run limit ${limit} for update skip locked
        ) returning run, at, claims, failures`.execute(db);
      return result.rows
        .map(({ claims, ...row }) => ({ ...row, claim: claims }))
        .toSorted((a, b) => a.at.getTime() - b.at.getTime() || a.run - b.run);
    },
    async keep({ run, claim }) {
      const { numUpdatedRows } = await db
        .updateTable('model_candidates')
        .set({ claimed_until: sql<Date>`now() + make_interval(secs => ${claimS})` })
        .where('run', '=', run)
        .where('claims', '=', claim)
        // Given back already: what comes late must not take it again.
        .where('claimed_until', '>', sql<Date>`'-infinity'`)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async looked(candidate) {
      await forget(db, candidate);
    },
    async failed(candidate, error, pauseMs, givenUp) {
      if (givenUp) return await forget(db, candidate);
      await db
        .updateTable('model_candidates')
        .set({
          error: error.slice(0, 1_000),
          failures: sql`failures + 1`,
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`,
        })
        .where('run', '=', candidate.run)
        .where('claims', '=', candidate.claim)
        .execute();
    },
    make: async version => await db.transaction().execute(async tx => await make(tx, version)),
  };
}

async function forget(db: Db, { run, claim }: Candidate): Promise<void> {
  await db.deleteFrom('model_candidates').where('run', '=', run).where('claims', '=', claim).execute();
}

async function make(tx: Tx, version: Parameters<ModelStore['make']>[0]): ReturnType<ModelStore['make']> {
  const { model, run, attempt, output, sha256, bytes } = version;
  // 1. One at a time for each model: its numbers have no gaps.
  const known = await tx
    .selectFrom('models')
    .select('newest')
    .where('name', '=', model)
    .forUpdate()
    .executeTakeFirst();
  if (!known) return { ok: false, code: 'undeclared' };
  const made = await tx
    .selectFrom('model_versions')
    .selectAll()
    .where('model', '=', model)
    .where('run', '=', run)
    .executeTakeFirst();
  if (made) return { ok: true, version: versionOf(made), created: false };
  // 2. What the run has kept is that content still, and stays from now on.
  const number = known.newest + 1;
  const kept = await tx
    .selectFrom('artifacts')
    .select('name')
    .where('run', '=', run)
    .where('attempt', '=', attempt)
    .where('name', '=', output)
    .where('sha256', '=', sha256)
    .where('bytes', '=', bytes)
    .executeTakeFirst();
  if (!kept || !(await holdContent(tx, sha256, `model:${model}/${number}`)))
    return { ok: false, code: 'content' };
  // 3. The version.
  const row = await tx
    .insertInto('model_versions')
    .values({
      ...{ model, number, run, attempt, project: version.project, output, sha256, bytes },
      ...{ source: version.source, sha: version.sha, card: version.card, at: version.at },
      metrics: json(version.metrics),
      directions: json(version.directions),
      primary_metric: version.primaryMetric,
      inputs: json(version.inputs),
      signature: version.signature === null ? null : json(version.signature),
      // Whoever asked under an elevation is who asked.
      trained_by: json({ ...version.trainedBy, breakglass: undefined }),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await tx.updateTable('models').set({ newest: number }).where('name', '=', model).execute();
  // Its run's message offers to promote it.
  await showRuns(tx, [run]);
  const details = { run, sha: version.sha, sha256 };
  const entry = { action: 'model.version', subject: `model:${model}/${number}`, outcome: 'done' as const };
  await appendAudit(tx, { actor: system, ...entry, details }, version.at);
  return { ok: true, version: versionOf(row), created: true };
}

function versionOf({
  primary_metric,
  trained_by,
  ...row
}: Selectable<Tables['model_versions']>): ModelVersion {
  return { ...row, primaryMetric: primary_metric, trainedBy: trained_by };
}
