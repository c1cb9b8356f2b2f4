import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Freeze } from '../../../src/core/freeze.ts';
import { policySchema } from '../../../src/core/policy.ts';
import type { Accelerator, PlanSnapshot, PoolState } from '../../../src/core/ports.ts';
import { plan } from '../../../src/core/scheduler/plan.ts';
import { readWorld } from '../../../src/core/scheduler/read-world.ts';
import type { FlavorStock, World } from '../../../src/core/scheduler/world.ts';
import { noon } from '../../support/live-run.ts';
import { queuedRun, snapshotOf, workingRun } from '../../support/plan.ts';
import { octocat } from '../../support/run.ts';

const hour = 3_600_000;
const at = (hours: number) => new Date(noon.getTime() + hours * hour);

function gpus(node: string, count: number, more: Partial<Accelerator> = {}): Accelerator[] {
  return Array.from({ length: count }, (_, index) => ({
    node,
    index,
    kind: 'gpu' as const,
    resource: 'nvidia.com/gpu',
    device: null,
    model: 'NVIDIA A100-SXM4-80GB',
    memoryMb: 81_920,
    healthy: true,
    ...more,
  }));
}
const slots = (node: string, count: number) =>
  gpus(node, count, { kind: 'cpu', resource: 'cpu', model: 'CPU slot', memoryMb: 0 });
const pool = (name: string, accelerators: Accelerator[]): PoolState => ({
  name,
  accelerators,
  seenAt: noon,
  reachable: true,
});
const held = (run: number, node: string, indices: number[], kind: 'gpu' | 'cpu' = 'gpu', where = 'lab') =>
  indices.map(index => ({ pool: where, node, kind, index, run }));

function read(parts: Partial<PlanSnapshot>, settings: object, now = noon): World {
  return readWorld(snapshotOf(parts), policySchema.parse(settings), now);
}

/** `a100: n1 0,1 of 8` for each node of each flavor. */
function stock(flavors: readonly FlavorStock[]): string[] {
  return flavors.map(
    ({ flavor, nodes }) =>
      `${flavor}:${nodes.map(({ node, free, healthy, faulty }) => ` ${node} ${free.join(',')} of ${healthy}${faulty > 0 ? ` and ${faulty} faulty` : ''}`).join('')}`,
  );
}

const flavors = {
  a100: { resource: 'nvidia.com/gpu', model: 'a100', price: 2.4 },
  any: { resource: 'nvidia.com/gpu' },
  mig: { resource: 'nvidia.com/mig-1g.10gb' },
  amd: { resource: 'amd.com/gpu' },
  cpu: { resource: 'cpu' },
};
const mig = { resource: 'nvidia.com/mig-1g.10gb', model: 'NVIDIA H100 MIG 1g.10gb' };
const broken = { healthy: false, model: 'Tesla T4' };

