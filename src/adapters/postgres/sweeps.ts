import { type Selectable, sql } from 'kysely';
import { hasMessages } from '../../core/actor.ts';
import type { SweepStore, SweepWork } from '../../core/ports.ts';
import { endStates, type Run } from '../../core/run.ts';
import { counterNames } from '../../core/run-facts.ts';
import type { Sweep } from '../../core/sweep.ts';
import { appendAudit } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { summariesOf } from './metrics.ts';
import { runOf } from './run-rows.ts';
import { insertRun } from './runs.ts';

/** Sums of larger ones could be no number any more; they are left out of averages. */
const largestAveraged = 1e290;

export function sweepStore(db: Db): SweepStore & SweepWork {
  async function byKey(key: string) {
    const row = await db.selectFrom('sweeps').selectAll().where('request_key', '=', key).executeTakeFirst();
    return row && { sweep: sweepOf(row), runs: await runsOf(db, row.number) };
  }

  return {
    async create(wish) {
      const known = await byKey(wish.key);
      if (known) return { ...known, created: false };
      const made = await db.transaction().execute(async tx => {
        const { key, spec, members, priority, requestedBy, place, at } = wish;
        const row = await tx
          .insertInto('sweeps')
          .values({
            request_key: key,
            spec: json(spec),
            requested_by: json({ ...requestedBy, breakglass: undefined }),
            place: json(place),
            created_at: at,
          })
          .onConflict(conflict => conflict.column('request_key').doNothing())
          .returningAll()
          .executeTakeFirst();
        if (!row) return null;
        const runs: Run[] = [];
        for (const [i, one] of members.entries()) {
          const sweep = { number: row.number, member: i + 1 };
          const shared = { priority, requestedBy, place, at };
          const run = await insertRun(tx, { key: `${key}#${i + 1}`, spec: { ...one, sweep }, ...shared });
          if (!run) throw new Error('a member of a sweep is there without its sweep');
          runs.push(run);
        }
        await addMessage(tx, sweepOf(row), 'sweep');
        const entry = { actor: requestedBy, action: 'sweep.requested', subject: `sweep:${row.number}` };
        const details = { project: spec.project, axes: spec.axes, runs: runs.map(run => run.number) };
        await appendAudit(tx, { ...entry, outcome: 'done', details }, at);
        return { sweep: sweepOf(row), runs };
      });
      if (made) return { ...made, created: true };
      const other = await byKey(wish.key);
      if (!other) throw new Error('a sweep with this key was in the way and is gone');
      return { ...other, created: false };
    },
    async get(number) {
      const row = await db.selectFrom('sweeps').selectAll().where('number', '=', number).executeTakeFirst();
      return row ? sweepOf(row) : null;
    },
    async newestNumber() {
      const row = await db
        .selectFrom('sweeps')
        .select('number')
        .orderBy('number', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row?.number ?? null;
    },
    async members({ number, spec }) {
      const runs = await runsOf(db, number);
      const numbers = runs.map(run => run.number);
      const names = [...(spec.metric === null ? [] : [spec.metric]), ...counterNames];
      const summaries = await summariesOf(db, numbers, names);
      const stops = await db
        .selectFrom('sweep_stops')
        .selectAll()
        .where(sql<boolean>`run = any(${numbers}::bigint[])`)
        .execute();
      return runs.map(run => {
        const metrics = summaries.get(run.number) ?? [];
        const row = stops.find(one => one.run === run.number);
        const stop = row
          ? { step: row.step, value: row.value, median: row.median, completed: row.completed }
          : null;
        return { run, metrics, stop };
      });
    },
    async cancel(number, actor) {
      const { numUpdatedRows } = await db
        .updateTable('sweeps')
        .set({
          cancelled_by: sql`coalesce(cancelled_by, ${json({ ...actor, breakglass: undefined })}::jsonb)`,
        })
        .where('number', '=', number)
        .where('ended_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async open(after, limit) {
      const rows = await db
        .selectFrom('sweeps')
        .selectAll()
        .where('ended_at', 'is', null)
        .where('number', '>', after)
        .where('next_at', '<=', sql<Date>`now()`)
        .orderBy('number')
        .limit(limit)
        .execute();
      return rows.map(sweepOf);
    },
    async show(number) {
      // It is looked at here rather than told by every change: members that change at once would wait for each other over one row.
      await sql`
        with present as (
          select md5(string_agg(concat_ws(' ', r.number, r.state, r.stopping, r.attempt, r.waiting ->> 'code', m.reports, x.step), ','
            order by r.number)) as seen
          from runs r left join metric_reports m on m.run = r.number left join sweep_stops x on x.run = r.number
          where r.sweep = ${number}
        ), changed as (
          update sweeps set seen = concat(present.seen, sweeps.cancelled_by ->> 'id') from present
          where number = ${number} and sweeps.seen is distinct from concat(present.seen, sweeps.cancelled_by ->> 'id')
          returning number
        )
        update surfaces set wanted_seq = wanted_seq + 1 from changed where sweep = number and kind = 'sweep'`.execute(
        db,
      );
    },
    async turn(number, pauseMs) {
      const { numUpdatedRows } = await db
        .updateTable('sweeps')
        .set({ next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})` })
        .where('number', '=', number)
        .where('next_at', '<=', sql<Date>`now()`)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async trials({ number, spec: { metric, better } }, values) {
      if (metric === null || better === null) return [];
      const { rows } = await sql<Row>`
        select r.number as run, s.last_step as step, s.count as values, s.least_value as least, s.most_value as most,
          coalesce((
            select json_agg(a.mean) from runs done
            cross join lateral (
              select sum(value) / count(*) as mean from metric_points
              where run = done.number and name = ${metric} and step <= s.last_step and abs(value) < ${largestAveraged}::float8
            ) a
            where done.sweep = ${number} and done.state = 'succeeded' and a.mean is not null
          ), '[]') as averages
        from runs r join metric_summaries s on s.run = r.number and s.name = ${metric}
        where r.sweep = ${number} and r.state = 'running' and r.stopping is null and s.count >= ${values}
          and not exists (select from sweep_stops x where x.run = r.number)
        order by r.number`.execute(db);
      return rows.map(({ run, step, values, least, most, averages }) => {
        const best = better === 'lower' ? least : most;
        return { run, step, values, best, averages };
      });
    },
    async found(run, stop, at) {
      await db
        .insertInto('sweep_stops')
        .values({ run, ...stop, at })
        .onConflict(conflict => conflict.doNothing())
        .execute();
    },
    async end(number, at) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .updateTable('sweeps')
          .set({ ended_at: at })
          .where('number', '=', number)
          .where('ended_at', 'is', null)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('runs')
                  .select('runs.number')
                  .where('sweep', '=', number)
                  .where('state', 'not in', endStates),
              ),
            ),
          )
          .returningAll()
          .executeTakeFirst();
        if (!row) return [];
        await tx
          .updateTable('surfaces')
          .set({ wanted_seq: sql`wanted_seq + 1` })
          .where('sweep', '=', number)
          .where('kind', '=', 'sweep')
          .execute();
        await addMessage(tx, sweepOf(row), 'sweep-ended');
        const rows = await tx
          .selectFrom('surfaces')
          .select('id')
          .where('sweep', '=', number)
          .where('kind', 'in', ['sweep', 'sweep-ended'])
          .execute();
        return rows.map(one => one.id);
      });
    },
  };
}

interface Row {
  run: number;
  step: number;
  values: number;
  least: number;
  most: number;
  averages: number[];
}

function sweepOf(row: Selectable<Tables['sweeps']>): Sweep {
  return {
    number: row.number,
    spec: row.spec,
    requestedBy: row.requested_by,
    place: row.place,
    createdAt: row.created_at,
    cancelledBy: row.cancelled_by,
    endedAt: row.ended_at,
  };
}

async function runsOf(db: Db, number: number): Promise<Run[]> {
  const rows = await db
    .selectFrom('runs')
    .selectAll()
    .where('sweep', '=', number)
    .orderBy('number')
    .execute();
  return rows.map(runOf);
}

/** On GitHub, where there are no threads, the one comment says the end too. */
async function addMessage(tx: Tx, { number, place }: Sweep, kind: 'sweep' | 'sweep-ended'): Promise<void> {
  if (!hasMessages(place) || (place.kind === 'github' && kind !== 'sweep')) return;
  await tx
    .insertInto('surfaces')
    .values({ key: `sweep:${number}:${kind}`, kind, sweep: number, place: json(place) })
    .onConflict(conflict => conflict.column('key').doNothing())
    .execute();
}
