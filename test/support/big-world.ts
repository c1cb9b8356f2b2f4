import type { Priority } from '../../src/core/project.ts';
import type { Holder, PolicyName, Share, Waiting, World } from '../../src/core/scheduler/world.ts';
import { type Random, random } from './random.ts';

export const bigWorldNow = Date.parse('2026-03-04T12:00:00Z');

const gpusOnNode = 8;
const flavors = ['a100', 'h100'] as const;

/** A busy site: two flavors, 8 accelerators on each node, teams in cohorts of ten that borrow from each other, and a long queue. */
export function bigWorld(size: {
  waiting: number;
  running: number;
  nodes: number;
  teams: number;
  policy?: PolicyName;
  seed?: number;
}): World {
  const { next, int, chance, pick } = random(size.seed ?? 1);
  const roll = { next, int, chance, pick };
  const names = Array.from({ length: size.teams }, (_, i) => `team-${i}`) as [string, ...string[]];
  const perFlavor = (size.nodes / flavors.length) * gpusOnNode;
  const free = new Map(
    Array.from({ length: size.nodes }, (_, i) => [
      `node-${String(i).padStart(4, '0')}`,
      Array.from({ length: gpusOnNode }, (_, index) => index),
    ]),
  );
  const nodeNames = [...free.keys()] as [string, ...string[]];
  const flavorOf = (node: string) => flavors[nodeNames.indexOf(node) % 2] ?? 'a100';
  const holders: Holder[] = [];
  for (let number = 1; holders.length < size.running && number < size.running * 4; number += 1) {
    const node = pick(nodeNames);
    const there = free.get(node) ?? [];
    const wanted = pick([1, 2, 4, 4, 4, 8]);
    if (there.length < wanted) continue;
    const shares: Share[] = [{ node, kind: 'gpu', indices: there.splice(0, wanted) }];
    const since = bigWorldNow - int(60, 86_400) * 1_000;
    holders.push({
      number,
      team: pick(names),
      project: `project-${int(0, 200)}`,
      pool: 'lab',
      flavor: flavorOf(node),
      priority: priority(roll),
      preemptible: chance(0.5),
      shares,
      since,
      endsBy: bigWorldNow + int(60, 172_800) * 1_000,
      leaving: false,
      untaken: false,
    });
  }
  const waiting = Array.from({ length: size.waiting }, (_, i): Waiting => {
    const gang = chance(0.05);
    return {
      number: 1_000_000 + i,
      team: pick(names),
      project: `project-${int(0, 200)}`,
      priority: priority(roll),
      queuedAt: bigWorldNow - int(0, 86_400) * 1_000,
      pool: 'lab',
      pools: ['lab'],
      gpus: gang ? 8 : pick([1, 1, 2, 4, 8]),
      workers: gang ? int(2, 16) : 1,
      model: pick([null, 'a100', 'h100']),
      preemptible: chance(0.5),
      limitS: int(600, 172_800),
      approved: null,
      room: null,
      held: [],
    };
  });
  return {
    policy: size.policy ?? 'fair',
    currency: 'USD',
    pools: [
      {
        name: 'lab',
        reachable: true,
        seenAt: bigWorldNow,
        backup: false,
        flavors: flavors.map(flavor => ({
          flavor,
          kind: 'gpu' as const,
          models: [`NVIDIA ${flavor.toUpperCase()}`],
          onlyNamed: false,
          price: 0,
          nodes: nodeNames
            .filter(node => flavorOf(node) === flavor)
            .map(node => ({ node, free: free.get(node) ?? [], healthy: gpusOnNode, faulty: 0 })),
        })),
      },
    ],
    queues: names.map((team, i) => ({
      team,
      cohort: `cohort-${Math.floor(i / 10)}`,
      weight: int(1, 4),
      preempts: true,
      served: int(0, 10_000_000),
      quotas: flavors.map(flavor => ({
        flavor,
        quota: Math.floor(perFlavor / size.teams),
        borrow: null,
        lend: null,
      })),
    })),
    teams: names.map(name => ({ name, patienceS: null, budgetLeft: null, askAbove: null })),
    projectLimits: new Map(),
    holders,
    waiting,
  };
}

function priority(roll: Pick<Random, 'next'>): Priority {
  const drawn = roll.next();
  return drawn < 0.2 ? 'low' : drawn < 0.9 ? 'normal' : 'high';
}
