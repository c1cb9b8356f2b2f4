import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignalboxError } from '../../src/core/errors.ts';
import { fitsFlavor, flavorSchema, isSlice, poolSchema, priceOf } from '../../src/core/pool.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';

const whole = `currency: EUR
scheduler: { policy: easy, halfLife: 3d }
flavors:
  a100: { resource: nvidia.com/gpu, model: A100, price: 2.40 }
  mig: { resource: nvidia.com/mig-1g.10gb }
  amd: { resource: amd.com/gpu }
  cpu: { resource: cpu }
pools:
  lab: { flavors: [a100, mig, cpu], nodes: { lab-1.example: { a100: 8, cpu: 2 } } }
  amd: { flavors: [amd] }
  cloud: { backup: true, flavors: [a100], prices: { a100: 4.10 } }
teams:
  vision:
    queue: { cohort: research, weight: 2, preempts: true, quotas: { a100: { quota: 8, borrow: 4, lend: 2 } } }
    budget: { month: 500, ask: 50 }
    patience: 30m
  speech:
    queue: { quotas: { a100: { quota: 0 } } }
  guests: {}
projects:
  digits: { team: vision, source: ., command: [train], preemptible: true, maxRunning: 4 }
leases: { most: 4h, gpus: 2, commands: { jupyter: { command: [jupyter, lab] } } }
`;

describe('pools, flavors, queues and budgets', () => {
  test('all of it', () => {
    const policy = parsePolicy(whole, 'signalbox.yml');
    assert.equal(policy.currency, 'EUR');
    assert.deepEqual(policy.scheduler, { policy: 'easy', halfLife: 3 * 86_400 });
    assert.deepEqual(policy.flavors.a100, { resource: 'nvidia.com/gpu', model: 'A100', price: 2.4 });
    assert.deepEqual(policy.flavors.amd, { resource: 'amd.com/gpu', price: 0 });
    assert.deepEqual(policy.pools.lab?.nodes, { 'lab-1.example': { a100: 8, cpu: 2 } });
    assert.equal(policy.pools.cloud?.backup, true);
    assert.deepEqual(policy.teams.speech?.queue, {
      ...{ cohort: 'shared', weight: 1, preempts: false },
      quotas: { a100: { quota: 0 } },
    });
    assert.equal(policy.teams.vision?.patience, 1_800);
    assert.deepEqual(policy.leases, {
      ...{ most: 14_400, gpus: 2 },
      commands: { jupyter: { command: ['jupyter', 'lab'] } },
    });
  });

  test('none of it', () => {
    const policy = parsePolicy('', 'signalbox.yml');
    assert.equal(policy.currency, 'USD');
    assert.deepEqual(policy.scheduler, { policy: 'fair', halfLife: 7 * 86_400 });
    assert.deepEqual(policy.leases, { most: 28_800, gpus: 4, commands: {} });
    assert.deepEqual(policy.flavors, {});
    const { flavors, nodes, backup, prices } = policy.pools.local ?? {};
    assert.deepEqual([flavors, nodes, backup, prices], [undefined, undefined, false, {}]);
  });

  const refused: [name: string, from: string, to: string, at: string, says: RegExp][] = [
    ['to lend more than the quota', 'lend: 2', 'lend: 9', '14:98', /cannot lend 9 when its quota is 8/],
    [
      'a team of a project without a queue, while another has one',
      'team: vision',
      'team: guests',
      '19:3',
      /no `queue`.*its project digits.*vision has one/,
    ],
    ['a flavor in no pool', '[amd]', '[a100]', '6:3', /No pool has it/],
    [
      'a quota for a flavor that is not there',
      '{ a100: { quota: 0',
      '{ a10: { quota: 0',
      '18:24',
      /no such flavor.*Did you mean a100/,
    ],
    ['a pool with a flavor that is not there', '[amd]', '[amb]', '10:20', /no such flavor.*Did you mean amd/],
    ['a name that every object has', '[amd]', '[constructor]', '10:20', /no such flavor/],
    ['a flavor twice', '[amd]', '[amd, amd]', '10:25', /stands here twice/],
    [
      'two flavors that nothing tells apart',
      'resource: nvidia.com/mig-1g.10gb',
      'resource: nvidia.com/gpu, model: a100-sxm4',
      '9:26',
      /could be a100 or mig/,
    ],
    [
      'a flavor without a model beside one with',
      'resource: cpu',
      'resource: nvidia.com/gpu',
      '9:31',
      /could be a100 or cpu/,
    ],
    ['a negative price', 'price: 2.40', 'price: -1', '4:50', /must be 0 or more/],
    ['a negative price in a pool', 'a100: 4.10', 'a100: -4.10', '11:53', /must be 0 or more/],
    [
      'a price for a flavor that the pool has not',
      'a100: 4.10',
      'amd: 4.10',
      '11:53',
      /The pool has no such flavor.*a100/,
    ],
    [
      'a node with a flavor that the pool has not',
      '{ a100: 8, cpu: 2 }',
      '{ amd: 8 }',
      '9:63',
      /The pool has no such flavor/,
    ],
    [
      'nodes where no flavors are named',
      '{ flavors: [amd] }',
      '{ flavors: [amd] }\n  x: { nodes: { n: { amd: 1 } } }',
      '11:22',
      /names no `flavors`/,
    ],
    ['a node with less than none', 'a100: 8, cpu', 'a100: -1, cpu', '9:63', /./],
    ['what is no machine', 'lab-1.example', "'lab 1'", '9:46', /must be the name of a machine/],
    ['no run at once', 'maxRunning: 4', 'maxRunning: 0', '21:75', /maxRunning/],
    ['no weight', 'weight: 2', 'weight: 0', '14:32', /must be more than 0/],
    ['a negative weight', 'weight: 2', 'weight: -2', '14:32', /must be more than 0/],
    ['part of an accelerator', 'quota: 8', 'quota: 0.5', '14:77', /./],
    ['a resource that nothing reports', 'amd.com/gpu', 'amd.com/gpus', '6:10', /must be nvidia\.com\/gpu/],
    ['a slice without a size', 'mig-1g.10gb', 'mig-1g', '5:10', /such as nvidia\.com\/mig-1g\.10gb/],
    ['a policy that nobody knows', 'policy: easy', 'policy: easi', '2:14', /easy/],
    ['no patience at all', 'patience: 30m', 'patience: 0m', '16:5', /duration/],
    ['a currency in words', 'currency: EUR', 'currency: euro', '1:1', /three capital letters/],
    ['a key of a queue with a slip', 'cohort:', 'cohrt:', '14:14', /Did you mean cohort/],
    ['a key of a quota with a slip', 'borrow:', 'borow:', '14:87', /Did you mean borrow/],
    [
      'a key of a lease command with a slip',
      'command: [jupyter',
      'comand: [jupyter',
      '22:53',
      /Did you mean command/,
    ],
  ];
  for (const [name, from, to, at, says] of refused)
    test(`refused: ${name}`, () => {
      const fault = faultOf(replaced(from, to));
      assert.equal(fault?.code, 'CONFIG_INVALID');
      const all = JSON.stringify(fault);
      assert.ok(fault.what.startsWith(`signalbox.yml:${at}: `), all);
      assert.match(all, says);
    });

  const taken: [name: string, from: string, to: string][] = [
    ['all of the quota is lent', 'lend: 2', 'lend: 8'],
    ['more is borrowed than the quota', 'borrow: 4', 'borrow: 400'],
    [
      'a quota of a flavor that only a backup pool has',
      '[a100, mig, cpu], nodes: { lab-1.example: { a100: 8, cpu: 2 } }',
      '[mig, cpu]',
    ],
    [
      'two models of which neither is part of the other',
      'resource: nvidia.com/mig-1g.10gb',
      'resource: nvidia.com/gpu, model: A10G',
    ],
    ['the same model of two resources', 'resource: amd.com/gpu', 'resource: amd.com/gpu, model: A100'],
    ['a node with none', 'a100: 8', 'a100: 0'],
    ['a price of nothing', 'price: 2.40', 'price: 0'],
    [
      'a pool that gives out all that its machine shows',
      'amd: { flavors: [amd] }',
      'amd: { flavors: [amd] }\n  desk: {}',
    ],
    ['a slice with engines for media', 'mig-1g.10gb', 'mig-1g.10gb.me'],
    ['a slice with a part of the cores', 'mig-1g.10gb', 'mig-1c.3g.20gb'],
    ['patience without a budget', '    budget: { month: 500, ask: 50 }\n', ''],
  ];
  for (const [name, from, to] of taken)
    test(`taken: ${name}`, () => assert.equal(faultOf(replaced(from, to)), null));

  test('refused: only backup pools', () => {
    const fault = faultOf('pools:\n  a: { backup: true }\n  b: { backup: true }\n');
    assert.match(JSON.stringify(fault), /signalbox\.yml:2:8: backup.*Every pool is a backup/);
    assert.equal(faultOf('pools:\n  a: { backup: true }\n  b: {}\n'), null);
  });

  test('projects of teams without a queue, where no team has one', () => {
    assert.equal(faultOf('teams: { a: {} }\nprojects:\n  x: { team: a, source: ., command: [y] }\n'), null);
  });
});

