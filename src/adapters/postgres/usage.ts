import { sql } from 'kysely';
import type { UsageRow, UsageStore } from '../../core/ports.ts';
import type { Db } from './database.ts';

export function usageStore(db: Db): UsageStore {
  return {
    async between({ since, until, team, limit }) {
      const ofTeam = team === undefined ? sql`true` : sql`r.team = ${team}`;
      const { rows } = await sql<UsageRow>`
        with held as (
          select r.number, r.team, r.requester, r.project, r.requested_by ->> 'name' as person,
            (r.spec ->> 'timeLimitS')::double precision + r.extra_s as limit_s, a.price::double precision as price,
            greatest(extract(epoch from least(coalesce(a.released_at, ${until}::timestamptz), ${until}::timestamptz)
              - greatest(a.held_at, ${since}::timestamptz)), 0)::double precision as held_s
          from allocations a join runs r on r.number = a.run
          where a.kind = 'gpu' and a.held_at < ${until}::timestamptz
            and (a.released_at is null or a.released_at > ${since}::timestamptz) and ${ofTeam}
        ), sums as (
          select case when grouping(team) = 0 then 'team' when grouping(requester) = 0 then 'person'
              when grouping(project) = 0 then 'project' else 'all' end as by,
            coalesce(team, requester, project, '') as name,
            case when grouping(requester) = 0 then max(person) else coalesce(team, project, '') end as shown,
            count(distinct number)::int as runs, coalesce(sum(limit_s), 0) / 3600 as "askedHours",
            coalesce(sum(held_s), 0) / 3600 as "heldHours", coalesce(sum(held_s * price), 0) / 3600 as cost
          from held group by grouping sets ((team), (requester), (project), ())
        ), ranked as (
          select *, row_number() over (partition by by order by "heldHours" desc, name) as rank from sums
        )
        select by, name, shown, runs, "askedHours", "heldHours", cost from ranked
        where rank <= ${limit} order by by, rank`.execute(db);
      return rows;
    },
  };
}
