import { type ExpressionBuilder, sql } from 'kysely';
import { checkOf } from '../../core/check.ts';
import type { NewRun, RunFilter, RunStore } from '../../core/ports.ts';
import { priorities } from '../../core/project.ts';
import { type Run, type RunEvent, transition } from '../../core/run.ts';
import { appendAudit } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { fewAtOnce } from './few-at-once.ts';
import { sumUp } from './heads.ts';
import { insertPoints, reported, series, summariesOf } from './metrics.ts';
import { addEvents, addSurface, requesterOf, runOf, storeTransition, wantPlan } from './run-rows.ts';

/** Runs may report as much as they like: what they report takes few of the connections that everybody else needs. */
const reportsAtOnce = { most: 2, waiting: 100 };
/** Of one commit nobody looks at more. */
const mostAtCommit = 200;

export function runStore(db: Db): RunStore {
  const reports = fewAtOnce(reportsAtOnce.most, reportsAtOnce.waiting);
  return {
    async create(wish) {
      const known = await byKey(db, wish.key);
      if (known) return { run: known, created: false };
      const made = await db.transaction().execute(tx => insertRun(tx, wish));
      if (made) return { run: made, created: true };
      const other = await byKey(db, wish.key);
      if (!other) throw new Error('a run with this key was in the way and is gone');
      return { run: other, created: false };
    },
    async get(number) {
      const row = await db.selectFrom('runs').selectAll().where('number', '=', number).executeTakeFirst();
      return row ? runOf(row) : null;
    },
    async newestNumber() {
      const row = await db
        .selectFrom('runs')
        .select('number')
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row?.number ?? null;
    },
    async list(filter) {
      const query = db.selectFrom('runs').selectAll().where(fitting(filter));
      return (await query.orderBy('number', 'desc').limit(filter.limit).execute()).map(runOf);
    },
    async sorted(filter, { metric, by, better }) {
      const value =
        by === 'final'
          ? 'last_value'
          : better === 'lower'
            ? ('least_value' as const)
            : ('most_value' as const);
      let query = db
        .selectFrom('runs')
        .innerJoin('metric_summaries as metric', 'metric.run', 'runs.number')
        .selectAll('runs')
        .where('name', '=', metric)
        .where(fitting(filter));
      // Only what succeeded has a final value, and only where the last that it said was a number.
      if (by === 'final')
        query = query.where('state', '=', 'succeeded').where(
          sql<boolean>`not exists (
            select from metric_reports as told, jsonb_array_elements(told.left_out -> 'notFinite') as odd
            where told.run = metric.run and odd ->> 'name' = metric.name
              and ((odd ->> 'attempt')::bigint, (odd ->> 'step')::bigint) >= (metric.last_attempt, metric.last_step))`,
        );
      const rows = await query
        .orderBy(value, better === 'lower' ? 'asc' : 'desc')
        .orderBy('number', 'desc')
        .limit(filter.limit)
        .execute();
      const numbers = rows.map(row => row.number);
      const known = await summariesOf(db, numbers, [metric]);
      return rows.flatMap(row => {
        const summary = known.get(row.number)?.[0];
        return summary ? [{ run: runOf(row), metric: summary }] : [];
      });
    },
    async atCommit(repo, sha) {
      const rows = await db
        .selectFrom('runs')
        .selectAll()
        .where(sql<string>`spec ->> 'sha'`, '=', sha)
        .where(sql<string>`place ->> 'kind'`, '=', 'github')
        .where(sql<string>`place ->> 'repo'`, '=', String(repo))
        .orderBy('number', 'desc')
        .limit(mostAtCommit)
        .execute();
      return rows.map(runOf);
    },
    async ahead(run) {
      if (run.state !== 'queued' || !run.queuedAt) return 0;
      const priority = priorities.indexOf(run.priority);
      const result = await sql<{ count: number }>`
        select count(*) as count from runs
        where state = 'queued' and pool = ${run.pool} and (gpus = 0) = ${run.spec.gpus === 0}
          and (-priority, queued_at, number) < (${-priority}::int, ${run.queuedAt}::timestamptz, ${run.number}::bigint)`.execute(
        db,
      );
      return result.rows[0]?.count ?? 0;
    },
    async shares(run) {
      if (run.attempt === 0) return [];
      const rows = await db
        .selectFrom('allocations')
        .select(['pool', 'node', 'kind', 'gpu'])
        .where('run', '=', run.number)
        .where('attempt', '=', run.attempt)
        .orderBy('node')
        .orderBy('gpu')
        .execute();
      const nodes = [...new Set(rows.map(row => row.node))];
      return nodes.flatMap(node => {
        const here = rows.filter(row => row.node === node);
        const [first] = here;
        return first ? [{ pool: first.pool, node, kind: first.kind, indices: here.map(row => row.gpu) }] : [];
      });
    },
    async events(number, afterSeq = 0) {
      const rows = await db
        .selectFrom('run_events')
        .selectAll()
        .where('run', '=', number)
        .where('seq', '>', afterSeq)
        .orderBy('seq')
        .execute();
      return rows.map(row => ({
        seq: row.seq,
        type: row.type,
        from: row.from_state,
        to: row.to_state,
        actor: row.actor,
        reason: row.reason,
        attempt: row.attempt,
        at: row.at,
      }));
    },
    async change(number, change, now, actor) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .selectFrom('runs')
          .selectAll()
          .where('number', '=', number)
          .forUpdate()
          .executeTakeFirst();
        if (!row) return { ok: false as const, code: 'not-found' as const };
        const before = runOf(row);
        if (change.type === 'extend' && (await isExtended(tx, number, change.key)))
          return { ok: false as const, code: 'stale' as const };
        const after = transition(before, change, now, actor);
        if (!after.ok) return after;
        if (change.type === 'extend') {
          const { key, byS } = change;
          await tx.insertInto('extensions').values({ run: number, key, by_s: byS, at: now }).execute();
        }
        await storeTransition(tx, before, after);
        return after;
      });
    },
    async showAt(number, place) {
      await db.transaction().execute(async tx => {
        const row = await tx
          .updateTable('runs')
          .set({ place: json(place) })
          .where('number', '=', number)
          .where(sql<string>`place ->> 'kind'`, '=', 'http')
          .returningAll()
          .executeTakeFirst();
        if (!row) return;
        const run = runOf(row);
        await showFirst(tx, run);
        await sumUp(tx, run);
      });
    },
    metrics: async number => (await summariesOf(db, [number])).get(number) ?? [],
    series: (number, names, most) => series(db, number, names, most),
    reported: number => reported(db, number),
    addPoints: (number, attempt, points, refused, now) =>
      reports(() => db.transaction().execute(tx => insertPoints(tx, number, attempt, points, refused, now))),
  };
}

