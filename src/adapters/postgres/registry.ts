import { createHmac } from 'node:crypto';
import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import { type ModelAlias, RegistryError, type RegistryPort, type RegistryStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import type { Db } from './database.ts';
import { instanceKey } from './instance-key.ts';

/** A living worker keeps its claim well within it. */
const claimS = 6;
const claimed = sql<Date>`now() + make_interval(secs => ${claimS})`;
const free = sql<Date>`'-infinity'::timestamptz`;
const after = (pauseMs: number) => sql<Date>`now() + make_interval(secs => ${pauseMs / 1_000})`;
/** One that others keep moving is looked at in its own time alone. */
const patience = 3;

/** What is to be so in registries, and what is known to be. */
export function registryStore(db: Db): RegistryStore {
  return {
    async aliases(model) {
      let query = db.selectFrom('registry_aliases').selectAll().orderBy('model').orderBy('alias');
      if (model !== undefined) query = query.where('model', '=', model);
      return (await query.execute()).map(
        ({ model, alias, number, at, moved_at, moved_to }): ModelAlias => ({
          ...{ model, alias, number, at },
          moved: moved_at && { to: moved_to, at: moved_at },
        }),
      );
    },
    async want(model, alias, number, now) {
      const wanted = { number, at: now, next_at: sql<Date>`now()` };
      await db
        .insertInto('registry_aliases')
        .values({ model, alias, number, at: now })
        .onConflict(conflict => conflict.columns(['model', 'alias']).doUpdateSet({ ...wanted, moves: 0 }))
        .execute();
    },
    async remote(model, number, registry) {
      const row = await db
        .selectFrom('registry_entries')
        .select('remote')
        .where('model', '=', model)
        .where('number', '=', number)
        .where('registry', '=', registry)
        .executeTakeFirst();
      return row?.remote ?? null;
    },
    async expect(models) {
      if (models.length === 0) return;
      await sql`
        insert into registry_entries (model, number, registry)
        select v.model, v.number, m.registry
        from jsonb_to_recordset(${JSON.stringify(models)}::jsonb) as m (model text, registry text)
        join model_versions as v on v.model = m.model
        where not exists (
          select from registry_entries as e
          where e.model = v.model and e.number = v.number and e.registry = m.registry
        )
        order by v.model, v.number
        on conflict do nothing`.execute(db);
    },
    async claimEntries(limit) {
      const { rows } = await sql<{
        model: string;
        number: number;
        registry: string;
        claims: number;
        failures: number;
      }>`
        update registry_entries set claims = claims + 1, claimed_until = ${claimed}
        where (model, number, registry) in (
          select model, number, registry from registry_entries
          where remote is null and claimed_until < now() and next_at <= now()
          order by next_at, model, number limit ${limit} for update skip locked
        ) returning model, number, registry, claims, failures`.execute(db);
      return rows
        .map(({ claims, ...row }) => ({ ...row, claim: claims }))
        .toSorted((a, b) => (a.model === b.model ? a.number - b.number : a.model < b.model ? -1 : 1));
    },
    async keepEntry({ model, number, registry, claim }) {
      const { numUpdatedRows } = await db
        .updateTable('registry_entries')
        .set({ claimed_until: claimed })
        .where('model', '=', model)
        .where('number', '=', number)
        .where('registry', '=', registry)
        .where('claims', '=', claim)
        .where('claimed_until', '>', free)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async registered({ model, number, registry }, remote) {
      // Whoever has done it: it is so.
      await db
        .updateTable('registry_entries')
        .set({ remote, error: null, failures: 0, claimed_until: free })
        .where('model', '=', model)
        .where('number', '=', number)
        .where('registry', '=', registry)
        .execute();
    },
    async entryFailed({ model, number, registry, claim }, error, pauseMs) {
      await db
        .updateTable('registry_entries')
        .set({
          ...{ error: error.slice(0, 1_000), failures: sql`failures + 1` },
          ...{ claimed_until: free, next_at: after(pauseMs) },
        })
        .where('model', '=', model)
        .where('number', '=', number)
        .where('registry', '=', registry)
        .where('claims', '=', claim)
        .execute();
    },
    async claimAliases(limit) {
      const { rows } = await sql<{
        model: string;
        alias: string;
        number: number | null;
        registry: string | null;
        known: string | null;
        moves: number;
        claims: number;
        failures: number;
      }>`
        update registry_aliases set claims = claims + 1, claimed_until = ${claimed}
        where (model, alias) in (
          select model, alias from registry_aliases
          where claimed_until < now() and next_at <= now()
          order by next_at limit ${limit} for update skip locked
        ) returning model, alias, number, registry, known, moves, claims, failures`.execute(db);
      return rows.map(({ claims, ...row }) => ({ ...row, claim: claims }));
    },
    async keepAlias({ model, alias, claim }) {
      const { numUpdatedRows } = await db
        .updateTable('registry_aliases')
        .set({ claimed_until: claimed })
        .where('model', '=', model)
        .where('alias', '=', alias)
        .where('claims', '=', claim)
        .where('claimed_until', '>', free)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async aligned({ model, alias, number, claim }, { registry, known, moved, pauseMs }, now) {
      await db.transaction().execute(async tx => {
        const isSame = sql<boolean>`number is not distinct from ${number}::int`;
        const next = pauseMs === null ? sql<Date>`'infinity'::timestamptz` : after(pauseMs);
        const { numUpdatedRows } = await tx
          .updateTable('registry_aliases')
          .set({
            ...{ registry, known, error: null, failures: 0, claimed_until: free },
            // Another version is wanted by now.
            next_at: sql<Date>`case when ${isSame} then ${next} else now() end`,
            ...(moved ? { moved_to: moved.to, moved_at: now, moves: sql`moves + 1` } : { moves: 0 }),
          })
          .where('model', '=', model)
          .where('alias', '=', alias)
          .where('claims', '=', claim)
          .executeTakeFirst();
        if (!moved || numUpdatedRows === 0n) return;
        const about = { action: 'model.alias-moved', subject: `model:${model}`, outcome: 'done' as const };
        const details = { alias, registry, to: moved.to, putBackTo: known };
        await appendAudit(tx, { actor: system, ...about, details }, now);
      });
    },
    async aliasFailed({ model, alias, claim }, error, pauseMs) {
      await db
        .updateTable('registry_aliases')
        .set({
          ...{ error: error.slice(0, 1_000), failures: sql`failures + 1` },
          ...{ claimed_until: free, next_at: after(pauseMs) },
        })
        .where('model', '=', model)
        .where('alias', '=', alias)
        .where('claims', '=', claim)
        .execute();
    },
    async changed(models) {
      if (models.length === 0) return;
      await db
        .updateTable('registry_aliases')
        .set({ next_at: sql<Date>`least(next_at, now())` })
        .where('model', 'in', [...models])
        .where('moves', '<', patience)
        .execute();
    },
  };
}

/** A key for each version that no other installation has. */
export function versionKeys(db: Db): (model: string, number: number) => Promise<string> {
  const key = instanceKey(db);
  return async (model, number) =>
    createHmac('sha256', await key())
      .update(`version:${model}/${number}`)
      .digest('hex')
      .slice(0, 32);
}

/** The registry that is built in: versions are in it from the moment on when they are made. */
export function builtinRegistry(db: Db): RegistryPort {
  const isThere = async (model: string, remote: string) => {
    if (!/^[1-9]\d{0,8}$/.test(remote)) return false;
    const row = await db
      .selectFrom('model_versions')
      .select('number')
      .where('model', '=', model)
      .where('number', '=', Number(remote))
      .executeTakeFirst();
    return row !== undefined;
  };
  return {
    async register(name, { number }) {
      const remote = String(number);
      if (await isThere(name, remote)) return remote;
      throw new RegistryError(`${name} has no version ${remote}`, 'missing');
    },
    async alias(name, alias) {
      const row = await db
        .selectFrom('builtin_aliases')
        .select('number')
        .where('model', '=', name)
        .where('alias', '=', alias)
        .executeTakeFirst();
      return row ? String(row.number) : null;
    },
    async setAlias(name, alias, remote) {
      if (remote === null) {
        await db.deleteFrom('builtin_aliases').where('model', '=', name).where('alias', '=', alias).execute();
        return;
      }
      if (!(await isThere(name, remote)))
        throw new RegistryError(`${name} has no version ${remote}`, 'missing');
      const number = Number(remote);
      await db
        .insertInto('builtin_aliases')
        .values({ model: name, alias, number })
        .onConflict(conflict => conflict.columns(['model', 'alias']).doUpdateSet({ number }))
        .execute();
    },
    address: () => null,
  };
}
