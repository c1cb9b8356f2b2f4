import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plan } from '../../../src/core/scheduler/plan.ts';
import { type Decision, holdCodes, type World } from '../../../src/core/scheduler/world.ts';
import { cloud, holder, noon, pool, queue, run, smallWorld, team } from '../../support/small-world.ts';

const preemptible = true;
const hour = 3_600_000;
const speechs = (number: number, where: string, more = {}) =>
  holder(number, where, { team: 'speech', ...more });
const four = { pools: [pool('lab', { a100: { a: 4, b: 4 } })] };
const dear = (more: Parameters<typeof team>[1]): Partial<World> => ({
  pools: [pool('lab', { a100: { a: 4 } }), cloud({ c: 4 })],
  holders: [holder(9, 'a:0,1,2,3')],
  teams: [team('vision', { patienceS: 0, ...more })],
});
const both = { pools: ['lab', 'cloud'] };
const silent = (seenAt: number | null) => [pool('lab', { a100: { a: 1 } }, { reachable: false, seenAt })];

interface Said {
  /** The code of the hold or the type of the decision, then what is special. */
  name: string;
  world: Partial<World>;
  run?: number;
  sentence: string;
}

const said: Said[] = [
  {
    name: 'frozen',
    world: {
      waiting: [run(1, { held: [{ code: 'frozen', pool: null, sentence: 'Everything is frozen.' }] })],
    },
    sentence: 'Everything is frozen.',
  },
  {
    name: 'draining',
    world: {
      waiting: [run(1, { held: [{ code: 'draining', pool: 'lab', sentence: 'Pool lab is drained.' }] })],
    },
    sentence: 'Pool lab is drained.',
  },
  {
    name: 'draining: and a backup pool comes in later',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }), cloud({ c: 1 })],
      teams: [team('vision', { patienceS: 5_400 })],
      waiting: [
        run(1, {
          ...both,
          queuedAt: noon - hour,
          held: [{ code: 'draining', pool: 'lab', sentence: 'Pool lab is drained.' }],
        }),
      ],
    },
    sentence: 'Pool lab is drained. From 12:30 UTC on it may go to pool cloud.',
  },
  {
    name: 'project-limit',
    world: {
      projectLimits: new Map([['digits', 2]]),
      holders: [holder(8, 'a:0', { project: 'digits' }), holder(9, 'a:1', { project: 'digits' })],
      waiting: [run(1)],
    },
    sentence: 'Project digits has 2 runs at work, as many as it may. It starts when one of them ends.',
  },
  {
    name: 'project-limit: of one',
    world: {
      projectLimits: new Map([['digits', 1]]),
      holders: [holder(8, 'a:0', { project: 'digits' })],
      waiting: [run(1)],
    },
    sentence: 'Project digits has 1 run at work, as many as it may. It starts when one of them ends.',
  },
  {
    name: 'pool-unknown',
    world: { pools: [pool('loft', {}), pool('attic', {})], waiting: [run(1)] },
    sentence:
      'There is no pool lab. The pools are attic, loft. It starts when signalbox.yml has that pool again.',
  },
  {
    name: 'pool-unknown: there are none',
    world: { pools: [], waiting: [run(1)] },
    sentence: 'There is no pool lab. It starts when signalbox.yml has that pool again.',
  },
  {
    name: 'pool-unreachable: seen today',
    world: { pools: silent(noon - 113_000), waiting: [run(1)] },
    sentence:
      'The agent of pool lab has not been heard of since 11:58 UTC. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'pool-unreachable: seen before today',
    world: { pools: silent(noon - 13 * hour), waiting: [run(1)] },
    sentence:
      'The agent of pool lab has not been heard of since 2026-03-03 23:00 UTC. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'pool-unreachable: never seen',
    world: { pools: silent(null), waiting: [run(1)] },
    sentence:
      'The agent of pool lab has never been heard of. It starts when that agent runs and reaches Signalbox.',
  },
  {
    name: 'no-such-flavor: no such model',
    world: { pools: [pool('lab', { a100: { a: 1 }, h100: { a: 1 } })], waiting: [run(1, { model: 't4' })] },
    sentence:
      'It needs 1 t4 GPU; pool lab has none of that name. Ask for NVIDIA A100 or NVIDIA H100, or for another pool.',
  },
  {
    name: 'no-such-flavor: no such model in two pools',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }), pool('attic', { h100: { a: 1 } })],
      waiting: [run(1, { model: 't4', pools: ['lab', 'attic'] })],
    },
    sentence:
      'It needs 1 t4 GPU; pools lab, attic have none of that name. Ask for NVIDIA A100 or NVIDIA H100, or for another pool.',
  },
  {
    name: 'no-such-flavor: only a backup pool has it',
    world: {
      pools: [pool('lab', { h100: { a: 1 } }), cloud({ c: 1 })],
      teams: [team('vision', { patienceS: 5_400 })],
      waiting: [run(1, { ...both, model: 'a100', queuedAt: noon - hour })],
    },
    sentence:
      'It needs 1 a100 GPU; pool lab has none of that name. Ask for NVIDIA H100, or for another pool. From 12:30 UTC on it may go to pool cloud.',
  },
  {
    name: 'no-such-flavor: no CPU slots',
    world: { waiting: [run(1, { gpus: 0 })] },
    sentence: 'It needs 1 CPU slot; pool lab has none. It starts when there is one, or ask for a GPU.',
  },
  {
    name: 'no-such-flavor: no GPUs',
    world: { pools: [pool('lab', { cpu: { a: 4 } })], waiting: [run(1)] },
    sentence: 'It needs 1 GPU; pool lab has no GPUs. Ask for another pool.',
  },
  {
    name: 'no-such-flavor: not so many on one node',
    world: { pools: [pool('lab', { a100: { a: [1, 1], b: 1 } })], waiting: [run(1, { gpus: 4 })] },
    sentence:
      'It needs 4 GPUs on one node; no node of pool lab has more than 1 (1 is faulty). Ask for at most 1, or it waits until there is such a node.',
  },
  {
    name: 'no-such-flavor: all are faulty',
    world: { pools: [pool('lab', { a100: { a: [0, 2] } })], waiting: [run(1, { model: 'a100' })] },
    sentence:
      'It needs 1 a100 GPU; pool lab has none that works (2 are faulty). It starts when there is one.',
  },
  {
    name: 'no-such-flavor: not so many nodes',
    world: { ...four, waiting: [run(1, { gpus: 4, workers: 3 })] },
    sentence:
      'It needs 4 GPUs on each of 3 nodes; pool lab has 2 such nodes. Ask for at most 2 workers, or it waits until there are more.',
  },
  {
    name: 'no-such-flavor: no node for any worker',
    world: { ...four, waiting: [run(1, { gpus: 8, workers: 2 })] },
    sentence:
      'It needs 8 GPUs on each of 2 nodes; pool lab has no such node. Ask for fewer on each, or it waits until there are more.',
  },
  {
    name: 'quota-too-small: none',
    world: { queues: [queue('vision', {}), queue('speech', { a100: 4 })], waiting: [run(1)] },
    sentence:
      'Team vision has no quota of a100. It starts when signalbox.yml gives it one, or ask for another model.',
  },
  {
    name: 'quota-too-small: it may not borrow',
    world: {
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      waiting: [run(1, { gpus: 4 })],
    },
    sentence:
      'It needs 4 a100; team vision has a quota of 2, and only preemptible runs may borrow more. It starts when project digits is preemptible, or ask for at most 2.',
  },
  {
    name: 'quota-too-small: nor would it be enough',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 2 })],
      waiting: [run(1, { gpus: 4 })],
    },
    sentence: 'It needs 4 a100; team vision has a quota of 1. Ask for at most 1, or for more quota.',
  },
  {
    name: 'quota-too-small: more than may be borrowed',
    world: {
      queues: [queue('vision', { a100: { quota: 1, borrow: 2 } }), queue('speech', { a100: 3 })],
      waiting: [run(1, { gpus: 4, preemptible })],
    },
    sentence:
      'It needs 4 a100; team vision has a quota of 1 and may borrow 2. Ask for at most 3, or for more quota.',
  },
  {
    name: 'quota-too-small: more than is lent',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: { quota: 3, lend: 1 } })],
      waiting: [run(1, { gpus: 4, preemptible })],
    },
    sentence:
      'It needs 4 a100; team vision has a quota of 1 and may borrow 1. Ask for at most 2, or for more quota.',
  },
  {
    name: 'quota-used',
    world: {
      queues: [queue('vision', { a100: 2 })],
      holders: [holder(9, 'a:0,1')],
      waiting: [run(1, { gpus: 2 })],
    },
    sentence:
      'It needs 2 a100; team vision has a quota of 2, and its runs that are not preemptible hold 2. Nor is this one, so it may not borrow. It starts when 2 of those are released.',
  },
  {
    name: 'quota-used: lowered since',
    world: { queues: [queue('vision', { a100: 2 })], holders: [holder(9, 'a:0,1,2')], waiting: [run(1)] },
    sentence:
      'It needs 1 a100; team vision has a quota of 2, and its runs that are not preemptible hold 3. Nor is this one, so it may not borrow. It starts when 2 of those are released.',
  },
  {
    name: 'borrowing-limit: what it may borrow',
    world: {
      queues: [queue('vision', { a100: { quota: 1, borrow: 1 } }), queue('speech', { a100: 3 })],
      holders: [holder(9, 'a:0,1', { preemptible })],
      waiting: [run(1, { preemptible })],
    },
    sentence:
      'It needs 1 a100; team vision holds 2 with a quota of 1 and may borrow 1. It starts when 1 more is released by its own team.',
  },
  {
    name: 'borrowing-limit: nothing left to lend',
    world: {
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 2 })],
      holders: [holder(8, 'a:0'), speechs(9, 'a:1')],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    sentence:
      'It needs 2 a100; team vision holds 1 with a quota of 1; cohort research has 1 left to lend. It starts when 1 more is released by its own team, or by those who borrow.',
  },
  {
    name: 'borrowing-limit: nothing left, and nothing of its own to release',
    world: {
      queues: [queue('vision', { a100: 0 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:1')],
      waiting: [run(1, { gpus: 2, preemptible })],
    },
    sentence:
      'It needs 2 a100; team vision holds 0 with a quota of 0; cohort research has 1 left to lend. It starts when 1 more is released.',
  },
  {
    name: 'borrowing-limit: its own is lent',
    world: {
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:0,1,2')],
      waiting: [run(1, { gpus: 2 })],
    },
    sentence:
      'It needs 2 a100; team vision holds 0 with a quota of 2, and other teams still hold what they borrowed of it. It starts when 1 more is released by them.',
  },
  {
    name: 'needs-approval',
    world: { ...dear({ askAbove: 5 }), waiting: [run(1, { ...both, gpus: 4 })] },
    sentence:
      'Pool cloud has room for it, for up to 8.00 USD; team vision asks for approval above 5.00 USD. It starts when an approver agrees, or when another of its pools has room.',
  },
  {
    name: 'needs-approval: less is approved, and no other pool could run it',
    world: { ...dear({ askAbove: 5 }), waiting: [run(1, { pools: ['cloud'], gpus: 4, approved: 6 })] },
    sentence:
      'Pool cloud has room for it, for up to 8.00 USD (6.00 USD are approved); team vision asks for approval above 5.00 USD. It starts when an approver agrees.',
  },
  {
    name: 'needs-approval: before there is room',
    world: {
      ...dear({ askAbove: 5 }),
      holders: [holder(9, 'a:0,1,2,3'), holder(8, 'c:0', { pool: 'cloud' })],
      waiting: [run(1, { pools: ['cloud'], gpus: 4 })],
    },
    sentence:
      'In pool cloud it would cost up to 8.00 USD; team vision asks for approval above 5.00 USD. It starts when an approver agrees and there is room.',
  },
  {
    name: 'over-budget',
    world: { ...dear({ budgetLeft: 3 }), waiting: [run(1, { ...both, gpus: 4 })] },
    sentence:
      'Pool cloud has room for it, for up to 8.00 USD; team vision has 3.00 USD left this month. It starts when an approver agrees, or when another of its pools has room.',
  },
  {
    name: 'over-budget: nothing is left',
    world: { ...dear({ budgetLeft: -3 }), waiting: [run(1, { pools: ['cloud'], gpus: 4 })] },
    sentence:
      'Pool cloud has room for it, for up to 8.00 USD; team vision has 0.00 USD left this month. It starts when an approver agrees.',
  },
  {
    name: 'making-room',
    world: {
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:0,1,2,3', { preemptible })],
      waiting: [run(1, { gpus: 2 })],
    },
    sentence:
      '2 GPUs on a in pool lab are being made free for it: run #9 is being stopped. It starts when that has ended.',
  },
  {
    name: 'making-room: of several',
    world: {
      ...four,
      holders: [holder(8, 'a:0,1,2,3', { leaving: true }), holder(9, 'b:0,1,2,3', { leaving: true })],
      waiting: [run(1, { gpus: 4, workers: 2, model: 'a100' })],
    },
    sentence:
      '8 a100 GPUs on a, b in pool lab are being made free for it: runs #8, #9 are being stopped. It starts when they have ended.',
  },
  {
    name: 'making-room: only quota',
    world: {
      pools: [pool('lab', { a100: { a: 2 } }), pool('attic', { a100: { b: 4 } })],
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'b:0,1,2,3', { pool: 'attic', preemptible })],
      waiting: [run(1, { gpus: 2 })],
    },
    sentence:
      'It has its place on a in pool lab; its quota of a100 is being made free: run #9 is being stopped. It starts when that has ended.',
  },
  {
    name: 'runs-ahead: one',
    world: {
      holders: [holder(9, 'a:0,1,2')],
      waiting: [run(1, { gpus: 2 }), run(2, { limitS: 86_400, gpus: 2 })],
    },
    run: 2,
    sentence:
      '1 run is ahead of it (#1) for GPUs (a100) in pool lab. It starts after #1, or sooner where that does not delay it.',
  },
  {
    name: 'runs-ahead: several',
    world: { holders: [holder(9, 'a:0,1,2,3')], waiting: [run(1), run(2), run(3)] },
    run: 3,
    sentence:
      '2 runs are ahead of it (the first is #1) for GPUs (a100) in pool lab. It starts after them, or sooner where that delays none of them.',
  },
  {
    name: 'runs-ahead: fifo',
    world: {
      policy: 'fifo',
      pools: [pool('lab', { cpu: { a: 1 } })],
      holders: [holder(9, 'a:0', { flavor: 'cpu' })],
      waiting: [run(1, { gpus: 0 }), run(2, { gpus: 0 })],
    },
    run: 2,
    sentence: '1 run is ahead of it (#1) for CPU slots in pool lab. It starts after #1.',
  },
  {
    name: 'runs-ahead: for the quota of the team',
    world: {
      ...four,
      queues: [queue('vision', { a100: 2 })],
      holders: [holder(9, 'a:0,1')],
      waiting: [run(1), run(2), run(3)],
    },
    run: 3,
    sentence:
      '2 runs are ahead of it (the first is #1) for the quota of a100 of team vision. It starts after them, or sooner where that delays none of them.',
  },
  {
    name: 'runs-ahead: who could go to two pools is one run',
    world: {
      pools: [pool('lab', { a100: { a: 4 } }), pool('attic', { a100: { b: 4 } })],
      queues: [queue('vision', { a100: 2 })],
      holders: [holder(9, 'a:0,1')],
      waiting: [run(1, { pools: ['lab', 'attic'] }), run(2, { pools: ['lab', 'attic'] })],
    },
    run: 2,
    sentence:
      '1 run is ahead of it (#1) for the quota of a100 of team vision. It starts after #1, or sooner where that does not delay it.',
  },
  {
    name: 'runs-ahead: for what is lent',
    world: {
      ...four,
      queues: [queue('vision', { a100: 1 }), queue('speech', { a100: 1 })],
      holders: [speechs(9, 'a:0')],
      waiting: [run(1, { gpus: 2, preemptible }), run(2, { gpus: 2, preemptible, limitS: 86_400 })],
    },
    run: 2,
    sentence:
      '1 run is ahead of it (#1) for the quota of a100 that cohort research lends. It starts after #1, or sooner where that does not delay it.',
  },
  {
    name: 'runs-ahead: room is being made for them',
    world: {
      ...four,
      holders: [holder(9, 'a:0', { leaving: true }), speechs(8, 'b:0')],
      waiting: [run(1, { gpus: 4 }), run(2, { gpus: 4 })],
    },
    run: 2,
    sentence:
      '1 run is ahead of it (#1) for GPUs (a100) in pool lab. It starts after #1, or sooner where that does not delay it.',
  },
  {
    name: 'runs-ahead: the quota is promised',
    world: {
      ...four,
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:0,1,2,3', { preemptible })],
      waiting: [run(1, { gpus: 2 }), run(2)],
    },
    run: 2,
    sentence:
      '1 run is ahead of it (#1) for the quota of a100 of team vision, and room is being made for that. It starts when there is quota left.',
  },
  {
    name: 'flavor-full',
    world: { holders: [holder(8, 'a:0'), holder(9, 'a:1,2')], waiting: [run(1, { gpus: 2 })] },
    sentence:
      'It needs 2 GPUs; 1 of 4 in pool lab is free. It starts when 1 more is released (held by #8, #9).',
  },
  {
    name: 'flavor-full: of a model, and a backup pool comes in later',
    world: {
      pools: [
        pool('lab', { h100: { a: 1 }, a100: { b: 1 } }),
        pool('cloud', { h100: { c: 1 } }, { backup: true }),
      ],
      teams: [team('vision', { patienceS: 5_400 })],
      holders: [holder(8, 'a:0', { flavor: 'h100' })],
      waiting: [run(1, { ...both, model: 'h100', queuedAt: noon - hour })],
    },
    sentence:
      'It needs 1 h100 GPU; 0 of 1 h100 in pool lab are free. It starts when 1 more is released (held by #8). From 12:30 UTC on it may go to pool cloud.',
  },
  {
    name: 'flavor-full: of CPU slots, held by what starts in the same plan',
    world: { pools: [pool('lab', { cpu: { a: 1 } })], waiting: [run(1, { gpus: 0 }), run(2, { gpus: 0 })] },
    run: 2,
    sentence:
      'It needs 1 CPU slot; 0 of 1 in pool lab are free. It starts when 1 more is released (held by #1).',
  },
  {
    name: 'flavor-full: held by many',
    world: {
      pools: [pool('lab', { a100: { a: 7 } })],
      holders: [0, 1, 2, 3, 4, 5, 6].map(i => holder(20 + i, `a:${i}`)),
      waiting: [run(1, { gpus: 3 })],
    },
    sentence:
      'It needs 3 GPUs; 0 of 7 in pool lab are free. It starts when 3 more are released (held by #20, #21, #22, #23, #24 and 2 more).',
  },
  {
    name: 'flavor-full: a gang',
    world: { ...four, holders: [holder(9, 'b:0,1')], waiting: [run(1, { gpus: 4, workers: 2 })] },
    sentence:
      'It needs 8 GPUs, 4 on each of 2 nodes; 6 of 8 in pool lab are free. It starts when 2 more are released (held by #9).',
  },
  {
    name: 'fragmented',
    world: { ...four, holders: [holder(8, 'a:0,1,2'), holder(9, 'b:0,1')], waiting: [run(1, { gpus: 3 })] },
    sentence:
      'It needs 3 GPUs on one node; pool lab has 3 free, but spread (1 on a, 2 on b). It starts when one node has 1 more free.',
  },
  {
    name: 'fragmented: a gang',
    world: {
      pools: [pool('lab', { a100: { a: 4, b: 4, c: 4 }, h100: { d: 1 } })],
      holders: [holder(8, 'a:0'), holder(9, 'b:0')],
      waiting: [run(1, { gpus: 4, workers: 2 })],
    },
    sentence:
      'It needs 8 GPUs, 4 on each of 2 nodes; pool lab has 10 a100 free, but only 1 node with 4 (3 on a, 3 on b, 4 on c). It starts when 1 more node has 4 free.',
  },
  { name: 'start', world: { waiting: [run(1, { gpus: 2 })] }, sentence: '2 GPUs on a (0, 1) are free.' },
  {
    name: 'start: one of a model',
    world: { waiting: [run(1, { model: 'a100' })] },
    sentence: '1 a100 GPU on a (0) is free.',
  },
  {
    name: 'start: a gang that borrows',
    world: {
      ...four,
      queues: [queue('vision', { a100: 3 }), queue('speech', { a100: 1 })],
      waiting: [run(1, { gpus: 2, workers: 2, preemptible })],
    },
    sentence: '4 GPUs on a (0, 1), b (0, 1) are free. 1 a100 is borrowed from other teams.',
  },
  {
    name: 'start: in a backup pool',
    world: { ...dear({ patienceS: 1_800 }), waiting: [run(1, { ...both, gpus: 4 })] },
    sentence:
      '4 GPUs on c (0, 1, 2, 3) are free. It waited 30 min for its own pools, so it goes to cloud. It costs at most 8.00 USD.',
  },
  {
    name: 'start: in a backup pool at once',
    world: { ...dear({}), waiting: [run(1, both)] },
    sentence:
      '1 GPU on c (0) is free. Its own pools have no room, so it goes to cloud. It costs at most 2.00 USD.',
  },
  {
    name: 'preempt: reclaim',
    world: {
      queues: [queue('vision', { a100: 2 }), queue('speech', { a100: 2 })],
      holders: [speechs(9, 'a:0,1,2,3', { preemptible })],
      waiting: [run(1)],
    },
    run: 9,
    sentence:
      'Stopped for #1: team vision takes back a100 of its quota of 2, which team speech had borrowed.',
  },
  {
    name: 'preempt: priority',
    world: {
      holders: [holder(9, 'a:0,1,2,3', { preemptible, priority: 'low' })],
      waiting: [run(1, { priority: 'high' })],
    },
    run: 9,
    sentence: 'Stopped for #1 of the same team, which has priority high; this one has low.',
  },
  {
    name: 'withdraw',
    world: { pools: silent(noon - 113_000), holders: [holder(9, 'a:0', { untaken: true })] },
    run: 9,
    sentence: 'The agent of pool lab has not been heard of since 11:58 UTC, and had not taken it.',
  },
];

describe('the sentence', () => {
  for (const { name, world, run: number = 1, sentence } of said)
    test(name, () => {
      const decision = plan(smallWorld(world), noon).find(one => one.run === number);
      assert.equal(decision && kindOf(decision), name.split(':')[0]);
      assert.equal(decision?.type === 'hold' ? decision.sentence : decision?.reason, sentence);
    });

  test('there is a row for every code and every decision', () => {
    const shown = new Set(said.map(({ name }) => name.split(':')[0]));
    assert.deepEqual([...shown].sort(), [...holdCodes, 'start', 'preempt', 'withdraw'].sort());
  });
});

function kindOf(decision: Decision): string {
  return decision.type === 'hold' ? decision.code : decision.type;
}
