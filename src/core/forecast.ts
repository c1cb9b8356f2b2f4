import { teamsNow } from './gpu-now.ts';
import { priorities } from './project.ts';
import { suits } from './scheduler/books.ts';
import type { Decision, Hold, Start, Waiting, World } from './scheduler/world.ts';

/** What would become of a run that nobody has asked for, as the planner would have it now. */
export interface Forecast {
  decision: Start | Hold;
  /** What it costs at most: where it starts, or, while that is open, in the dearest place where it may. */
  cost: number;
  /** Runs that wait for the same kind of accelerator where it may go, and come before it. */
  ahead: number;
  /** What its team has of the flavor, and would have with it; null where no quota counts it. */
  quota: QuotaNow | null;
  /** Somebody must approve its cost: more than its team may spend unasked, or has left. */
  asks: boolean;
}

export interface QuotaNow {
  team: string;
  flavor: string;
  held: number;
  withIt: number;
  quota: number;
  borrow: number | null;
}

/** `number`: of a run of `world.waiting`. `decide`: `plan()` of the core. */
export function forecast(
  world: World,
  number: number,
  now: number,
  decide: (world: World, now: number) => readonly Decision[],
): Forecast {
  const run = world.waiting.find(one => one.number === number);
  const found = decide(world, now).find(
    one => one.run === number && (one.type === 'start' || one.type === 'hold'),
  );
  if (!run || (found?.type !== 'start' && found?.type !== 'hold'))
    throw new Error('a plan says nothing of a run');
  const team = world.teams.find(({ name }) => name === run.team);
  const cost = found.type === 'start' ? found.cost : (found.cost ?? dearest(run, world));
  const asks =
    cost > 0 &&
    (cost > (team?.askAbove ?? Number.POSITIVE_INFINITY) ||
      cost > (team?.budgetLeft ?? Number.POSITIVE_INFINITY));
  return { decision: found, cost, ahead: aheadOf(run, world), quota: quotaOf(run, world, found), asks };
}

/** The most that it may cost in any place where it may go. */
function dearest(run: Waiting, { pools, teams }: World): number {
  const patient = teams.some(({ name, patienceS }) => name === run.team && patienceS !== null);
  const prices = pools
    .filter(({ name, backup }) => run.pools.includes(name) && (!backup || patient || run.pools.length === 1))
    .flatMap(({ flavors }) => flavors.filter(flavor => suits(run, flavor)).map(({ price }) => price));
  return (Math.max(0, ...prices) * Math.max(run.gpus, 1) * run.workers * run.limitS) / 3_600;
}

function aheadOf(run: Waiting, { waiting }: World): number {
  const rank = (one: Waiting) => priorities.indexOf(one.priority);
  return waiting.filter(
    one =>
      one.number !== run.number &&
      (one.gpus === 0) === (run.gpus === 0) &&
      run.pools.includes(one.pool) &&
      (rank(one) > rank(run) || (rank(one) === rank(run) && one.queuedAt <= run.queuedAt)),
  ).length;
}

/** What its team has of the flavor that it gets, or would get first, and would have with it. */
export function quotaOf(run: Waiting, world: World, decision: Start | Hold | null): QuotaNow | null {
  // Without an accelerator it takes one CPU slot for each worker.
  const wanted = Math.max(run.gpus, 1) * run.workers;
  const here = world.pools.filter(({ name }) => run.pools.includes(name));
  const fitting = here.flatMap(({ flavors }) =>
    flavors.filter(one => suits(run, one)).map(one => one.flavor),
  );
  const flavors = decision?.type === 'start' ? [decision.flavor] : fitting;
  const mine = teamsNow(world).filter(({ team, quota }) => team === run.team && quota !== null);
  const found = flavors.flatMap(name => mine.filter(({ flavor }) => flavor === name))[0];
  if (!found || found.quota === null) return null;
  const { team, flavor, held, quota, borrow } = found;
  return { team, flavor, held, withIt: held + wanted, quota, borrow };
}
