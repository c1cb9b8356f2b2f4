import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Selectable, sql } from 'kysely';
import { system } from '../../core/actor.ts';
import { type Scope, scopes, type Token, type TokenStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import type { Db, Tables } from './database.ts';
import { instanceKey } from './instance-key.ts';

const attemptToken = /^sba_(\d{1,12})\.(\d{1,6})\.([A-Za-z0-9_-]{43})$/;

export function tokenStore(db: Db): TokenStore {
  const key = instanceKey(db);
  const sign = async (run: number, attempt: number) =>
    createHmac('sha256', await key())
      .update(`attempt:${run}.${attempt}`)
      .digest('base64url');

  const withSecret = async (secret: string) => {
    const row = await db
      .selectFrom('tokens')
      .selectAll()
      .select(sql<boolean>`last_used_at is null or last_used_at < now() - interval '1 minute'`.as('is_stale'))
      .where('hash', '=', digest(secret))
      .executeTakeFirst();
    return row ? { token: tokenOf(row), isStale: row.is_stale } : null;
  };

  return {
    async create({ name, scopes: wanted, pool }, now) {
      const secret = `sbx_${randomBytes(32).toString('base64url')}`;
      const row = await db.transaction().execute(async tx => {
        const made = await tx
          .insertInto('tokens')
          .values({ name, hash: digest(secret), scopes: wanted, pool: pool ?? null, created_at: now })
          .returningAll()
          .executeTakeFirstOrThrow();
        const details = { name, scopes: wanted, pool: pool ?? null };
        await appendAudit(
          tx,
          { actor: system, action: 'token.create', subject: `token:${made.id}`, outcome: 'done', details },
          now,
        );
        return made;
      });
      return { token: tokenOf(row), secret };
    },
    async find(secret) {
      const found = await withSecret(secret);
      if (!found || found.token.revokedAt !== null) return null;
      if (found.isStale) await touch(db, found.token.id);
      return found.token;
    },
    async findRevoked(secret) {
      const found = await withSecret(secret);
      return found && found.token.revokedAt !== null ? found.token : null;
    },
    async list() {
      return (await db.selectFrom('tokens').selectAll().orderBy('created_at').execute()).map(tokenOf);
    },
    async revoke(id, now, by = system) {
      return await db.transaction().execute(async tx => {
        const revoked = await tx
          .updateTable('tokens')
          .set({ revoked_at: now })
          .where(eb => eb.or([eb('name', '=', id), eb(eb.cast<string>('id', 'text'), '=', id)]))
          .where('revoked_at', 'is', null)
          .returning(['id', 'name', 'scopes'])
          .execute();
        // A name may be that of several.
        for (const { id: one, ...details } of revoked)
          await appendAudit(
            tx,
            { actor: by, action: 'token.revoke', subject: `token:${one}`, outcome: 'done', details },
            now,
          );
        return revoked.length > 0;
      });
    },
    async forAttempt(run, attempt) {
      return `sba_${run}.${attempt}.${await sign(run, attempt)}`;
    },
    async attemptOf(secret) {
      const parts = attemptToken.exec(secret);
      if (!parts) return null;
      const [run, attempt] = [Number(parts[1]), Number(parts[2])];
      const expected = Buffer.from(await sign(run, attempt));
      const given = Buffer.from(parts[3] ?? '');
      if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null;
      const alive = await db
        .selectFrom('runs')
        .select('number')
        .where('number', '=', run)
        .where('attempt', '=', attempt)
        .where('state', 'in', ['starting', 'running'])
        .executeTakeFirst();
      return alive ? { run, attempt } : null;
    },
  };
}

/** Whether this key was used before in this scope, and for the same request. */
export async function checkIdempotency(
  db: Db,
  scope: string,
  key: string,
  digestHex: string,
): Promise<'new' | 'same' | 'conflict'> {
  const made = await db
    .insertInto('idempotency')
    .values({ scope, key, digest: digestHex })
    .onConflict(conflict => conflict.columns(['scope', 'key']).doNothing())
    .executeTakeFirst();
  if (made.numInsertedOrUpdatedRows === 1n) return 'new';
  const row = await db
    .selectFrom('idempotency')
    .select('digest')
    .where('scope', '=', scope)
    .where('key', '=', key)
    .executeTakeFirst();
  return row?.digest === digestHex ? 'same' : 'conflict';
}

function tokenOf(row: Selectable<Tables['tokens']>): Token {
  const known = new Set<string>(scopes);
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes.filter((scope): scope is Scope => known.has(scope)),
    pool: row.pool,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}

/** Written once a minute at most: whoever asks often does not wait for it each time. */
async function touch(db: Db, id: string): Promise<void> {
  await sql`
    update tokens set last_used_at = now()
    where id = ${id}::uuid and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(
    db,
  );
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
