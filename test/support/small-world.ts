import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plan } from '../../src/core/scheduler/plan.ts';
import type {
  Decision,
  FlavorStock,
  Holder,
  PoolStock,
  Queue,
  Share,
  Team,
  Waiting,
  World,
} from '../../src/core/scheduler/world.ts';

/** When all small worlds are looked at; the lower the number of a run, the earlier it was queued. */
export const noon = Date.parse('2026-03-04T12:00:00Z');

const hourS = 3_600;

/** How many healthy ones on each node; `{ a: [4, 1] }`: and one more that is faulty. */
type Nodes = Record<string, number | [number, number]>;

/** `{ a100: { a: 8, b: 8 } }`: what is free follows from who holds what. */
export function pool(name: string, flavors: Record<string, Nodes>, more: Partial<PoolStock> = {}): PoolStock {
  const stocks = Object.entries(flavors).map(([flavor, nodes]) => stock(flavor, nodes));
  return { name, reachable: true, seenAt: noon, backup: false, flavors: stocks, ...more };
}

export function stock(flavor: string, nodes: Nodes, more: Partial<FlavorStock> = {}): FlavorStock {
  const kind = flavor === 'cpu' ? 'cpu' : 'gpu';
  return {
    flavor,
    kind,
    models: kind === 'cpu' ? [] : [`NVIDIA ${flavor.toUpperCase()}`],
    onlyNamed: false,
    price: 0,
    nodes: Object.entries(nodes).map(([node, count]) => {
      const [healthy, faulty] = typeof count === 'number' ? [count, 0] : count;
      return { node, free: Array.from({ length: healthy }, (_, index) => index), healthy, faulty };
    }),
    ...more,
  };
}

/** A backup pool whose A100s cost 2 for an hour. */
export function cloud(nodes: Nodes): PoolStock {
  return pool('cloud', {}, { backup: true, flavors: [stock('a100', nodes, { price: 2 })] });
}

/** `4`, or with limits. */
type Right = number | { quota: number; borrow?: number; lend?: number };

export function queue(team: string, rights: Record<string, Right>, more: Partial<Queue> = {}): Queue {
  const quotas = Object.entries(rights).map(([flavor, right]) => {
    const { quota, borrow = null, lend = null } = typeof right === 'number' ? { quota: right } : right;
    return { flavor, quota, borrow, lend };
  });
  return { team, cohort: 'research', weight: 1, preempts: true, served: 0, quotas, ...more };
}

export function team(name: string, more: Partial<Team> = {}): Team {
  return { name, patienceS: null, budgetLeft: null, askAbove: null, ...more };
}

/** `holder(9, 'a:0,1 b:0')`: since an hour, for two more. */
export function holder(number: number, where: string, more: Partial<Holder> = {}): Holder {
  const flavor = more.flavor ?? 'a100';
  const shares = where.split(' ').map((one): Share => {
    const [node = '', indices = ''] = one.split(':');
    return { node, kind: flavor === 'cpu' ? 'cpu' : 'gpu', indices: indices.split(',').map(Number) };
  });
  return {
    number,
    team: 'vision',
    project: 'words',
    pool: 'lab',
    flavor,
    priority: 'normal',
    preemptible: false,
    shares,
    since: noon - hourS * 1_000,
    endsBy: noon + 2 * hourS * 1_000,
    leaving: false,
    untaken: false,
    ...more,
  };
}

export function run(number: number, more: Partial<Waiting> = {}): Waiting {
  return {
    number,
    team: 'vision',
    project: 'digits',
    priority: 'normal',
    queuedAt: noon - hourS * 1_000 + number * 1_000,
    pool: more.pools?.[0] ?? 'lab',
    pools: ['lab'],
    gpus: 1,
    workers: 1,
    model: null,
    preemptible: false,
    limitS: hourS,
    approved: null,
    room: null,
    held: [],
    ...more,
  };
}

/** What is held is not free; by default there is one pool `lab` with 4 A100s on node `a`. */
export function smallWorld(parts: Partial<World>): World {
  const world: World = {
    policy: 'fair',
    currency: 'USD',
    pools: [pool('lab', { a100: { a: 4 } })],
    queues: [],
    teams: [],
    projectLimits: new Map(),
    holders: [],
    waiting: [],
    ...parts,
  };
  const held = new Set(
    world.holders.flatMap(one =>
      one.shares.flatMap(({ node, indices }) => indices.map(i => `${one.pool} ${one.flavor} ${node} ${i}`)),
    ),
  );
  return {
    ...world,
    pools: world.pools.map(one => ({
      ...one,
      flavors: one.flavors.map(flavor => ({
        ...flavor,
        nodes: flavor.nodes.map(node => ({
          ...node,
          free: node.free.filter(i => !held.has(`${one.name} ${flavor.flavor} ${node.node} ${i}`)),
        })),
      })),
    })),
  };
}

/** `#1 a:0,1`, `#2 flavor-full`, `#9 stops for #1 (reclaim)`, `#5 taken back from lab`. */
function brief(one: Decision): string {
  switch (one.type) {
    case 'start':
      return `#${one.run} ${one.shares.map(({ node, indices }) => `${node}:${indices.join(',')}`).join(' ')}`;
    case 'hold':
      return `#${one.run} ${one.code}`;
    case 'preempt':
      return `#${one.run} stops for #${one.by} (${one.rule})`;
    case 'withdraw':
      return `#${one.run} taken back from ${one.pool}`;
  }
}

/** All of a plan by the runs' numbers. */
export function planned(world: World, now = noon): string[] {
  return [...plan(world, now)].sort((a, b) => a.run - b.run).map(brief);
}

export interface Row {
  name: string;
  world: Partial<World>;
  expected: string[];
}

export function rows(subject: string, all: readonly Row[]): void {
  describe(subject, () => {
    for (const { name, world, expected } of all)
      test(name, () => assert.deepEqual(planned(smallWorld(world)), expected));
  });
}
