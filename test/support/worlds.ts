import fc from 'fast-check';
import { priorities } from '../../src/core/project.ts';
import {
  type Decision,
  type FlavorStock,
  type Holder,
  policyNames,
  type Share,
  type Waiting,
  type World,
} from '../../src/core/scheduler/world.ts';
import { random } from './random.ts';

export const worldNow = Date.parse('2026-03-04T12:00:00Z');

const teamNames = ['vision', 'speech', 'nlp', 'robots'];

/** Worlds that could be: what is held is healthy, is held once, and keeps to the quotas unless `over`. */
export function anyWorld(only: { waiting?: number; over?: boolean } = {}): fc.Arbitrary<World> {
  return fc
    .record({
      seed: fc.integer(),
      policy: fc.constantFrom(...policyNames),
      pools: fc.integer({ min: 1, max: 3 }),
      teams: fc.integer({ min: 1, max: teamNames.length }),
      quotas: fc.boolean(),
      holders: fc.integer({ min: 0, max: 12 }),
      waiting: only.waiting === undefined ? fc.integer({ min: 0, max: 14 }) : fc.constant(only.waiting),
    })
    .map(size => build(size, only.over ?? false));
}

interface Size {
  seed: number;
  policy: World['policy'];
  pools: number;
  teams: number;
  quotas: boolean;
  holders: number;
  waiting: number;
}

function build(size: Size, over: boolean): World {
  const roll = random(size.seed);
  const { int, chance, pick } = roll;
  const teams = teamNames.slice(0, size.teams) as [string, ...string[]];
  const free = new Map<string, number[]>();
  const stock = (pool: string, flavor: string, kind: 'gpu' | 'cpu', offset: number): FlavorStock => ({
    flavor,
    kind,
    models: kind === 'cpu' ? ['cpu'] : [`NVIDIA ${flavor.toUpperCase()}`],
    onlyNamed: flavor === 'mig',
    price: pool === 'cloud' ? 2 : 0,
    nodes: Array.from({ length: int(1, 3) }, (_, i) => {
      const node = `${pool}-${i}`;
      const healthy = int(1, 8);
      const indices = Array.from({ length: healthy }, (__, index) => offset + index);
      free.set(`${pool} ${flavor} ${node}`, indices);
      return { node, free: indices, healthy, faulty: chance(0.1) ? 1 : 0 };
    }),
  });
  const pools: World['pools'] = ['lab', 'attic', 'cloud'].slice(0, size.pools).map(name => ({
    name,
    reachable: !chance(0.07),
    seenAt: worldNow - 1_000,
    backup: name === 'cloud',
    flavors: [
      stock(name, 'a100', 'gpu', 0),
      ...(chance(0.5) ? [stock(name, 'h100', 'gpu', 8)] : []),
      ...(chance(0.2) ? [stock(name, 'mig', 'gpu', 16)] : []),
      stock(name, 'cpu', 'cpu', 0),
    ],
  }));
  const queues: World['queues'] = teams.map(team => ({
    team,
    cohort: pick(['shared', 'shared', 'other']),
    weight: int(1, 3),
    preempts: chance(0.8),
    served: chance(0.5) ? int(0, 100_000) : 0,
    quotas: size.quotas
      ? ['a100', ...(chance(0.7) ? ['h100'] : [])].map(flavor => {
          const quota = int(0, 8);
          const lend = chance(0.3) ? int(0, quota) : null;
          return { flavor, quota, borrow: chance(0.4) ? int(0, 6) : null, lend };
        })
      : [],
  }));
  const wants = (): Pick<Waiting, 'gpus' | 'workers' | 'model'> => {
    const gpus = pick([0, 1, 1, 2, 2, 4, 8]);
    return {
      gpus,
      workers: gpus > 0 && chance(0.15) ? int(2, 3) : 1,
      model: gpus > 0 ? pick([null, null, 'a100', 'H100', 'mig', 'tpu']) : null,
    };
  };
  const projects = ['digits', 'cats', 'words'] as const;
  const holders: Holder[] = [];
  const used = new Map<string, number>();
  for (let number = 1; number <= size.holders; number += 1) {
    const pool = pick(pools as [World['pools'][number], ...World['pools'][number][]]);
    const flavor = pick(pool.flavors as [FlavorStock, ...FlavorStock[]]);
    const node = pick(flavor.nodes as [FlavorStock['nodes'][number], ...FlavorStock['nodes'][number][]]);
    const there = free.get(`${pool.name} ${flavor.flavor} ${node.node}`) ?? [];
    const amount = Math.min(int(1, 4), there.length);
    if (amount === 0) continue;
    const team = pick(teams);
    // Within the team's own quota, or where quotas were lowered since: over it.
    const own = queues.find(one => one.team === team)?.quotas.find(one => one.flavor === flavor.flavor);
    const isManaged = queues.some(one => one.quotas.some(quota => quota.flavor === flavor.flavor));
    const has = used.get(`${team} ${flavor.flavor}`) ?? 0;
    if (isManaged && !over && has + amount > (own?.quota ?? 0)) continue;
    used.set(`${team} ${flavor.flavor}`, has + amount);
    const indices = there.splice(0, amount);
    const shares: Share[] = [{ node: node.node, kind: flavor.kind, indices }];
    const since = worldNow - int(1, 100_000) * 1_000;
    holders.push({
      number,
      team,
      project: pick(projects),
      pool: pool.name,
      flavor: flavor.flavor,
      priority: pick(priorities),
      preemptible: chance(0.6),
      shares,
      since,
      endsBy: worldNow + int(-10, 10_000) * 1_000,
      leaving: chance(0.15),
      untaken: chance(0.1),
    });
  }
  const own = pools.filter(pool => !pool.backup).map(({ name }) => name);
  const all = pools.map(({ name }) => name);
  const waiting = Array.from({ length: size.waiting }, (_, i): Waiting => {
    const pinned = chance(0.3);
    const where = pinned ? [pick(['gone', ...all])] : all;
    const held: Waiting['held'] = chance(0.08)
      ? [{ code: 'frozen', pool: chance(0.5) ? null : (own[0] ?? null), sentence: 'It is frozen.' }]
      : [];
    return {
      number: 100 + i,
      team: pick(teams),
      project: pick(projects),
      priority: pick(priorities),
      queuedAt: worldNow - int(0, 5_000) * 1_000,
      pool: where[0] ?? 'lab',
      pools: where,
      ...wants(),
      preemptible: chance(0.6),
      limitS: int(10, 20_000),
      approved: chance(0.2) ? 1_000 : null,
      room: null,
      held,
    };
  });
  return {
    policy: size.policy,
    currency: 'USD',
    pools: pools.map(pool => ({
      ...pool,
      flavors: pool.flavors.map(flavor => ({
        ...flavor,
        nodes: flavor.nodes.map(node => ({
          ...node,
          free: free.get(`${pool.name} ${flavor.flavor} ${node.node}`) ?? [],
        })),
      })),
    })),
    queues,
    teams: teams.map(name => ({
      name,
      patienceS: chance(0.6) ? int(0, 4_000) : null,
      budgetLeft: chance(0.5) ? int(0, 50) : null,
      askAbove: chance(0.5) ? int(0, 30) : null,
    })),
    projectLimits: new Map(chance(0.3) ? [[pick(projects), int(1, 3)]] : []),
    holders,
    waiting,
  };
}

