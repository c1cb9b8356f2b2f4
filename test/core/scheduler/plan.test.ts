import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Freeze, type FreezeScope, freezesOn } from '../../../src/core/freeze.ts';
import type { Accelerator, PlanDecision, PlanSnapshot, PoolState } from '../../../src/core/ports.ts';
import { priorities } from '../../../src/core/project.ts';
import { holdCodes, plan } from '../../../src/core/scheduler/plan.ts';
import { type Random, random } from '../../support/random.ts';
import { octocat } from '../../support/run.ts';

const now = new Date('2026-03-04T12:00:00Z');
type Queued = PlanSnapshot['queued'][number];

function gpus(node: string, count: number, model = 'NVIDIA A100', unhealthy: number[] = []): Accelerator[] {
  return Array.from({ length: count }, (_, index) => ({
    node,
    index,
    kind: 'gpu' as const,
    model,
    resource: 'nvidia.com/gpu',
    device: null,
    memoryMb: 81_920,
    healthy: !unhealthy.includes(index),
  }));
}

function slots(node: string, count: number): Accelerator[] {
  return gpus(node, count, 'CPU slot').map(slot => ({
    ...slot,
    kind: 'cpu' as const,
    resource: 'cpu',
    device: null,
    memoryMb: 0,
  }));
}

function pool(name: string, accelerators: Accelerator[], more: Partial<PoolState> = {}): PoolState {
  return { name, accelerators, seenAt: now, reachable: true, ...more };
}

function run(number: number, more: Partial<Queued> = {}): Queued {
  return {
    number,
    pool: 'lab',
    project: 'digits',
    gpus: 1,
    gpuModel: null,
    priority: 'normal',
    queuedAt: new Date(now.getTime() + number * 1_000),
    ...more,
  };
}

function held(number: number, node: string, indices: number[], kind: 'gpu' | 'cpu' = 'gpu') {
  return indices.map(index => ({ pool: 'lab', node, kind, index, run: number }));
}

function freeze(scope: FreezeScope, more: Partial<Freeze> = {}): Freeze {
  const since = new Date('2026-03-04T11:58:07Z');
  return { id: 1, kind: 'freeze', scope, why: 'the disk is full.', by: octocat, since, ...more };
}

function drain(name: string): Freeze {
  return freeze({ kind: 'pool', name }, { id: 2, kind: 'drain', why: '' });
}

function world(parts: Partial<PlanSnapshot>): PlanSnapshot {
  return { epoch: 7, wantedSeq: 7, pools: [], freezes: [], held: [], queued: [], ...parts };
}

/** `#3 a gpu 0,1` for a start, `#4 flavor-full` for a hold. */
function brief(decision: PlanDecision): string {
  if (decision.type === 'hold') return `#${decision.run} ${decision.code}`;
  return `#${decision.run} ${decision.node} ${decision.kind} ${decision.indices.join(',')}`;
}

