import { sql } from 'kysely';
import { json, type Tx } from './database.ts';

/**
 * Gives back what runs hold, and counts it for their teams in the same transaction: accelerator-seconds, each halved with every
 * half-life since it was had (the integral over the time it was held), and its price, split over the months (UTC) that it was held in.
 * What came too late by another's clock counts as of its own time. The caller holds the planner's row.
 */
export async function release(tx: Tx, runs: readonly { run: number; at: Date }[]): Promise<void> {
  if (runs.length === 0) return;
  await sql`
    with ended as (
      select run, at from jsonb_to_recordset(${json(runs)}::jsonb) as e (run bigint, at timestamptz)
    ), released as (
      update allocations set released_at = greatest(ended.at, held_at) from ended
      where allocations.run = ended.run and released_at is null
      returning allocations.run, allocations.kind, price, held_at, released_at
    ), held as (
      select team, released.kind, price, held_at, released_at, extract(epoch from released_at - held_at)::float8 as seconds,
        max(released_at) over (partition by team) as latest
      from released join runs on runs.number = released.run
    ), life as (
      select half_life_s as half from planner where id = 1
    ), had as (
      select team, latest as at,
        sum(half / ln(2) * (1 - ${decay(sql`seconds`)}) * ${decay(sql`extract(epoch from latest - released_at)`)}) as served
      from held, life where kind = 'gpu' group by team, latest
    ), spent as (
      insert into team_spent as known (team, month, amount)
      select team, month::date, sum(price / 3600 * extract(epoch from
        least(released_at, (month + interval '1 month') at time zone 'UTC') - greatest(held_at, month at time zone 'UTC')))
      from held, generate_series(date_trunc('month', held_at at time zone 'UTC'), released_at at time zone 'UTC', interval '1 month') as month
      where price > 0 group by team, month
      on conflict (team, month) do update set amount = known.amount + excluded.amount
    )
    insert into team_served as known (team, served, at)
    select team, served, at from had
    on conflict (team) do update set at = greatest(known.at, excluded.at), served = (
      select known.served * ${decay(sql`extract(epoch from excluded.at - known.at)`)}
        + excluded.served * ${decay(sql`extract(epoch from known.at - excluded.at)`)}
      from life)`.execute(tx);
}

/** What is left after so many seconds; all, where they are less than none. PostgreSQL refuses numbers that are nearly nothing. */
function decay(seconds: ReturnType<typeof sql>) {
  return sql`power(2::float8, -least(greatest(${seconds}::float8 / half, 0), 1000))`;
}
