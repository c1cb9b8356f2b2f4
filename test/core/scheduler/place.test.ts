import { holder, pool, queue, rows, run, stock } from '../../support/small-world.ts';

const mig = stock('mig', { a: 2 }, { onlyNamed: true, models: ['NVIDIA A100 MIG 1g.10gb'] });

rows('where a run starts', [
  { name: 'nothing waits', world: {}, expected: [] },
  { name: 'no pools at all', world: { pools: [], waiting: [run(1)] }, expected: ['#1 pool-unknown'] },
  {
    name: 'a pool with nothing in it',
    world: { pools: [pool('lab', {})], waiting: [run(1), run(2, { gpus: 0 })] },
    expected: ['#1 no-such-flavor', '#2 no-such-flavor'],
  },
  {
    name: 'a flavor without nodes',
    world: { pools: [pool('lab', { a100: {} })], waiting: [run(1)] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'lowest indices first',
    world: { waiting: [run(1, { gpus: 2 }), run(2)] },
    expected: ['#1 a:0,1', '#2 a:2'],
  },
  {
    name: 'around what is held',
    world: { holders: [holder(9, 'a:0,2')], waiting: [run(1, { gpus: 2 })] },
    expected: ['#1 a:1,3'],
  },
  {
    name: 'the index 10 comes after 9',
    world: {
      pools: [pool('lab', { a100: { a: 12 } })],
      holders: [holder(9, 'a:0,1,2,3,4,5,6,7,8')],
      waiting: [run(1, { gpus: 2 })],
    },
    expected: ['#1 a:9,10'],
  },
  {
    name: 'the tightest node that fits',
    world: {
      pools: [pool('lab', { a100: { a: 8, b: 2, c: 4 } })],
      waiting: [run(1, { gpus: 2 }), run(2, { gpus: 3 })],
    },
    expected: ['#1 b:0,1', '#2 c:0,1,2'],
  },
  {
    name: 'nodes that are as tight: by name',
    world: { pools: [pool('lab', { a100: { b: 2, a: 2 } })], waiting: [run(1, { gpus: 2 })] },
    expected: ['#1 a:0,1'],
  },
  {
    name: 'a faulty one is not given',
    world: {
      pools: [pool('lab', { a100: { a: [1, 1] } })],
      waiting: [run(1), run(2, { gpus: 2 })],
    },
    expected: ['#1 a:0', '#2 no-such-flavor'],
  },
  {
    name: 'a model is a part of the name in any case',
    world: {
      pools: [pool('lab', { h100: { a: 1 }, a100: { b: 1 } })],
      waiting: [run(1, { model: 'a100' }), run(2, { model: 'H100' })],
    },
    expected: ['#1 b:0', '#2 a:0'],
  },
  {
    name: 'a model that is nearly there',
    world: { pools: [pool('lab', { a10: { a: 1 } })], waiting: [run(1, { model: 'a100' })] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'the name of a flavor counts as a model',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('big', { a: 1 })] })],
      waiting: [run(1, { model: 'BIG' })],
    },
    expected: ['#1 a:0'],
  },
  {
    name: 'a part of the name of a flavor does not',
    world: {
      pools: [pool('lab', {}, { flavors: [stock('big', { a: 1 }, { models: [] })] })],
      waiting: [run(1, { model: 'bi' })],
    },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'a slice goes only to who names it',
    world: {
      pools: [pool('lab', {}, { flavors: [mig] })],
      waiting: [run(1, { model: 'mig' }), run(2), run(3, { model: 'a100' })],
    },
    expected: ['#1 a:0', '#2 no-such-flavor', '#3 no-such-flavor'],
  },
  {
    name: 'no GPUs asked: one CPU slot, whatever the model says',
    world: {
      pools: [pool('lab', { a100: { a: 2 }, cpu: { a: 1 } })],
      waiting: [run(1, { gpus: 0, model: 'h100' })],
    },
    expected: ['#1 a:0'],
  },
  {
    name: 'a held CPU slot is not a held GPU',
    world: {
      pools: [pool('lab', { a100: { a: 1 }, cpu: { a: 1 } })],
      holders: [holder(9, 'a:0', { flavor: 'cpu' })],
      waiting: [run(1), run(2, { gpus: 0 })],
    },
    expected: ['#1 a:0', '#2 flavor-full'],
  },
  {
    name: 'the first flavor of a pool that has room, then the next',
    world: {
      pools: [pool('lab', { a100: { a: 1 }, h100: { b: 1 } })],
      waiting: [run(1), run(2), run(3)],
    },
    expected: ['#1 a:0', '#2 b:0', '#3 flavor-full'],
  },
  {
    name: 'the first pool that has room, then the next that the run may go to',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }), pool('attic', { a100: { b: 1 } })],
      waiting: [run(1, { pools: ['lab', 'attic'] }), run(2), run(3, { pools: ['lab', 'attic'] })],
    },
    expected: ['#1 a:0', '#2 flavor-full', '#3 b:0'],
  },
  {
    name: 'two names of pools are not one name with a model',
    world: {
      pools: [pool('lab', { a100: { a: 1 } }), pool('attic', { a100: { b: 1 } })],
      waiting: [
        run(1, { pools: ['lab'], model: 'attic a100' }),
        run(2, { pools: ['lab', 'attic'], model: 'a100' }),
      ],
    },
    expected: ['#1 no-such-flavor', '#2 a:0'],
  },
  {
    name: 'held by a run on a node that is gone',
    world: { pools: [pool('lab', { a100: { a: 1 } })], holders: [holder(9, 'gone:0')], waiting: [run(1)] },
    expected: ['#1 a:0'],
  },
]);

rows('a gang', [
  {
    name: 'has each worker on a node of its own',
    world: {
      pools: [pool('lab', { a100: { a: 8, b: 8 } })],
      waiting: [run(1, { gpus: 4, workers: 2 })],
    },
    expected: ['#1 a:0,1,2,3 b:0,1,2,3'],
  },
  {
    name: 'never two on one node, however large',
    world: { pools: [pool('lab', { a100: { a: 8 } })], waiting: [run(1, { gpus: 4, workers: 2 })] },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'takes the tightest nodes',
    world: {
      pools: [pool('lab', { a100: { a: 8, b: 4, c: 4 } })],
      waiting: [run(1, { gpus: 4, workers: 2 })],
    },
    expected: ['#1 b:0,1,2,3 c:0,1,2,3'],
  },
  {
    name: 'starts as a whole or not at all',
    world: {
      pools: [pool('lab', { a100: { a: 4, b: 4 } })],
      holders: [holder(9, 'b:0')],
      waiting: [run(1, { gpus: 4, workers: 2 })],
    },
    expected: ['#1 flavor-full'],
  },
  {
    name: 'does not start on two flavors',
    world: {
      pools: [pool('lab', { a100: { a: 4 }, h100: { b: 4 } })],
      waiting: [run(1, { gpus: 4, workers: 2 })],
    },
    expected: ['#1 no-such-flavor'],
  },
  {
    name: 'counts whole against the quota',
    world: {
      pools: [pool('lab', { a100: { a: 4, b: 4 } })],
      queues: [queue('vision', { a100: 7 })],
      waiting: [run(1, { gpus: 4, workers: 2 }), run(2, { gpus: 3, workers: 2 })],
    },
    expected: ['#1 quota-too-small', '#2 a:0,1,2 b:0,1,2'],
  },
]);
