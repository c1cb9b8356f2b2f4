import { type RawBuilder, sql } from 'kysely';
import type { GitHubPlace, Place } from '../../core/actor.ts';
import { checkOf } from '../../core/check.ts';
import type { ProposedHead } from '../../core/head-summary.ts';
import type { HeadStore } from '../../core/ports.ts';
import type { Run } from '../../core/run.ts';
import { type Db, json, type Tx } from './database.ts';

/** What is known of a commit; null: nothing is. */
export async function headAt(db: Db, place: Place, sha: string): Promise<ProposedHead | null> {
  if (place.kind !== 'github') return null;
  const row = await db
    .selectFrom('github_heads')
    .select(['pull', 'problems', 'buttons'])
    .where('repo', '=', place.repo)
    .where('sha', '=', sha)
    .executeTakeFirst();
  return row ?? null;
}

export function headStore(db: Db): HeadStore {
  return {
    async found({ place, sha, at, problems, buttons, isSummed, comment }) {
      const { repo, issue: pull } = place;
      return await db.transaction().execute(async tx => {
        // Of two that tell of one pull request, the later one sees what the first has written.
        await sql`select pg_advisory_xact_lock(hashtext(${`head:${repo}:${pull}`}))`.execute(tx);
        const said = { problems: problems && json(problems), buttons: json(buttons) };
        await tx
          .insertInto('github_heads')
          .values({ repo, sha, pull, at, ...said })
          .onConflict(conflict => conflict.columns(['repo', 'sha']).doUpdateSet(said))
          .execute();
        const ids: string[] = [];
        if (isSummed) ids.push(...(await wantSummary(tx, place, sha)));
        else ids.push(...(await wantSummaries(tx, [summaryKey(repo, sha)])));
        if (problems) ids.push(...(await wantOf(tx, `file:${repo}:${sha}`, 'file', place, sha)));
        if (!comment) return ids;
        const newer = await tx
          .selectFrom('github_heads')
          .select('sha')
          .where('repo', '=', repo)
          .where('pull', '=', pull)
          .where('at', '>', at)
          .where('sha', '!=', sha)
          .executeTakeFirst();
        if (newer) return ids;
        const key = `proposal:${repo}:${pull}`;
        const content = sql`${json(comment.content)}::jsonb`;
        const told = comment.isChange ? await edit(tx, key, content) : await say(tx, key, place, content);
        return [...ids, ...told];
      });
    },
  };
}

type Ids = Promise<string[]>;

/** Where somebody has deleted the comment, there is another one the next time that there is something to correct. */
async function say(tx: Tx, key: string, place: Place, content: RawBuilder<unknown>): Ids {
  const { rows } = await sql<{ id: string }>`
    insert into surfaces (key, kind, place, content) values (${key}, 'proposal', ${json(place)}::jsonb, ${content})
    on conflict (key) do update set content = excluded.content, wanted_seq = surfaces.wanted_seq + 1, failures = 0,
      remote = case when surfaces.gave_up then null else surfaces.remote end,
      shown_hash = case when surfaces.gave_up then null else surfaces.shown_hash end, gave_up = false
    where surfaces.content is distinct from excluded.content
    returning id`.execute(tx);
  return rows.map(row => row.id);
}

async function edit(tx: Tx, key: string, content: RawBuilder<unknown>): Ids {
  const { rows } = await sql<{ id: string }>`
    update surfaces set content = ${content}, wanted_seq = wanted_seq + 1
    where key = ${key} and not gave_up and content is distinct from ${content} returning id`.execute(tx);
  return rows.map(row => row.id);
}

async function wantOf(tx: Tx, key: string, kind: 'file' | 'summary', place: Place, sha: string): Ids {
  const { rows } = await sql<{ id: string }>`
    insert into surfaces (key, kind, place, sha) values (${key}, ${kind}, ${json(place)}::jsonb, ${sha})
    on conflict (key) do update set wanted_seq = surfaces.wanted_seq + 1, gave_up = false returning id`.execute(
    tx,
  );
  return rows.map(row => row.id);
}

function summaryKey(repo: number, sha: string): string {
  return `summary:${repo}:${sha}`;
}

/** What a commit has come to is to be shown there. */
async function wantSummary(tx: Tx, place: GitHubPlace, sha: string): Ids {
  return await wantOf(tx, summaryKey(place.repo, sha), 'summary', place, sha);
}

/** In one order, so that no two wait for each other. */
async function wantSummaries(tx: Tx, keys: readonly string[]): Ids {
  if (keys.length === 0) return [];
  const { rows } = await sql<{ id: string }>`
    with shown as (select id from surfaces where key = any(${keys}::text[]) order by key for update)
    update surfaces set wanted_seq = wanted_seq + 1 from shown where surfaces.id = shown.id
    returning surfaces.id`.execute(tx);
  return rows.map(row => row.id);
}

/** The commit of a new run has something to sum up. The caller takes the planner's row before or not at all, so that no two wait for each other. */
export async function sumUp(tx: Tx, run: Run): Promise<void> {
  if (run.place.kind === 'github' && checkOf(run)) await wantSummary(tx, run.place, run.spec.sha);
}

/** What these runs are summed up in no longer shows what is true. The caller holds the planner's row. */
export async function showSummaries(tx: Tx, runs: readonly Run[]): Promise<void> {
  const keys = runs.flatMap(run =>
    run.place.kind === 'github' && checkOf(run) ? [summaryKey(run.place.repo, run.spec.sha)] : [],
  );
  await wantSummaries(tx, [...new Set(keys)]);
}
