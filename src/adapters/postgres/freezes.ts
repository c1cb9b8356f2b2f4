import { type Selectable, sql } from 'kysely';
import type { Actor } from '../../core/actor.ts';
import { type Freeze, type FreezeScope, scopeName } from '../../core/freeze.ts';
import type { FreezeStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';

export function freezeStore(db: Db): FreezeStore {
  return {
    standing: () => standing(db),
    async freeze(wish) {
      const { key, kind, scope, why, by, place, at } = wish;
      return await db.transaction().execute(async tx => {
        // First of all: it puts those who freeze and lift one behind the other, and them before or after a whole plan.
        await discardPlans(tx);
        const known = await tx.selectFrom('freezes').selectAll().where('key', '=', key).executeTakeFirst();
        if (known) return { freeze: freezeOf(known), made: true };
        const other = (await idleOn(tx, key)) ?? (await standingAt(tx, kind, scope));
        if (other) {
          await rememberIdle(tx, key, other.id);
          return { freeze: freezeOf(other), made: false };
        }
        const isEmpty = kind === 'drain' && !(await isWorking(tx, nameOf(scope)));
        const row = await tx
          .insertInto('freezes')
          .values({
            key,
            kind,
            scope: scope.kind,
            name: nameOf(scope),
            why,
            by: json({ ...by, breakglass: undefined }),
            place: json(place),
            since: at,
            // Who is told at once that it is empty is not told again.
            told_at: isEmpty ? at : null,
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await audit(tx, kind === 'freeze' ? 'freeze' : 'drain', scope, by, { freeze: row.id, why }, at);
        return { freeze: freezeOf(row), made: true };
      });
    },
    async lift({ key, kind, scope, by, at }) {
      return await db.transaction().execute(async tx => {
        await discardPlans(tx);
        const known = await tx
          .selectFrom('freezes')
          .selectAll()
          .where('lifted_key', '=', key)
          .executeTakeFirst();
        if (known) return freezeOf(known);
        const row = (await wasIdle(tx, key)) ? undefined : await standingAt(tx, kind, scope);
        if (!row) {
          await rememberIdle(tx, key, null);
          return null;
        }
        await tx
          .updateTable('freezes')
          .set({ lifted_key: key, lifted_by: json({ ...by, breakglass: undefined }), lifted_at: at })
          .where('id', '=', row.id)
          .execute();
        await audit(tx, kind === 'freeze' ? 'unfreeze' : 'undrain', scope, by, { freeze: row.id }, at);
        return freezeOf(row);
      });
    },
    async drained() {
      const rows = await db
        .selectFrom('freezes')
        .selectAll()
        .where('kind', '=', 'drain')
        .where('lifted_at', 'is', null)
        .where('told_at', 'is', null)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom('allocations')
                .select('id')
                .whereRef('allocations.pool', '=', 'freezes.name')
                .where('released_at', 'is', null),
            ),
          ),
        )
        .orderBy('id')
        .execute();
      return rows.map(row => ({ freeze: freezeOf(row), place: row.place }));
    },
    async told(id, at) {
      await db.updateTable('freezes').set({ told_at: at }).where('id', '=', id).execute();
    },
  };
}

export async function standing(db: Db | Tx): Promise<Freeze[]> {
  const rows = await db
    .selectFrom('freezes')
    .selectAll()
    .where('lifted_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(freezeOf);
}

/** A plan on an older epoch is not committed, so that nothing starts once this is answered; and a new one is wanted. */
async function discardPlans(tx: Tx): Promise<void> {
  await sql`
    update planner set epoch = epoch + 1, wanted_seq = wanted_seq + 1, changed_seq = changed_seq + 1
    where id = 1`.execute(tx);
}

async function standingAt(tx: Tx, kind: Freeze['kind'], scope: FreezeScope) {
  return await tx
    .selectFrom('freezes')
    .selectAll()
    .where('kind', '=', kind)
    .where('scope', '=', scope.kind)
    .where('name', '=', nameOf(scope))
    .where('lifted_at', 'is', null)
    .executeTakeFirst();
}

async function wasIdle(tx: Tx, key: string): Promise<boolean> {
  const row = await tx.selectFrom('freeze_idle').select('key').where('key', '=', key).executeTakeFirst();
  return row !== undefined;
}

/** What stood already when this wish came first. */
async function idleOn(tx: Tx, key: string) {
  return await tx
    .selectFrom('freeze_idle')
    .innerJoin('freezes', 'freezes.id', 'freeze_idle.stood')
    .selectAll('freezes')
    .where('freeze_idle.key', '=', key)
    .executeTakeFirst();
}

async function rememberIdle(tx: Tx, key: string, stood: number | null): Promise<void> {
  await tx
    .insertInto('freeze_idle')
    .values({ key, stood })
    .onConflict(conflict => conflict.column('key').doNothing())
    .execute();
}

async function isWorking(tx: Tx, pool: string): Promise<boolean> {
  const row = await tx
    .selectFrom('allocations')
    .select('id')
    .where('pool', '=', pool)
    .where('released_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

function nameOf(scope: FreezeScope): string {
  return scope.kind === 'all' ? '' : scope.name;
}

async function audit(
  tx: Tx,
  action: 'freeze' | 'unfreeze' | 'drain' | 'undrain',
  scope: FreezeScope,
  actor: Actor,
  details: Record<string, unknown>,
  at: Date,
): Promise<void> {
  const subject = scopeName(scope).replace(' ', ':');
  await appendAudit(tx, { actor, action: `plan.${action}`, subject, outcome: 'done', details }, at);
}

function freezeOf(row: Selectable<Tables['freezes']>): Freeze {
  const { id, kind, scope, name, why, by, since } = row;
  return { id, kind, scope: scope === 'all' ? { kind: scope } : { kind: scope, name }, why, by, since };
}
