import { sql } from 'kysely';
import { longestWarningS, warningPart } from '../../core/lease.ts';
import type { LeaseStore } from '../../core/ports.ts';
import type { Db } from './database.ts';
import { addSurface, runOf } from './run-rows.ts';

const atOnce = 100;

export function leaseStore(db: Db): LeaseStore {
  return {
    async ending(now) {
      const limit = sql<number>`((spec ->> 'timeLimitS')::double precision + extra_s)`;
      const rows = await db
        .selectFrom('runs')
        .selectAll()
        .where('kind', '=', 'lease')
        .where('state', '=', 'running')
        .where('stopping', 'is', null)
        .where(sql<boolean>`warned_s is distinct from ${limit}`)
        .where(
          sql<boolean>`started_at + make_interval(secs => ${limit} - least(${longestWarningS}::double precision, ${limit} * ${warningPart}::double precision)) <= ${now}::timestamptz`,
        )
        .orderBy('number')
        .limit(atOnce)
        .execute();
      return rows.map(runOf);
    },
    async warn(run, limitS) {
      return await db.transaction().execute(async tx => {
        // Of two workers one writes; where it was extended or let go since, nothing is said.
        const { numUpdatedRows } = await tx
          .updateTable('runs')
          .set({ warned_s: limitS })
          .where('number', '=', run.number)
          .where('state', '=', 'running')
          .where('stopping', 'is', null)
          .where(sql<boolean>`(spec ->> 'timeLimitS')::double precision + extra_s = ${limitS}`)
          .where(sql<boolean>`warned_s is distinct from ${limitS}::double precision`)
          .executeTakeFirst();
        if (numUpdatedRows !== 1n) return null;
        const key = `run:${run.number}:warning:${limitS}`;
        await addSurface(tx, key, 'warning', run);
        const row = await tx.selectFrom('surfaces').select('id').where('key', '=', key).executeTakeFirst();
        return row?.id ?? null;
      });
    },
  };
}
