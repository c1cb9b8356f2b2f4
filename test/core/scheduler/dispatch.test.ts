import { cloud, holder, noon, pool, queue, rows, run, stock, team } from '../../support/small-world.ts';

/** Everything of the lab is held; a run of ours waits since an hour. */
const full = { pools: [pool('lab', { a100: { a: 1 } }), cloud({ c: 4 })], holders: [holder(9, 'a:0')] };
const both = { pools: ['lab', 'cloud'] };
const hour = 3_600;

rows('a backup pool', [
  {
    name: 'after the team was patient for as long as it says',
    world: {
      ...full,
      teams: [team('vision', { patienceS: hour })],
      waiting: [run(1, { ...both, queuedAt: noon - hour * 1_000 })],
    },
    expected: ['#1 c:0'],
  },
  {
    name: 'not a second earlier',
    world: {
      ...full,
      teams: [team('vision', { patienceS: hour })],
      waiting: [run(1, { ...both, queuedAt: noon - hour * 1_000 + 1_000 })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'never without patience',
    world: { ...full, teams: [team('vision')], waiting: [run(1, both)] },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'nor for a team of which nothing is known',
    world: { ...full, waiting: [run(1, both)] },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'not while its own pool has room',
    world: { ...full, holders: [], teams: [team('vision', { patienceS: 0 })], waiting: [run(1, both)] },
    expected: ['#1 a:0'],
  },
  {
    name: 'at once where the run named it',
    world: { ...full, waiting: [run(1, { pools: ['cloud'] })] },
    expected: ['#1 c:0'],
  },
  {
    name: 'only where the run may go there',
    world: { ...full, teams: [team('vision', { patienceS: 0 })], waiting: [run(1)] },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'when its own pool is frozen, too',
    world: {
      ...full,
      holders: [],
      teams: [team('vision', { patienceS: 0 })],
      waiting: [run(1, { ...both, held: [{ code: 'frozen', pool: 'lab', sentence: 'It is frozen.' }] })],
    },
    expected: ['#1 c:0'],
  },
  {
    name: 'not when everything is',
    world: {
      ...full,
      teams: [team('vision', { patienceS: 0 })],
      waiting: [run(1, { ...both, held: [{ code: 'frozen', pool: null, sentence: 'All is frozen.' }] })],
    },
    expected: ['#1 frozen'],
  },
  {
    name: 'when its own pool does not answer, too',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }, { reachable: false }), cloud({ c: 4 })],
      teams: [team('vision', { patienceS: 0 })],
      waiting: [run(1, both)],
    },
    expected: ['#1 c:0'],
  },
]);

/** Four A100s for an hour cost 8. */
const dear = (more: Parameters<typeof team>[1], about: Parameters<typeof run>[1] = {}) => ({
  ...full,
  teams: [team('vision', { patienceS: 0, ...more })],
  waiting: [run(1, { ...both, gpus: 4, ...about })],
});

rows('what it costs', [
  { name: 'as much as may be spent unasked', world: dear({ askAbove: 8 }), expected: ['#1 c:0,1,2,3'] },
  { name: 'a little more', world: dear({ askAbove: 7.99 }), expected: ['#1 needs-approval'] },
  { name: 'approved', world: dear({ askAbove: 1 }, { approved: 8 }), expected: ['#1 c:0,1,2,3'] },
  {
    name: 'approved less than it costs now',
    world: dear({ askAbove: 1 }, { approved: 7.99 }),
    expected: ['#1 needs-approval'],
  },
  { name: 'all that is left this month', world: dear({ budgetLeft: 8 }), expected: ['#1 c:0,1,2,3'] },
  { name: 'more than is left', world: dear({ budgetLeft: 7.99 }), expected: ['#1 over-budget'] },
  {
    name: 'more than is left, approved',
    world: dear({ budgetLeft: -3 }, { approved: 8 }),
    expected: ['#1 c:0,1,2,3'],
  },
  { name: 'no budget at all', world: dear({ budgetLeft: 0 }), expected: ['#1 over-budget'] },
  { name: 'nothing to be counted', world: dear({}), expected: ['#1 c:0,1,2,3'] },
  {
    name: 'each what those before it left',
    world: {
      ...dear({ budgetLeft: 5 }),
      waiting: [run(1, { ...both }), run(2, { ...both, gpus: 2 }), run(3, both)],
    },
    expected: ['#1 c:0', '#2 over-budget', '#3 c:1'],
  },
  {
    name: 'what costs nothing is not asked for, without a limit of time neither',
    world: {
      ...full,
      holders: [],
      teams: [team('vision', { askAbove: 0, budgetLeft: 0 })],
      waiting: [run(1, { limitS: Number.POSITIVE_INFINITY })],
    },
    expected: ['#1 a:0'],
  },
  {
    name: 'nobody is stopped for what nobody approved',
    world: {
      ...dear({ askAbove: 1 }, { priority: 'high' }),
      holders: [holder(9, 'a:0'), holder(8, 'c:0', { pool: 'cloud', preemptible: true, priority: 'low' })],
    },
    expected: ['#1 needs-approval'],
  },
  {
    name: 'nor has who needs it a place reserved',
    world: {
      ...dear({ askAbove: 7 }),
      holders: [holder(9, 'a:0'), holder(8, 'c:0', { pool: 'cloud' })],
      waiting: [run(1, { pools: ['cloud'], gpus: 4 }), run(2, { ...both, limitS: 3 * hour })],
    },
    expected: ['#1 needs-approval', '#2 c:1'],
  },
  {
    name: 'who may pay has one',
    world: {
      ...dear({ askAbove: 8 }),
      holders: [holder(9, 'a:0'), holder(8, 'c:0', { pool: 'cloud' })],
      waiting: [run(1, { pools: ['cloud'], gpus: 4 }), run(2, { ...both, limitS: 3 * hour })],
    },
    expected: ['#1 flavor-full', '#2 flavor-full'],
  },
  {
    name: 'who waits for approval keeps nobody waiting',
    world: {
      ...dear({ askAbove: 7 }),
      waiting: [run(1, { ...both, gpus: 4 }), run(2, { ...both, gpus: 1 })],
    },
    expected: ['#1 needs-approval', '#2 c:0'],
  },
]);

