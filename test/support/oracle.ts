import type { Decision, FlavorStock, Hold, Waiting, World } from '../../src/core/scheduler/world.ts';
import { couldEver, isWanted, quotaAllows } from './counts.ts';
import { miscount } from './miscount.ts';
import { afterPlan } from './worlds.ts';

/**
 * What of the reasons is not true, found without the planner: each is held against the world as it is once the plan was carried out, by
 * counting what is there.
 */
export function untruths(world: World, decisions: readonly Decision[], now: number): string[] {
  const after = afterPlan(world, decisions, now);
  return storedUntruths(
    after,
    decisions.filter((one): one is Hold => one.type === 'hold'),
    { from: now, to: now },
  );
}

/**
 * What is not true of reasons that were stored, and which run has none, in the world as it is. They were found at some moment between `from`
 * and `to` (ms since the epoch): whether a team's patience is over is as it was at either.
 */
export function storedUntruths(
  world: World,
  held: readonly Hold[],
  { from, to }: { from: number; to: number },
): string[] {
  const told = new Set(held.map(hold => hold.run));
  const untold = world.waiting.filter(({ number }) => !told.has(number));
  const wrong = held.flatMap(hold => {
    const run = world.waiting.find(({ number }) => number === hold.run);
    if (!run) return [`#${hold.run} is held and does not wait`];
    const before = untruth(run, hold, world, held, from);
    const what =
      (before === null ? null : untruth(run, hold, world, held, to)) ?? miscount(run, hold, world, held);
    return what === null ? [] : [`#${hold.run} ${hold.code}: ${what} (${hold.sentence})`];
  });
  return [...untold.map(({ number }) => `#${number} waits for no reason`), ...wrong];
}

interface Place {
  pool: string;
  stock: FlavorStock;
  /** Whether the run may go there now at all. */
  isOpen: boolean;
}

function untruth(run: Waiting, hold: Hold, world: World, held: readonly Hold[], now: number): string | null {
  const places = placesFor(run, world, now);
  const open = places.filter(({ isOpen }) => isOpen);
  const each = Math.max(run.gpus, 1);
  const amount = each * run.workers;
  const free = ({ stock }: Place) => stock.nodes.reduce((sum, node) => sum + node.free.length, 0);
  const fits = ({ stock }: Place) =>
    stock.nodes.filter(node => node.free.length >= each).length >= run.workers;
  const could = ({ stock }: Place) => stock.nodes.filter(node => node.healthy >= each).length >= run.workers;
  const within = (place: Place) => quotaAllows(run, place.stock.flavor, amount, world);
  const known = run.pools.flatMap(name => world.pools.filter(pool => pool.name === name));
  switch (hold.code) {
    case 'frozen':
    case 'draining':
      return run.held.some(one => one.code === hold.code) ? null : 'nobody holds it';
    case 'project-limit': {
      const limit = world.projectLimits.get(run.project) ?? Number.POSITIVE_INFINITY;
      const working = world.holders.filter(one => one.project === run.project).length;
      const coming = held.filter(
        one => one.code === 'making-room' && projectOf(one.run, world) === run.project,
      );
      return working + coming.length >= limit ? null : `only ${working} work`;
    }
    case 'pool-unknown':
      return known.length === 0 ? null : 'its pool is known';
    case 'pool-unreachable':
      return known.some(pool => !pool.reachable) && open.length === 0 ? null : 'a pool of it can be reached';
    case 'no-such-flavor':
      return open.some(could) ? 'a pool of it could run it' : null;
    case 'quota-too-small':
      return open.some(place => could(place) && couldEver(run, place.stock.flavor, amount, world))
        ? 'its quota would do'
        : null;
    case 'quota-used':
    case 'borrowing-limit':
      return open.some(place => could(place) && !within(place)) ? null : 'its quota has room';
    case 'needs-approval':
    case 'over-budget':
      return open.some(place => place.stock.price > 0 && could(place)) ? null : 'nothing there has a price';
    case 'making-room':
      return world.holders.some(one => one.leaving) ? null : 'nobody leaves';
    case 'runs-ahead':
      return held.some(one => one.run !== run.number) ? null : 'nobody else waits';
    case 'flavor-full':
      return open.some(place => could(place) && free(place) < amount) ? null : 'enough is free';
    case 'fragmented':
      return open.some(place => could(place) && free(place) >= amount && !fits(place))
        ? null
        : 'it fits, or not enough is free';
  }
}

function projectOf(number: number, world: World): string | undefined {
  return world.waiting.find(run => run.number === number)?.project;
}

function placesFor(run: Waiting, world: World, now: number): Place[] {
  const patienceS = world.teams.find(({ name }) => name === run.team)?.patienceS ?? null;
  const isPatient = patienceS === null || now - run.queuedAt < patienceS * 1_000;
  return world.pools
    .filter(({ name }) => run.pools.includes(name))
    .flatMap(pool => {
      const isOpen =
        pool.reachable &&
        run.held.every(one => one.pool !== null && one.pool !== pool.name) &&
        !(pool.backup && run.pools.length > 1 && isPatient);
      return pool.flavors
        .filter(stock => isWanted(run, stock))
        .map(stock => ({ pool: pool.name, stock, isOpen }));
    });
}
