import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plan } from '../../../src/core/scheduler/plan.ts';
import type { World } from '../../../src/core/scheduler/world.ts';
import { holder, noon, planned, pool, queue, rows, run, smallWorld } from '../../support/small-world.ts';
import { afterPlan, without } from '../../support/worlds.ts';

const preemptible = true;
/** Of 4 A100s vision owns 2 and speech 2; who has what beyond has borrowed it. */
const halves = [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })];
const speechs = (number: number, where: string, more = {}) =>
  holder(number, where, { team: 'speech', preemptible, ...more });
const later = (minutes: number) => noon - 3_600_000 + minutes * 60_000;

rows('quota that was borrowed is taken back (reclaimWithinCohort: Any)', [
  {
    name: 'from who borrowed it',
    world: { queues: halves, holders: [speechs(9, 'a:0,1,2,3')], waiting: [run(1)] },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'never from a team within its quota',
    world: {
      pools: [pool('lab', { a100: { a: 2 } })],
      queues: halves,
      holders: [speechs(9, 'a:0,1', { priority: 'low' })],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'whatever the priorities',
    world: {
      queues: halves,
      holders: [speechs(9, 'a:0,1,2,3', { priority: 'high' })],
      waiting: [run(1, { priority: 'low' })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'not for a run that would borrow itself',
    world: {
      queues: halves,
      holders: [speechs(9, 'a:0,1,2'), holder(8, 'a:3')],
      waiting: [run(1, { gpus: 2, preemptible, priority: 'high' })],
    },
    expected: ['#1 borrowing-limit'],
  },
  {
    name: 'not from another cohort',
    world: {
      pools: [pool('lab', { a100: { a: 3 } })],
      queues: [
        queue('vision', { a100: 2 }),
        queue('speech', { a100: 1 }, { cohort: 'sales' }),
        queue('nlp', { a100: 2 }, { cohort: 'sales' }),
      ],
      holders: [speechs(9, 'a:0,1,2')],
      waiting: [run(1)],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'the youngest of the lowest',
    world: {
      queues: halves,
      holders: [
        speechs(6, 'a:0', { priority: 'low', since: later(1) }),
        speechs(7, 'a:1', { priority: 'low', since: later(2) }),
        speechs(8, 'a:2', { since: later(4) }),
        speechs(9, 'a:3', { priority: 'low', since: later(1) }),
      ],
      waiting: [run(1)],
    },
    expected: ['#1 making-room', '#7 stops for #1 (reclaim)'],
  },
  {
    name: 'of those that began at once, the higher number',
    world: {
      queues: halves,
      holders: [speechs(6, 'a:0'), speechs(7, 'a:1'), speechs(8, 'a:2'), speechs(9, 'a:3')],
      waiting: [run(1)],
    },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'only as many as are needed: the large one alone is enough',
    world: {
      queues: halves,
      holders: [speechs(8, 'a:0,1'), speechs(9, 'a:2', { since: later(5) }), speechs(7, 'a:3')],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 making-room', '#8 stops for #1 (reclaim)'],
  },
  {
    name: 'only as much as was borrowed: then the other team has its quota',
    world: {
      pools: [pool('lab', { a100: { a: 3 } })],
      queues: halves,
      holders: [speechs(7, 'a:0'), speechs(8, 'a:1'), speechs(9, 'a:2')],
      waiting: [run(1), run(2)],
    },
    expected: ['#1 making-room', '#2 runs-ahead', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'never what cannot be preempted',
    world: {
      queues: halves,
      holders: [speechs(8, 'a:0,1,2', { preemptible: false }), speechs(9, 'a:3')],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 borrowing-limit'],
  },
  {
    name: 'nor what has not begun',
    world: { queues: halves, holders: [speechs(9, 'a:0,1,2,3', { untaken: true })], waiting: [run(1)] },
    expected: ['#1 borrowing-limit'],
  },
  {
    name: 'nor who would not hear of it',
    world: {
      pools: [pool('lab', { a100: { a: 2 } }), pool('attic', { a100: { b: 2 } }, { reachable: false })],
      queues: halves,
      holders: [speechs(8, 'b:0,1', { pool: 'attic' }), speechs(9, 'a:0')],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'on the node where it is of use',
    world: {
      pools: [pool('lab', { a100: { a: 2, b: 2 } })],
      queues: halves,
      holders: [speechs(8, 'a:0,1'), speechs(7, 'b:0', { since: later(5) }), holder(6, 'b:1')],
      waiting: [run(1)],
    },
    expected: ['#1 making-room', '#7 stops for #1 (reclaim)'],
  },
  {
    name: "with the team's own of a lower priority where only both bring the run within the quota",
    world: {
      queues: halves,
      holders: [speechs(8, 'a:0,1,2'), holder(9, 'a:3', { preemptible, priority: 'low' })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 making-room', '#8 stops for #1 (reclaim)', '#9 stops for #1 (priority)'],
  },
  {
    name: "not where the team's own are as high",
    world: {
      queues: halves,
      holders: [speechs(8, 'a:0,1,2'), holder(9, 'a:3', { preemptible })],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 borrowing-limit'],
  },
]);

rows('a priority inside a team (withinClusterQueue: LowerPriority)', [
  {
    name: 'takes the place of a lower one',
    world: {
      holders: [holder(8, 'a:0,1'), holder(9, 'a:2,3', { preemptible })],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (priority)'],
  },
  {
    name: 'not of one that is as high',
    world: { holders: [holder(9, 'a:0,1,2,3', { preemptible })], waiting: [run(1)] },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'not of one that cannot be preempted',
    world: {
      holders: [holder(9, 'a:0,1,2,3', { priority: 'low' })],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'not of another team',
    world: {
      holders: [holder(9, 'a:0,1,2,3', { preemptible, team: 'speech', priority: 'low' })],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'not where the queue says `preempts: false`',
    world: {
      queues: [queue('vision', {}, { preempts: false })],
      holders: [holder(9, 'a:0,1,2,3', { preemptible, priority: 'low' })],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'which does not keep it from what others borrowed',
    world: {
      queues: [queue('vision', { a100: 2 }, { preempts: false }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:0,1,2,3')],
      waiting: [run(1)],
    },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'the lowest first, though it is older',
    world: {
      holders: [
        holder(8, 'a:0,1', { preemptible, since: later(9) }),
        holder(9, 'a:2,3', { preemptible, priority: 'low' }),
      ],
      waiting: [run(1, { priority: 'high' })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (priority)'],
  },
  {
    name: 'who borrowed goes before the own',
    world: {
      queues: halves,
      holders: [
        speechs(8, 'a:0,1,2', { priority: 'high' }),
        holder(9, 'a:3', { preemptible, priority: 'low' }),
      ],
      waiting: [run(1, { priority: 'normal' })],
    },
    expected: ['#1 making-room', '#8 stops for #1 (reclaim)'],
  },
  {
    name: 'while it borrows, only its own team gives way',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 3 })],
      holders: [speechs(8, 'a:0,1'), holder(9, 'a:2,3', { preemptible, priority: 'low' })],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    expected: ['#1 making-room', '#9 stops for #1 (priority)'],
  },
]);

const two = [pool('lab', { a100: { a: 2, b: 2 } })];

rows('gangs', [
  {
    name: 'go as a whole, whatever was needed of them',
    world: { pools: two, queues: halves, holders: [speechs(9, 'a:0,1 b:0,1')], waiting: [run(1)] },
    expected: ['#1 making-room', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'take the places of several',
    world: {
      pools: two,
      queues: halves,
      holders: [speechs(6, 'a:0'), speechs(7, 'a:1'), speechs(8, 'b:0'), speechs(9, 'b:1')],
      waiting: [run(1, { workers: 2 })],
    },
    expected: ['#1 making-room', '#7 stops for #1 (reclaim)', '#9 stops for #1 (reclaim)'],
  },
  {
    name: 'stop nobody where not all of it would fit',
    world: {
      pools: two,
      queues: [queue('vision', { a100: 4 }), queue('speech', { a100: 0 }), queue('nlp', { a100: 0 })],
      holders: [speechs(8, 'a:0,1'), holder(9, 'b:0', { team: 'nlp' })],
      waiting: [run(1, { gpus: 2, workers: 2 })],
    },
    expected: ['#1 borrowing-limit'],
  },
]);

/** Carries a plan out; `gone` have let go since. */
function next(world: World, minutes: number, gone: number[] = []): World {
  const after = afterPlan(world, plan(world, noon + minutes * 60_000), noon + minutes * 60_000);
  return without(
    after,
    after.holders.filter(({ number }) => gone.includes(number)),
  );
}

const at = (minutes: number) => noon + minutes * 60_000;

describe('room that is being made', () => {
  const base = smallWorld({
    queues: halves,
    holders: [speechs(8, 'a:0,1'), speechs(9, 'a:2,3', { since: later(5) })],
    waiting: [run(5, { gpus: 2 })],
  });

  test('stays the one it is made for, whoever comes meanwhile, and nobody else is stopped', () => {
    const first = next(base, 0);
    const joined = { ...first, waiting: [...first.waiting, run(1), run(2, { team: 'speech', preemptible })] };
    assert.deepEqual(planned(joined, at(1)), ['#1 runs-ahead', '#2 borrowing-limit', '#5 making-room']);
  });

  test('it starts first when they are gone, even if others came before it', () => {
    const first = next(base, 0);
    const joined = {
      ...first,
      waiting: [...first.waiting, run(1, { priority: 'high' }), run(2, { team: 'speech', preemptible })],
    };
    assert.deepEqual(planned(next(joined, 1, [9]), at(2)), [
      '#1 quota-used',
      '#2 borrowing-limit',
      '#5 a:2,3',
    ]);
  });

  test('without the room, the other would', () => {
    const first = next(base, 0, [9]);
    const joined = {
      ...first,
      waiting: [...first.waiting.map(one => ({ ...one, room: null })), run(1, { priority: 'high', gpus: 2 })],
    };
    assert.deepEqual(planned(joined, at(2)), ['#1 a:2,3', '#5 quota-used']);
  });

  test('it starts when those are gone, though somebody else leaves for longer', () => {
    const first = next(base, 0, [9]);
    const world = { ...first, holders: first.holders.map(one => ({ ...one, leaving: true })) };
    assert.deepEqual(planned(world, at(1)), ['#5 a:2,3']);
  });

  test('while one of them is still there, it waits', () => {
    const world = smallWorld({
      queues: halves,
      holders: [speechs(7, 'a:0,1', { preemptible: false }), speechs(8, 'a:2'), speechs(9, 'a:3')],
      waiting: [run(5, { gpus: 2 })],
    });
    const first = next(world, 0, [8]);
    assert.deepEqual(planned(first, at(1)), ['#5 making-room']);
    assert.deepEqual(planned(next(first, 1, [9]), at(2)), ['#5 a:2,3']);
  });

  test('a pool that does not answer any more gives no room, and the run starts elsewhere', () => {
    const world = smallWorld({
      pools: [pool('lab', { a100: { a: 2 } }), pool('attic', { a100: { b: 2 } })],
      queues: halves,
      holders: [
        speechs(8, 'a:0,1'),
        speechs(9, 'b:0', { pool: 'attic' }),
        speechs(7, 'b:1', { pool: 'attic' }),
      ],
      waiting: [run(5, { gpus: 2, pools: ['lab', 'attic'] })],
    });
    const first = next(world, 0);
    assert.deepEqual(planned(first, at(1)), ['#5 making-room']);
    const gone = { ...first, pools: first.pools.map(one => ({ ...one, reachable: one.name !== 'lab' })) };
    assert.deepEqual(planned(gone, at(2)), ['#5 borrowing-limit']);
    const attic = gone.holders.filter(one => one.pool === 'attic');
    assert.deepEqual(planned(without(gone, attic), at(3)), ['#5 b:0,1']);
  });

  test('who was stopped waits again, starts where there is room, and stops nobody in turn', () => {
    const stopped = run(9, { team: 'speech', gpus: 2, preemptible });
    const first = next(base, 0, [9]);
    let world: World = { ...first, waiting: [...first.waiting, stopped] };
    assert.deepEqual(planned(world, at(1)), ['#5 a:2,3', '#9 borrowing-limit']);
    world = next(world, 1);
    world = { ...world, holders: world.holders.map(one => ({ ...one, untaken: false })) };
    for (const minutes of [2, 30, 60]) assert.deepEqual(planned(world, at(minutes)), ['#9 borrowing-limit']);
    assert.deepEqual(
      planned(
        without(
          world,
          world.holders.filter(({ number }) => number === 5),
        ),
        at(61),
      ),
      ['#9 a:2,3'],
    );
  });
});
