import { holder, noon, pool, rows, run } from '../../support/small-world.ts';

const hour = 3_600_000;
const lab = [pool('lab', { a100: { a: 4 } })];
/** Three of four are held until 14:00. */
const until14 = [holder(9, 'a:0,1,2')];

rows('fifo: the head of the line blocks', [
  {
    name: 'whoever comes after, however short',
    world: { policy: 'fifo', holders: until14, waiting: [run(1, { gpus: 2 }), run(2, { limitS: 1 })] },
    expected: ['#1 flavor-full', '#2 runs-ahead'],
  },
  {
    name: 'but not other accelerators',
    world: {
      policy: 'fifo',
      pools: [pool('lab', { a100: { a: 4 }, h100: { b: 1 }, cpu: { a: 1 } })],
      holders: until14,
      waiting: [run(1, { gpus: 2, model: 'a100' }), run(2, { model: 'h100' }), run(3, { gpus: 0 })],
    },
    expected: ['#1 flavor-full', '#2 b:0', '#3 a:0'],
  },
  {
    name: 'nor another pool',
    world: {
      policy: 'fifo',
      pools: [...lab, pool('attic', { a100: { b: 1 } })],
      holders: until14,
      waiting: [run(1, { gpus: 2 }), run(2, { pools: ['attic'] })],
    },
    expected: ['#1 flavor-full', '#2 b:0'],
  },
  {
    name: 'what can never start blocks nobody',
    world: { policy: 'fifo', waiting: [run(1, { gpus: 5 }), run(2)] },
    expected: ['#1 no-such-flavor', '#2 a:0'],
  },
  {
    name: 'nor what is frozen',
    world: {
      policy: 'fifo',
      waiting: [run(1, { held: [{ code: 'frozen', pool: null, sentence: 'It is frozen.' }] }), run(2)],
    },
    expected: ['#1 frozen', '#2 a:0'],
  },
]);

rows('easy: others pass as long as they do not delay the first', [
  {
    name: 'who ends before the first can start',
    world: { policy: 'easy', holders: until14, waiting: [run(1, { gpus: 2 }), run(2, { limitS: 7_200 })] },
    expected: ['#1 flavor-full', '#2 a:3'],
  },
  {
    name: 'not who ends a second later',
    world: { policy: 'easy', holders: until14, waiting: [run(1, { gpus: 4 }), run(2, { limitS: 7_201 })] },
    expected: ['#1 flavor-full', '#2 runs-ahead'],
  },
  {
    name: 'a long one on what the first leaves over on its node',
    world: { policy: 'easy', holders: until14, waiting: [run(1, { gpus: 3 }), run(2, { limitS: 86_400 })] },
    expected: ['#1 flavor-full', '#2 a:3'],
  },
  {
    name: 'no second long one beside it',
    world: {
      policy: 'easy',
      holders: [holder(9, 'a:0,1')],
      waiting: [run(1, { gpus: 3 }), run(2, { limitS: 86_400 }), run(3, { limitS: 86_400 })],
    },
    expected: ['#1 flavor-full', '#2 a:2', '#3 runs-ahead'],
  },
  {
    name: 'a long one on another node',
    world: {
      policy: 'easy',
      pools: [pool('lab', { a100: { a: 4, b: 1 } })],
      holders: until14,
      waiting: [run(1, { gpus: 4 }), run(2, { limitS: 86_400 })],
    },
    expected: ['#1 flavor-full', '#2 b:0'],
  },
  {
    name: 'the first has the node on which it can start soonest',
    world: {
      policy: 'easy',
      pools: [pool('lab', { a100: { a: 4, b: 4 } })],
      holders: [holder(8, 'a:0,1,2'), holder(9, 'b:0,1,2', { endsBy: noon + hour })],
      waiting: [run(1, { gpus: 4 }), run(2, { limitS: 86_400 })],
    },
    expected: ['#1 flavor-full', '#2 a:3'],
  },
  {
    name: 'of two pools too, and the other is open',
    world: {
      policy: 'easy',
      pools: [...lab, pool('attic', { a100: { b: 4 } })],
      holders: [holder(8, 'a:0,1,2'), holder(9, 'b:0,1,2', { pool: 'attic', endsBy: noon + hour })],
      waiting: [
        run(1, { gpus: 4, pools: ['lab', 'attic'] }),
        run(2, { limitS: 86_400, pools: ['lab', 'attic'] }),
        run(3, { limitS: 86_400, pools: ['attic'] }),
      ],
    },
    expected: ['#1 flavor-full', '#2 a:3', '#3 runs-ahead'],
  },
  {
    name: 'only the first has a reservation; whoever waits behind it may be passed',
    world: {
      policy: 'easy',
      pools: [pool('lab', { a100: { a: 4, b: 4 } })],
      holders: [holder(8, 'a:0,1,2', { endsBy: noon + hour }), holder(9, 'b:0,1,2')],
      waiting: [run(1, { gpus: 4 }), run(2, { gpus: 4 }), run(3, { limitS: 86_400 })],
    },
    expected: ['#1 flavor-full', '#2 runs-ahead', '#3 b:3'],
  },
  {
    name: 'a gang has all its nodes reserved',
    world: {
      policy: 'easy',
      pools: [pool('lab', { a100: { a: 4, b: 4, c: 1 } })],
      holders: until14,
      waiting: [
        run(1, { gpus: 4, workers: 2 }),
        run(2, { gpus: 4, limitS: 86_400 }),
        run(3, { limitS: 86_400 }),
        run(4, { gpus: 4, limitS: 7_200 }),
      ],
    },
    expected: ['#1 flavor-full', '#2 runs-ahead', '#3 c:0', '#4 b:0,1,2,3'],
  },
  {
    name: 'who should have ended already ends now',
    world: {
      policy: 'easy',
      holders: [holder(9, 'a:0,1,2', { endsBy: noon - hour })],
      waiting: [run(1, { gpus: 4 }), run(2, { limitS: 1 })],
    },
    expected: ['#1 flavor-full', '#2 runs-ahead'],
  },
]);

rows('nobody passes by being stopped for', [
  {
    name: 'others are not stopped to take what the first waits for',
    world: {
      policy: 'easy',
      holders: [
        holder(8, 'a:0', { team: 'nlp', preemptible: true, priority: 'low', endsBy: noon + hour }),
        holder(9, 'a:1,2', { team: 'speech' }),
      ],
      waiting: [run(1, { gpus: 4 }), run(2, { team: 'nlp', gpus: 2, priority: 'normal', limitS: 86_400 })],
    },
    expected: ['#1 flavor-full', '#2 runs-ahead'],
  },
  {
    name: 'who ends before the first can start may',
    world: {
      policy: 'easy',
      holders: [
        holder(8, 'a:0', { team: 'nlp', preemptible: true, priority: 'low', endsBy: noon + hour }),
        holder(9, 'a:1,2', { team: 'speech' }),
      ],
      waiting: [run(1, { gpus: 4 }), run(2, { team: 'nlp', gpus: 2, priority: 'normal', limitS: 3_600 })],
    },
    expected: ['#1 runs-ahead', '#2 making-room', '#8 stops for #2 (priority)'],
  },
]);
