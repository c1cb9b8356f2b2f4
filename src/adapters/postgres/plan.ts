import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import { plainResources } from '../../core/pool.ts';
import type { PlanDecision, PlanSnapshot, PlanStore, PoolState } from '../../core/ports.ts';
import { priorities } from '../../core/project.ts';
import { transition } from '../../core/run.ts';
import type { Db, Tx } from './database.ts';
import { standing } from './freezes.ts';
import { runOf, storeTransition } from './run-rows.ts';

type StartDecision = Extract<PlanDecision, { type: 'start' }>;
type HoldDecision = Extract<PlanDecision, { type: 'hold' }>;

/** An agent that said nothing for this long counts as out of reach; it speaks at least every few seconds. */
const unreachableAfterS = 10;

/** `pools`: the names that the configuration knows, whether or not an agent was ever seen for them. */
export function planStore(db: Db, pools: readonly string[] | (() => readonly string[])): PlanStore {
  const names = () => (typeof pools === 'function' ? pools() : pools);
  return {
    snapshot: () =>
      db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(tx => readSnapshot(tx, names())),
    commit: (snapshot, decisions, now) =>
      db.transaction().execute(async tx => {
        const starts = decisions.filter(decision => decision.type === 'start');
        const holds = decisions.filter(decision => decision.type === 'hold');
        // Runs before the planner, as every change of a run has it: the other way round, the two would wait for each other.
        await lockRuns(tx, starts, holds);
        const moved = await tx
          .updateTable('planner')
          .set({ epoch: snapshot.epoch + 1, seen_seq: snapshot.wantedSeq })
          .where('id', '=', 1)
          .where('epoch', '=', snapshot.epoch)
          .executeTakeFirst();
        if (moved.numUpdatedRows !== 1n) return false;
        for (const decision of starts) await start(tx, decision, now);
        await hold(tx, holds);
        return true;
      }),
    async wanted() {
      const row = await db
        .selectFrom('planner')
        .select(['wanted_seq', 'seen_seq'])
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
      return row.wanted_seq > row.seen_seq;
    },
  };
}

async function readSnapshot(tx: Tx, names: readonly string[]): Promise<PlanSnapshot> {
  const planner = await tx
    .selectFrom('planner')
    .select(['epoch', 'wanted_seq'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  const agents = await tx
    .selectFrom('agents')
    .select([
      'pool',
      'seen_at',
      sql<boolean>`seen_at > clock_timestamp() - make_interval(secs => ${unreachableAfterS})`.as('reachable'),
    ])
    .execute();
  const accelerators = await tx.selectFrom('accelerators').selectAll().execute();
  const held = await tx
    .selectFrom('allocations')
    .select(['pool', 'node', 'kind', 'gpu as index', 'run'])
    .where('released_at', 'is', null)
    .execute();
  const queued = await tx
    .selectFrom('runs')
    .select([
      'number',
      'pool',
      'project',
      'gpus',
      'priority',
      'queued_at',
      'created_at',
      sql<string | null>`spec ->> 'gpuModel'`.as('gpu_model'),
    ])
    .where('state', '=', 'queued')
    .execute();
  const pools = names.map((name): PoolState => {
    const agent = agents.find(row => row.pool === name);
    return {
      name,
      seenAt: agent?.seen_at ?? null,
      reachable: agent?.reachable ?? false,
      accelerators: accelerators
        .filter(row => row.pool === name)
        .map(({ node, index, kind, resource, device, model, memory_mb, healthy }) => ({
          node,
          index,
          kind,
          resource: resource ?? plainResources[kind],
          device,
          model,
          memoryMb: memory_mb,
          healthy,
        })),
    };
  });
  return {
    epoch: planner.epoch,
    wantedSeq: planner.wanted_seq,
    pools,
    freezes: await standing(tx),
    held,
    queued: queued.map(row => ({
      number: row.number,
      pool: row.pool,
      project: row.project,
      gpus: row.gpus,
      gpuModel: row.gpu_model,
      priority: priorities[row.priority] ?? 'normal',
      queuedAt: row.queued_at ?? row.created_at,
    })),
  };
}

/** Those that the plan will write; by number, so that two plans do not wait for each other either. */
async function lockRuns(tx: Tx, starts: StartDecision[], holds: HoldDecision[]): Promise<void> {
  await sql`
    select number from runs
    where state = 'queued' and (
      number = any(${starts.map(d => d.run)}::bigint[])
      or number in (
        select h.run from unnest(${holds.map(d => d.run)}::bigint[], ${holds.map(d => d.sentence)}::text[]) as h (run, sentence)
        join runs as known on known.number = h.run
        where known.waiting ->> 'sentence' is distinct from h.sentence
      )
    )
    order by number for update`.execute(tx);
}

async function start(tx: Tx, decision: StartDecision, now: Date): Promise<void> {
  const row = await tx
    .selectFrom('runs')
    .selectAll()
    .where('number', '=', decision.run)
    .forUpdate()
    .executeTakeFirst();
  // Cancelled since the snapshot: that change has asked for another plan already.
  if (row?.state !== 'queued') return;
  const run = runOf(row);
  const after = transition(run, { type: 'start', actor: system, reason: decision.reason }, now, system);
  if (!after.ok) return;
  await storeTransition(tx, run, after);
  await tx
    .insertInto('allocations')
    .values(
      decision.indices.map(gpu => ({
        run: run.number,
        attempt: after.run.attempt,
        pool: decision.pool,
        node: decision.node,
        kind: decision.kind,
        gpu,
        held_at: now,
      })),
    )
    .execute();
}

/** One statement for all that wait, however many: only those whose reason changed are written. */
async function hold(tx: Tx, decisions: HoldDecision[]): Promise<void> {
  if (decisions.length === 0) return;
  await sql`
    with held as (
      select * from unnest(${decisions.map(d => d.run)}::bigint[], ${decisions.map(d => d.code)}::text[],
        ${decisions.map(d => d.sentence)}::text[]) as h (run, code, sentence)
    ), changed as (
      update runs set waiting = jsonb_build_object('code', held.code, 'sentence', held.sentence)
      from held
      where number = held.run and state = 'queued' and waiting ->> 'sentence' is distinct from held.sentence
      returning number
    ), homes as (
      update planner set changed_seq = changed_seq + 1 where id = 1 and exists (select from changed)
    )
    update surfaces set wanted_seq = wanted_seq + 1 from changed where run = number and kind = 'run'`.execute(
    tx,
  );
}
