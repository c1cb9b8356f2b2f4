import type { OnceStore } from '../../core/ports.ts';
import type { Db } from './database.ts';

export function onceStore(db: Db): OnceStore {
  return {
    async use(nonce, until, now) {
      await db.deleteFrom('used_states').where('until', '<', now).execute();
      const made = await db
        .insertInto('used_states')
        .values({ nonce, until })
        .onConflict(conflict => conflict.doNothing())
        .executeTakeFirst();
      return made.numInsertedOrUpdatedRows === 1n;
    },
  };
}
