import { holder, pool, queue, rows, run } from '../../support/small-world.ts';

const minute = 60_000;
const noon = Date.parse('2026-03-04T12:00:00Z');
const two = [queue('vision', {}), queue('speech', {})];

rows('who goes first', [
  {
    name: 'priority before age before number',
    world: {
      waiting: [
        run(1, { priority: 'low' }),
        run(2, { queuedAt: noon - minute }),
        run(3, { queuedAt: noon - minute }),
        run(4, { priority: 'high', queuedAt: noon }),
      ],
    },
    expected: ['#1 a:3', '#2 a:1', '#3 a:2', '#4 a:0'],
  },
  {
    name: 'fair: whose team holds less',
    world: {
      queues: two,
      holders: [holder(9, 'a:0')],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 a:2', '#2 a:1'],
  },
  {
    name: 'easy: the earlier, whoever holds what',
    world: {
      policy: 'easy',
      queues: two,
      holders: [holder(9, 'a:0')],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 a:1', '#2 a:2'],
  },
  {
    name: 'fair: in turns, by what was just given out',
    world: {
      queues: two,
      waiting: [run(1), run(2), run(3, { team: 'speech' }), run(4, { team: 'speech' })],
    },
    expected: ['#1 a:0', '#2 a:2', '#3 a:1', '#4 a:3'],
  },
  {
    name: 'fair: a weight of 2 has twice as much',
    world: {
      pools: [pool('lab', { a100: { a: 3 } })],
      queues: [queue('vision', {}, { weight: 2 }), queue('speech', {})],
      waiting: [run(1, { team: 'speech' }), run(2, { team: 'speech' }), run(3), run(4), run(5)],
    },
    expected: ['#1 a:0', '#2 flavor-full', '#3 a:1', '#4 a:2', '#5 runs-ahead'],
  },
  {
    name: 'fair: whose team had less up to now',
    world: {
      pools: [pool('lab', { a100: { a: 1 } })],
      queues: [queue('vision', {}, { served: 1 }), queue('speech', {})],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 flavor-full', '#2 a:0'],
  },
  {
    name: 'fair: a past of twice as much with twice the weight is the same, and the earlier goes first',
    world: {
      pools: [pool('lab', { a100: { a: 1 } })],
      queues: [queue('vision', {}, { served: 2, weight: 2 }), queue('speech', {}, { served: 1 })],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 a:0', '#2 flavor-full'],
  },
  {
    name: 'what a team has had does not put a high priority of another behind it in easy',
    world: {
      policy: 'easy',
      pools: [pool('lab', { a100: { a: 1 } })],
      queues: two,
      waiting: [run(1), run(2, { team: 'speech', priority: 'high' })],
    },
    expected: ['#1 flavor-full', '#2 a:0'],
  },
  {
    name: 'who stays in the quota before who borrows, as in Kueue',
    world: {
      pools: [pool('lab', { a100: { a: 1 } })],
      queues: [queue('vision', { a100: 0 }), queue('speech', { a100: 1 })],
      waiting: [run(1, { preemptible: true, priority: 'high' }), run(2, { team: 'speech' })],
    },
    expected: ['#1 borrowing-limit', '#2 a:0'],
  },
]);

rows('what a team is held against', [
  {
    name: 'a CPU slot counts little beside a GPU',
    world: {
      pools: [pool('lab', { a100: { a: 2 }, cpu: { a: 1 } })],
      queues: two,
      holders: [holder(8, 'a:0', { team: 'vision' }), holder(9, 'a:0', { team: 'speech', flavor: 'cpu' })],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 flavor-full', '#2 a:1'],
  },
  {
    name: 'teams without a queue weigh 1',
    world: {
      pools: [pool('lab', { a100: { a: 2 } })],
      holders: [holder(9, 'a:0')],
      waiting: [run(1), run(2, { team: 'speech' })],
    },
    expected: ['#1 flavor-full', '#2 a:1'],
  },
]);