describe('what a pool has to give', () => {
  const rows: {
    name: string;
    lab?: object;
    has: Accelerator[];
    held?: PlanSnapshot['held'];
    stock: string[];
  }[] = [
    {
      name: 'nothing is named: every model is a flavor of its own, and so are the slots',
      has: [...gpus('n1', 2), ...gpus('n2', 1, { model: 'Tesla T4' }), ...slots('n1', 2)],
      stock: ['cpu: n1 0,1 of 2', 'nvidia-a100-sxm4-80gb: n1 0,1 of 2', 'tesla-t4: n2 0 of 1'],
    },
    {
      name: 'what is held is not free, and what is faulty is neither free nor healthy',
      has: [...gpus('n1', 3), ...gpus('n2', 2, broken)],
      held: held(7, 'n1', [1]),
      stock: ['nvidia-a100-sxm4-80gb: n1 0,2 of 3', 'tesla-t4: n2  of 0 and 2 faulty'],
    },
    {
      name: 'of another pool, node or kind: not held here',
      has: [...gpus('n1', 1), ...slots('n1', 1)],
      held: [...held(7, 'n1', [0], 'gpu', 'away'), ...held(7, 'n2', [0]), ...held(8, 'n1', [0], 'cpu')],
      stock: ['cpu: n1  of 1', 'nvidia-a100-sxm4-80gb: n1 0 of 1'],
    },
    {
      name: 'named: in the order of the pool, what no flavor fits is left alone',
      lab: { flavors: ['mig', 'a100'] },
      has: [
        ...gpus('n1', 2),
        ...gpus('n1', 1, mig),
        ...gpus('n2', 1, { model: 'Tesla T4' }),
        ...slots('n1', 2),
      ],
      stock: ['mig: n1 0 of 1', 'a100: n1 0,1 of 2'],
    },
    {
      name: 'named: one that nothing fits is there, and empty',
      lab: { flavors: ['amd', 'cpu'] },
      has: [...gpus('n1', 2), ...slots('n1', 1)],
      stock: ['amd:', 'cpu: n1 0 of 1'],
    },
    {
      name: 'one that two flavors fit is of the first',
      lab: { flavors: ['a100', 'any'] },
      has: [...gpus('n1', 1), ...gpus('n2', 1, { model: 'Tesla T4' })],
      stock: ['a100: n1 0 of 1', 'any: n2 0 of 1'],
    },
    {
      name: 'nodes: no more than they say, nothing of nodes that they do not name, and slots as they are',
      lab: { flavors: ['a100', 'cpu'], nodes: { n1: { a100: 2 } } },
      has: [...gpus('n1', 4), ...gpus('n2', 4), ...slots('n1', 3)],
      stock: ['a100: n1 0,1 of 2 n2  of 0', 'cpu: n1 0,1,2 of 3'],
    },
    {
      name: 'nodes: what is held counts against what they say',
      lab: { flavors: ['a100'], nodes: { n1: { a100: 2 } } },
      has: gpus('n1', 4),
      held: held(7, 'n1', [3]),
      stock: ['a100: n1 0 of 2'],
    },
    {
      name: 'nodes: lowered below what is held',
      lab: { flavors: ['a100'], nodes: { n1: { a100: 1 } } },
      has: gpus('n1', 4),
      held: held(7, 'n1', [2, 3]),
      stock: ['a100: n1  of 1'],
    },
    {
      name: 'nodes: slots, where they are named too',
      lab: { flavors: ['cpu'], nodes: { n1: { cpu: 1 } } },
      has: slots('n1', 3),
      stock: ['cpu: n1 0 of 1'],
    },
  ];
  for (const { name, lab = {}, has, held: taken = [], stock: expected } of rows)
    test(name, () => {
      const { pools } = read({ pools: [pool('lab', has)], held: taken }, { flavors, pools: { lab } });
      assert.deepEqual(stock(pools[0]?.flavors ?? []), expected);
    });

  test('slices are given only to who names them; a price of the pool outweighs that of the flavor', () => {
    const settings = {
      flavors,
      pools: {
        lab: { flavors: ['a100', 'mig'] },
        cloud: { backup: true, flavors: ['a100'], prices: { a100: 4.1 } },
      },
    };
    const has = [...gpus('n1', 1), ...gpus('n1', 1, mig)];
    const { pools } = read({ pools: [pool('cloud', gpus('c1', 1)), pool('lab', has)] }, settings);
    assert.deepEqual(
      pools.map(({ name, backup, flavors: all }) => [
        name,
        backup,
        ...all.map(({ flavor, kind, onlyNamed, price, models }) => [flavor, kind, onlyNamed, price, models]),
      ]),
      [
        [
          'lab',
          false,
          ['a100', 'gpu', false, 2.4, ['NVIDIA A100-SXM4-80GB']],
          ['mig', 'gpu', true, 0, ['NVIDIA H100 MIG 1g.10gb']],
        ],
        ['cloud', true, ['a100', 'gpu', false, 4.1, ['NVIDIA A100-SXM4-80GB']]],
      ],
    );
  });

  test('a pool that signalbox.yml no longer has is none, and what waits for it says so', () => {
    const world = read(
      {
        pools: [pool('lab', gpus('n1', 1)), pool('gone', gpus('n1', 1))],
        queued: [queuedRun(1, { pool: 'gone' })],
      },
      { pools: { lab: {} } },
    );
    assert.deepEqual(
      world.pools.map(one => one.name),
      ['lab'],
    );
    const [hold] = plan(world, noon.getTime());
    assert.equal(hold?.type === 'hold' && hold.code, 'pool-unknown');
  });
});