function fitting({ requesters, kinds, project, team, states, before }: RunFilter) {
  return (eb: ExpressionBuilder<Tables, 'runs'>) =>
    eb.and([
      ...(requesters ? [eb('requester', 'in', requesters)] : []),
      ...(kinds ? [eb('kind', 'in', kinds)] : []),
      ...(project ? [eb('project', '=', project)] : []),
      ...(team ? [eb('team', '=', team)] : []),
      ...(states ? [eb('state', 'in', states)] : []),
      ...(before ? [eb('number', '<', before)] : []),
    ]);
}

async function showFirst(tx: Tx, run: Run): Promise<void> {
  await addSurface(tx, `run:${run.number}:message`, 'run', run);
  if (checkOf(run)) await addSurface(tx, `run:${run.number}:check`, 'check', run);
}

/** Whether this wish for more time was granted before. The caller holds the run's row lock. */
async function isExtended(tx: Tx, run: number, key: string): Promise<boolean> {
  const row = await tx
    .selectFrom('extensions')
    .select('key')
    .where('run', '=', run)
    .where('key', '=', key)
    .executeTakeFirst();
  return row !== undefined;
}

async function byKey(db: Db, key: string) {
  const row = await db.selectFrom('runs').selectAll().where('request_key', '=', key).executeTakeFirst();
  return row ? runOf(row) : null;
}

export async function insertRun(tx: Tx, wish: NewRun) {
  const { spec } = wish;
  const row = await tx
    .insertInto('runs')
    .values({
      request_key: wish.key,
      spec: json(spec),
      kind: spec.kind ?? 'train',
      project: spec.project,
      team: spec.team,
      pool: spec.pool,
      gpus: spec.gpus,
      sweep: spec.sweep?.number ?? null,
      state: 'queued',
      priority: priorities.indexOf(wish.priority),
      // The run outlives an elevation of whoever asked for it.
      requested_by: json({ ...wish.requestedBy, breakglass: undefined }),
      requester: requesterOf(wish),
      place: json(wish.place),
      attempt: 0,
      created_at: wish.at,
      queued_at: wish.at,
    })
    .onConflict(conflict => conflict.column('request_key').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!row) return null;
  const run = runOf(row);
  const asked = { actor: wish.requestedBy, at: wish.at, attempt: 0 };
  const events: RunEvent[] = [
    { type: 'requested', from: 'requested', to: 'requested', reason: 'It was asked for.', ...asked },
    { type: 'queued', from: 'requested', to: 'queued', reason: 'It waits for its turn.', ...asked },
  ];
  await addEvents(
    tx,
    events.map(event => ({ run: run.number, event })),
  );
  await showFirst(tx, run);
  await wantPlan(tx);
  await sumUp(tx, run);
  const details = {
    project: spec.project,
    sha: spec.sha,
    parameters: spec.parameters,
    gpus: spec.gpus,
    place: wish.place.kind,
  };
  await appendAudit(
    tx,
    {
      actor: wish.requestedBy,
      action: 'run.requested',
      subject: `run:${run.number}`,
      outcome: 'done',
      details,
    },
    wish.at,
  );
  return run;
}
