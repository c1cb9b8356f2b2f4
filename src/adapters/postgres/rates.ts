import { sql } from 'kysely';
import type { RateBudget } from '../../core/ports.ts';
import { afterTaking, waitFor } from '../../core/rate.ts';
import type { Db } from './database.ts';

/** Counts by the clock of the database, which is the same for every process. */
export function rateBudget(db: Db): RateBudget {
  return {
    async reserve(rates) {
      const keys = rates.map(rate => rate.key);
      return await db.transaction().execute(async tx => {
        // Each row is made or locked, in an order that is the same for everybody, and read as the last one left it.
        const { rows } = await sql<{ key: string; free_at: Date; held_until: Date; now: Date }>`
          insert into rate_slots (key) select key from unnest(${keys}::text[]) as wanted (key) order by key
          on conflict (key) do update set key = excluded.key
          returning key, free_at, held_until, clock_timestamp() as now`.execute(tx);
        const now = Math.max(...rows.map(row => row.now.getTime()));
        const slots = new Map(
          rows.map(row => [row.key, { freeAt: row.free_at.getTime(), heldUntil: row.held_until.getTime() }]),
        );
        const found = rates.map(rate => ({ rate, slot: slots.get(rate.key) ?? { freeAt: 0, heldUntil: 0 } }));
        const waitMs = Math.max(0, ...found.map(({ rate, slot }) => waitFor(slot, rate, now)));
        if (waitMs > 0) return { waitMs };
        const freeAt = found.map(({ rate, slot }) => new Date(afterTaking(slot, rate, now)));
        await sql`
          update rate_slots set free_at = taken.free_at
          from unnest(${keys}::text[], ${freeAt}::timestamptz[]) as taken (key, free_at)
          where rate_slots.key = taken.key`.execute(tx);
        return { waitMs: 0 };
      });
    },
    async hold(key, ms) {
      await sql`
        insert into rate_slots (key, held_until) values (${key}, now() + make_interval(secs => ${ms / 1_000}))
        on conflict (key) do update set held_until = greatest(rate_slots.held_until, excluded.held_until)`.execute(
        db,
      );
    },
  };
}