const twoAtWork = [
  holder(8, 'a:0', { project: 'digits' }),
  holder(9, 'a:1', { project: 'digits', leaving: true }),
];

rows('how many runs of a project may be at work', [
  {
    name: 'as many as it says',
    world: { projectLimits: new Map([['digits', 2]]), waiting: [run(1), run(2), run(3)] },
    expected: ['#1 a:0', '#2 a:1', '#3 project-limit'],
  },
  {
    name: 'those that leave count until they are gone',
    world: { projectLimits: new Map([['digits', 2]]), holders: twoAtWork, waiting: [run(1)] },
    expected: ['#1 project-limit'],
  },
  {
    name: 'one more may',
    world: { projectLimits: new Map([['digits', 3]]), holders: twoAtWork, waiting: [run(1)] },
    expected: ['#1 a:2'],
  },
  {
    name: 'another project is not held',
    world: {
      projectLimits: new Map([['digits', 2]]),
      holders: twoAtWork,
      waiting: [run(1, { project: 'digits-2' })],
    },
    expected: ['#1 a:2'],
  },
  {
    name: 'whoever is kept by it keeps nobody waiting',
    world: {
      projectLimits: new Map([['digits', 2]]),
      holders: twoAtWork,
      waiting: [run(1, { gpus: 4 }), run(2, { project: 'words', limitS: 86_400 })],
    },
    expected: ['#1 project-limit', '#2 a:2'],
  },
]);

rows('pools that do not answer', [
  {
    name: 'nothing starts there, however free',
    world: { pools: [pool('lab', { a100: { a: 4 } }, { reachable: false })], waiting: [run(1)] },
    expected: ['#1 pool-unreachable'],
  },
  {
    name: 'what had not been taken is taken back, and waits again',
    world: {
      pools: [pool('lab', { a100: { a: 4 } }, { reachable: false })],
      holders: [holder(9, 'a:0', { untaken: true })],
    },
    expected: ['#9 taken back from lab'],
  },
  {
    name: 'not what had been',
    world: { pools: [pool('lab', { a100: { a: 4 } }, { reachable: false })], holders: [holder(9, 'a:0')] },
    expected: [],
  },
  {
    name: 'nor what is being stopped anyway',
    world: {
      pools: [pool('lab', { a100: { a: 4 } }, { reachable: false })],
      holders: [holder(9, 'a:0', { untaken: true, leaving: true })],
    },
    expected: [],
  },
  { name: 'nor while it answers', world: { holders: [holder(9, 'a:0', { untaken: true })] }, expected: [] },
]);

rows('frozen and draining', [
  {
    name: 'a drained pool starts nothing, another does',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }), pool('attic', { a100: { b: 1 } })],
      waiting: [
        run(1, { held: [{ code: 'draining', pool: 'lab', sentence: 'It is drained.' }] }),
        run(2, {
          pools: ['lab', 'attic'],
          held: [{ code: 'draining', pool: 'lab', sentence: 'It is drained.' }],
        }),
      ],
    },
    expected: ['#1 draining', '#2 b:0'],
  },
  {
    name: 'frozen is said before drained',
    world: {
      waiting: [
        run(1, {
          held: [
            { code: 'draining', pool: 'lab', sentence: 'It is drained.' },
            { code: 'frozen', pool: 'lab', sentence: 'It is frozen.' },
          ],
        }),
      ],
    },
    expected: ['#1 frozen'],
  },
  {
    name: 'whatever else would hold it',
    world: {
      pools: [],
      projectLimits: new Map([['digits', 0]]),
      waiting: [run(1, { held: [{ code: 'frozen', pool: null, sentence: 'It is frozen.' }] })],
    },
    expected: ['#1 frozen'],
  },
]);

rows('several things at once', [
  {
    name: 'of two pools, the one is told of that may change soonest',
    world: {
      pools: [pool('lab', { h100: { a: 1 } }), pool('attic', { a100: { b: 1 } })],
      holders: [holder(9, 'b:0', { pool: 'attic' })],
      waiting: [run(1, { pools: ['lab', 'attic'], model: 'a100' })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'a quota that is too small in one, a full one in the other',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('a100', { a: 1 }), stock('h100', { b: 1 })] })],
      queues: [queue('vision', { a100: 0 })],
      holders: [holder(9, 'b:0', { flavor: 'h100' })],
      waiting: [run(1)],
    },
    expected: ['#1 flavor-full'],
  },
]);
