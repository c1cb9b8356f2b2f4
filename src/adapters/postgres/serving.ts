import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { Serving, ServingPlace, ServingRow, ServingStore, Way } from '../../core/promotion/serving.ts';
import { endStates } from '../../core/run.ts';
import { appendAudit } from './audit.ts';
import { type Db, json } from './database.ts';
import { runOf } from './run-rows.ts';

const mostRuns = 50;

export function servingStore(db: Db): ServingStore {
  return {
    async of(place) {
      const [one] = await read(db, place);
      return one ?? { ...place, hold: null, rows: [] };
    },
    all: () => read(db, null),
    async apply({ model, environment, target, promotion, stage, weights, before, settled }, now) {
      return await db.transaction().execute(async tx => {
        const { rows } = await sql<{ stage: number }>`
          insert into serving_holds (model, environment, target, promotion, stage, before, at)
          values (${model}, ${environment}, ${target}, ${promotion}, ${stage}, ${before}, ${now})
          on conflict (model, environment) do update set target = excluded.target, promotion = excluded.promotion,
            stage = excluded.stage, before = excluded.before, at = excluded.at
            where (serving_holds.promotion, serving_holds.stage) < (excluded.promotion, excluded.stage)
          returning stage`.execute(tx);
        if (rows.length === 0) {
          const held = await tx
            .selectFrom('serving_holds')
            .select(['promotion', 'stage'])
            .where('model', '=', model)
            .where('environment', '=', environment)
            .executeTakeFirstOrThrow();
          return held.promotion === promotion && held.stage === stage ? 'same' : 'overtaken';
        }
        const versions = Object.entries(weights).map(([version, weight]) => ({
          version: Number(version),
          weight,
          settled: settled.includes(Number(version)),
        }));
        await sql`
          delete from serving where model = ${model} and environment = ${environment}
            and version not in (select version from jsonb_to_recordset(${json(versions)}::jsonb) as v (version int))`.execute(
          tx,
        );
        await sql`
          insert into serving (model, environment, version, weight, settled, promotion, since)
          select ${model}, ${environment}, version, weight, settled, ${promotion}::bigint, ${now}::timestamptz
          from jsonb_to_recordset(${json(versions)}::jsonb) as v (version int, weight int, settled boolean)
          on conflict (model, environment, version) do update set weight = excluded.weight, settled = excluded.settled,
            since = case when serving.weight = excluded.weight then serving.since else excluded.since end`.execute(
          tx,
        );
        const entry = {
          actor: system,
          action: 'serving.changed',
          subject: `model:${model}`,
          outcome: 'done' as const,
          details: { environment, target, promotion, stage, weights },
        };
        await appendAudit(tx, entry, now);
        return 'applied';
      });
    },
    async runs({ model, environment }) {
      const rows = await servingRuns(db)
        .where(sql`spec -> 'serves' ->> 'model'`, '=', model)
        .where(sql`spec -> 'serves' ->> 'environment'`, '=', environment)
        .where(sql<boolean>`number in (${those({ model, environment })})`)
        .execute();
      return rows.map(servingRun);
    },
    async atWork() {
      const rows = await servingRuns(db)
        .where('state', 'not in', [...endStates])
        .execute();
      return rows.map(servingRun);
    },
    async heard(run, attempt, { port, ready }) {
      await db
        .insertInto('serving_ports')
        .values({ run, attempt, port, ready })
        .onConflict(conflict =>
          conflict
            .column('run')
            .doUpdateSet({ attempt, port, ready, changed_at: sql`now()` })
            .where('serving_ports.attempt', '<=', attempt)
            .where(
              sql<boolean>`(serving_ports.attempt, serving_ports.port, serving_ports.ready) is distinct from (${attempt}::int, ${port}::int, ${ready}::boolean)`,
            ),
        )
        .execute();
    },
    async ways() {
      // Of a version that is being started again, what it was may be there still.
      const { rows } = await sql<Way>`
        select h.target, s.model, s.environment, s.version, s.weight, h.promotion, h.stage, r.port
        from serving s
        join serving_holds h on h.model = s.model and h.environment = s.environment
        left join lateral (
          select p.port from runs join serving_ports p on p.run = runs.number and p.attempt = runs.attempt
          where kind = 'serve' and spec -> 'serves' ->> 'model' = s.model and spec -> 'serves' ->> 'environment' = s.environment
            and (spec -> 'serves' ->> 'version')::int = s.version and state = 'running' and stopping is null and p.ready
          order by number desc limit 1
        ) r on true
        order by h.target, s.version`.execute(db);
      return rows;
    },
    async count(answered) {
      if (answered.length === 0) return;
      await sql`
        insert into serving_counts as c (model, environment, version, promotion, stage, answers, errors, seconds)
        select * from jsonb_to_recordset(${json(answered)}::jsonb) as a
          (model text, environment text, version int, promotion bigint, stage int, answers bigint, errors bigint, seconds double precision)
        order by 1, 2, 3, 4, 5
        on conflict (model, environment, version, promotion, stage) do update set answers = c.answers + excluded.answers,
          errors = c.errors + excluded.errors, seconds = c.seconds + excluded.seconds`.execute(db);
    },
    async counts({ model, environment, version, promotion, stage }) {
      const row = await db
        .selectFrom('serving_counts')
        .select(['answers', 'errors', 'seconds'])
        .where('model', '=', model)
        .where('environment', '=', environment)
        .where('version', '=', version)
        .where('promotion', '=', promotion)
        .where('stage', '=', stage)
        .executeTakeFirst();
      return row ?? { answers: 0, errors: 0, seconds: 0 };
    },
    async told({ model, environment, promotion, stage }) {
      const row = await db
        .selectFrom('serving_told')
        .selectAll()
        .where('model', '=', model)
        .where('environment', '=', environment)
        .where('promotion', '=', promotion)
        .where('stage', '=', stage)
        .executeTakeFirst();
      return row ? { states: row.states, tries: row.tries, nextAt: row.next_at } : null;
    },
    async tell({ model, environment, promotion, stage }, { states, tries, nextAt }) {
      await sql`
        insert into serving_told (model, environment, promotion, stage, states, tries, next_at)
        values (${model}, ${environment}, ${promotion}, ${stage}, ${json(states)}::jsonb, ${tries}, ${nextAt})
        on conflict (model, environment) do update set promotion = excluded.promotion, stage = excluded.stage,
          states = excluded.states, tries = excluded.tries, next_at = excluded.next_at
          where (serving_told.promotion, serving_told.stage) <= (excluded.promotion, excluded.stage)`.execute(
        db,
      );
    },
  };
}