/** The same world with its rows in another order; what is in order by meaning stays so. */
export function shuffled(world: World, seed: number): World {
  const { shuffle } = random(seed);
  return {
    ...world,
    pools: world.pools.map(pool => ({
      ...pool,
      flavors: pool.flavors.map(flavor => ({
        ...flavor,
        nodes: shuffle(flavor.nodes).map(node => ({ ...node, free: shuffle(node.free) })),
      })),
    })),
    queues: shuffle(world.queues).map(queue => ({ ...queue, quotas: shuffle(queue.quotas) })),
    teams: shuffle(world.teams),
    holders: shuffle(world.holders),
    waiting: shuffle(world.waiting),
  };
}

/** The world in which the decisions were carried out and nothing else happened. */
export function afterPlan(world: World, decisions: readonly Decision[], now: number): World {
  const starts = new Map(decisions.flatMap(one => (one.type === 'start' ? [[one.run, one] as const] : [])));
  const stopped = new Set(decisions.flatMap(one => (one.type === 'preempt' ? [one.run] : [])));
  const rooms = new Map(
    decisions.flatMap(one => (one.type === 'hold' && one.room ? [[one.run, one.room] as const] : [])),
  );
  const spent = new Map<string, number>();
  const begun = world.waiting.flatMap((run): Holder[] => {
    const start = starts.get(run.number);
    if (!start) return [];
    spent.set(run.team, (spent.get(run.team) ?? 0) + start.cost);
    const { number, team, project, priority, preemptible } = run;
    const { pool, flavor, shares } = start;
    const times = { since: now, endsBy: now + run.limitS * 1_000, leaving: false, untaken: true };
    return [{ number, team, project, priority, preemptible, pool, flavor, shares, ...times }];
  });
  const taken = new Set(begun.flatMap(one => placesOf(one)));
  return {
    ...world,
    pools: world.pools.map(pool => ({
      ...pool,
      flavors: pool.flavors.map(flavor => ({
        ...flavor,
        nodes: flavor.nodes.map(node => ({
          ...node,
          free: node.free.filter(index => !taken.has(`${pool.name} ${flavor.flavor} ${node.node} ${index}`)),
        })),
      })),
    })),
    teams: world.teams.map(team => ({
      ...team,
      budgetLeft: team.budgetLeft === null ? null : team.budgetLeft - (spent.get(team.name) ?? 0),
    })),
    holders: [
      ...world.holders.map(one => (stopped.has(one.number) ? { ...one, leaving: true } : one)),
      ...begun,
    ],
    waiting: world.waiting
      .filter(({ number }) => !starts.has(number))
      .map(run => ({ ...run, room: rooms.get(run.number) ?? null })),
  };
}

/** The world in which these have let go of what they held. */
export function without(world: World, gone: readonly Holder[]): World {
  const freed = new Map<string, number[]>();
  for (const { pool, flavor, shares } of gone)
    for (const { node, indices } of shares) {
      const key = `${pool} ${flavor} ${node}`;
      freed.set(key, [...(freed.get(key) ?? []), ...indices]);
    }
  const left = new Set(gone);
  return {
    ...world,
    pools: world.pools.map(pool => ({
      ...pool,
      flavors: pool.flavors.map(flavor => ({
        ...flavor,
        nodes: flavor.nodes.map(node => ({
          ...node,
          free: [...node.free, ...(freed.get(`${pool.name} ${flavor.flavor} ${node.node}`) ?? [])],
        })),
      })),
    })),
    holders: world.holders.filter(one => !left.has(one)),
  };
}

/** `lab a100 lab-0 3` for each accelerator that a run holds. */
export function placesOf({ pool, flavor, shares }: Pick<Holder, 'pool' | 'flavor' | 'shares'>): string[] {
  return shares.flatMap(({ node, indices }) => indices.map(index => `${pool} ${flavor} ${node} ${index}`));
}