const decisions: { name: string; world: Partial<PlanSnapshot>; expected: string[] }[] = [
  { name: 'nothing queued', world: { pools: [pool('lab', gpus('a', 2))] }, expected: [] },
  {
    name: 'lowest indices first',
    world: { pools: [pool('lab', gpus('a', 4))], queued: [run(1, { gpus: 2 }), run(2)] },
    expected: ['#1 a gpu 0,1', '#2 a gpu 2'],
  },
  {
    name: 'around what is held',
    world: { pools: [pool('lab', gpus('a', 4))], held: held(9, 'a', [0, 2]), queued: [run(1, { gpus: 2 })] },
    expected: ['#1 a gpu 1,3'],
  },
  {
    name: 'the index 10 comes after 9',
    world: {
      pools: [pool('lab', gpus('a', 12))],
      held: held(9, 'a', [0, 1, 2, 3, 4, 5, 6, 7, 8]),
      queued: [run(1, { gpus: 2 })],
    },
    expected: ['#1 a gpu 9,10'],
  },
  {
    name: 'the tightest node that fits',
    world: {
      pools: [pool('lab', [...gpus('a', 8), ...gpus('b', 2), ...gpus('c', 4)])],
      queued: [run(1, { gpus: 2 }), run(2, { gpus: 3 })],
    },
    expected: ['#1 b gpu 0,1', '#2 c gpu 0,1,2'],
  },
  {
    name: 'nodes that are as tight: by name',
    world: { pools: [pool('lab', [...gpus('b', 2), ...gpus('a', 2)])], queued: [run(1, { gpus: 2 })] },
    expected: ['#1 a gpu 0,1'],
  },
  {
    name: 'priority before age before number',
    world: {
      pools: [pool('lab', gpus('a', 4))],
      queued: [
        run(1, { priority: 'low' }),
        run(2, { queuedAt: now }),
        run(3, { queuedAt: now }),
        run(4, { priority: 'high' }),
      ],
    },
    expected: ['#4 a gpu 0', '#2 a gpu 1', '#3 a gpu 2', '#1 a gpu 3'],
  },
  {
    name: 'a model is a part of the name in any case',
    world: {
      pools: [pool('lab', [...gpus('a', 1, 'NVIDIA H100 80GB'), ...gpus('b', 1, 'NVIDIA A100')])],
      queued: [run(1, { gpuModel: 'a100' }), run(2, { gpuModel: 'H100' })],
    },
    expected: ['#1 b gpu 0', '#2 a gpu 0'],
  },
  {
    name: 'a model that is nearly there',
    world: { pools: [pool('lab', gpus('a', 1, 'NVIDIA A10'))], queued: [run(1, { gpuModel: 'a100' })] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'no GPUs asked: one CPU slot, whatever the model says',
    world: {
      pools: [pool('lab', [...gpus('a', 2), ...slots('a', 1)])],
      queued: [run(1, { gpus: 0, gpuModel: 'h100' })],
    },
    expected: ['#1 a cpu 0'],
  },
  {
    name: 'a held CPU slot is not a held GPU',
    world: {
      pools: [pool('lab', [...gpus('a', 1), ...slots('a', 1)])],
      held: held(9, 'a', [0], 'cpu'),
      queued: [run(1)],
    },
    expected: ['#1 a gpu 0'],
  },
  {
    name: 'the head blocks its kind',
    world: {
      pools: [pool('lab', gpus('a', 2))],
      held: held(9, 'a', [0]),
      queued: [run(1, { gpus: 2 }), run(2), run(3)],
    },
    expected: ['#1 flavor-full', '#2 runs-ahead', '#3 runs-ahead'],
  },
  {
    name: 'the head does not block the other kind',
    world: {
      pools: [pool('lab', [...gpus('a', 2), ...slots('a', 1)])],
      held: held(9, 'a', [0]),
      queued: [run(1, { gpus: 2 }), run(2, { gpus: 0 })],
    },
    expected: ['#1 flavor-full', '#2 a cpu 0'],
  },
  {
    name: 'nor another pool',
    world: {
      pools: [pool('lab', gpus('a', 1)), pool('loft', gpus('a', 1))],
      held: held(9, 'a', [0]),
      queued: [run(1), run(2, { pool: 'loft' })],
    },
    expected: ['#1 flavor-full', '#2 a gpu 0'],
  },
  {
    name: 'what can never start blocks nobody',
    world: { pools: [pool('lab', gpus('a', 2))], queued: [run(1, { gpus: 3 }), run(2)] },
    expected: ['#1 no-such-flavor', '#2 a gpu 0'],
  },
  {
    name: 'enough in sum, on no one node',
    world: {
      pools: [pool('lab', [...gpus('a', 2), ...gpus('b', 2)])],
      held: [...held(8, 'a', [0]), ...held(9, 'b', [1])],
      queued: [run(1, { gpus: 2 })],
    },
    expected: ['#1 fragmented'],
  },
  {
    name: 'enough in sum of the nodes, never on one',
    world: { pools: [pool('lab', [...gpus('a', 2), ...gpus('b', 2)])], queued: [run(1, { gpus: 3 })] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'a faulty one is not given',
    world: { pools: [pool('lab', gpus('a', 2, 'A100', [0]))], queued: [run(1), run(2, { gpus: 2 })] },
    expected: ['#1 a gpu 1', '#2 no-such-flavor'],
  },
  {
    name: 'no CPU slots at all',
    world: { pools: [pool('lab', gpus('a', 1))], queued: [run(1, { gpus: 0 })] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'nothing starts in a pool that does not answer, however free',
    world: {
      pools: [pool('lab', gpus('a', 4), { reachable: false })],
      queued: [run(1), run(2, { gpus: 0 })],
    },
    expected: ['#1 pool-unreachable', '#2 pool-unreachable'],
  },
  { name: 'a pool that is not there', world: { queued: [run(1)] }, expected: ['#1 pool-unknown'] },
  {
    name: 'held by a run on a node that is gone',
    world: { pools: [pool('lab', gpus('a', 1))], held: held(9, 'gone', [0]), queued: [run(1)] },
    expected: ['#1 a gpu 0'],
  },
  {
    name: 'nothing while everything is frozen, whatever else would hold it',
    world: {
      pools: [pool('lab', gpus('a', 2)), pool('far', [], { reachable: false })],
      freezes: [freeze({ kind: 'all' })],
      queued: [run(1), run(2, { pool: 'far' }), run(3, { pool: 'nowhere' })],
    },
    expected: ['#2 frozen', '#1 frozen', '#3 frozen'],
  },
  {
    name: 'a frozen project blocks nobody behind it, and a project of a like name starts',
    world: {
      pools: [pool('lab', gpus('a', 1))],
      freezes: [freeze({ kind: 'project', name: 'digits' })],
      queued: [run(1, { priority: 'high' }), run(2, { project: 'digits-2' })],
    },
    expected: ['#1 frozen', '#2 a gpu 0'],
  },
  {
    name: 'a project that is named like a frozen pool starts',
    world: {
      pools: [pool('lab', gpus('a', 1))],
      freezes: [freeze({ kind: 'pool', name: 'digits' }), freeze({ kind: 'project', name: 'lab' })],
      queued: [run(1)],
    },
    expected: ['#1 a gpu 0'],
  },
  {
    name: 'a drained pool starts nothing, another does',
    world: {
      pools: [pool('lab', gpus('a', 1)), pool('other', gpus('b', 1))],
      freezes: [drain('lab')],
      queued: [run(1), run(2, { pool: 'other' })],
    },
    expected: ['#1 draining', '#2 b gpu 0'],
  },
  {
    name: 'frozen is said before drained',
    world: {
      pools: [pool('lab', gpus('a', 1))],
      freezes: [drain('lab'), freeze({ kind: 'pool', name: 'lab' })],
      queued: [run(1)],
    },
    expected: ['#1 frozen'],
  },
];

describe('what starts and what waits', () => {
  for (const { name, world: parts, expected } of decisions)
    test(name, () => assert.deepEqual(plan(world(parts), now).map(brief), expected));
});

const sentences: { name: string; world: Partial<PlanSnapshot>; run: number; sentence: string }[] = [
  {
    name: 'flavor-full',
    world: {
      pools: [pool('lab', gpus('a', 4))],
      held: [...held(8, 'a', [0]), ...held(9, 'a', [1, 2])],
      queued: [run(1, { gpus: 2 })],
    },
    run: 1,
    sentence:
      'It needs 2 GPUs; 1 of 4 in pool lab is free. It starts when 1 more is released (held by #8, #9).',
  },
  {
    name: 'flavor-full of a model',
    world: {
      pools: [pool('lab', [...gpus('a', 1, 'NVIDIA H100'), ...gpus('b', 1)])],
      held: held(8, 'a', [0]),
      queued: [run(1, { gpuModel: 'h100' })],
    },
    run: 1,
    sentence:
      'It needs 1 h100 GPU; 0 of 1 in pool lab are free. It starts when 1 more is released (held by #8).',
  },
  {
    name: 'flavor-full of CPU slots, held by what starts in the same plan',
    world: { pools: [pool('lab', slots('a', 1))], queued: [run(1, { gpus: 0 }), run(2, { gpus: 0 })] },
    run: 2,
    sentence:
      'It needs 1 CPU slot; 0 of 1 in pool lab are free. It starts when 1 more is released (held by #1).',
  },
  {
    name: 'fragmented',
    world: {
      pools: [pool('lab', [...gpus('a', 4), ...gpus('b', 4)])],
      held: [...held(8, 'a', [0, 1, 2]), ...held(9, 'b', [0, 1])],
      queued: [run(1, { gpus: 3 })],
    },
    run: 1,
    sentence:
      'It needs 3 GPUs on one node; pool lab has 3 free, but spread (1 on a, 2 on b). It starts when one node has 1 more free.',
  },
  {
    name: 'runs-ahead',
    world: { pools: [pool('lab', gpus('a', 1))], held: held(9, 'a', [0]), queued: [run(1), run(2), run(3)] },
    run: 3,
    sentence: '2 runs are ahead of it for GPUs in pool lab (#1, #2). It is next when they have started.',
  },
  {
    name: 'no-such-flavor',
    world: { pools: [pool('lab', gpus('a', 2, 'NVIDIA A100', [1]))], queued: [run(1, { gpus: 4 })] },
    run: 1,
    sentence:
      'It needs 4 GPUs on one node, but no node of pool lab has more than 1 healthy (1 more is faulty). Its models: NVIDIA A100. ' +
      'It starts when the pool gets them, or ask for less.',
  },
  {
    name: 'pool-unreachable, seen today',
    world: {
      pools: [pool('lab', [], { reachable: false, seenAt: new Date('2026-03-04T11:58:07Z') })],
      queued: [run(1)],
    },
    run: 1,
    sentence:
      'The agent of pool lab has not been heard of since 11:58 UTC. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'pool-unreachable, seen before today',
    world: {
      pools: [pool('lab', [], { reachable: false, seenAt: new Date('2026-03-03T23:58:07Z') })],
      queued: [run(1)],
    },
    run: 1,
    sentence:
      'The agent of pool lab has not been heard of since 2026-03-03 23:58 UTC. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'pool-unreachable, never seen',
    world: { pools: [pool('lab', [], { reachable: false, seenAt: null })], queued: [run(1)] },
    run: 1,
    sentence:
      'The agent of pool lab has never been heard of. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'pool-unknown',
    world: { pools: [pool('b', []), pool('a', [])], queued: [run(1)] },
    run: 1,
    sentence: 'There is no pool lab. The pools are a, b. It starts when signalbox.yml has that pool again.',
  },
  {
    name: 'frozen, everything',
    world: { pools: [pool('lab', gpus('a', 1))], freezes: [freeze({ kind: 'all' })], queued: [run(1)] },
    run: 1,
    sentence:
      'Everything is frozen by octocat since 11:58 UTC: the disk is full. It starts when that is lifted.',
  },
  {
    name: 'frozen, a project and since yesterday',
    world: {
      freezes: [
        freeze(
          { kind: 'project', name: 'digits' },
          { since: new Date('2026-03-03T23:00:00Z'), why: 'x'.repeat(999) },
        ),
      ],
      queued: [run(1)],
    },
    run: 1,
    sentence: `Project digits is frozen by octocat since 2026-03-03 23:00 UTC: ${'x'.repeat(199)}…. It starts when that is lifted.`,
  },
  {
    name: 'frozen, and its pool drained',
    world: { freezes: [freeze({ kind: 'pool', name: 'lab' }), drain('lab')], queued: [run(1)] },
    run: 1,
    sentence:
      'Pool lab is frozen by octocat since 11:58 UTC: the disk is full. Pool lab is being drained by octocat since 11:58 UTC. ' +
      'No run works there any more. It starts when all of that is lifted.',
  },
  {
    name: 'draining',
    world: {
      pools: [pool('lab', gpus('a', 4))],
      held: [...held(9, 'a', [1, 2]), ...held(8, 'a', [0])],
      freezes: [drain('lab')],
      queued: [run(1)],
    },
    run: 1,
    sentence:
      'Pool lab is being drained by octocat since 11:58 UTC. 2 runs still work there (#8, #9). It starts when that is lifted.',
  },
];

describe('the sentence', () => {
  for (const { name, world: parts, run: number, sentence } of sentences)
    test(name, () => {
      const decision = plan(world(parts), now).find(d => d.run === number);
      assert.equal(decision?.type === 'hold' ? decision.sentence : decision?.type, sentence);
    });
  test('there is a row for every code', () => {
    const shown = sentences.map(row => row.name.split(/[ ,]/)[0]);
    assert.deepEqual([...new Set(shown)].sort(), [...holdCodes].sort());
  });
});

const worlds = 3_000;

describe(`${worlds} random worlds`, () => {
  test('no accelerator is given twice, no gang is split, only what is healthy and fits is given', () => {
    everyWorld(snapshot => {
      const given = new Set(snapshot.held.map(row => `${row.pool} ${row.node} ${row.kind} ${row.index}`));
      for (const decision of plan(snapshot, now)) {
        if (decision.type === 'hold') continue;
        const wish = snapshot.queued.find(queued => queued.number === decision.run);
        const there = snapshot.pools.find(p => p.name === decision.pool);
        assert.ok(wish && there?.reachable && wish.pool === decision.pool);
        assert.deepEqual(freezesOn(snapshot.freezes, wish), [], 'what is held back does not start');
        assert.equal(decision.indices.length, Math.max(wish.gpus, 1));
        for (const index of decision.indices) {
          const key = `${decision.pool} ${decision.node} ${decision.kind} ${index}`;
          assert.ok(!given.has(key), `${key} was given twice`);
          given.add(key);
          const accelerator: Accelerator | undefined = there.accelerators.find(
            a => a.node === decision.node && a.index === index && a.kind === decision.kind,
          );
          assert.ok(accelerator?.healthy);
          assert.equal(accelerator.kind, wish.gpus > 0 ? 'gpu' : 'cpu');
          if (wish.gpus > 0)
            assert.ok(accelerator.model.toLowerCase().includes(wish.gpuModel?.toLowerCase() ?? ''));
        }
      }
    });
  });

  test('every queued run has exactly one decision, and every hold a known code', () => {
    everyWorld(snapshot => {
      const planned = plan(snapshot, now);
      const numbers = planned.map(decision => decision.run).sort((a, b) => a - b);
      assert.deepEqual(
        numbers,
        snapshot.queued.map(queued => queued.number).sort((a, b) => a - b),
      );
      for (const decision of planned)
        if (decision.type === 'hold') assert.ok((holdCodes as readonly string[]).includes(decision.code));
    });
  });

  test('the order of rows does not matter', () => {
    everyWorld((snapshot, dice) => {
      const shuffled = {
        ...snapshot,
        pools: dice.shuffle(snapshot.pools.map(p => ({ ...p, accelerators: dice.shuffle(p.accelerators) }))),
        held: dice.shuffle(snapshot.held),
        queued: dice.shuffle(snapshot.queued),
      };
      assert.deepEqual(plan(shuffled, now), plan(snapshot, now));
    });
  });

  test('a plan changes nothing that it is given', () => {
    everyWorld(snapshot => {
      const before = structuredClone(snapshot);
      plan(snapshot, now);
      assert.deepEqual(snapshot, before);
    });
  });

  test('planning again after applying starts nothing, and holds the same for the same reasons', () => {
    everyWorld(snapshot => {
      const first = plan(snapshot, now);
      const holds = first.filter(decision => decision.type === 'hold');
      assert.deepEqual(plan(applied(snapshot, first), now), holds);
    });
  });

  test('whatever fits an idle pool starts there once those before it are done', () => {
    everyWorld(snapshot => {
      const possible = plan(snapshot, now).filter(
        d => d.type === 'start' || ['runs-ahead', 'flavor-full', 'fragmented'].includes(d.code),
      );
      let rest = snapshot;
      const started = new Set<number>();
      for (let round = 0; round <= snapshot.queued.length; round += 1) {
        const planned = plan({ ...rest, held: [] }, now);
        const begun = planned.filter(d => d.type === 'start');
        for (const decision of begun) started.add(decision.run);
        rest = { ...rest, queued: rest.queued.filter(queued => !started.has(queued.number)) };
      }
      for (const decision of possible) assert.ok(started.has(decision.run), `#${decision.run} never started`);
    });
  });

  test('nobody passes an earlier run of the same kind that could start on an idle pool', () => {
    everyWorld(snapshot => {
      const planned = plan(snapshot, now);
      const code = new Map(planned.map(d => [d.run, d.type === 'start' ? 'start' : d.code]));
      for (const later of snapshot.queued.filter(queued => code.get(queued.number) === 'start'))
        for (const earlier of snapshot.queued.filter(queued => isBefore(queued, later)))
          assert.ok(
            ['start', 'no-such-flavor', 'frozen', 'draining'].includes(code.get(earlier.number) ?? ''),
          );
    });
  });
});

function isBefore(a: Queued, b: Queued): boolean {
  if (a.pool !== b.pool || a.gpus > 0 !== b.gpus > 0 || a.number === b.number) return false;
  const key = (q: Queued) => [-priorities.indexOf(q.priority), q.queuedAt.getTime(), q.number] as const;
  const [first, second] = [key(a), key(b)];
  const at = first.findIndex((value, index) => value !== second[index]);
  return (first[at] ?? 0) < (second[at] ?? 0);
}

function applied(snapshot: PlanSnapshot, planned: PlanDecision[]): PlanSnapshot {
  const starts = planned.filter(decision => decision.type === 'start');
  return {
    ...snapshot,
    epoch: snapshot.epoch + 1,
    held: [
      ...snapshot.held,
      ...starts.flatMap(({ indices, ...start }) => indices.map(index => ({ ...start, index }))),
    ],
    queued: snapshot.queued.filter(queued => !starts.some(start => start.run === queued.number)),
  };
}

function everyWorld(check: (snapshot: PlanSnapshot, dice: Random) => void): void {
  for (let seed = 1; seed <= worlds; seed += 1) {
    const dice = random(seed);
    const snapshot = randomWorld(dice);
    try {
      check(snapshot, dice);
    } catch (err) {
      throw new Error(`the world of seed ${seed} breaks it`, { cause: err });
    }
  }
}

function randomWorld(dice: Random): PlanSnapshot {
  const pools = Array.from({ length: dice.int(1, 3) }, (_, at) =>
    pool(`pool-${at}`, randomMachine(dice), { reachable: dice.chance(0.85) }),
  );
  const pinned = pools.flatMap(p =>
    p.accelerators.map(a => ({ pool: p.name, node: a.node, kind: a.kind, index: a.index })),
  );
  const busy = dice.next();
  const taken = pinned.filter(() => dice.chance(busy)).map(row => ({ ...row, run: dice.int(1_000, 1_010) }));
  const queued = Array.from({ length: dice.int(0, 14) }, (_, at) =>
    run(at + 1, {
      project: dice.pick(['digits', 'speech', 'speech']),
      pool: dice.chance(0.03) ? 'nowhere' : `pool-${dice.int(0, pools.length - 1)}`,
      gpus: dice.pick([0, 0, 1, 1, 2, 3, 4, 8]),
      gpuModel: dice.pick([null, null, 'a100', 'H100', 't4']),
      priority: dice.pick(priorities),
      queuedAt: new Date(now.getTime() - dice.int(0, 5) * 1_000),
    }),
  );
  const freezes = [
    ...(dice.chance(0.05) ? [freeze({ kind: 'all' })] : []),
    ...(dice.chance(0.2) ? [freeze({ kind: 'project', name: 'digits' })] : []),
    ...(dice.chance(0.2) ? [drain('pool-0')] : []),
  ];
  return world({ pools, held: taken, queued, freezes });
}

function randomMachine(dice: Random): Accelerator[] {
  const nodes = Array.from({ length: dice.int(1, 3) }, (_, at) => `node-${at}`);
  return nodes.flatMap(node => {
    const mixed = gpus(node, dice.int(0, 8)).map(gpu => ({
      ...gpu,
      model: dice.pick(['NVIDIA A100', 'NVIDIA A100', 'NVIDIA H100 80GB']),
      healthy: dice.chance(0.9),
    }));
    return [...mixed, ...slots(node, dice.int(0, 3))];
  });
}
