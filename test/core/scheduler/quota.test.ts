import { holder, noon, pool, queue, rows, run, stock } from '../../support/small-world.ts';

const eight = [pool('lab', { a100: { a: 8 } })];
const preemptible = true;
/** The run of another team, in its quota. */
const speechs = (where: string, more = {}) => holder(8, where, { team: 'speech', ...more });

rows('the quota of a team (nominalQuota)', [
  {
    name: 'up to it',
    world: { queues: [queue('vision', { a100: 2 })], waiting: [run(1, { gpus: 2 }), run(2)] },
    expected: ['#1 a:0,1', '#2 quota-used'],
  },
  {
    name: 'counted over all pools',
    world: {
      pools: [pool('lab', { a100: { a: 2 } }), pool('attic', { a100: { b: 2 } })],
      queues: [queue('vision', { a100: 2 })],
      holders: [holder(9, 'b:0', { pool: 'attic' })],
      waiting: [run(1, { gpus: 2 }), run(2, { limitS: 86_400 })],
    },
    expected: ['#1 quota-used', '#2 runs-ahead'],
  },
  {
    name: 'not over flavors',
    world: {
      pools: [pool('lab', { a100: { a: 2 }, h100: { b: 2 } })],
      queues: [queue('vision', { a100: 1, h100: 1 })],
      waiting: [run(1), run(2), run(3)],
    },
    expected: ['#1 a:0', '#2 b:0', '#3 quota-used'],
  },
  {
    name: 'a flavor that no queue names is free for all',
    world: {
      pools: [pool('lab', { a100: { a: 2 }, h100: { b: 2 } })],
      queues: [queue('vision', { a100: 1 }), queue('speech', {})],
      waiting: [run(1, { model: 'h100' }), run(2, { model: 'h100', team: 'speech' })],
    },
    expected: ['#1 b:0', '#2 b:1'],
  },
  {
    name: 'one that a queue names is not for a team that does not list it',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', {})],
      waiting: [run(1, { team: 'speech', preemptible }), run(2, { team: 'nobody', preemptible })],
    },
    expected: ['#1 quota-too-small', '#2 quota-too-small'],
  },
  {
    name: 'what is being let go of counts until it is free',
    world: {
      queues: [queue('vision', { a100: 2 })],
      holders: [holder(9, 'a:0', { leaving: true })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 making-room'],
  },
  {
    name: 'a run that does not fit the quota does not keep those who do waiting',
    world: { queues: [queue('vision', { a100: 2 })], waiting: [run(1, { gpus: 3 }), run(2, { gpus: 2 })] },
    expected: ['#1 quota-too-small', '#2 a:0,1'],
  },
]);

rows('borrowing (borrowingLimit)', [
  {
    name: 'what others leave idle',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      waiting: [run(1, { gpus: 4, preemptible })],
    },
    expected: ['#1 a:0,1,2,3'],
  },
  {
    name: 'not by what cannot be preempted',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      waiting: [run(1, { gpus: 2 }), run(2)],
    },
    expected: ['#1 quota-too-small', '#2 a:0'],
  },
  {
    name: 'what can be preempted counts as what is borrowed, so that the rest of the quota stays',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [holder(9, 'a:0', { preemptible })],
      waiting: [run(1), run(2)],
    },
    expected: ['#1 a:1', '#2 quota-used'],
  },
  {
    name: 'up to the limit',
    world: {
      queues: [queue('vision', { a100: { quota: 1, borrow: 2 } }), queue('speech', { a100: 3 })],
      waiting: [run(1, { gpus: 3, preemptible }), run(2, { preemptible })],
    },
    expected: ['#1 a:0,1,2', '#2 borrowing-limit'],
  },
  {
    name: 'a limit of 0: nothing',
    world: {
      queues: [queue('vision', { a100: { quota: 1, borrow: 0 } }), queue('speech', { a100: 3 })],
      waiting: [run(1, { preemptible }), run(2, { preemptible }), run(3, { gpus: 2, preemptible })],
    },
    expected: ['#1 a:0', '#2 borrowing-limit', '#3 quota-too-small'],
  },
  {
    name: 'a quota of 0 that may borrow',
    world: {
      queues: [queue('vision', { a100: { quota: 0, borrow: 2 } }), queue('speech', { a100: 4 })],
      waiting: [run(1, { gpus: 2, preemptible }), run(2)],
    },
    expected: ['#1 a:0,1', '#2 quota-too-small'],
  },
  {
    name: 'not from another cohort',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 }, { cohort: 'sales' })],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 quota-too-small'],
  },
  {
    name: 'not what the owner holds',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [speechs('a:0,1')],
      waiting: [run(1, { gpus: 3, preemptible }), run(2, { gpus: 2, preemptible, limitS: 86_400 })],
    },
    expected: ['#1 borrowing-limit', '#2 runs-ahead'],
  },
]);

