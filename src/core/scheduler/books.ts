import { begin, type Lane, lanesOf } from './place.ts';
import { amountOf, type Cell, type Ledger, openLedger } from './quota.ts';
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
  /** What its team has of each of them; null: as much as there is. */
  cells: readonly (Cell | null)[];
  /** Whether any of its pools can be reached. */
  isInReach: boolean;
}

/** What stays the same while one plan is made, but for what it gives out. */
export interface Table {
  world: World;
  now: number;
  lanes: ReadonlyMap<string, readonly Lane[]>;
  pools: ReadonlyMap<string, PoolStock>;
  queues: ReadonlyMap<string, Queue>;
  teams: ReadonlyMap<string, Team>;
  ledger: Ledger;
  /** What every team may still spend after what was started; null: nothing is counted. */
  budgets: Map<string, number | null>;
}

/** The books of one look at everything that waits. */
export interface Books extends Table {
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
    ledger: openLedger(world.queues),
    budgets: new Map(world.teams.map(team => [team.name, team.budgetLeft])),
  };
}

/** Lanes and cells are found once for all that ask alike. */
export function candidatesOf({ world, lanes, ledger, pools: all }: Table): Candidate[] {
  const offers = new Map<string, readonly Lane[]>();
  const rights = new Map<string, Pick<Candidate, 'lanes' | 'cells' | 'isInReach'>>();
  return world.waiting.map(run => {
    const { gpus, model, pools, workers, team } = run;
    const each = Math.max(gpus, 1);
    const asked = `${gpus > 0 ? 'gpu' : 'cpu'} ${pools.join(',')} ${model ?? ''}`;
    const known = rights.get(`${team} ${asked}`);
    if (known) return { run, each, amount: each * workers, ...known };
    const found =
      offers.get(asked) ??
      pools.flatMap(pool => (lanes.get(pool) ?? []).filter(lane => suits(run, lane.flavor)));
    offers.set(asked, found);
    const own = {
      lanes: found,
      cells: found.map(lane => ledger.cellOf(team, lane.flavor.flavor)),
      isInReach: pools.some(name => all.get(name)?.reachable === true),
    };
    rights.set(`${team} ${asked}`, own);
    return { run, each, amount: each * workers, ...own };
  });
}

/** Whether a flavor is what a run asks for: by the flavor's name, or by any part of a model's name. */
export function suits({ gpus, model }: Pick<Waiting, 'gpus' | 'model'>, stock: FlavorStock): boolean {
  if (gpus === 0) return stock.kind === 'cpu';
  if (stock.kind !== 'gpu') return false;
  if (model === null) return !stock.onlyNamed;
  const wanted = model.toLowerCase();
  if (stock.flavor.toLowerCase() === wanted) return true;
  return !stock.onlyNamed && stock.models.some(name => name.toLowerCase().includes(wanted));
}

/** New books over what is held: nobody waits in them yet. */
export function openBooks(table: Table, before: readonly Holder[]): Books {
  const { lanes } = table;
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
  table.ledger.begin(holders);
  let sorted: readonly Holder[] | null = null;
  return {
    ...table,
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
