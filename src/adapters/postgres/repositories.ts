import { sql } from 'kysely';
import type { RepositoryStore } from '../../core/ports.ts';
import { endStates } from '../../core/run.ts';
import { type Db, json } from './database.ts';
import { headStore } from './heads.ts';
import { repositoryFileStore } from './repository-files.ts';

export function repositoryStore(db: Db): RepositoryStore {
  return {
    ...headStore(db),
    ...repositoryFileStore(db),
    async seen({ id, name, installation }, sources) {
      const own = name.toLowerCase();
      const names = sources.flatMap(source => (source.id === null ? [source.name] : []));
      if (names.includes(own))
        await db
          .insertInto('github_names')
          .values({ name: own, repo: id })
          .onConflict(conflict => conflict.column('name').doNothing())
          .execute();
      const rows =
        names.length === 0
          ? []
          : await db
              .selectFrom('github_names')
              .select('name')
              .where('repo', '=', id)
              .where('name', 'in', names)
              .execute();
      const known = rows.map(row => row.name);
      // Whoever else it belongs to now chooses by themselves who may write there.
      const meant = sources.filter(
        one =>
          ownerOf(one.name) === ownerOf(own) && (one.id === null ? known.includes(one.name) : one.id === id),
      );
      if (meant.length > 0)
        await db
          .insertInto('github_repositories')
          .values({ id, name, installation })
          .onConflict(conflict =>
            conflict
              .column('id')
              .doUpdateSet({ name, installation })
              // Nearly always it is as it was, and nothing is written.
              .where(eb =>
                eb.or([
                  eb('github_repositories.name', '!=', name),
                  eb('github_repositories.installation', '!=', installation),
                ]),
              ),
          )
          .execute();
      return meant;
    },
    async find({ name, id }) {
      const all = db.selectFrom('github_repositories').selectAll('github_repositories');
      const found =
        id === null
          ? all.innerJoin('github_names', 'repo', 'id').where('github_names.name', '=', name)
          : all.where('id', '=', id);
      return (await found.executeTakeFirst()) ?? null;
    },
    async pushed({ repo, pull, branch, before, after, forced, at, sight = false }) {
      await db
        .insertInto('github_pushes')
        .values({ repo, pull, branch, before, after, forced, at, sight })
        .onConflict(conflict => conflict.doNothing())
        .execute();
    },
    async pushes(repo, pull, branch) {
      return await db
        .selectFrom('github_pushes')
        .select(['before', 'after', 'forced', 'at', 'sight'])
        .where('repo', '=', repo)
        .where(eb =>
          eb.or([
            eb('pull', '=', pull),
            ...(branch === null ? [] : [eb('pull', 'is', null).and('branch', '=', branch)]),
          ]),
        )
        .orderBy('at')
        .execute();
    },
    async heads(repo) {
      return await db
        .selectFrom('github_pushes')
        .distinctOn(['pull', 'branch'])
        .select(['pull', 'branch', 'after', 'at'])
        .where('repo', '=', repo)
        .orderBy('pull')
        .orderBy('branch')
        .orderBy('at', 'desc')
        .execute();
    },
    async arrive({ repo, branch, sha, pull, settled }) {
      await db
        .insertInto('github_arrivals')
        .values({ repo, branch, sha, pull, settled })
        .onConflict(conflict =>
          conflict.columns(['repo', 'branch', 'sha']).doUpdateSet({
            pull: sql<number | null>`coalesce(excluded.pull, github_arrivals.pull)`,
            settled: sql<boolean>`excluded.settled or github_arrivals.settled`,
          }),
        )
        .execute();
    },
    async arrival(repo, branch, sha) {
      const row = await db
        .selectFrom('github_arrivals')
        .select(['pull', 'settled'])
        .where('repo', '=', repo)
        .where('branch', '=', branch)
        .where('sha', '=', sha)
        .executeTakeFirst();
      return row ?? null;
    },
    async approve({ key, repo, pull, sha, by, at }) {
      await db
        .insertInto('github_approvals')
        .values({ key, repo, pull, sha, by: json(by), at })
        .onConflict(conflict => conflict.column('key').doNothing())
        .execute();
    },
    async approvals(repo, pull) {
      return await db
        .selectFrom('github_approvals')
        .select(['sha', 'at'])
        .where('repo', '=', repo)
        .where('pull', '=', pull)
        .execute();
    },
    async openRuns(repo, pull) {
      const rows = await db
        .selectFrom('runs')
        .select('number')
        .where(sql<string>`place ->> 'kind'`, '=', 'github')
        .where(sql<string>`place ->> 'repo'`, '=', String(repo))
        .where(sql<string>`place ->> 'issue'`, '=', String(pull))
        .where(sql<string>`spec ->> 'trigger'`, '=', 'pull-request')
        .where('state', 'not in', endStates)
        .orderBy('number')
        .execute();
      return rows.map(row => row.number);
    },
    async pullsWithRuns(repo) {
      const rows = await db
        .selectFrom('runs')
        .select(sql<number>`(place ->> 'issue')::int`.as('pull'))
        .distinct()
        .where(sql<string>`place ->> 'kind'`, '=', 'github')
        .where(sql<string>`place ->> 'repo'`, '=', String(repo))
        .where(sql<string>`spec ->> 'trigger'`, '=', 'pull-request')
        .where('state', 'not in', endStates)
        .execute();
      return rows.map(row => row.pull);
    },
  };
}

function ownerOf(name: string): string {
  return name.slice(0, name.indexOf('/'));
}
