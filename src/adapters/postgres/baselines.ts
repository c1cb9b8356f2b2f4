import { sql } from 'kysely';
import type { BaselineStore, RunCosts } from '../../core/ports.ts';
import type { Db } from './database.ts';
import { runOf } from './run-rows.ts';

export function baselineStore(db: Db): BaselineStore {
  return {
    async candidates({ project, run, endedBy, onlyBefore, pull }, limit, before) {
      // One from before the pull request was kept with it says it by its place.
      const ofPull = pull
        ? sql<boolean>`coalesce(spec -> 'pull' ->> 'repo', place ->> 'repo') = ${String(pull.repo)}
            and coalesce(spec -> 'pull' ->> 'number', place ->> 'issue') = ${String(pull.number)}`
        : sql<boolean>`false`;
      let query = db
        .selectFrom('runs')
        .selectAll()
        .where('project', '=', project)
        .where('state', '=', 'succeeded')
        .where('kind', '=', 'train')
        .where('number', '<>', run)
        .where('sweep', 'is', null)
        .where(sql<boolean>`(coalesce(spec ->> 'trigger', '') <> 'pull-request' or ${ofPull})`)
        .orderBy('number', 'desc')
        .limit(limit);
      if (endedBy) query = query.where('ended_at', '<=', endedBy);
      if (onlyBefore) query = query.where('number', '<', run);
      if (before !== undefined) query = query.where('number', '<', before);
      return (await query.execute()).map(runOf);
    },
    async inProduction({ project, run, endedBy }) {
      let query = db
        .selectFrom('promotions as p')
        .innerJoin('model_versions as v', join =>
          join.onRef('v.model', '=', 'p.model').onRef('v.number', '=', 'p.version'),
        )
        .innerJoin('runs as r', 'r.number', 'v.run')
        .selectAll('r')
        .where('p.environment', '=', 'production')
        .where('p.state', '=', 'live')
        .where('v.project', '=', project)
        .where('v.run', '<>', run)
        .orderBy('p.ended_at', 'desc')
        .orderBy('p.number', 'desc')
        .limit(1);
      if (endedBy) query = query.where('p.ended_at', '<=', endedBy);
      const row = await query.executeTakeFirst();
      return row ? runOf(row) : null;
    },
  };
}

export function runCosts(db: Db): RunCosts {
  return {
    async of(run, now) {
      const { rows } = await sql<{ hours: number; money: number }>`
        with held as (
          select price, greatest(extract(epoch from coalesce(released_at, ${now}::timestamptz) - held_at), 0)::double precision as s
          from allocations where run = ${run} and kind = 'gpu'
        )
        select coalesce(sum(s), 0) / 3600 as hours, coalesce(sum(s * price), 0) / 3600 as money from held`.execute(
        db,
      );
      return rows[0] ?? { hours: 0, money: 0 };
    },
  };
}
