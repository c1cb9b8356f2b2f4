import type { Decision, FlavorStock, Hold, Waiting, World } from '../../src/core/scheduler/world.ts';
import { afterPlan, placesOf } from './worlds.ts';

/**
 * What of the reasons is not true, found without the planner: each is held against the world as it is once the plan was carried out, by
 * counting what is there.
 */
export function untruths(world: World, decisions: readonly Decision[], now: number): string[] {
  const after = afterPlan(world, decisions, now);
  const held = decisions.filter((one): one is Hold => one.type === 'hold');
  return held.flatMap(hold => {
    const run = after.waiting.find(({ number }) => number === hold.run);
    if (!run) return [`#${hold.run} is held and does not wait`];
    const wrong = untruth(run, hold, after, held, now);
    return wrong === null ? [] : [`#${hold.run} ${hold.code}: ${wrong} (${hold.sentence})`];
  });
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
      return open.some(place => could(place) && !within(place)) ||
        held.some(one => one.code === 'making-room')
        ? null
        : 'its quota has room';
    case 'needs-approval':
    case 'over-budget':
      return open.some(place => place.stock.price > 0 && could(place)) ? null : 'nothing there has a price';
    case 'making-room':
      return world.holders.some(one => one.leaving) ? null : 'nobody leaves';
    case 'runs-ahead':
      return held.some(one => one.run !== run.number) ? null : 'nobody else waits';
    case 'flavor-full':
      // What is promised to others is not free for it.
      return open.some(place => could(place) && (free(place) < amount || isPromised(held)))
        ? null
        : 'enough is free';
    case 'fragmented':
      return open.some(place => could(place) && free(place) >= amount && (!fits(place) || isPromised(held)))
        ? null
        : 'it fits, or not enough is free';
  }
}

function isPromised(held: readonly Hold[]): boolean {
  return held.some(({ code }) => code === 'making-room');
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

function isWanted({ gpus, model }: Waiting, { kind, flavor, models, onlyNamed }: FlavorStock): boolean {
  if (gpus === 0 || kind === 'cpu') return gpus === 0 && kind === 'cpu';
  if (model === null) return !onlyNamed;
  const names = onlyNamed ? [] : models;
  const wanted = model.toLowerCase();
  return flavor === wanted || names.some(name => name.toLowerCase().includes(wanted));
}

function cellOf(team: string, flavor: string, world: World) {
  const isManaged = world.queues.some(({ quotas }) => quotas.some(one => one.flavor === flavor));
  if (!isManaged) return null;
  const queue = world.queues.find(one => one.team === team);
  const own = queue?.quotas.find(one => one.flavor === flavor);
  return {
    cohort: own ? queue?.cohort : null,
    quota: own?.quota ?? 0,
    borrow: own ? own.borrow : 0,
    lend: own?.lend ?? null,
  };
}

function usedBy(team: string, flavor: string, world: World, firm = false): number {
  return world.holders
    .filter(one => one.team === team && one.flavor === flavor && !(firm && one.preemptible))
    .reduce((sum, one) => sum + placesOf(one).length, 0);
}

/** Whether the team may have so many more by what is held now. */
function quotaAllows(run: Waiting, flavor: string, amount: number, world: World): boolean {
  const cell = cellOf(run.team, flavor, world);
  if (!cell) return true;
  const used = usedBy(run.team, flavor, world);
  if (!run.preemptible && usedBy(run.team, flavor, world, true) + amount > cell.quota) return false;
  if (cell.borrow !== null && used + amount > cell.quota + cell.borrow) return false;
  const members = world.queues.filter(queue => queue.cohort === cell.cohort || queue.team === run.team);
  let lendable = 0;
  let beyond = 0;
  for (const { team } of members) {
    const theirs = cellOf(team, flavor, world);
    if (!theirs || theirs.cohort !== cell.cohort) continue;
    const lend = Math.min(theirs.lend ?? theirs.quota, theirs.quota);
    lendable += lend;
    const has = usedBy(team, flavor, world) + (team === run.team ? amount : 0);
    beyond += Math.max(0, has - (theirs.quota - lend));
  }
  return beyond <= lendable;
}

function couldEver(run: Waiting, flavor: string, amount: number, world: World): boolean {
  return quotaAllows(run, flavor, amount, { ...world, holders: [] });
}
