import { randomBytes } from 'node:crypto';
import type { Db } from './database.ts';

/** The secret of this installation, made once and kept in its database; read once for each function that this returns. */
export function instanceKey(db: Db): () => Promise<Buffer> {
  let once: Promise<Buffer> | null = null;
  return () => {
    once ??= readKey(db).catch(err => {
      once = null;
      throw err;
    });
    return once;
  };
}

async function readKey(db: Db): Promise<Buffer> {
  await db
    .insertInto('instance')
    .values({ name: 'attempt-key', value: randomBytes(32) })
    .onConflict(conflict => conflict.column('name').doNothing())
    .execute();
  const row = await db
    .selectFrom('instance')
    .select('value')
    .where('name', '=', 'attempt-key')
    .executeTakeFirstOrThrow();
  return row.value;
}
