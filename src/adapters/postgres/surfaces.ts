import { type ExpressionBuilder, type Selectable, sql } from 'kysely';
import type { ClaimedSurface, Surface, SurfaceStore } from '../../core/ports.ts';
import { replySchema } from '../../core/reply-json.ts';
import { type Db, json, type Tables } from './database.ts';
import { headAt } from './heads.ts';

/** A living worker keeps its claim well within it; that of a dead one is over soon enough to be taken over before 15 s have passed. */
const claimS = 6;
/** A Home that nobody opened for longer is left as it is. */
const homeDays = 14;
/** How old the progress of a run may get on a Home. */
const homeAgeS = 45;
const homesAtOnce = 200;
/** More of one place at a time would only be told to wait. */
const mostOfLane = 4;
/** The sweep finds the others. */
const mostUnshown = 200;
/** `stageOf` of a run in SQL. */
const stage = sql`concat_ws(' ', r.state, r.stopping)`;

/** Told in the thread of the run's message. */
const isReply = (kind: Surface['kind']) =>
  ['ended', 'preempted', 'stalled', 'alert', 'warning', 'sweep-ended', 'remark'].includes(kind);

export function surfaceStore(db: Db): SurfaceStore {
  /** What was said first in a comment is answered first; once something of it is shown, or never will be, the next may be. */
  const isFirst = sql<boolean>`not (place->>'line' is not null and remote is null and kind in ('run', 'sweep', 'note') and exists (
    select from surfaces f where f.place->>'comment' = surfaces.place->>'comment' and f.place->>'line' is not null
      and f.kind in ('run', 'sweep', 'note') and f.remote is null and not f.gave_up
      and f.place->>'repo' = surfaces.place->>'repo' and (f.place->>'line')::int < (surfaces.place->>'line')::int))`;
  const due = (eb: ExpressionBuilder<Tables, 'surfaces'>) =>
    eb.and([
      eb('gave_up', '=', false),
      eb('wanted_seq', '>', eb.ref('seen_seq')),
      eb('next_at', '<=', sql<Date>`now()`),
      eb('claimed_until', '<', sql<Date>`now()`),
      isFirst,
    ]);

  const mine = (surface: ClaimedSurface) =>
    db.updateTable('surfaces').where('id', '=', surface.id).where('claims', '=', surface.claim);

  return {
    async addNote(key, place, content, kind = 'note') {
      await db
        .insertInto('surfaces')
        .values({ key, kind, place: json(place), content: json(content) })
        .onConflict(conflict => conflict.column('key').doNothing())
        .execute();
      const row = await db
        .selectFrom('surfaces')
        .select('id')
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      return row.id;
    },
    async openHome(place, isEmpty) {
      const result = await sql<{ id: string }>`
        insert into surfaces (key, kind, place, opened_at, seen_change)
        values (${`home:${place.team}/${place.user}`}, 'home', ${json(place)}::jsonb, now(),
          (select changed_seq from planner where id = 1))
        on conflict (key) do update set
          place = excluded.place, opened_at = now(), seen_change = excluded.seen_change, wanted_seq = surfaces.wanted_seq + 1, gave_up = false,
          failures = case when surfaces.gave_up then 0 else surfaces.failures end,
          next_at = case when surfaces.gave_up or ${isEmpty} then now() else surfaces.next_at end,
          -- What a worker that is at it writes down is no longer so.
          claims = surfaces.claims + case when surfaces.gave_up or ${isEmpty} then 1 else 0 end,
          claimed_until = case when surfaces.gave_up or ${isEmpty} then '-infinity' else surfaces.claimed_until end,
          shown_hash = case when ${isEmpty} then null else surfaces.shown_hash end
        returning id`.execute(db);
      const [row] = result.rows;
      if (!row) throw new Error('a Home was not stored');
      return row.id;
    },
    async wantHomes() {
      // What is wanted already is left until it was shown, and compared again then: nothing that comes in between is lost.
      await sql`
        update surfaces set wanted_seq = surfaces.wanted_seq + 1, seen_change = planner.changed_seq
        from planner
        where planner.id = 1 and surfaces.id in (
          select home.id from surfaces as home
          where home.kind = 'home' and home.opened_at > now() - make_interval(days => ${homeDays})
            and not home.gave_up and home.wanted_seq <= home.seen_seq and home.next_at <= now()
            and (home.seen_change < (select changed_seq from planner where id = 1)
              or home.next_at < now() - make_interval(secs => ${homeAgeS}) and home.shown_stage = 'moving')
          order by home.id limit ${homesAtOnce} for update skip locked
        )`.execute(db);
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
      const message = isReply(row.kind) ? await messageOf(db, row) : null;
      return {
        id,
        kind: row.kind,
        run: row.run,
        promotion: row.promotion,
        sweep: row.sweep,
        place: row.place,
        // The database gives moments back as text.
        content: row.content && replySchema.parse(row.content),
        nonce: row.nonce,
        remote: row.remote,
        commit: row.sha === null ? null : { sha: row.sha, head: await headAt(db, row.place, row.sha) },
        thread: isReply(row.kind) ? (message?.remote ?? null) : null,
        threadGone: isReply(row.kind) && !message?.remote && message?.gave_up === true,
        shownHash: row.shown_hash,
        shownStage: row.shown_stage,
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
    async shown(surface, hash, remote, pauseMs, stage) {
      const { numUpdatedRows } = await mine(surface)
        .set({
          seen_seq: surface.wantedSeq,
          shown_hash: hash,
          shown_stage: stage ?? null,
          remote: remote && json(remote),
          posting_since: null,
          failures: 0,
          error: null,
          claimed_until: sql<Date>`'-infinity'`,
          next_at: sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`,
        })
        .executeTakeFirst();
      if (
        numUpdatedRows > 0n &&
        surface.kind === 'promotion' &&
        stage !== undefined &&
        stage !== surface.shownStage
      )
        await db.insertInto('promotion_shown').values({ surface: surface.id, shown: stage }).execute();
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
          // As it was: a post that never left is not looked for.
          posting_since: surface.postingSince,
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
    async ofSweep(number) {
      const rows = await db
        .selectFrom('surfaces')
        .select('id')
        .where('sweep', '=', number)
        .whereRef('wanted_seq', '>', 'seen_seq')
        .where('gave_up', '=', false)
        .execute();
      return rows.map(row => row.id);
    },
    async ofRun(number) {
      const rows = await db.selectFrom('surfaces').select('id').where('run', '=', number).execute();
      return rows.map(row => row.id);
    },
    async unshown(runs) {
      const rows = await db
        .selectFrom('surfaces')
        .select('id')
        .where(sql<boolean>`run = any(${runs}::bigint[])`)
        .whereRef('wanted_seq', '>', 'seen_seq')
        .where('gave_up', '=', false)
        .limit(mostUnshown)
        .execute();
      return rows.map(row => row.id);
    },
    async due(limit) {
      // Each lane is what one limit of a place holds up: behind a long one, no other has to wait.
      const { rows } = await sql<{ id: string }>`
        with ready as (
          select s.id, s.next_at,
            case
              when s.run is null and s.sweep is null then concat_ws(' ', s.kind, s.place->>'team', s.place->>'installation', s.place->>'user')
              when s.remote is null then concat_ws(' ', 'post', s.place->>'team', s.place->>'channel', s.place->>'installation')
              else concat_ws(' ', 'edit', s.place->>'team', s.place->>'installation')
            end as lane,
            case
              when s.remote is null then 0
              when s.shown_stage = ${stage} or w.ended_at is null and s.shown_stage = 'open' then 2
              when coalesce(r.ended_at, w.ended_at) is not null then 0
              else 1
            end as rank
          from surfaces s left join runs r on r.number = s.run left join sweeps w on w.number = s.sweep
          where not s.gave_up and s.wanted_seq > s.seen_seq and s.next_at <= now() and s.claimed_until < now()
            -- What belongs below the message of a run has no thread while that is still to come.
            and not (s.kind in ('ended', 'preempted', 'stalled', 'alert', 'warning', 'sweep-ended') and s.place->>'askedIn' is null and exists (
              select from surfaces m where (s.sweep is null and m.run = s.run and m.kind = 'run' or m.sweep = s.sweep and m.kind = 'sweep')
                and m.remote is null and not m.gave_up))
            and not (s.place->>'line' is not null and s.remote is null and s.kind in ('run', 'sweep', 'note') and exists (
              select from surfaces f where f.place->>'comment' = s.place->>'comment' and f.place->>'line' is not null
                and f.kind in ('run', 'sweep', 'note') and f.remote is null and not f.gave_up
                and f.place->>'repo' = s.place->>'repo' and (f.place->>'line')::int < (s.place->>'line')::int))
        ), turns as (
          select *, row_number() over (partition by lane order by rank, next_at, id) as turn from ready
        )
        select id from turns where turn <= ${mostOfLane} order by turn, rank, next_at limit ${limit}`.execute(
        db,
      );
      return rows.map(row => row.id);
    },
  };
}

/** The message in whose thread it belongs. */
async function messageOf(db: Db, row: Selectable<Tables['surfaces']>) {
  const messages = db.selectFrom('surfaces').select(['remote', 'gave_up']);
  if (row.kind === 'remark')
    return await messages
      .where('promotion', '=', row.promotion)
      .where('kind', '=', 'promotion')
      .where(sql<boolean>`place->>'team' = ${row.place.kind === 'slack' ? row.place.team : ''}`)
      .where(sql<boolean>`place->>'channel' = ${row.place.kind === 'slack' ? row.place.channel : ''}`)
      .executeTakeFirst();
  if (row.sweep !== null)
    return await messages.where('sweep', '=', row.sweep).where('kind', '=', 'sweep').executeTakeFirst();
  if (row.run === null) return null;
  return await messages.where('run', '=', row.run).where('kind', '=', 'run').executeTakeFirst();
}
