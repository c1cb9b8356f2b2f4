import { type Selectable, sql } from 'kysely';
import { plainResources } from '../../core/pool.ts';
import type { Accelerator, AgentStore, Assignment } from '../../core/ports.ts';
import { stopOnMachine, timeLimitOf } from '../../core/run.ts';
import { type Db, json, type Tables, type Tx } from './database.ts';
import { runOf, wantPlan } from './run-rows.ts';

export function agentStore(db: Db): AgentStore {
  return {
    async seen(pool, accelerators) {
      const known = await db.selectFrom('accelerators').selectAll().where('pool', '=', pool).execute();
      const listed = new Map(known.map(row => [`${row.node} ${row.kind} ${row.index}`, row]));
      const changed = accelerators.filter(a => !same(listed.get(`${a.node} ${a.kind} ${a.index}`), a));
      const present = new Set(accelerators.map(a => `${a.node} ${a.kind} ${a.index}`));
      const missing = known.filter(row => !present.has(`${row.node} ${row.kind} ${row.index}`));
      await db.transaction().execute(async tx => {
        const wasAway = await alive(tx, pool);
        for (const a of changed) await upsert(tx, pool, a);
        let left = false;
        for (const row of missing) left = (await leave(tx, row)) || left;
        if (changed.length > 0 || left || wasAway) await wantPlan(tx);
      });
    },
    async take(pool, takes) {
      await db
        .updateTable('agents')
        .set({ takes: takes !== null })
        .where('pool', '=', pool)
        .where('takes', '!=', takes !== null)
        .execute();
      if (takes === null || takes.length === 0) return;
      // Under the row lock of each run, as is whatever takes it back: of the two one is first, and the other changes nothing.
      await sql`
        with mine as (
          select number, key from runs
          join jsonb_to_recordset(${json(takes)}::jsonb) as t (run bigint, attempt int, key text)
            on number = t.run and runs.attempt = t.attempt
          where pool = ${pool} and state = 'starting' and taken is null
          order by number for update of runs
        )
        update runs set taken = mine.key from mine where runs.number = mine.number`.execute(db);
    },
    async assignments(pool) {
      const rows = await db
        .selectFrom('runs')
        .selectAll()
        .where('pool', '=', pool)
        .where('state', 'in', ['starting', 'running'])
        .orderBy('number')
        .execute();
      if (rows.length === 0) return [];
      const held = await db
        .selectFrom('allocations')
        .select(['run', 'node', 'kind', 'gpu'])
        .where('pool', '=', pool)
        .where('released_at', 'is', null)
        .orderBy('gpu')
        .execute();
      return rows.map(runOf).map((run): Assignment => {
        const mine = held.filter(row => row.run === run.number);
        return {
          run: run.number,
          attempt: run.attempt,
          // A machine knows one time limit: the one that holds now.
          spec: { ...run.spec, timeLimitS: timeLimitOf(run) },
          node: mine[0]?.node ?? '',
          kind: mine[0]?.kind ?? 'cpu',
          indices: mine.map(row => row.gpu),
          stop: stopOnMachine(run.stopping),
          taken: run.taken,
        };
      });
    },
  };
}

/** Notes the sign of life; answers whether the agent had been away, so that what it missed is planned now. */
async function alive(tx: Tx, pool: string): Promise<boolean> {
  const result = await sql<{ away: boolean }>`
    with before as (select seen_at from agents where pool = ${pool})
    insert into agents (pool, seen_at, back_at) values (${pool}, clock_timestamp(), clock_timestamp())
    on conflict (pool) do update set seen_at = excluded.seen_at,
      back_at = case when agents.seen_at < clock_timestamp() - interval '10 seconds' then excluded.back_at else agents.back_at end
    returning coalesce((select seen_at < clock_timestamp() - interval '10 seconds' from before), true) as away`.execute(
    tx,
  );
  return result.rows[0]?.away ?? true;
}

type Known = Selectable<Tables['accelerators']>;

/** The agent itself remembers what is missing: one that it reports no more is gone. While a run holds it, it is unhealthy, not forgotten. */
async function leave(tx: Tx, row: Known): Promise<boolean> {
  const { pool, node, kind, index } = row;
  const gone = await tx
    .deleteFrom('accelerators')
    .where('pool', '=', pool)
    .where('node', '=', node)
    .where('kind', '=', kind)
    .where('index', '=', index)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('allocations')
            .select('id')
            .where('pool', '=', pool)
            .where('node', '=', node)
            .where('kind', '=', kind)
            .where('gpu', '=', index)
            .where('released_at', 'is', null),
        ),
      ),
    )
    .executeTakeFirst();
  if (gone.numDeletedRows > 0n) return true;
  if (row.healthy)
    await upsert(tx, pool, {
      ...row,
      resource: row.resource ?? plainResources[row.kind],
      memoryMb: row.memory_mb,
      healthy: false,
    });
  return row.healthy;
}

function same(row: Known | undefined, a: Accelerator): boolean {
  return (
    row !== undefined &&
    row.resource === a.resource &&
    row.device === a.device &&
    row.model === a.model &&
    row.memory_mb === a.memoryMb &&
    row.healthy === a.healthy
  );
}

async function upsert(tx: Tx, pool: string, a: Accelerator): Promise<void> {
  const { resource, device, model, memoryMb, healthy } = a;
  const row = { resource, device, model, memory_mb: memoryMb, healthy };
  await tx
    .insertInto('accelerators')
    .values({ pool, node: a.node, kind: a.kind, index: a.index, ...row })
    .onConflict(conflict => conflict.columns(['pool', 'node', 'kind', 'index']).doUpdateSet(row))
    .execute();
}
