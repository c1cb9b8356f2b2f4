import { sql } from 'kysely';
import { longestStaleMs } from '../../core/groups.ts';
import type { GroupStore } from '../../core/ports.ts';
import type { Db, Tx } from './database.ts';

/** Members in one statement, far below the most parameters that PostgreSQL takes. */
const atOnce = 5_000;

export function groupStore(db: Db): GroupStore {
  return {
    async of(accounts, now) {
      if (accounts.length === 0) return [];
      const rows = await db
        .selectFrom('group_members')
        .innerJoin('synced_groups', 'name', 'group_name')
        .select('name')
        .distinct()
        .where('account', 'in', [...accounts])
        .where('read_at', '>', new Date(now.getTime() - longestStaleMs))
        .orderBy('name')
        .execute();
      return rows.map(row => row.name);
    },
    async states(names) {
      if (names.length === 0) return [];
      const rows = await db
        .selectFrom('synced_groups')
        .select(eb => [
          'name',
          'read_at',
          'gone',
          'error',
          eb
            .selectFrom('group_members')
            .select(of => of.fn.countAll<number>().as('count'))
            .whereRef('group_name', '=', 'name')
            .as('members'),
        ])
        .where('name', 'in', [...names])
        .execute();
      return names.map(name => {
        const row = rows.find(one => one.name === name);
        if (!row) return { name, readAt: null, gone: false, members: 0, error: null };
        const { read_at: readAt, gone, error, members } = row;
        return { name, readAt, gone, error, members: members ?? 0 };
      });
    },
    async take(names, now, again) {
      if (names.length === 0) return [];
      await db
        .insertInto('synced_groups')
        .values(names.map(name => ({ name, next_at: now })))
        .onConflict(conflict => conflict.doNothing())
        .execute();
      // Of workers that ask at once, the second one waits for the row and then finds it not due.
      const taken = await db
        .updateTable('synced_groups')
        .set({ next_at: again })
        .where('name', 'in', [...names])
        .where('next_at', '<=', now)
        .returning('name')
        .execute();
      return taken.map(row => row.name).sort();
    },
    async postpone(name, next) {
      await db.updateTable('synced_groups').set({ next_at: next }).where('name', '=', name).execute();
    },
    async begin(name) {
      const row = await db
        .insertInto('synced_groups')
        .values({ name, ticket: 1, next_at: new Date(0) })
        .onConflict(conflict =>
          conflict.column('name').doUpdateSet({ ticket: sql`synced_groups.ticket + 1` }),
        )
        .returning('ticket')
        .executeTakeFirstOrThrow();
      return row.ticket;
    },
    store: (name, ticket, members, now) =>
      db.transaction().execute(async tx => {
        const before = await lock(tx, name);
        if (!before || before.stored >= ticket) return { stored: false, recovered: false };
        const wanted = new Set(members ?? []);
        const rows = await tx
          .selectFrom('group_members')
          .select('account')
          .where('group_name', '=', name)
          .execute();
        const known = new Set(rows.map(row => row.account));
        const gone = [...known].filter(one => !wanted.has(one));
        const added = [...wanted].filter(one => !known.has(one));
        for (const some of parts(gone)) await leave(tx, name, some);
        for (const some of parts(added))
          await tx
            .insertInto('group_members')
            .values(some.map(account => ({ group_name: name, account })))
            .execute();
        await tx
          .updateTable('synced_groups')
          .set({ stored: ticket, read_at: now, gone: members === null, error: null })
          .where('name', '=', name)
          .execute();
        return { stored: true, recovered: before.error !== null };
      }),
    failed: (name, ticket, error, next) =>
      db.transaction().execute(async tx => {
        const before = await lock(tx, name);
        if (!before || before.stored >= ticket) return { first: false };
        await tx
          .updateTable('synced_groups')
          .set({ error, next_at: next })
          .where('name', '=', name)
          .execute();
        return { first: before.error === null };
      }),
    remove: (name, accounts) =>
      db.transaction().execute(async tx => {
        const before = await lock(tx, name);
        if (!before) return;
        for (const some of parts(accounts)) await leave(tx, name, some);
        // What was read before may still name them.
        await tx
          .updateTable('synced_groups')
          .set({ ticket: before.ticket + 1, stored: before.ticket + 1 })
          .where('name', '=', name)
          .execute();
      }),
  };
}

function parts(all: readonly string[]): string[][] {
  const count = Math.ceil(all.length / atOnce);
  return Array.from({ length: count }, (_, i) => all.slice(i * atOnce, (i + 1) * atOnce));
}

async function lock(tx: Tx, name: string) {
  return await tx
    .selectFrom('synced_groups')
    .select(['ticket', 'stored', 'error'])
    .where('name', '=', name)
    .forUpdate()
    .executeTakeFirst();
}

async function leave(tx: Tx, name: string, accounts: string[]): Promise<void> {
  await tx
    .deleteFrom('group_members')
    .where('group_name', '=', name)
    .where('account', 'in', accounts)
    .execute();
}
