import { sql } from 'kysely';
import type { MetricPoint, MetricSeries, MetricSummary } from '../../core/ports.ts';
import type { Db, Tx } from './database.ts';

export async function insertPoints(
  tx: Tx,
  number: number,
  attempt: number,
  points: readonly MetricPoint[],
): Promise<void> {
  if (points.length === 0) return;
  // Within one statement a row may be touched once: of points given twice the first one counts, as it does of two statements.
  const once = new Map(points.toReversed().map(point => [`${point.step} ${point.name}`, point]));
  const list = [...once.values()];
  await sql`
    insert into metric_points (run, name, step, attempt, value)
    select ${number}, name, step, ${attempt}::int, value
    from unnest(${list.map(p => p.name)}::text[], ${list.map(p => p.step)}::bigint[], ${list.map(p => p.value)}::float8[]) as p (name, step, value)
    on conflict (run, name, step) do update set value = excluded.value, attempt = excluded.attempt
    where excluded.attempt > metric_points.attempt`.execute(tx);
}

export async function summaries(db: Db, number: number): Promise<MetricSummary[]> {
  const { rows } = await sql<{
    name: string;
    count: number;
    last: [value: number, step: number];
    least: [value: number, step: number];
    most: [value: number, step: number];
  }>`
    select name, count(*) as count,
      (array_agg(array[value, step::float8] order by attempt desc, step desc))[1:1] as last,
      (array_agg(array[value, step::float8] order by value, step))[1:1] as least,
      (array_agg(array[value, step::float8] order by value desc, step))[1:1] as most
    from metric_points where run = ${number} group by name order by name`.execute(db);
  return rows.map(({ name, count, ...at }) => {
    const [last, least, most] = [at.last, at.least, at.most].flat().map(pair => pairOf(pair));
    if (!last || !least || !most) throw new Error('a metric without points');
    return { name, count, ...last, least, most };
  });
}

function pairOf(pair: unknown): { value: number; step: number } {
  const [value, step] = Array.isArray(pair) ? pair : [];
  return { value: Number(value), step: Number(step) };
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
    with points as not materialized (
      select step, value from metric_points where run = ${number} and name = ${name}
    ), ends as (
      select min(step) as first, max(step) as last, count(*) as amount from points
    ), placed as not materialized (
      select step, value,
        case when amount <= ${most} then step
          else floor((step - first)::float8 * ${parts}::float8 / (last - first + 1)::float8)::bigint end as part
      from points, ends
    ), shape as (
      select part, min(step) as first, max(step) as last, min(value) as least, max(value) as most from placed group by part
    ), kept as (
      select first as step from shape union select last from shape
      union select min(step) filter (where value = least) from placed join shape using (part) group by part
      union select min(step) filter (where value = most) from placed join shape using (part) group by part
    )
    select step, value from points join kept using (step) order by step`.execute(db);
  return rows;
}