describe('what an accelerator is', () => {
  const a100 = flavorSchema.parse({ resource: 'nvidia.com/gpu', model: 'a100', price: 2 });
  const rows: [name: string, accelerator: { resource: string; model: string }, fits: boolean][] = [
    ['part of its name, in any case', { resource: 'nvidia.com/gpu', model: 'NVIDIA A100-SXM4-80GB' }, true],
    ['another model', { resource: 'nvidia.com/gpu', model: 'NVIDIA A10' }, false],
    ['a slice of it', { resource: 'nvidia.com/mig-1g.10gb', model: 'NVIDIA A100 MIG 1g.10gb' }, false],
  ];
  for (const [name, accelerator, fits] of rows)
    test(name, () => assert.equal(fitsFlavor(a100, accelerator), fits));

  test('without a model: any of the resource', () => {
    const any = flavorSchema.parse({ resource: 'amd.com/gpu' });
    assert.equal(fitsFlavor(any, { resource: 'amd.com/gpu', model: 'AMD GPU' }), true);
    assert.equal(fitsFlavor(any, { resource: 'nvidia.com/gpu', model: 'amd.com/gpu' }), false);
  });

  test('slices', () => {
    assert.equal(isSlice('nvidia.com/mig-1g.10gb'), true);
    assert.equal(isSlice('nvidia.com/gpu'), false);
  });

  test('what it costs: as the pool says, else as its flavor says, else nothing', () => {
    const cloud = poolSchema.parse({ prices: { a100: 4 } });
    const lab = poolSchema.parse({});
    assert.equal(priceOf({ a100 }, cloud, 'a100'), 4);
    assert.equal(priceOf({ a100 }, lab, 'a100'), 2);
    assert.equal(priceOf({ a100 }, lab, 'nvidia-h200'), 0);
    assert.equal(priceOf({ a100 }, lab, 'constructor'), 0);
  });
});

function replaced(from: string, to: string): string {
  assert.ok(whole.includes(from), from);
  return whole.replace(from, to);
}

function faultOf(text: string) {
  try {
    parsePolicy(text, 'signalbox.yml');
    return null;
  } catch (err) {
    if (err instanceof SignalboxError) return err.fault;
    throw err;
  }
}
