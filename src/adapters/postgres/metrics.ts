import { type Selectable, sql } from 'kysely';
import {
  leaveOut,
  metricLimits,
  nothingLeftOut,
  type RefusedPoint,
  sortPoints,
} from '../../core/metric-points.ts';
import { advance } from '../../core/pace.ts';
import type {
  MetricPoint,
  MetricSeries,
  MetricSummary,
  MetricsTaken,
  Reported,
  StallStore,
} from '../../core/ports.ts';
import { firedOf, isBehind } from './alerts.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { addSurface, runOf, showRuns } from './run-rows.ts';

/**
 * Stores points with what is kept beside them: a summary of each metric, the run's pace, and what was left out. All that reports of a run
 * change is changed under one row's lock, so that the summaries are those of the points.
 *
 * Why summaries are rows of their own: the last, least and most of a million points would take a second to find whenever a message is shown,
 * and indexes that find them would double what every point costs. Here a report costs one look at the rows of its own metrics. The one case in which a
 * summary does not follow from itself and the report is that a later attempt replaces the very point that was the least or the most by
 * one that is not: then that metric is looked through once.
 */
export async function insertPoints(
  tx: Tx,
  number: number,
  attempt: number,
  reported: readonly MetricPoint[],
  unread: readonly RefusedPoint[] = [],
  now = new Date(),
): Promise<MetricsTaken> {
  const sorted = sortPoints(reported);
  if (reported.length + unread.length === 0) return { taken: 0, refused: {} };
  const known = await lockReports(tx, number);
  const { points, beyond } = await withinLimits(tx, number, known, sorted.points);
  const refused = [...unread, ...sorted.refused, ...beyond];
  const stored = points.length > 0 ? await store(tx, number, attempt, points) : nothingStored;
  if (stored.stale.length > 0) await lookThrough(tx, number, stored.stale);
  const leftOut = leaveOut(known.left_out ?? nothingLeftOut, attempt, refused);
  const pace = advance(known.pace, attempt, points, now);
  const isTold = leftOut !== (known.left_out ?? nothingLeftOut) || pace !== known.pace;
  if (isTold || stored.changed > 0)
    await tx
      .updateTable('metric_reports')
      .set({
        names: sql`names + ${stored.names}`,
        points: sql`points + ${stored.fresh}`,
        reports: sql`reports + 1`,
        left_out: leftOut === nothingLeftOut ? null : json(leftOut),
        pace: pace && json(pace),
      })
      .where('run', '=', number)
      .execute();
  if (isTold || stored.changed > 0) await showRuns(tx, [number]);
  const count = Object.groupBy(refused, ({ why }) => why);
  return {
    taken: points.length,
    refused: Object.fromEntries(Object.entries(count).map(([why, all]) => [why, all.length])),
  };
}

type Reports = Pick<Selectable<Tables['metric_reports']>, 'names' | 'points' | 'left_out' | 'pace'>;

async function lockReports(tx: Tx, number: number): Promise<Reports> {
  const locked = () =>
    tx
      .selectFrom('metric_reports')
      .select(['names', 'points', 'left_out', 'pace'])
      .where('run', '=', number)
      .forUpdate()
      .executeTakeFirst();
  const known = await locked();
  if (known) return known;
  await tx
    .insertInto('metric_reports')
    .values({ run: number })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  return (await locked()) ?? { names: 0, points: 0, left_out: null, pace: null };
}

/** Each point once: of those given twice the first one counts, as it does where they come one after the other. */
async function withinLimits(
  tx: Tx,
  number: number,
  known: Reports,
  all: readonly MetricPoint[],
): Promise<{ points: MetricPoint[]; beyond: RefusedPoint[] }> {
  const names = new Set(all.map(point => point.name));
  const beyond: RefusedPoint[] = [];
  if (known.names + names.size > metricLimits.names) {
    const rows = await tx
      .selectFrom('metric_summaries')
      .select('name')
      .where('run', '=', number)
      .where(sql<boolean>`name = any(${[...names]}::text[])`)
      .execute();
    const have = new Set(rows.map(row => row.name));
    let room = metricLimits.names - known.names;
    for (const name of names) if (!have.has(name) && room-- <= 0) names.delete(name);
  }
  const room = metricLimits.points - known.points;
  const once = new Map<string, Set<number>>();
  const points: MetricPoint[] = [];
  for (const point of all) {
    const { name, step } = point;
    if (!names.has(name)) {
      beyond.push({ why: 'names', name, step });
      continue;
    }
    const steps = once.get(name) ?? new Set();
    if (steps.has(step)) continue;
    if (points.length >= room) {
      beyond.push({ why: 'points', name, step });
      continue;
    }
    once.set(name, steps.add(step));
    points.push(point);
  }
  return { points, beyond };
}

