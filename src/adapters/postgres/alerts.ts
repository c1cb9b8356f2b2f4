import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { Heard } from '../../core/alerts/judge-alert.ts';
import { nothingLeftOut } from '../../core/metric-points.ts';
import type { AlertStore, FiredAlert } from '../../core/ports.ts';
import { isEnd, type Run, transition } from '../../core/run.ts';
import type { Db, Tx } from './database.ts';
import { addSurface, runOf, showRuns, storeTransition } from './run-rows.ts';

/** What MLflow knows is read for so long after a run's end. */
const lastWordsMs = 24 * 3_600_000;

export function alertStore(db: Db): AlertStore {
  const ruled = db
    .selectFrom('runs')
    .innerJoin('metric_reports', 'metric_reports.run', 'runs.number')
    .selectAll('runs')
    .select(['metric_reports.reports', 'metric_reports.left_out'])
    .where(sql<boolean>`spec -> 'alerts' is not null`)
    .orderBy('number');
  return {
    async due(now) {
      const atWork = await ruled
        .where('state', '=', 'running')
        .where('stopping', 'is', null)
        .where(eb => eb.or([eb('reports', '>', eb.ref('judged')), eb('judge_at', '<=', now)]))
        .execute();
      const over = await ruled
        // As the index has it.
        .where(sql<boolean>`state = 'succeeded'`)
        .where('ended_at', '>', new Date(now.getTime() - lastWordsMs))
        .whereRef('reports', '>', 'judged')
        .execute();
      return await Promise.all(
        [...atWork, ...over].map(async row => {
          const run = runOf(row);
          const metrics = await heardBy(db, run, row.left_out ?? nothingLeftOut);
          const fired = await firedOf(db, run);
          return { run, metrics, fired: fired.map(one => one.rule), reports: row.reports };
        }),
      );
    },
    async epochs(run, steps) {
      if (steps.length === 0) return new Map();
      // An epoch is often said at its end only: what came before the first one counts as of that.
      const { rows } = await sql<{ step: number; epoch: number }>`
        select asked.step, found.value as epoch from unnest(${steps}::bigint[]) as asked (step), lateral (
          (select 0 as turn, value from metric_points where run = ${run} and name = 'epoch' and step <= asked.step order by step desc limit 1)
          union all
          (select 1, value from metric_points where run = ${run} and name = 'epoch' and step > asked.step order by step limit 1)
          order by turn limit 1
        ) as found`.execute(db);
      return new Map(rows.map(({ step, epoch }) => [step, epoch]));
    },
    async fire({ run: { number, attempt, state }, rule, stops, sentence, reason, content }, now) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .selectFrom('runs')
          .selectAll()
          .where('number', '=', number)
          .forUpdate()
          .executeTakeFirst();
        if (!row) return null;
        const before = runOf(row);
        if (before.attempt !== attempt || before.state !== state) return null;
        // An end is an end: nothing becomes of it any more.
        const after = isEnd(state)
          ? null
          : transition(
              before,
              stops
                ? { type: 'stop', actor: system, why: 'rule', reason }
                : { type: 'warn', attempt, reason },
              now,
              system,
            );
        if (after?.ok === false) return null;
        const { numInsertedOrUpdatedRows: said } = await tx
          .insertInto('run_alerts')
          .values({ run: number, rule, attempt, sentence, at: now })
          .onConflict(conflict => conflict.doNothing())
          .executeTakeFirst();
        if (said !== 1n) return [];
        if (after) await storeTransition(tx, before, after);
        else await showRuns(tx, [number]);
        await addSurface(tx, `run:${number}:alert:${rule}`, 'alert', before, content);
        return await unseen(tx, number);
      });
    },
    async judged({ number }, reports, again) {
      await db
        .updateTable('metric_reports')
        .set({ judged: sql`greatest(judged, ${reports}::bigint)`, judge_at: again })
        .where('run', '=', number)
        .execute();
    },
  };
}

/** What the newest attempt said last of each metric; one whose newest value is not finite has no number, whatever came before. */
async function heardBy(
  db: Db,
  { number, attempt }: Run,
  { notFinite }: typeof nothingLeftOut,
): Promise<Heard[]> {
  const rows = await db.selectFrom('metric_summaries').selectAll().where('run', '=', number).execute();
  const heard = new Map<string, Heard & { attempt: number }>();
  for (const row of rows)
    heard.set(row.name, {
      name: row.name,
      attempt: row.last_attempt,
      step: row.last_step,
      value: row.last_value,
      ends: {
        least: { value: row.least_value, step: row.least_step },
        most: { value: row.most_value, step: row.most_step },
      },
    });
  for (const { name, attempt, step } of notFinite) {
    const known = heard.get(name);
    if (!known || isBehind({ attempt, step }, known))
      heard.set(name, { name, attempt, step, value: Number.NaN, ends: known?.ends ?? null });
  }
  return [...heard.values()].filter(one => one.attempt === attempt);
}

/** Of a finite value and another at the same step, the other counts: whatever was kept of that step, the run has no number there. */
export function isBehind(
  one: { attempt: number; step: number },
  other: { attempt: number; step: number },
): boolean {
  return one.attempt === other.attempt ? one.step >= other.step : one.attempt > other.attempt;
}

/** What was said of a run, in the order in which it was. */
export async function firedOf(db: Db, run: Run): Promise<FiredAlert[]> {
  const rows = await db
    .selectFrom('run_alerts')
    .selectAll()
    .where('run', '=', run.number)
    .orderBy('at')
    .orderBy('rule')
    .execute();
  return rows.flatMap(({ rule, sentence, at }) => {
    const said = run.spec.alerts?.[rule];
    return said ? [{ ...said, rule, sentence, at }] : [];
  });
}

async function unseen(tx: Tx, run: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('surfaces')
    .select('id')
    .where('run', '=', run)
    .whereRef('wanted_seq', '>', 'seen_seq')
    .where('gave_up', '=', false)
    .execute();
  return rows.map(row => row.id);
}
