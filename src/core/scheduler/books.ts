import { begin, type Lane, lanesOf } from './place.ts';
import { amountOf, type Ledger, openLedger } from './quota.ts';
import { type Stoppable, stoppableOf } from './reclaim.ts';
import type {
  FlavorStock,
  Hold,
  Holder,
  PoolStock,
  Preempt,
  Queue,
  Start,
  Team,
  Waiting,
  World,
} from './world.ts';

/** A CPU slot counts as this part of an accelerator where teams are compared. */
const slotShare = 1 / 16;

/** A run that waits, with where it may go. */
export interface Candidate {
  run: Waiting;
  /** Accelerators or slots for each worker. */
  each: number;
  /** For all of them. */
  amount: number;
  /** What has what it asks for by name, in the order in which it is tried. */
  lanes: readonly Lane[];
}

/** What stays the same while one plan is made, but for what it gives out. */
export interface Table {
  world: World;
  now: number;
  lanes: ReadonlyMap<string, readonly Lane[]>;
  pools: ReadonlyMap<string, PoolStock>;
  queues: ReadonlyMap<string, Queue>;
  teams: ReadonlyMap<string, Team>;
  /** What every team may still spend after what was started; null: nothing is counted. */
  budgets: Map<string, number | null>;
}

/** The books of one look at everything that waits. */
export interface Books extends Table {
  ledger: Ledger;
  holders: readonly Holder[];
  /** The holders by when they must end, sorted when it is first asked for. */
  byEnd(): readonly Holder[];
  /** What every team may still spend, after what was promised too. */
  left: Map<string, number | null>;
  /** Runs at work by project. */
  working: Map<string, number>;
  /** Accelerators held by team. */
  held: Map<string, number>;
  stoppable: Stoppable;
  /** Kinds of runs for which stopping others would not help, as things are. */
  hopeless: Set<string>;
  /** Who lets go, by flavor. */
  leaving: Map<string, Holder[]>;
  starts: Start[];
  preempts: Preempt[];
  holds: Hold[];
  /** Sentences that take a look at every node, once for all that ask alike. */
  sayings: Map<string, string>;
}

export function openTable(world: World, now: number): Table {
  return {
    world,
    now,
    lanes: new Map(world.pools.map(pool => [pool.name, lanesOf(pool)])),
    pools: new Map(world.pools.map(pool => [pool.name, pool])),
    queues: new Map(world.queues.map(queue => [queue.team, queue])),
    teams: new Map(world.teams.map(team => [team.name, team])),
    budgets: new Map(world.teams.map(team => [team.name, team.budgetLeft])),
  };
}

/** The lanes are found once for all that ask alike. */
export function candidatesOf({ world, lanes }: Table): Candidate[] {
  const known = new Map<string, readonly Lane[]>();
  return world.waiting.map(run => {
    const { gpus, model, pools, workers } = run;
    const key = `${gpus > 0 ? 'gpu' : 'cpu'} ${model ?? ''} ${pools.join(' ')}`;
    const found =
      known.get(key) ??
      pools.flatMap(pool => (lanes.get(pool) ?? []).filter(lane => fitsFlavor(run, lane.flavor)));
    known.set(key, found);
    const each = Math.max(gpus, 1);
    return { run, each, amount: each * workers, lanes: found };
  });
}

/** Whether a flavor is what a run asks for: by the flavor's name, or by any part of a model's name. */
export function fitsFlavor({ gpus, model }: Pick<Waiting, 'gpus' | 'model'>, stock: FlavorStock): boolean {
  if (gpus === 0) return stock.kind === 'cpu';
  if (stock.kind !== 'gpu') return false;
  if (model === null) return !stock.onlyNamed;
  const wanted = model.toLowerCase();
  if (stock.flavor.toLowerCase() === wanted) return true;
  return !stock.onlyNamed && stock.models.some(name => name.toLowerCase().includes(wanted));
}

/** New books over what is held: nobody waits in them yet. */
export function openBooks(table: Table, before: readonly Holder[]): Books {
  const { world, lanes } = table;
  // Some of them may be stopped while these books are open.
  const holders = before.map(holder => ({ ...holder }));
  const byLane = Map.groupBy(holders, holder => `${holder.pool} ${holder.flavor}`);
  const working = new Map<string, number>();
  const held = new Map<string, number>();
  for (const [pool, ofPool] of lanes)
    for (const lane of ofPool) {
      const there = byLane.get(`${pool} ${lane.flavor.flavor}`) ?? [];
      begin(lane, there);
      for (const holder of there) add(held, holder.team, shareOf(lane) * amountOf(holder));
    }
  for (const holder of holders) add(working, holder.project, 1);
  let sorted: readonly Holder[] | null = null;
  return {
    ...table,
    ledger: openLedger(world.queues, holders),
    holders,
    byEnd() {
      sorted ??= [...holders].sort((a, b) => a.endsBy - b.endsBy || a.number - b.number);
      return sorted;
    },
    left: new Map(table.budgets),
    working,
    held,
    stoppable: stoppableOf(holders, pool => table.pools.get(pool)?.reachable ?? false),
    hopeless: new Set(),
    leaving: Map.groupBy(
      holders.filter(one => one.leaving),
      one => one.flavor,
    ),
    starts: [],
    preempts: [],
    holds: [],
    sayings: new Map(),
  };
}

/** What one of a lane counts where teams are compared. */
export function shareOf({ flavor }: Lane): number {
  return flavor.kind === 'cpu' ? slotShare : 1;
}

/** Takes what a run costs from what its team may spend. */
export function spend(budgets: Map<string, number | null>, team: string, cost: number): void {
  const left = budgets.get(team) ?? null;
  if (left !== null) budgets.set(team, left - cost);
}

export function add(counts: Map<string, number>, key: string, amount: number): void {
  counts.set(key, (counts.get(key) ?? 0) + amount);
}