interface Stored {
  /** Points and names that were not there. */
  fresh: number;
  names: number;
  /** Points that were stored, also in the place of another. */
  changed: number;
  /** Metrics whose least or most point was replaced by one that is less so. */
  stale: string[];
}
const nothingStored: Stored = { fresh: 0, names: 0, changed: 0, stale: [] };

async function store(
  tx: Tx,
  number: number,
  attempt: number,
  points: readonly MetricPoint[],
): Promise<Stored> {
  const names = [...new Set(points.map(point => point.name))];
  const index = new Map(names.map((name, i) => [name, i + 1]));
  // Arrays of numbers in the notation of PostgreSQL: the driver would look at each element by itself.
  const list = (of: (point: MetricPoint) => number | undefined) => `{${points.map(of).join(',')}}`;
  const { rows } = await sql<Stored>`
    with given as (
      select (${names}::text[])[n] as name, step, value from unnest(${list(p => index.get(p.name))}::int[], ${list(p => p.step)}::bigint[],
        ${list(p => p.value)}::float8[]) as p (n, step, value)
    ), stored as (
      insert into metric_points (run, name, step, attempt, value)
      select ${number}, name, step, ${attempt}::int, value from given
      on conflict (run, name, step) do update set value = excluded.value, attempt = excluded.attempt
      where excluded.attempt > metric_points.attempt
      -- A row that was inserted has no transaction that changed it.
      returning name, step, value, xmax = 0 as fresh
    ), ends as (
      select name, count(*) filter (where fresh) as fresh, max(array[step, value]) as last, min(array[value, step]) as least,
        min(array[-value, step]) as most
      from stored group by name
    ), stale as (
      select distinct name from stored join metric_summaries s using (name)
      where s.run = ${number} and not fresh
        and (step = s.least_step and stored.value > s.least_value or step = s.most_step and stored.value < s.most_value)
    ), summed as (
      insert into metric_summaries as s (run, name, count, last_attempt, last_step, last_value, least_value, least_step, most_value, most_step)
      select ${number}, name, fresh, ${attempt}::int, last[1], last[2], least[1], least[2], -most[1], most[2] from ends
      on conflict (run, name) do update set
        count = s.count + excluded.count,
        last_attempt = case when (excluded.last_attempt, excluded.last_step) > (s.last_attempt, s.last_step) then excluded.last_attempt else s.last_attempt end,
        last_step = case when (excluded.last_attempt, excluded.last_step) > (s.last_attempt, s.last_step) then excluded.last_step else s.last_step end,
        last_value = case when (excluded.last_attempt, excluded.last_step) > (s.last_attempt, s.last_step) then excluded.last_value else s.last_value end,
        least_value = case when (excluded.least_value, excluded.least_step) < (s.least_value, s.least_step) then excluded.least_value else s.least_value end,
        least_step = case when (excluded.least_value, excluded.least_step) < (s.least_value, s.least_step) then excluded.least_step else s.least_step end,
        most_value = case when (-excluded.most_value, excluded.most_step) < (-s.most_value, s.most_step) then excluded.most_value else s.most_value end,
        most_step = case when (-excluded.most_value, excluded.most_step) < (-s.most_value, s.most_step) then excluded.most_step else s.most_step end
      returning xmax = 0 as fresh
    )
    select (select coalesce(sum(fresh), 0) from ends)::int as fresh, (select count(*) from summed where fresh)::int as names,
      (select count(*) from stored)::int as changed, (select coalesce(array_agg(name), '{}') from stale) as stale`.execute(
    tx,
  );
  return rows[0] ?? nothingStored;
}
/** The least and most of these metrics, from all their points. */
async function lookThrough(tx: Tx, number: number, names: readonly string[]): Promise<void> {
  await sql`
    with ends as (
      select name, min(array[value, step]) as least, min(array[-value, step]) as most from metric_points
      where run = ${number} and name = any(${names}::text[]) group by name
    )
    update metric_summaries s
    set least_value = least[1], least_step = least[2], most_value = -most[1], most_step = most[2]
    from ends where s.run = ${number} and s.name = ends.name`.execute(tx);
}

/** By run: of all its metrics, or of these, by name. */
export async function summariesOf(
  db: Db,
  runs: readonly number[],
  names?: readonly string[],
): Promise<Map<number, MetricSummary[]>> {
  let query = db.selectFrom('metric_summaries').selectAll().where(sql<boolean>`run = any(${runs}::bigint[])`);
  if (names) query = query.where(sql<boolean>`name = any(${names}::text[])`);
  const rows = await query.orderBy('name').execute();
  const told = await db
    .selectFrom('metric_reports')
    .select(['run', 'left_out'])
    .where(sql<boolean>`run = any(${runs}::bigint[])`)
    .where('left_out', 'is not', null)
    .execute();
  const odd = new Map(
    told.map(({ run, left_out }) => [
      run,
      new Map((left_out ?? nothingLeftOut).notFinite.map(one => [one.name, one])),
    ]),
  );
  return new Map(
    runs.map(run => [
      run,
      rows.filter(row => row.run === run).map(row => summaryOf(row, odd.get(run)?.get(row.name))),
    ]),
  );
}

