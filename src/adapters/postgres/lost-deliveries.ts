import { sql } from 'kysely';
import type { LostDeliveries } from '../../core/ports.ts';
import type { Db } from './database.ts';

/** Goes by the clock of the database, which is the same for every worker. `everyMs`: between two looks, of all workers together. */
export function lostDeliveries(db: Db, everyMs: number): LostDeliveries {
  const inMs = (ms: number) => sql<Date>`now() + make_interval(secs => ${ms / 1_000})`;
  return {
    async begin(oldest) {
      const turn = await db
        .updateTable('lost_deliveries_read')
        .set({ next_at: inMs(everyMs) })
        .where('next_at', '<=', sql<Date>`now()`)
        .returning('newest')
        .executeTakeFirst();
      if (!turn) return null;
      await db.deleteFrom('lost_deliveries').where('first_at', '<', oldest).execute();
      return turn.newest;
    },
    record: ({ arrived, lost, newest }) =>
      db.transaction().execute(async tx => {
        if (arrived.length > 0) await tx.deleteFrom('lost_deliveries').where('guid', 'in', arrived).execute();
        for (const { guid, attempt, firstAt } of lost)
          await tx
            .insertInto('lost_deliveries')
            .values({ guid, attempt, first_at: firstAt, next_at: sql<Date>`now()` })
            // When it may be asked for again stays as it is.
            .onConflict(known =>
              known
                .column('guid')
                .doUpdateSet({ attempt: sql<number>`greatest(lost_deliveries.attempt, excluded.attempt)` }),
            )
            .execute();
        await tx
          .updateTable('lost_deliveries_read')
          .set({ newest: sql<number>`greatest(newest, ${newest})` })
          .execute();
      }),
    async due(limit) {
      const rows = await db
        .selectFrom('lost_deliveries')
        .selectAll()
        .where('next_at', '<=', sql<Date>`now()`)
        .orderBy('first_at')
        .limit(limit)
        .execute();
      return rows.map(({ guid, attempt, first_at, asks }) => ({ guid, attempt, firstAt: first_at, asks }));
    },
    async asking(guid, pauseMs) {
      await db
        .updateTable('lost_deliveries')
        .set({ asks: sql<number>`asks + 1`, next_at: inMs(pauseMs) })
        .where('guid', '=', guid)
        .execute();
    },
    async forget(guid) {
      await db.deleteFrom('lost_deliveries').where('guid', '=', guid).execute();
    },
    async hold(ms) {
      await db
        .updateTable('lost_deliveries_read')
        .set({ next_at: inMs(ms) })
        .execute();
    },
  };
}
