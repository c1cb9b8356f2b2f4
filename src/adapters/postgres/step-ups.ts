import type { StepUpStore } from '../../core/ports.ts';
import { type Db, json } from './database.ts';

export function stepUpStore(db: Db): StepUpStore {
  return {
    async ask({ id, key, until, wish }) {
      const { promotion, evidence, actor, place, reason, askedAt } = wish;
      await db
        .insertInto('step_ups')
        .values({
          ...{ id, request_key: key, promotion, evidence, reason, until, asked_at: askedAt },
          ...{ actor: json(actor), place: json(place) },
        })
        .onConflict(conflict => conflict.column('request_key').doNothing())
        .execute();
      const row = await db
        .selectFrom('step_ups')
        .select('id')
        .where('request_key', '=', key)
        .executeTakeFirstOrThrow();
      return row.id;
    },
    async get(id) {
      const row = await db.selectFrom('step_ups').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) return null;
      const { promotion, evidence, actor, place, reason, asked_at: askedAt } = row;
      return { wish: { promotion, evidence, actor, place, reason, askedAt }, used: row.used_at !== null };
    },
    async use(id, now) {
      const used = await db
        .updateTable('step_ups')
        .set({ used_at: now })
        .where('id', '=', id)
        .where('used_at', 'is', null)
        .executeTakeFirst();
      return used.numUpdatedRows === 1n;
    },
  };
}