/** `odd`: where its newest value that was not finite stood. */
function summaryOf(
  row: Selectable<Tables['metric_summaries']>,
  odd: { attempt: number; step: number } | undefined,
): MetricSummary {
  const last = { attempt: row.last_attempt, step: row.last_step };
  return {
    ...(odd && isBehind(odd, last) ? { notFinite: odd.step } : {}),
    name: row.name,
    step: row.last_step,
    value: row.last_value,
    count: row.count,
    least: { value: row.least_value, step: row.least_step },
    most: { value: row.most_value, step: row.most_step },
  };
}

/** An agent that was not heard for longer is silent. */
const silentS = 15;
const heardSince = sql<Date | null>`case when agents.seen_at > clock_timestamp() - make_interval(secs => ${silentS})
  then coalesce(agents.back_at, 'epoch') end`;

export async function reported(db: Db, number: number): Promise<Reported> {
  const row = await db
    .selectFrom('runs')
    .leftJoin('metric_reports', 'metric_reports.run', 'runs.number')
    .leftJoin('agents', 'agents.pool', 'runs.pool')
    .selectAll('runs')
    .select(['left_out', 'pace', heardSince.as('heard')])
    .where('number', '=', number)
    .executeTakeFirst();
  return {
    leftOut: row?.left_out ?? nothingLeftOut,
    pace: row?.pace ?? null,
    heardSince: row?.heard ?? null,
    alerts: row?.spec.alerts ? await firedOf(db, runOf(row)) : [],
  };
}

export function stallStore(db: Db): StallStore {
  return {
    async quiet(before) {
      const rows = await db
        .selectFrom('runs')
        .innerJoin('metric_reports', 'metric_reports.run', 'runs.number')
        .leftJoin('agents', 'agents.pool', 'runs.pool')
        .selectAll('runs')
        .select(['metric_reports.pace', heardSince.as('heard')])
        .where('state', '=', 'running')
        .where('stopping', 'is', null)
        .where(sql<boolean>`(metric_reports.pace ->> 'at')::bigint < ${before.getTime()}::bigint`)
        .orderBy('number')
        .execute();
      return rows.flatMap(row =>
        row.pace ? [{ run: runOf(row), pace: row.pace, heardSince: row.heard }] : [],
      );
    },
    async tell(run, pace, content) {
      return await db.transaction().execute(async tx => {
        // A step that comes meanwhile waits for this, and shows the message again.
        const still = await tx
          .selectFrom('metric_reports')
          .select('run')
          .where('run', '=', run.number)
          .where(sql<boolean>`(pace ->> 'at')::bigint = ${pace.at}::bigint`)
          .forUpdate()
          .executeTakeFirst();
        if (!still) return [];
        await showRuns(tx, [run.number]);
        await addSurface(tx, `run:${run.number}:stalled:${pace.attempt}:${pace.at}`, 'stalled', run, content);
        const rows = await tx
          .selectFrom('surfaces')
          .select('id')
          .where('run', '=', run.number)
          .whereRef('wanted_seq', '>', 'seen_seq')
          .where('gave_up', '=', false)
          .execute();
        return rows.map(row => row.id);
      });
    },
  };
}

/** The parts into which the steps are cut give four points each: see `curve`. */
const pointsPerPart = 4;

export async function series(
  db: Db,
  number: number,
  names: readonly string[],
  most: number,
): Promise<MetricSeries[]> {
  const curves = await Promise.all(
    names.map(async name => ({ name, points: await curve(db, number, name, most) })),
  );
  return curves.filter(({ points }) => points.length > 0);
}

/**
 * M4 (Jugel, Jerzak, Hackenbroich, Markl: "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014): the steps are cut into
 * equal parts, and of each its first, last, least and most points stay. So no peak is lost, and a line drawn as wide as there are parts is
 * the same as that of all points. A million points never leave the database.
 */
async function curve(db: Db, number: number, name: string, most: number): Promise<MetricSeries['points']> {
  const parts = Math.max(1, Math.floor(most / pointsPerPart));
  const { rows } = await sql<{ step: number; value: number }>`
    with ends as materialized (
      select min(step) as first, max(step) as last, count(*) as amount from metric_points where run = ${number} and name = ${name}
    ), shape as (
      select min(array[step, value]) as first, max(array[step, value]) as last,
        min(array[value, step]) as least, min(array[-value, step]) as most
      from metric_points, ends where run = ${number} and name = ${name}
      group by case when amount <= ${most} then step
        else floor((step - first)::float8 * ${parts}::float8 / (last - first + 1)::float8)::bigint end
    )
    select distinct kept.step::bigint as step, value
    from shape, lateral (values (first[1], first[2]), (last[1], last[2]), (least[2], least[1]), (most[2], -most[1])) as kept (step, value)
    order by step`.execute(db);
  return rows;
}
