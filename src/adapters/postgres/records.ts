import { sql } from 'kysely';
import type { Artifact, FileDigest, RecordStore } from '../../core/ports.ts';
import { type Db, json, type Tx } from './database.ts';

/** Content that nobody names stays so long after somebody last wanted it: what is being uploaded is named soon. */
const grace = '1 day';
/** How long whoever removes content has it alone. */
const removal = '1 hour';

export function recordStore(db: Db): RecordStore {
  const artifacts = async (run: number): Promise<Artifact[]> =>
    await db
      .selectFrom('artifacts')
      .select(['attempt', 'name', 'sha256', 'bytes'])
      .where('run', '=', run)
      .where(
        'attempt',
        '=',
        db
          .selectFrom('artifacts')
          .select(({ fn }) => fn.max('attempt').as('newest'))
          .where('run', '=', run),
      )
      .orderBy('name')
      .execute();

  const inputs = async (run: number): Promise<FileDigest[]> =>
    await db
      .selectFrom('run_inputs')
      .select(['name', 'sha256', 'bytes'])
      .where('run', '=', run)
      .where(
        'attempt',
        '=',
        db
          .selectFrom('run_inputs')
          .select(({ fn }) => fn.max('attempt').as('newest'))
          .where('run', '=', run),
      )
      .orderBy('name')
      .execute();

  return {
    artifacts,
    async inputs(run) {
      return Object.fromEntries((await inputs(run)).map(({ name, sha256 }) => [name, sha256]));
    },
    async of(run, now) {
      const machine = db
        .selectFrom('run_machines')
        .select('facts')
        .where('run', '=', run)
        .orderBy('attempt', 'desc')
        .limit(1)
        .executeTakeFirst();
      const held = sql<{ hours: number; cost: number }>`
        select coalesce(sum(s), 0) / 3600 as hours, coalesce(sum(s * price), 0) / 3600 as cost from (
          select price::double precision as price,
            greatest(extract(epoch from coalesce(released_at, ${now}::timestamptz) - held_at), 0)::double precision as s
          from allocations where run = ${run} and kind = 'gpu'
        ) as each`.execute(db);
      const [made, read, said, sums] = await Promise.all([artifacts(run), inputs(run), machine, held]);
      const [sum] = sums.rows;
      return {
        artifacts: made,
        inputs: read,
        machine: said?.facts ?? null,
        held: { acceleratorHours: sum?.hours ?? 0, cost: sum?.cost ?? 0 },
      };
    },
    async began(run, attempt, { inputs: files, machine }) {
      await db.transaction().execute(async tx => {
        const known = await tx
          .insertInto('run_machines')
          .values({ run, attempt, facts: json(machine) })
          .onConflict(conflict => conflict.columns(['run', 'attempt']).doNothing())
          .returning('run')
          .executeTakeFirst();
        if (known && files.length > 0)
          await tx
            .insertInto('run_inputs')
            .values(files.map(file => ({ run, attempt, ...file })))
            .execute();
      });
    },
    async expect(files) {
      if (files.length === 0) return [];
      // In one order, so that no two wait for each other.
      const result = await sql<{ sha256: string }>`
        insert into contents (sha256, bytes, state)
        select distinct on (sha256) sha256, bytes, 'expected' from ${rows(files)} order by sha256
        on conflict (sha256) do update set wanted_at = clock_timestamp() where contents.state <> 'going'
        returning case when contents.state = 'stored' then contents.sha256 end as sha256`.execute(db);
      const there = new Set(result.rows.map(row => row.sha256));
      return [...new Set(files.map(file => file.sha256))].filter(sha256 => !there.has(sha256));
    },
    async stored({ sha256, bytes }) {
      const result = await sql`
        insert into contents (sha256, bytes, state) values (${sha256}, ${bytes}, 'stored')
        on conflict (sha256) do update set state = 'stored', wanted_at = clock_timestamp()
          where contents.state <> 'going'`.execute(db);
      return Number(result.numAffectedRows ?? 0) > 0;
    },
    async keep(run, attempt, files) {
      if (files.length === 0) return [];
      return await db.transaction().execute(async tx => {
        const wanted = [...new Set(files.map(file => file.sha256))].sort();
        const there = await tx
          .selectFrom('contents')
          .select('sha256')
          .where('sha256', 'in', wanted)
          .where('state', '=', 'stored')
          .orderBy('sha256')
          .forUpdate()
          .execute();
        const known = new Set(there.map(row => row.sha256));
        const missing = wanted.filter(sha256 => !known.has(sha256));
        if (missing.length > 0) return missing;
        await sql`update contents set wanted_at = clock_timestamp() where sha256 in (${sql.join(wanted)})`.execute(
          tx,
        );
        // Said again after a kill, with what is there now: the newest word is whole by itself.
        await tx.deleteFrom('artifacts').where('run', '=', run).where('attempt', '=', attempt).execute();
        await tx
          .insertInto('artifacts')
          .values(files.map(({ name, sha256, bytes }) => ({ run, attempt, name, sha256, bytes })))
          .execute();
        return [];
      });
    },
    async hasOutputs(run, attempt) {
      const row = await db
        .selectFrom('artifacts')
        .select('name')
        .where('run', '=', run)
        .where('attempt', '=', attempt)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async takeUnused(most) {
      const result = await sql<{ sha256: string }>`
        update contents set state = 'going', wanted_at = clock_timestamp() where sha256 in (
          select sha256 from contents as c
          where wanted_at < clock_timestamp() - case when state = 'going' then ${removal}::interval else ${grace}::interval end
            and not exists (select from artifacts as a where a.sha256 = c.sha256)
            and not exists (select from content_holders as h where h.sha256 = c.sha256)
          order by wanted_at limit ${most} for update skip locked
        ) returning sha256`.execute(db);
      return result.rows.map(row => row.sha256);
    },
    async removed(sha256) {
      await db.deleteFrom('contents').where('sha256', '=', sha256).where('state', '=', 'going').execute();
    },
  };
}

/** From now on the content stays, whatever becomes of the run that made it, for as long as this holder is there. `false`: it is gone. */
export async function holdContent(tx: Tx, sha256: string, holder: string): Promise<boolean> {
  const there = await tx
    .updateTable('contents')
    .set({ wanted_at: sql`clock_timestamp()` })
    .where('sha256', '=', sha256)
    .where('state', '=', 'stored')
    .returning('sha256')
    .executeTakeFirst();
  if (!there) return false;
  await tx
    .insertInto('content_holders')
    .values({ sha256, holder })
    .onConflict(conflict => conflict.columns(['sha256', 'holder']).doNothing())
    .execute();
  return true;
}

function rows(files: readonly FileDigest[]) {
  return sql`jsonb_to_recordset(${json(files)}::jsonb) as f (sha256 text, bytes bigint)`;
}