describe('who holds what', () => {
  const settings = {
    flavors,
    teams: { research: {} },
    pools: { lab: { flavors: ['a100'] } },
    projects: {
      digits: { team: 'research', source: '.', command: ['true'], preemptible: true, maxRunning: 4 },
      speech: { team: 'research', source: '.', command: ['true'] },
    },
  };
  const holderOf = (more: Parameters<typeof workingRun>[1], rows = held(1, 'n1', [2, 0])) =>
    read({ pools: [pool('lab', gpus('n1', 4))], held: rows, working: [workingRun(1, more)] }, settings)
      .holders[0];

  test('its accelerators in order, and when it ends at the latest', () => {
    const one = holderOf({ startedAt: at(1), timeLimitS: 7_200, graceS: 60, flavor: 'a100' });
    assert.deepEqual(one?.shares, [{ node: 'n1', kind: 'gpu', indices: [0, 2] }]);
    assert.equal(one?.since, noon.getTime());
    assert.equal(one?.endsBy, at(3).getTime() + 60_000);
    assert.equal(holderOf({ timeLimitS: 3_600, graceS: 0 })?.endsBy, at(1).getTime(), 'not begun yet');
  });

  const rows: [name: string, more: Parameters<typeof workingRun>[1], expected: object][] = [
    ['of today’s flavors, whatever it was called when it started', { flavor: 'big' }, { flavor: 'a100' }],
    ['of a project that can be stopped', {}, { preemptible: true, leaving: false, untaken: false }],
    ['of one that cannot', { project: 'speech' }, { preemptible: false }],
    ['of one that is gone', { project: 'toString' }, { preemptible: false }],
    ['a lease', { kind: 'lease' }, { preemptible: false }],
    ['being stopped, for whatever reason', { stopping: 'cancel' }, { leaving: true }],
    ['not taken yet', { untaken: true }, { untaken: true }],
  ];
  for (const [name, more, expected] of rows)
    test(name, () => {
      const one = holderOf(more);
      for (const [key, value] of Object.entries(expected))
        assert.equal(Reflect.get(one ?? {}, key), value, key);
    });

  test('what nobody reports any more is what it was', () => {
    const one = holderOf({ flavor: 'h100' }, held(1, 'n9', [0]));
    assert.equal(one?.flavor, 'h100');
    assert.equal(holderOf({ flavor: null }, held(1, 'n9', [0], 'cpu'))?.flavor, 'cpu');
  });

  test('limits of projects', () => {
    assert.deepEqual([...read({}, settings).projectLimits], [['digits', 4]]);
  });
});

describe('what teams have had and may spend', () => {
  const week = 7 * 86_400;
  const team = (queue?: object, rest: object = {}) => ({ ...(queue ? { queue } : {}), ...rest });

  test('what was given back falls by half in a half-life, and what is held counts up to now', () => {
    const { queues } = read(
      {
        served: [{ team: 'vision', served: 1_000, at: noon }],
        held: held(1, 'n1', [0, 1]),
        working: [workingRun(1, { team: 'vision', since: noon })],
      },
      { teams: { vision: team() } },
      new Date(noon.getTime() + week * 1_000),
    );
    const integral = (2 * week * (1 - 0.5)) / Math.LN2;
    assert.ok(Math.abs((queues[0]?.served ?? 0) - (500 + integral)) < 1e-6);
  });

  test('a slot is no accelerator, and another half-life counts otherwise', () => {
    const settings = { scheduler: { halfLife: '1h' }, teams: { vision: team(), words: team() } };
    const { queues } = read(
      {
        served: [{ team: 'vision', served: 800, at: noon }],
        held: held(1, 'n1', [0], 'cpu'),
        working: [workingRun(1, { team: 'words' })],
      },
      settings,
      at(3),
    );
    assert.deepEqual(
      queues.map(one => [one.team, one.served]),
      [
        ['vision', 100],
        ['words', 0],
      ],
    );
  });

  test('a queue as signalbox.yml says it; without one, a team has none of the quotas, and takes turns all the same', () => {
    const quotas = { a100: { quota: 8, borrow: 4 } };
    const settings = { flavors, teams: { vision: team({ cohort: 'r', weight: 2, preempts: true, quotas }) } };
    const { queues } = read({ queued: [queuedRun(1, { team: 'newcomers' })] }, settings);
    assert.deepEqual(queues, [
      { team: 'newcomers', cohort: 'shared', weight: 1, preempts: false, quotas: [], served: 0 },
      {
        team: 'vision',
        cohort: 'r',
        weight: 2,
        preempts: true,
        quotas: [{ flavor: 'a100', quota: 8, borrow: 4, lend: null }],
        served: 0,
      },
    ]);
  });

  test('the budget: what was spent this month, and what is held up to its end', () => {
    const settings = {
      teams: {
        vision: team(undefined, { budget: { month: 500, ask: 50 }, patience: '30m' }),
        words: team(undefined, { budget: { ask: 5 } }),
      },
    };
    const { teams } = read(
      {
        spent: [{ team: 'vision', amount: 100 }],
        held: held(1, 'n1', [0, 1]),
        working: [
          workingRun(1, { team: 'vision', price: 3, startedAt: noon, timeLimitS: 4 * 3_600, graceS: 0 }),
        ],
      },
      settings,
      at(1),
    );
    assert.deepEqual(teams, [
      { name: 'vision', patienceS: 1_800, budgetLeft: 500 - 100 - 2 * 4 * 3, askAbove: 50 },
      { name: 'words', patienceS: null, budgetLeft: null, askAbove: 5 },
    ]);
  });

  test('of what is held since last month, only this month counts', () => {
    const first = new Date('2026-02-01T06:00:00Z');
    const { teams } = read(
      {
        held: held(1, 'n1', [0]),
        working: [
          workingRun(1, {
            team: 'vision',
            price: 1,
            since: new Date('2026-01-31T12:00:00Z'),
            timeLimitS: 24 * 3_600,
            graceS: 0,
          }),
        ],
      },
      { teams: { vision: team(undefined, { budget: { month: 100 } }) } },
      first,
    );
    assert.equal(teams[0]?.budgetLeft, 100 - 12);
  });
});