rows('lending (lendingLimit)', [
  {
    name: 'as much as the owner lends',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: { quota: 3, lend: 1 } })],
      waiting: [run(1, { gpus: 2, preemptible }), run(2, { preemptible })],
    },
    expected: ['#1 a:0,1', '#2 borrowing-limit'],
  },
  {
    name: 'a limit of 0: nothing',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: { quota: 3, lend: 0 } })],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 quota-too-small'],
  },
  {
    name: 'the owner uses first what it does not lend',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: { quota: 3, lend: 1 } })],
      holders: [speechs('a:0,1')],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 a:2,3'],
  },
  {
    name: 'then what it does',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: { quota: 3, lend: 1 } })],
      holders: [speechs('a:0,1,2')],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 borrowing-limit'],
  },
  {
    name: 'a team that lends nothing still has all of its own, whatever others hold',
    world: {
      pools: eight,
      queues: [queue('vision', { a100: { quota: 2, lend: 0 } }), queue('speech', { a100: 4 })],
      holders: [speechs('a:0,1,2,3', { preemptible })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 a:4,5'],
  },
  {
    name: 'lent is what is not used of all lenders together',
    world: {
      pools: eight,
      queues: [
        queue('vision', { a100: 0 }),
        queue('speech', { a100: { quota: 4, lend: 1 } }),
        queue('nlp', { a100: { quota: 4, lend: 2 } }),
      ],
      waiting: [run(1, { gpus: 3, preemptible }), run(2, { preemptible })],
    },
    expected: ['#1 a:0,1,2', '#2 borrowing-limit'],
  },
]);

rows('lowered quotas', [
  {
    name: 'nothing more starts, and nobody is stopped for it',
    world: {
      pools: eight,
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [holder(9, 'a:0,1,2')],
      waiting: [run(1)],
    },
    expected: ['#1 quota-used'],
  },
  {
    name: 'what cannot be stopped keeps the owner waiting until it ends',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [holder(9, 'a:0,1,2')],
      waiting: [run(1, { team: 'speech', gpus: 2 })],
    },
    expected: ['#1 borrowing-limit'],
  },
  {
    name: 'what can be stopped is, for the owner',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [holder(9, 'a:0,1,2', { preemptible })],
      waiting: [run(1, { team: 'speech', gpus: 2 })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
]);

const line = {
  policy: 'easy' as const,
  pools: eight,
  queues: [queue('vision', { a100: 4 }), queue('speech', { a100: 4 })],
  holders: [holder(9, 'a:0,1'), speechs('a:4,5,6,7')],
};

rows('who waits for quota', [
  {
    name: 'is not passed for ever by its own team',
    world: { ...line, waiting: [run(1, { gpus: 4 }), run(2, { gpus: 2, limitS: 7_201 })] },
    expected: ['#1 quota-used', '#2 runs-ahead'],
  },
  {
    name: 'is passed by who ends before it can start',
    world: { ...line, waiting: [run(1, { gpus: 4 }), run(2, { gpus: 2, limitS: 7_200 })] },
    expected: ['#1 quota-used', '#2 a:2,3'],
  },
  {
    name: 'in fifo by nobody of its team',
    world: { ...line, policy: 'fifo', waiting: [run(1, { gpus: 4 }), run(2, { gpus: 2, limitS: 1 })] },
    expected: ['#1 quota-used', '#2 runs-ahead'],
  },
  {
    name: 'would it borrow, it does not keep runs of its own team waiting that stay in the quota',
    world: {
      ...line,
      waiting: [run(1, { gpus: 5, preemptible }), run(2, { gpus: 2, limitS: 86_400 })],
    },
    expected: ['#1 borrowing-limit', '#2 a:2,3'],
  },
  {
    name: 'but keeps those waiting that would borrow as well',
    world: {
      ...line,
      queues: [...line.queues, queue('nlp', { a100: { quota: 0 } })],
      waiting: [
        run(1, { gpus: 5, preemptible }),
        run(2, { team: 'nlp', preemptible, limitS: 86_400 }),
        run(3, { team: 'nlp', preemptible, limitS: 7_200 }),
      ],
    },
    expected: ['#1 borrowing-limit', '#2 runs-ahead', '#3 a:2'],
  },
  {
    name: 'keeps nobody of another cohort waiting',
    world: {
      ...line,
      queues: [...line.queues, queue('nlp', { a100: 1 }, { cohort: 'sales' })],
      waiting: [run(1, { gpus: 5, preemptible }), run(2, { team: 'nlp', limitS: 86_400 })],
    },
    expected: ['#1 borrowing-limit', '#2 a:2'],
  },
]);

rows('borrowing before another flavor is tried, as Kueue does by default', [
  {
    name: 'the first flavor by borrowing',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('a100', { a: 2 }), stock('h100', { b: 2 })] })],
      queues: [queue('vision', { a100: 1, h100: 2 }), queue('speech', { a100: 1 })],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 a:0,1'],
  },
  {
    name: 'the next where it may not borrow',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('a100', { a: 2 }), stock('h100', { b: 2 })] })],
      queues: [queue('vision', { a100: 1, h100: 2 }), queue('speech', { a100: 1 })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 b:0,1'],
  },
  {
    name: 'and nobody is stopped in the first while the next has room',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('a100', { a: 2 }), stock('h100', { b: 2 })] })],
      queues: [queue('vision', { a100: 2, h100: 2 }), queue('speech', { a100: 0 })],
      holders: [speechs('a:0,1', { preemptible, since: noon - 1 })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 b:0,1'],
  },
]);
