import { type Selectable, sql } from 'kysely';
import { type Actor, actorKey } from '../../core/actor.ts';
import { type Elevation, isOpen, reviewable } from '../../core/elevation.ts';
import type { ElevationStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { showHomes } from './run-rows.ts';

export function elevationStore(db: Db): ElevationStore {
  return {
    async newestOf(actor) {
      const row = await newest(db, actor);
      return row ? elevationOf(row) : null;
    },
    async open({ key, actor, accounts, why, until, at }) {
      return await db.transaction().execute(async tx => {
        await lockPerson(tx, accounts);
        const known = await tx.selectFrom('elevations').selectAll().where('key', '=', key).executeTakeFirst();
        if (known) return { elevation: elevationOf(known), made: true };
        const open = await openOf(tx, accounts, at);
        if (open) return { elevation: open, made: false };
        const row = await tx
          .insertInto('elevations')
          .values({
            key,
            person: actorKey(actor),
            actor: json({ ...actor, breakglass: undefined }),
            why,
            opened_at: at,
            until,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await showHomes(tx);
        await audit(tx, 'opened', row.id, actor, { why, until: until.toISOString() }, at);
        return { elevation: elevationOf(row), made: true };
      });
    },
    async end({ key, actor, accounts, at }) {
      return await db.transaction().execute(async tx => {
        await lockPerson(tx, accounts);
        const known = await tx
          .selectFrom('elevations')
          .selectAll()
          .where('ended_key', '=', key)
          .executeTakeFirst();
        if (known) return elevationOf(known);
        const open = await openOf(tx, accounts, at);
        if (!open) return null;
        const row = await tx
          .updateTable('elevations')
          .set({ ended_key: key, ended_at: at })
          .where('id', '=', open.id)
          .returningAll()
          .executeTakeFirstOrThrow();
        await showHomes(tx);
        await audit(tx, 'ended', row.id, actor, {}, at);
        return elevationOf(row);
      });
    },
    async review({ key, id, by, isSelf, verdict, note, at }) {
      return await db.transaction().execute(async tx => {
        const row = await tx
          .selectFrom('elevations')
          .selectAll()
          .where('id', '=', id)
          .forUpdate()
          .executeTakeFirst();
        if (!row) return { ok: false as const, code: 'unknown' as const };
        const elevation = elevationOf(row);
        if (row.review_key === key) return { ok: true as const, elevation };
        const may = reviewable(elevation, by, isSelf(elevation.actor), at);
        if (!may.ok) return { ...may, elevation };
        const reviewed_by = json({ ...by, breakglass: undefined });
        const reviewed = await tx
          .updateTable('elevations')
          .set({ review_key: key, reviewed_by, verdict, note, reviewed_at: at })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirstOrThrow();
        await showHomes(tx);
        await audit(tx, 'reviewed', id, by, { verdict, note }, at);
        return { ok: true as const, elevation: elevationOf(reviewed) };
      });
    },
    async unreviewed(limit) {
      const rows = await db
        .selectFrom('elevations')
        .selectAll()
        .where('reviewed_at', 'is', null)
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(elevationOf);
    },
  };
}

/**
 * What one person opens and ends comes one after the other, under whichever account; there may be no row yet that could be locked. Always
 * in the same order, so that no two wait for each other.
 */
async function lockPerson(tx: Tx, accounts: readonly string[]): Promise<void> {
  for (const account of accounts.toSorted())
    await sql`select pg_advisory_xact_lock(hashtextextended(${`elevation ${account}`}, 0))`.execute(tx);
}

async function openOf(tx: Tx, accounts: readonly string[], at: Date): Promise<Elevation | null> {
  const rows = await tx
    .selectFrom('elevations')
    .selectAll()
    .where('person', 'in', accounts)
    .where('ended_at', 'is', null)
    .where('until', '>', at)
    .orderBy('id')
    .execute();
  return rows.map(elevationOf).find(one => isOpen(one, at)) ?? null;
}

async function newest(db: Db | Tx, actor: Actor) {
  return await db
    .selectFrom('elevations')
    .selectAll()
    .where('person', '=', actorKey(actor))
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function audit(
  tx: Tx,
  what: 'opened' | 'ended' | 'reviewed',
  id: number,
  actor: Actor,
  details: Record<string, unknown>,
  at: Date,
): Promise<void> {
  const entry = {
    actor,
    action: `breakglass.${what}`,
    subject: `breakglass:${id}`,
    outcome: 'done' as const,
  };
  await appendAudit(tx, { ...entry, details }, at);
}

function elevationOf(row: Selectable<Tables['elevations']>): Elevation {
  const { id, actor, why, until, reviewed_by: by, verdict, reviewed_at: at } = row;
  const review = by && verdict && at ? { by, verdict, note: row.note ?? '', at } : null;
  return { id, actor, why, openedAt: row.opened_at, until, endedAt: row.ended_at, review };
}
