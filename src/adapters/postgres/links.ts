import { createHash, createHmac } from 'node:crypto';
import type { LinkStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import type { Db, Tx } from './database.ts';
import { instanceKey } from './instance-key.ts';

/** Without letters and digits that look alike. 32 signs, so that each is five bits. */
const signs = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const codeLength = 8;

export function linkStore(db: Db): LinkStore {
  const key = instanceKey(db);

  return {
    async all() {
      const rows = await db.selectFrom('links').select(['account', 'person']).execute();
      return new Map(rows.map(row => [row.account, row.person]));
    },
    async issue(account, wish, until) {
      const mac = createHmac('sha256', await key())
        .update(`link:${account}\n${wish}`)
        .digest();
      const code = [...mac.subarray(0, codeLength)].map(byte => signs[byte % signs.length]).join('');
      const row = { hash: digest(code), until };
      await db
        .insertInto('link_codes')
        .values({ account, ...row })
        .onConflict(conflict => conflict.column('account').doUpdateSet(row))
        .execute();
      return code;
    },
    redeem: (account, code, actor, now) =>
      db.transaction().execute(async tx => {
        await lockLinks(tx);
        const asked = await tx
          .selectFrom('link_codes')
          .select('account')
          .where('hash', '=', digest(code))
          .where('until', '>', now)
          .executeTakeFirst();
        if (!asked) return { ok: false, why: 'unknown' };
        const [own, theirs] = [await rootOf(tx, account), await rootOf(tx, asked.account)];
        if (asked.account === account) return { ok: false, why: 'own' };
        if (own !== account && own !== theirs) return { ok: false, why: 'taken' };
        await tx.deleteFrom('link_codes').where('account', '=', asked.account).execute();
        if (own === theirs) return { ok: true, with: asked.account };
        // What was linked with the account follows it.
        await tx.updateTable('links').set({ person: theirs }).where('person', '=', account).execute();
        await tx.insertInto('links').values({ account, person: theirs, linked_at: now }).execute();
        const entry = { actor, action: 'account.link', subject: account, outcome: 'done' as const };
        await appendAudit(tx, { ...entry, details: { with: asked.account, person: theirs } }, now);
        return { ok: true, with: asked.account };
      }),
    unlink: (account, actor, now) =>
      db.transaction().execute(async tx => {
        await lockLinks(tx);
        if (!(await part(tx, account))) return false;
        const entry = { actor, action: 'account.unlink', subject: account, outcome: 'done' as const };
        await appendAudit(tx, { ...entry, details: {} }, now);
        return true;
      }),
  };
}

/** Two accounts that take each other's code at once would make a circle. */
export async function lockLinks(tx: Tx): Promise<void> {
  await tx.selectFrom('audit_head').select('id').where('id', '=', 1).forUpdate().execute();
}

export async function rootOf(tx: Tx, account: string): Promise<string> {
  const row = await tx.selectFrom('links').select('person').where('account', '=', account).executeTakeFirst();
  return row?.person ?? account;
}

/** Takes an account out of its group. Whether it was in one. */
export async function part(tx: Tx, account: string): Promise<boolean> {
  const gone = await tx.deleteFrom('links').where('account', '=', account).executeTakeFirst();
  const rest = await tx
    .selectFrom('links')
    .select('account')
    .where('person', '=', account)
    .orderBy('account')
    .execute();
  if (gone.numDeletedRows === 0n && rest.length === 0) return false;
  // The others stay together: another of them stands for them.
  const [heir] = rest;
  if (heir) {
    await tx.deleteFrom('links').where('account', '=', heir.account).execute();
    await tx.updateTable('links').set({ person: heir.account }).where('person', '=', account).execute();
  }
  return true;
}

function digest(code: string): Buffer {
  return createHash('sha256').update(code).digest();
}
