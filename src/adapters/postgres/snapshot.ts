import { type Selectable, sql } from 'kysely';
import { plainResources } from '../../core/pool.ts';
import type { PlanSnapshot, PoolState, QueuedRun, WorkingRun } from '../../core/ports.ts';
import { priorities } from '../../core/project.ts';
import { timeLimitOf } from '../../core/run.ts';
import type { Tables, Tx } from './database.ts';
import { standing } from './freezes.ts';

/** An agent that said nothing for this long counts as out of reach; it speaks at least every few seconds. */
const unreachableAfterS = 10;

/** All that a plan rests on, as one moment has it. */
export async function readSnapshot(tx: Tx, pools: readonly string[], now: Date): Promise<PlanSnapshot> {
  const planner = await tx
    .selectFrom('planner')
    .select(['epoch', 'wanted_seq'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  const allocations = await tx
    .selectFrom('allocations')
    .selectAll()
    .where('released_at', 'is', null)
    .execute();
  return {
    epoch: planner.epoch,
    wantedSeq: planner.wanted_seq,
    pools: await readPools(tx, pools),
    freezes: await standing(tx),
    held: allocations.map(({ pool, node, kind, gpu, run }) => ({ pool, node, kind, index: gpu, run })),
    queued: await readQueued(tx),
    working: await readWorking(tx, allocations),
    served: await tx.selectFrom('team_served').selectAll().execute(),
    spent: await tx
      .selectFrom('team_spent')
      .select(['team', 'amount'])
      .where('month', '=', `${now.toISOString().slice(0, 7)}-01`)
      .execute(),
  };
}

async function readPools(tx: Tx, names: readonly string[]): Promise<PoolState[]> {
  const agents = await tx
    .selectFrom('agents')
    .select([
      'pool',
      'seen_at',
      sql<boolean>`seen_at > clock_timestamp() - make_interval(secs => ${unreachableAfterS})`.as('reachable'),
    ])
    .execute();
  const accelerators = await tx.selectFrom('accelerators').selectAll().execute();
  return names.map((name): PoolState => {
    const agent = agents.find(row => row.pool === name);
    return {
      name,
      seenAt: agent?.seen_at ?? null,
      reachable: agent?.reachable ?? false,
      accelerators: accelerators
        .filter(row => row.pool === name)
        .map(({ node, index, kind, resource, device, model, memory_mb, healthy }) => ({
          resource: resource ?? plainResources[kind],
          device,
          node,
          index,
          kind,
          model,
          memoryMb: memory_mb,
          healthy,
        })),
    };
  });
}

/** Of what was asked for, only what a plan looks at: there may be very many. */
async function readQueued(tx: Tx): Promise<QueuedRun[]> {
  const rows = await tx
    .selectFrom('runs')
    .select([
      'number',
      'pool',
      'project',
      'team',
      'kind',
      'approved',
      'gpus',
      'priority',
      'queued_at',
      'created_at',
      sql<string | null>`spec ->> 'gpuModel'`.as('model'),
      sql<string[] | null>`spec -> 'pools'`.as('pools'),
      sql<QueuedRun['room']>`waiting -> 'room'`.as('room'),
      sql<number>`(spec ->> 'timeLimitS')::float8 + extra_s`.as('limit'),
      sql<number>`(spec ->> 'graceS')::float8`.as('grace'),
    ])
    .where('state', '=', 'queued')
    .execute();
  return rows.map(row => ({
    number: row.number,
    pool: row.pool,
    pools: row.pools ?? [row.pool],
    project: row.project,
    team: row.team,
    kind: row.kind,
    approved: row.approved === null ? null : Number(row.approved),
    gpus: row.gpus,
    gpuModel: row.model,
    priority: priorities[row.priority] ?? 'normal',
    queuedAt: row.queued_at ?? row.created_at,
    timeLimitS: row.limit,
    graceS: row.grace,
    room: row.room,
  }));
}

async function readWorking(
  tx: Tx,
  allocations: readonly Selectable<Tables['allocations']>[],
): Promise<WorkingRun[]> {
  const rows = await tx
    .selectFrom('runs')
    .leftJoin('agents', 'agents.pool', 'runs.pool')
    .select([
      'number',
      'kind',
      'runs.pool',
      'project',
      'team',
      'priority',
      'created_at',
      'started_at',
      'spec',
      'extra_s',
      'stopping',
    ])
    .select(sql<boolean>`state = 'starting' and taken is null and coalesce(takes, false)`.as('untaken'))
    .where('state', 'in', ['starting', 'running'])
    .execute();
  const held = new Map(allocations.map(row => [row.run, row]));
  return rows.map(row => {
    const allocation = held.get(row.number);
    return {
      number: row.number,
      kind: row.kind,
      pool: row.pool,
      project: row.project,
      team: row.team,
      priority: priorities[row.priority] ?? 'normal',
      since: allocation?.held_at ?? row.created_at,
      startedAt: row.started_at,
      timeLimitS: timeLimitOf({ spec: row.spec, extraS: row.extra_s }),
      graceS: row.spec.graceS,
      stopping: row.stopping,
      untaken: row.untaken,
      flavor: allocation?.flavor ?? null,
      price: allocation?.price ?? 0,
    };
  });
}