describe('what waits', () => {
  const freeze = (scope: Freeze['scope'], kind: Freeze['kind'] = 'freeze'): Freeze => ({
    ...{ id: 1, kind, scope, why: 'the disk is full', by: octocat, since: new Date('2026-01-01T11:58:00Z') },
  });
  const settings = { pools: { lab: {}, cloud: { backup: true } } };
  const pools = [pool('lab', gpus('n1', 1)), pool('cloud', gpus('c1', 1))];
  const waiting = (more: Parameters<typeof queuedRun>[1], freezes: Freeze[] = []) =>
    read({ pools, queued: [queuedRun(1, more)], freezes, held: held(8, 'n1', [0]) }, settings).waiting[0];

  test('with its limit and its grace, its approval and its room', () => {
    const room = { pool: 'lab', flavor: 'a100', nodes: ['n1'], stopped: [7] };
    const one = waiting({ timeLimitS: 100, graceS: 5, approved: 12, room, gpuModel: 'a100' });
    assert.deepEqual([one?.limitS, one?.approved, one?.room, one?.model], [105, 12, room, 'a100']);
  });

  const places: [name: string, pools: string[], expected: string[]][] = [
    ['where it may go', ['lab', 'cloud'], ['lab', 'cloud']],
    ['without pools that are gone', ['gone', 'lab'], ['lab']],
    ['where it waits, where all are gone', ['gone'], ['lab']],
  ];
  for (const [name, wanted, expected] of places)
    test(name, () => assert.deepEqual(waiting({ pools: wanted })?.pools, expected));

  const said = 'by octocat since 11:58 UTC: the disk is full.';
  const kept: [name: string, freezes: Freeze[], expected: [string, string | null, string][]][] = [
    ['nothing', [], []],
    ['another project', [freeze({ kind: 'project', name: 'speech' })], []],
    [
      'its project',
      [freeze({ kind: 'project', name: 'digits' })],
      [['frozen', null, `Project digits is frozen ${said} It starts when that is lifted.`]],
    ],
    [
      'one of its pools',
      [freeze({ kind: 'pool', name: 'cloud' })],
      [['frozen', 'cloud', `Pool cloud is frozen ${said} It starts when that is lifted.`]],
    ],
    [
      'everything, and the pool where it waits',
      [freeze({ kind: 'all' }), freeze({ kind: 'pool', name: 'lab' }, 'drain')],
      [
        [
          'frozen',
          null,
          `Everything is frozen ${said} Pool lab is being drained ${said} 1 run still works there (#8). It starts when all of that is lifted.`,
        ],
      ],
    ],
    [
      'each of its pools',
      [freeze({ kind: 'pool', name: 'lab' }, 'drain'), freeze({ kind: 'pool', name: 'cloud' })],
      [
        [
          'draining',
          'lab',
          `Pool lab is being drained ${said} 1 run still works there (#8). It starts when that is lifted.`,
        ],
        ['frozen', 'cloud', `Pool cloud is frozen ${said} It starts when that is lifted.`],
      ],
    ],
    ['a pool that is none of its own', [freeze({ kind: 'pool', name: 'away' })], []],
    ['a pool of the name of its project', [freeze({ kind: 'pool', name: 'digits' })], []],
  ];
  for (const [name, freezes, expected] of kept)
    test(`held back: ${name}`, () => {
      const one = waiting({ pools: ['lab', 'cloud'] }, freezes);
      assert.deepEqual(
        one?.held.map(({ code, pool: where, sentence }) => [code, where, sentence]),
        expected,
      );
    });
});
