import { sql } from 'kysely';
import type { Db } from './database.ts';

/** Longer than any sender repeats itself: GitHub asks again for up to 3 days, people for some more. */
const keptDays = 14;
const batch = 5_000;
/** Of a repository: longer than anybody comes back to what was pushed. What is the last that is known of a head stays for as long as pull requests stay open. */
const keptPushesDays = 90;
const keptHeadsDays = 400;

/**
 * Forgets what only guarded against repeats: deliveries that are done, idempotency keys, answers that were said, what was found of heads, levers that moved nothing, rates that are whole
 * again, Homes that nobody opens, pushes and approvals of commits that were long ago, approvals that waited for a second factor. Facts (runs, events, audit) stay. At most a batch of each at a time, so that no lock is held long; answers how many rows went.
 */
export async function forgetOld(db: Db): Promise<number> {
  const old = sql`now() - make_interval(days => ${keptDays})`;
  const pushed = sql`now() - make_interval(days => ${keptPushesDays})`;
  const forgotten = sql`now() - make_interval(days => ${keptHeadsDays})`;
  const results = [
    await sql`delete from deliveries where id in
      (select id from deliveries where done_at < ${old} and not laid_aside limit ${batch})`.execute(db),
    await sql`delete from idempotency where ctid in (select ctid from idempotency where at < ${old} limit ${batch})`.execute(
      db,
    ),
    await sql`delete from surfaces where id in
      (select id from surfaces where kind in ('note', 'file', 'summary') and next_at < ${old} and (gave_up or seen_seq >= wanted_seq) limit ${batch})`.execute(
      db,
    ),
    await sql`delete from github_heads where ctid in (select ctid from github_heads where at < ${old} and not exists
      (select from surfaces where surfaces.sha = github_heads.sha) limit ${batch})`.execute(db),
    await sql`delete from freeze_idle where ctid in (select ctid from freeze_idle where at < ${old} limit ${batch})`.execute(
      db,
    ),
    await sql`delete from rate_slots where ctid in
      (select ctid from rate_slots where greatest(free_at, held_until) < ${old} limit ${batch})`.execute(db),
    await sql`delete from surfaces where id in
      (select id from surfaces where kind = 'home' and opened_at < ${old} limit ${batch})`.execute(db),
    await sql`delete from github_pushes where ctid in
      (select ctid from github_pushes as old where at < ${pushed} and (at < ${forgotten} or exists
        (select 1 from github_pushes as next where next.repo = old.repo and next.pull is not distinct from old.pull
          and next.branch is not distinct from old.branch and next.at > old.at)) limit ${batch})`.execute(db),
    await sql`delete from github_approvals where ctid in
      (select ctid from github_approvals where at < ${forgotten} limit ${batch})`.execute(db),
    await sql`delete from github_arrivals where ctid in
      (select ctid from github_arrivals where at < ${pushed} limit ${batch})`.execute(db),
    await sql`delete from step_ups where ctid in (select ctid from step_ups where until < ${old} limit ${batch})`.execute(
      db,
    ),
    // Whoever is looked at again begins anew.
    await sql`delete from github_looks where tried_at < ${pushed}`.execute(db),
  ];
  return results.reduce((sum, result) => sum + Number(result.numAffectedRows ?? 0), 0);
}
