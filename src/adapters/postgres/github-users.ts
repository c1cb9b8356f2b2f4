import { system } from '../../core/actor.ts';
import type { GitHubUser, GitHubUsers } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import type { Db, Tx } from './database.ts';
import { lockLinks, part, rootOf } from './links.ts';

/** Users in one question, far below the most parameters that PostgreSQL takes. */
const atOnce = 5_000;

export function githubUsers(db: Db): GitHubUsers {
  return {
    async seen(users, now) {
      for (let at = 0; at < users.length; at += atOnce) {
        const some = users.slice(at, at + atOnce);
        if ((await changed(db, some)).length === 0) continue;
        await db.transaction().execute(async tx => {
          await lockLinks(tx);
          await follow(tx, some, now);
        });
      }
    },
    link: (user, asked, actor, now) =>
      db.transaction().execute(async tx => {
        await lockLinks(tx);
        await follow(tx, [user], now);
        const { id, account } = user;
        const [own, theirs] = [await rootOf(tx, account), await rootOf(tx, asked)];
        if (own !== theirs) {
          const below = await tx
            .selectFrom('links')
            .select('account')
            .where('person', '=', account)
            .executeTakeFirst();
          if (own !== account || below) return { ok: false, why: 'taken' };
          await tx.insertInto('links').values({ account, person: theirs, linked_at: now }).execute();
          const entry = { actor, action: 'account.link', subject: account, outcome: 'done' as const };
          await appendAudit(tx, { ...entry, details: { with: asked, person: theirs, github: id } }, now);
        }
        await tx
          .insertInto('github_users')
          .values({ id, account })
          .onConflict(conflict => conflict.column('id').doUpdateSet({ account }))
          .execute();
        return { ok: true };
      }),
  };
}

/** What is known of these accounts and is not so any more. */
async function changed(db: Db | Tx, users: readonly GitHubUser[]) {
  const rows = await db
    .selectFrom('github_users')
    .selectAll()
    .where(eb =>
      eb.or([
        eb(
          'id',
          'in',
          users.map(user => user.id),
        ),
        eb(
          'account',
          'in',
          users.map(user => user.account),
        ),
      ]),
    )
    .execute();
  const now = new Map(users.map(user => [user.id, user.account]));
  return rows.filter(row => now.get(row.id) !== row.account).map(row => ({ ...row, next: now.get(row.id) }));
}

async function follow(tx: Tx, users: readonly GitHubUser[], now: Date): Promise<void> {
  const rows = await changed(tx, users);
  // Two may have changed places, so all leave before any arrives.
  for (const { id, account, next } of rows) {
    await tx.deleteFrom('github_users').where('id', '=', id).execute();
    if (next !== undefined) await rename(tx, account, placeholder(id));
    else await end(tx, account, now);
  }
  for (const { id, account, next } of rows) {
    if (next === undefined) continue;
    // Nothing is known of whoever had it before.
    await end(tx, next, now);
    await rename(tx, placeholder(id), next);
    await tx.insertInto('github_users').values({ id, account: next }).execute();
    const entry = { actor: system, action: 'account.rename', subject: next, outcome: 'done' as const };
    await appendAudit(tx, { ...entry, details: { before: account, github: id } }, now);
  }
}

/** No login looks like it. */
function placeholder(id: number): string {
  return `github:#${id}`;
}

async function rename(tx: Tx, before: string, account: string): Promise<void> {
  await tx.updateTable('links').set({ account }).where('account', '=', before).execute();
  await tx.updateTable('links').set({ person: account }).where('person', '=', before).execute();
}

async function end(tx: Tx, account: string, now: Date): Promise<void> {
  if (!(await part(tx, account))) return;
  const entry = { actor: system, action: 'account.unlink', subject: account, outcome: 'done' as const };
  await appendAudit(tx, { ...entry, details: { why: 'the login belongs to somebody else now' } }, now);
}