/** What was begun last, all that is at work, and the last of each version that is to serve: that may be older than many that were tried since. */
function those({ model, environment }: ServingPlace) {
  const there = sql`kind = 'serve' and spec -> 'serves' ->> 'model' = ${model} and spec -> 'serves' ->> 'environment' = ${environment}`;
  return sql`
    (select number from runs where ${there} order by number desc limit ${mostRuns})
    union all (select number from runs where kind = 'serve' and state not in (${sql.join(endStates)}))
    union all (
      select (
        select number from runs where ${there} and (spec -> 'serves' ->> 'version')::int = s.version order by number desc limit 1
      ) from serving s where model = ${model} and environment = ${environment}
    )`;
}

function servingRuns(db: Db) {
  return db
    .selectFrom('runs')
    .leftJoin('serving_ports', join =>
      join.onRef('serving_ports.run', '=', 'runs.number').onRef('serving_ports.attempt', '=', 'runs.attempt'),
    )
    .selectAll('runs')
    .select(['serving_ports.port', 'serving_ports.ready'])
    .where('kind', '=', 'serve')
    .orderBy('number', 'desc');
}

function servingRun({
  port,
  ready,
  ...row
}: Parameters<typeof runOf>[0] & { port: number | null; ready: boolean | null }) {
  return { run: runOf(row), port, ready: ready ?? false };
}

/** As one moment has it: a change is seen whole or not at all. */
async function read(db: Db, place: ServingPlace | null): Promise<Serving[]> {
  const only = place ? sql`where h.model = ${place.model} and h.environment = ${place.environment}` : sql``;
  const { rows } = await sql<{
    model: string;
    environment: string;
    target: string;
    promotion: number;
    stage: number;
    before: number | null;
    at: Date;
    rows: (Omit<ServingRow, 'since'> & { since: string })[];
  }>`
    select h.*, coalesce((
      select jsonb_agg(to_jsonb(s) order by s.version) from serving s where s.model = h.model and s.environment = h.environment
    ), '[]') as rows
    from serving_holds h ${only} order by h.model, h.environment`.execute(db);
  return rows.map(({ model, environment, rows: served, ...hold }) => ({
    model,
    environment,
    hold: {
      target: hold.target,
      promotion: hold.promotion,
      stage: hold.stage,
      before: hold.before,
      at: hold.at,
    },
    rows: served.map(row => ({ ...row, since: new Date(row.since) })),
  }));
}
