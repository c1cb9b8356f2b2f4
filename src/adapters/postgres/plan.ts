import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { PlanStore } from '../../core/ports.ts';
import { type RunChange, transition, type Waiting } from '../../core/run.ts';
import type { Decision, Hold, Start } from '../../core/scheduler/world.ts';
import { type Db, json, type Tx } from './database.ts';
import { type Change, runOf, storeTransitions } from './run-rows.ts';
import { readSnapshot } from './snapshot.ts';

const usualHalfLifeS = 7 * 86_400;

/**
 * `pools`: the names that the configuration knows, whether or not an agent was ever seen for them. `halfLifeS`: after so long, what a team
 * had counts half.
 */
export function planStore(
  db: Db,
  pools: readonly string[] | (() => readonly string[]),
  halfLifeS: () => number = () => usualHalfLifeS,
): PlanStore {
  const names = () => (typeof pools === 'function' ? pools() : pools);
  return {
    snapshot: now =>
      db
        .transaction()
        .setIsolationLevel('repeatable read')
        .setAccessMode('read only')
        .execute(tx => readSnapshot(tx, names(), now)),
    commit: (snapshot, decisions, now) =>
      db.transaction().execute(async tx => {
        const holds = decisions.filter(decision => decision.type === 'hold');
        const moves = decisions.filter(decision => decision.type !== 'hold');
        // Runs before the planner, as every change of a run has it: the other way round, the two would wait for each other.
        await lockRuns(tx, moves, holds);
        const moved = await tx
          .updateTable('planner')
          .set({ epoch: snapshot.epoch + 1, seen_seq: snapshot.wantedSeq, half_life_s: halfLifeS() })
          .where('id', '=', 1)
          .where('epoch', '=', snapshot.epoch)
          .executeTakeFirst();
        if (moved.numUpdatedRows !== 1n) return false;
        await move(tx, moves, now);
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

type Moving = Exclude<Decision, Hold>;

/** What `runs.waiting` becomes. */
function waitOf({ code, sentence, cost, room }: Hold): Waiting {
  return { code, sentence, ...(cost === undefined ? {} : { cost }), ...(room ? { room } : {}) };
}

function held(holds: readonly Hold[]) {
  const rows = holds.map(one => ({ run: one.run, waiting: waitOf(one) }));
  return sql`jsonb_to_recordset(${json(rows)}::jsonb) as h (run bigint, waiting jsonb)`;
}

/** Those that the plan will write; by number, so that two plans do not wait for each other either. */
async function lockRuns(tx: Tx, moves: readonly Moving[], holds: readonly Hold[]): Promise<void> {
  await sql`
    select number from runs
    where number = any(${moves.map(d => d.run)}::bigint[]) or number in (
      select h.run from ${held(holds)} join runs as known on known.number = h.run
      where known.state = 'queued' and known.waiting is distinct from h.waiting
    )
    order by number for update`.execute(tx);
}

/** Starts, and what makes room for others; what has changed since the snapshot stays as it is, as that change has asked for another plan. */
async function move(tx: Tx, decisions: readonly Moving[], now: Date): Promise<void> {
  if (decisions.length === 0) return;
  const rows = await tx
    .selectFrom('runs')
    .selectAll()
    .where(sql<boolean>`number = any(${decisions.map(d => d.run)}::bigint[])`)
    .execute();
  const runs = new Map(rows.map(row => [row.number, runOf(row)]));
  const starts: { decision: Start; change: Change }[] = [];
  const others: Change[] = [];
  for (const decision of decisions) {
    const before = runs.get(decision.run);
    if (!before) continue;
    const after = transition(before, changeOf(decision), now, system);
    if (!after.ok) continue;
    if (decision.type === 'start') starts.push({ decision, change: { before, after } });
    else others.push({ before, after });
  }
  await storeTransitions(
    tx,
    others.concat(starts.map(({ change }) => change)),
    others.every(({ before, after }) => before.state === after.run.state),
  );
  await allocate(tx, starts, now);
}

function changeOf(decision: Moving): RunChange {
  const { reason } = decision;
  if (decision.type === 'start') return { type: 'start', actor: system, reason, pool: decision.pool };
  if (decision.type === 'withdraw') return { type: 'withdraw', actor: system, reason };
  const by = { run: decision.by, rule: decision.rule };
  return { type: 'stop', actor: system, why: 'preempt', reason, by };
}

async function allocate(
  tx: Tx,
  starts: readonly { decision: Start; change: Change }[],
  now: Date,
): Promise<void> {
  const rows = starts.flatMap(({ decision: { run, pool, flavor, price, shares }, change }) =>
    shares.flatMap(({ node, kind, indices }) =>
      indices.map(gpu => ({
        run,
        attempt: change.after.run.attempt,
        pool,
        node,
        kind,
        gpu,
        flavor,
        price,
        held_at: now,
      })),
    ),
  );
  if (rows.length === 0) return;
  await sql`
    insert into allocations (run, attempt, pool, node, kind, gpu, flavor, price, held_at)
    select * from jsonb_to_recordset(${json(rows)}::jsonb) as a (run bigint, attempt int, pool text, node text, kind text, gpu int,
      flavor text, price float8, held_at timestamptz)`.execute(tx);
}

/** One statement for all that wait, however many: only those whose reason changed are written. */
async function hold(tx: Tx, decisions: readonly Hold[]): Promise<void> {
  if (decisions.length === 0) return;
  await sql`
    with changed as (
      update runs set waiting = h.waiting from ${held(decisions)}
      where number = h.run and state = 'queued' and runs.waiting is distinct from h.waiting
      returning number
    ), homes as (
      update planner set changed_seq = changed_seq + 1 where id = 1 and exists (select from changed)
    )
    update surfaces set wanted_seq = wanted_seq + 1 from changed where run = number and kind in ('run', 'check')`.execute(
    tx,
  );
}
