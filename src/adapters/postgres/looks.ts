import { sql } from 'kysely';
import type { LookStore } from '../../core/ports.ts';
import { type Db, json } from './database.ts';

/** A list that is as it was is read again now and then all the same: what is stored of it may be forgotten by now. */
const wholeEveryH = 24;

/** Goes by the clock of the database, which is the same for every worker. */
export function lookStore(db: Db): LookStore {
  const inMs = (ms: number) => sql<Date>`now() + make_interval(secs => ${ms / 1_000})`;
  return {
    async begin(repo, everyMs, claimMs) {
      await db
        .insertInto('github_looks')
        .values({ repo, tags: json({}) })
        .onConflict(conflict => conflict.doNothing())
        .execute();
      const row = await db
        .updateTable('github_looks')
        .set({ tried_at: sql<Date>`now()`, claimed_until: inMs(claimMs) })
        .where('repo', '=', repo)
        .where('tried_at', '<=', inMs(-everyMs))
        .where('claimed_until', '<=', sql<Date>`now()`)
        .returning([
          'first_at',
          'known_until',
          'tags',
          sql<boolean>`whole_at < now() - make_interval(hours => ${wholeEveryH})`.as('isWhole'),
        ])
        .executeTakeFirst();
      if (!row) return null;
      const { first_at: from, known_until: until, tags, isWhole } = row;
      return { known: from && until ? { from, until } : null, tags, isWhole };
    },
    async done(repo, { until, tags, isWhole }) {
      await db
        .updateTable('github_looks')
        .set({
          first_at: sql<Date>`coalesce(first_at, ${until})`,
          known_until: until,
          tags: json(tags),
          claimed_until: sql<Date>`'-infinity'`,
          ...(isWhole ? { whole_at: sql<Date>`now()` } : {}),
        })
        .where('repo', '=', repo)
        .execute();
    },
    async hold(repo, ms) {
      await db
        .updateTable('github_looks')
        .set({ claimed_until: inMs(ms) })
        .where('repo', '=', repo)
        .execute();
    },
  };
}
