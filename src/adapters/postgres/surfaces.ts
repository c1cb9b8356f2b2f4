import { type ExpressionBuilder, sql } from 'kysely';
import type { ClaimedSurface, SurfaceStore } from '../../core/ports.ts';
import { replySchema } from '../../core/reply-json.ts';
import { type Db, json, type Tables } from './database.ts';

/** A living worker keeps its claim well within it; that of a dead one is over soon enough to be taken over before 15 s have passed. */
const claimS = 6;

export function surfaceStore(db: Db): SurfaceStore {
  const due = (eb: ExpressionBuilder<Tables, 'surfaces'>) =>
    eb.and([
      eb('gave_up', '=', false),
      eb('wanted_seq', '>', eb.ref('seen_seq')),
      eb('next_at', '<=', sql<Date>`now()`),
      eb('claimed_until', '<', sql<Date>`now()`),
    ]);

  const mine = (surface: ClaimedSurface) =>
    db.updateTable('surfaces').where('id', '=', surface.id).where('claims', '=', surface.claim);

  return {
    async addNote(key, place, content) {
      await db
        .insertInto('surfaces')
        .values({ key, kind: 'note', place: json(place), content: json(content) })
        .onConflict(conflict => conflict.column('key').doNothing())
        .execute();
      const row = await db
        .selectFrom('surfaces')
        .select('id')
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      return row.id;
    },
    async claim(id) {
      const row = await db
        .updateTable('surfaces')
        .set({ claims: sql`claims + 1`, claimed_until: sql<Date>`now() + make_interval(secs => ${claimS})` })
        .where('id', '=', id)
        .where(due)
        .returningAll()
        .executeTakeFirst();
      if (!row) return null;
      const message = row.run
        ? await db
            .selectFrom('surfaces')
            .select(['remote', 'gave_up'])
            .where('run', '=', row.run)
            .where('kind', '=', 'run')
            .executeTakeFirst()
        : null;
      return {
        id,
        kind: row.kind,
        run: row.run,
        place: row.place,
        // The database gives moments back as text.
        content: row.content && replySchema.parse(row.content),
        nonce: row.nonce,
        remote: row.remote,
        thread: row.kind === 'ended' ? (message?.remote ?? null) : null,
        threadGone: row.kind === 'ended' && !message?.remote && message?.gave_up === true,
        shownHash: row.shown_hash,
        postingSince: row.posting_since,
        wantedSeq: row.wanted_seq,
        attempts: row.failures,
        claim: row.claims,
      };
    },
    async keep(surface) {
      const { numUpdatedRows } = await mine(surface)
        .set({ claimed_until: sql<Date>`now() + make_interval(secs => ${claimS})` })
        // Given back already: what comes late must not take it again.
        .where('claimed_until', '>', sql<Date>`'-infinity'`)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async posting(surface) {
      const result = await mine(surface)
        .set({ posting_since: sql<Date>`coalesce(posting_since, now())` })
        .executeTakeFirst();
      return result.numUpdatedRows === 1n;
    },
    async shown(surface, hash, remote, pauseMs) {
      const { numUpdatedRows } = await mine(surface)
        .set({
          seen_seq: surface.wantedSeq,
          shown_hash: hash,
          remote: remote && json(remote),
          posting_since: null,
          failures: 0,
          error: null,
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`,
        })
        .executeTakeFirst();
      if (numUpdatedRows > 0n || !remote) return;
      await db
        .updateTable('surfaces')
        .set({ wanted_seq: sql`wanted_seq + 1`, shown_hash: null })
        .where('id', '=', surface.id)
        .execute();
    },
    async failed(surface, error, pauseMs) {
      await mine(surface)
        .set({
          failures: sql`failures + 1`,
          error: error.slice(0, 1_000),
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`,
        })
        .execute();
    },
    async waits(surface, why, pauseMs) {
      await mine(surface)
        .set({
          error: why.slice(0, 1_000),
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`,
        })
        .execute();
    },
    async move(surface, place, why) {
      await mine(surface)
        .set({
          place: json(place),
          error: why.slice(0, 1_000),
          posting_since: null,
          failures: 0,
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now()`,
        })
        .execute();
    },
    async gaveUp(surface, error) {
      await mine(surface)
        .set({ gave_up: true, error: error.slice(0, 1_000) })
        .execute();
    },
    async ofRun(number) {
      const rows = await db.selectFrom('surfaces').select('id').where('run', '=', number).execute();
      return rows.map(row => row.id);
    },
    async due(limit) {
      const rows = await db
        .selectFrom('surfaces')
        .select('id')
        .where(due)
        .orderBy('next_at')
        .limit(limit)
        .execute();
      return rows.map(row => row.id);
    },
  };
}
