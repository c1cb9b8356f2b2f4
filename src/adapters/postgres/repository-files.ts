import { sql } from 'kysely';
import type { DueSchedule, RepositoryFileStore } from '../../core/ports.ts';
import { type Db, json } from './database.ts';

const looksAtOnce = 5;
const schedulesAtOnce = 20;

export function repositoryFileStore(db: Db): RepositoryFileStore {
  return {
    async lookSoon(repo) {
      await db
        .updateTable('github_repositories')
        .set({ look_at: sql<Date>`'-infinity'` })
        .where('id', '=', repo)
        .execute();
    },
    async looks(pauseMs) {
      const { rows } = await sql<{ id: number; name: string; installation: number }>`
        update github_repositories set look_at = now() + make_interval(secs => ${pauseMs / 1_000})
        where id in (select id from github_repositories where look_at <= now() order by look_at limit ${looksAtOnce}
          for update skip locked)
        returning id, name, installation`.execute(db);
      return rows;
    },
    async filed({ repo, sha, projects, schedules }) {
      await db.transaction().execute(async tx => {
        const file = { sha, projects: json(projects) };
        await tx
          .insertInto('github_files')
          .values({ repo, ...file })
          .onConflict(conflict => conflict.column('repo').doUpdateSet(file))
          .execute();
        const rules = schedules.map(({ rule }) => rule);
        await sql`delete from github_schedules where repo = ${repo} and rule <> all(${rules}::text[])`.execute(
          tx,
        );
        for (const { rule, schedule, next } of schedules) {
          const { cron, timeZone: zone } = schedule;
          await tx
            .insertInto('github_schedules')
            .values({ repo, rule, cron, zone, next_at: next })
            .onConflict(conflict =>
              conflict
                .columns(['repo', 'rule'])
                .doUpdateSet({ cron, zone, next_at: next })
                .where(eb =>
                  eb.or([eb('github_schedules.cron', '!=', cron), eb('github_schedules.zone', '!=', zone)]),
                ),
            )
            .execute();
        }
      });
    },
    async dueSchedules(now, holdMs) {
      const { rows } = await sql<{
        repo: number;
        rule: string;
        at: Date;
        name: string;
        installation: number;
      }>`
        with due as (
          select repo, rule from github_schedules
          where next_at <= ${now}::timestamptz and claimed_until <= now()
          order by next_at limit ${schedulesAtOnce} for update skip locked
        )
        update github_schedules as s set claimed_until = now() + make_interval(secs => ${holdMs / 1_000})
        from due, github_repositories as r
        where s.repo = due.repo and s.rule = due.rule and r.id = s.repo
        returning s.repo, s.rule, s.next_at as at, r.name, r.installation`.execute(db);
      return rows.map(({ repo: id, rule, at, name, installation }) => ({
        ...{ rule, at },
        repo: { id, name, installation },
      }));
    },
    async scheduled({ repo, rule, at }: DueSchedule, next) {
      // Read anew meanwhile, it has another moment already.
      if (next === null)
        await sql`delete from github_schedules where repo = ${repo.id} and rule = ${rule} and next_at = ${at}`.execute(
          db,
        );
      else
        await sql`update github_schedules set next_at = ${next}, claimed_until = '-infinity'
          where repo = ${repo.id} and rule = ${rule} and next_at = ${at}`.execute(db);
    },
    async said(sources) {
      const rows = await db
        .selectFrom('github_files')
        .leftJoin('github_names', 'github_names.repo', 'github_files.repo')
        .select(['github_files.repo', 'github_files.projects', 'github_names.name'])
        .execute();
      return sources.flatMap(source => {
        const found = rows.find(row =>
          source.id === null ? row.name === source.name : row.repo === source.id,
        );
        return found ? [{ source, projects: found.projects }] : [];
      });
    },
  };
}
