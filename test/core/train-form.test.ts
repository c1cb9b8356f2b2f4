import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { train } from '../../commands/train.ts';
import type { FormField, FormValues } from '../../src/core/form.ts';
import { freeIn, type Holdings, modelWords, poolNow } from '../../src/core/free-now.ts';
import type { Freeze } from '../../src/core/freeze.ts';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import type { Accelerator, PoolState } from '../../src/core/ports.ts';
import { readTrainForm } from '../../src/core/read-train-form.ts';
import type { RunWish } from '../../src/core/run-request.ts';
import { trainChoices, trainForm, wishOf } from '../../src/core/train-form.ts';
import { liveRun, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';

const policy: Policy = policySchema.parse({
  teams: { research: {} },
  pools: { local: {}, lab: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['true'],
      parameters: {
        lr: { type: 'number', default: 0.1, min: 0, max: 10, hint: 'Learning rate' },
        epochs: { type: 'integer', default: 20, min: 1 },
        tag: { type: 'text', default: '' },
        code: { type: 'text', default: 'a1', pattern: '[a-z]\\d' },
        optimiser: { type: 'choice', default: 'adam', choices: ['adam', 'sgd'] },
        augment: { type: 'boolean', default: false },
      },
      gpus: 1,
      timeLimit: '4h',
    },
    tabular: { team: 'research', source: '/projects/tabular', command: ['true'], pool: 'lab' },
  },
});

function gpu(index: number, model = 'NVIDIA H200', changes: Partial<Accelerator> = {}): Accelerator {
  return {
    node: 'a',
    index,
    kind: 'gpu',
    model,
    resource: 'nvidia.com/gpu',
    device: null,
    memoryMb: 1,
    healthy: true,
    ...changes,
  };
}

function pool(name: string, accelerators: Accelerator[], changes: Partial<PoolState> = {}): PoolState {
  return { name, accelerators, seenAt: noon, reachable: true, ...changes };
}

const slot = (index: number) => gpu(index, 'cpu', { kind: 'cpu', resource: 'cpu' });
const holdings: Holdings = {
  pools: [
    pool('local', [gpu(0), gpu(1), slot(0), slot(1)]),
    pool('lab', [gpu(0, 'NVIDIA A100-SXM4-40GB'), gpu(1, 'NVIDIA A100-SXM4-80GB', { healthy: false })]),
  ],
  held: [
    { pool: 'local', node: 'a', kind: 'gpu', index: 0, run: 1 },
    { pool: 'local', node: 'a', kind: 'cpu', index: 0, run: 2 },
    { pool: 'lab', node: 'b', kind: 'gpu', index: 0, run: 3 },
  ],
  freezes: [],
  queued: [{ pool: 'local' }],
};

function fieldsOf(wish: Partial<RunWish>, held: Holdings | null = holdings, of = policy) {
  const { fields } = trainForm({ policy: of, wish, holdings: held });
  return new Map(fields.map(field => [field.name, field]));
}

const names = (wish: Partial<RunWish>, held: Holdings | null = holdings) => [...fieldsOf(wish, held).keys()];

describe('the form for a run', () => {
  test('asks for the project alone, where that is not known', () => {
    for (const wish of [{}, { project: 'gone' }, { project: 'constructor' }]) {
      const form = trainForm({ policy, wish, holdings });
      assert.deepEqual(
        form.fields.map(field => field.name),
        ['project'],
      );
      assert.equal(form.state, '');
      assert.equal(form.submit, 'Next');
      assert.equal(form.fields[0]?.value, undefined);
    }
  });

  test('asks for all that a request can say', () => {
    assert.deepEqual(names({ project: 'digits' }), [
      'project',
      'ref',
      'parameter:lr',
      'parameter:epochs',
      'parameter:tag',
      'parameter:code',
      'parameter:optimiser',
      'parameter:augment',
      'gpus',
      'gpu',
      'pool',
      'time',
      'priority',
      'note',
    ]);
  });

  const rows: [name: string, field: string, wish: Partial<RunWish>, shown: Partial<FormField>][] = [
    [
      'the project, which changes the rest',
      'project',
      {},
      { value: 'digits', refreshes: true, kind: 'choice' },
    ],
    ['the ref of the project', 'ref', {}, { value: 'main', kind: 'search', optional: true }],
    [
      'a number with its hint, limits and default',
      'parameter:lr',
      {},
      { kind: 'number', value: '0.1', hint: 'Learning rate. A number from 0 to 10. Default: 0.1.' },
    ],
    [
      'a whole number',
      'parameter:epochs',
      {},
      { kind: 'integer', value: '20', hint: 'A whole number of at least 1. Default: 20.' },
    ],
    ['a text that is empty', 'parameter:tag', {}, { kind: 'text', value: undefined, hint: undefined }],
    [
      'a text with a pattern',
      'parameter:code',
      {},
      { value: 'a1', hint: 'Text of at most 200 characters that matches [a-z]\\d. Default: a1.' },
    ],
    ['a choice', 'parameter:optimiser', {}, { kind: 'choice', value: 'adam', optional: undefined }],
    ['a switch', 'parameter:augment', {}, { kind: 'switch', value: 'false' }],
    ['a parameter as it was wished', 'parameter:lr', { parameters: { lr: '3e-4' } }, { value: '3e-4' }],
    [
      'a wished parameter that is no longer one',
      'parameter:lr',
      { parameters: { lr: '11' } },
      { value: '0.1' },
    ],
    [
      'accelerators with what is free',
      'gpus',
      {},
      {
        kind: 'integer',
        value: '1',
        hint: 'Free now: 1 of 2 in local, 1 of 1 in lab. 0 means one CPU slot. Default: 1.',
      },
    ],
    ['accelerators as wished', 'gpus', { gpus: 0 }, { value: '0' }],
    ['no model in particular', 'gpu', {}, { value: '*' }],
    ['the wished model', 'gpu', { gpu: 'H200' }, { value: 'H200' }],
    ['no pool in particular', 'pool', {}, { value: '*', kind: 'choice' }],
    ['the wished pool', 'pool', { pool: 'lab' }, { value: 'lab' }],
    ["the project's own pool", 'pool', { project: 'tabular' }, { value: 'lab' }],
    ['a pool that is gone', 'pool', { pool: 'moon' }, { value: '*' }],
    [
      'the time limit',
      'time',
      {},
      { value: '4h', hint: 'Such as 90s, 15m or 1h30m. At most 4h, which is the default.' },
    ],
    ['the wished time', 'time', { time: 5_400 }, { value: '90m' }],
    ['a wished time beyond the limit', 'time', { time: 14_401 }, { value: '4h' }],
    ['the priority', 'priority', {}, { value: 'normal' }],
    ['the wished priority', 'priority', { priority: 'high' }, { value: 'high' }],
    ['a priority that is none', 'priority', { priority: 'urgent' }, { value: 'normal' }],
    ['a note', 'note', { note: 'wider net' }, { value: 'wider net', kind: 'text' }],
  ];
  for (const [name, field, wish, shown] of rows)
    test(`shows ${name}`, () => {
      const found = fieldsOf({ project: 'digits', ...wish }).get(field);
      assert.ok(found);
      for (const [key, value] of Object.entries(shown))
        assert.deepEqual(found[key as keyof FormField], value, key);
    });

  test('says of each choice what is free', () => {
    const fields = fieldsOf({ project: 'digits' });
    assert.deepEqual(
      fields.get('pool')?.choices?.map(choice => choice.hint),
      [undefined, '1 of 2 GPUs and 1 of 2 CPU slots free, 1 run waits', '1 of 1 GPU free'],
    );
    assert.deepEqual(fields.get('gpu')?.choices, [
      { value: '*', label: 'Any' },
      { value: 'A100-SXM4-40GB', label: 'NVIDIA A100-SXM4-40GB', hint: '1 of 1 free' },
      { value: 'H200', label: 'NVIDIA H200', hint: '1 of 2 free' },
    ]);
  });

  test('goes without what is not known', () => {
    assert.ok(!names({ project: 'digits' }, null).includes('gpu'));
    const fields = fieldsOf({ project: 'digits' }, null);
    assert.equal(fields.get('gpus')?.hint, '0 means one CPU slot. Default: 1.');
    assert.deepEqual(fields.get('pool')?.choices?.slice(0, 2), [
      { value: '*', label: 'Wherever there is room' },
      { value: 'local', label: 'local' },
    ]);
    const { choices } = fieldsOf({ project: 'tabular' }, null).get('pool') ?? {};
    assert.deepEqual(choices?.[0], { value: 'local', label: 'local' }, 'a project that names its own');
  });

  test('asks for a model that was wished, though it is not there now', () => {
    assert.equal(fieldsOf({ project: 'digits', gpu: 'H100' }, null).get('gpu')?.value, 'H100');
  });

  test('searches among more than a hundred projects', () => {
    const one = policy.projects.tabular;
    assert.ok(one);
    const projects = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, one]));
    const kind = (count: number) =>
      fieldsOf({ project: 'p7' }, null, { ...policy, projects: projects(count) }).get('project')?.kind;
    assert.equal(kind(100), 'choice');
    assert.equal(kind(101), 'search');
    const many = { ...policy, projects: projects(101) };
    assert.equal(trainChoices('project', '', many, []).length, 101);
  });

  test('says how to set parameters for which there is no room', () => {
    const digits = policy.projects.digits;
    assert.ok(digits);
    const parameters = Object.fromEntries(
      Array.from({ length: 90 }, (_, i) => [`x${i}`, { type: 'integer' as const, default: i }]),
    );
    const form = trainForm({
      policy: { ...policy, projects: { digits: { ...digits, parameters } } },
      wish: { project: 'digits' },
      holdings,
    });
    assert.ok(form.fields.length < 98);
    assert.equal(form.note, '10 more parameters can be set by typing /train digits -p name=value.');
  });

  test('is filled in as a run was asked for', () => {
    const run = liveRun(
      { priority: 'low' },
      { gpuModel: 'H200', gpus: 2, parameters: { lr: 0.5, augment: true } },
    );
    assert.deepEqual(wishOf(run), {
      project: 'digits',
      ref: 'main',
      gpus: 2,
      gpu: 'H200',
      pool: 'local',
      time: 3_600,
      priority: 'low',
      parameters: { lr: '0.5', augment: 'true' },
    });
  });
});

describe('what is searched', () => {
  const rows: [name: string, field: string, project: string, found: string[]][] = [
    ['projects', 'project', '', ['digits', 'tabular']],
    ['refs, the own one first and none twice', 'ref', 'digits', ['main', 'wide', 'narrow']],
    ['refs of no project', 'ref', 'constructor', ['wide', 'main', 'narrow']],
    ['pools', 'pool', 'digits', ['*', 'local', 'lab']],
    ['pools of a project that names its own', 'pool', 'tabular', ['local', 'lab']],
    ['a choice', 'parameter:optimiser', 'digits', ['adam', 'sgd']],
    ['a parameter that is no choice', 'parameter:lr', 'digits', []],
    ['a parameter of another project', 'parameter:optimiser', 'tabular', []],
    ['something else', 'note', 'digits', []],
  ];
  for (const [name, field, project, found] of rows)
    test(name, () => {
      const choices = trainChoices(field, project, policy, ['wide', 'main', 'narrow', 'wide']);
      assert.deepEqual(
        choices.map(choice => choice.value),
        found,
      );
    });
});

describe('what was filled in', () => {
  const read = (filled: FormValues, held: Holdings | null = holdings) =>
    readTrainForm(filled, { command: train, policy, holdings: held });

  test('is read in the kinds of the command', () => {
    const filled = {
      project: 'digits',
      ref: ' wide ',
      'parameter:lr': ' 3e-4 ',
      'parameter:tag': ' a b ',
      'parameter:optimiser': 'sgd',
      'parameter:augment': 'true',
      gpus: '1',
      gpu: 'H200',
      pool: 'local',
      time: '1h30m',
      priority: 'high',
      note: 'wider net',
    };
    assert.deepEqual(read(filled), {
      ok: true,
      values: {
        project: 'digits',
        ref: 'wide',
        gpus: 1,
        gpu: 'H200',
        pool: 'local',
        time: 5_400,
        priority: 'high',
        note: 'wider net',
        parameters: { lr: '3e-4', tag: ' a b ', optimiser: 'sgd', augment: 'true' },
      },
    });
  });

  test('is as the project has it where nothing was', () => {
    const filled = {
      project: 'digits',
      ref: '',
      'parameter:lr': ' ',
      'parameter:tag': '',
      gpu: '*',
      pool: '*',
      time: ' ',
    };
    assert.deepEqual(read(filled), { ok: true, values: { project: 'digits', parameters: {} } });
  });

  const rows: [name: string, filled: FormValues, errors: Record<string, RegExp>][] = [
    ['no project', {}, { project: /^There is no project/ }],
    [
      'a slip in the project',
      { project: 'digit', 'parameter:lr': 'x' },
      { project: /^There is no project digit\. The projects are digits, tabular\. Did you mean digits\?$/ },
    ],
    [
      'a project by a name of JavaScript',
      { project: '__proto__' },
      { project: /^There is no project __proto__/ },
    ],
    [
      'a number that is too large',
      { project: 'digits', 'parameter:lr': '11' },
      { 'parameter:lr': /^11 is not a value for the parameter lr\. It takes a number from 0 to 10\.$/ },
    ],
    [
      'all that is wrong at once',
      {
        project: 'digits',
        'parameter:epochs': '0',
        'parameter:code': 'B1',
        gpus: '-1',
        time: '4x',
        ref: '-x',
      },
      {
        'parameter:epochs': /whole number of at least 1/,
        'parameter:code': /matches/,
        gpus: /^-1 is not a value for the number of GPUs\. It takes a whole number from 0 to 1024\.$/,
        time: /^4x is not a value for the time limit\. It takes a duration such as 90s, 15m or 1h30m, at most 4h\.$/,
        ref: /^-x is not a value for the branch, tag or commit/,
      },
    ],
    [
      'a time beyond the limit',
      { project: 'digits', time: '5h' },
      { time: /^5h is not a value for the time limit\. It takes at most 4h, the time limit of digits\.$/ },
    ],
    [
      'a model without accelerators',
      { project: 'digits', gpus: '0', gpu: 'H200' },
      {
        gpu: /^H200 is not a value for the GPU model\. It takes a model only where the run has 1 GPU or more\.$/,
      },
    ],
    [
      'more accelerators than there are',
      { project: 'digits', gpus: '3' },
      {
        gpus: /^3 GPUs are more than any machine of the pool local has \(2\)\. The run could never start\.$/,
      },
    ],
    [
      'more accelerators than there are, beside another slip',
      { project: 'digits', gpus: '3', time: '5h' },
      { gpus: /more than any machine/, time: /at most 4h/ },
    ],
    [
      'as many accelerators as another pool has',
      { project: 'digits', gpus: '2', pool: 'lab' },
      { gpus: /more than any machine of the pool lab has \(1\)/ },
    ],
    ['a pool that is gone', { project: 'digits', pool: 'moon' }, { pool: /^There is no pool moon/ }],
    [
      'a parameter of another project',
      { project: 'tabular', 'parameter:lr': '1' },
      { 'parameter:lr': /no parameter lr/ },
    ],
    [
      'a slip in a choice',
      { project: 'digits', 'parameter:optimiser': 'adan' },
      { 'parameter:optimiser': /Did you mean adam\?$/ },
    ],
    [
      'a note with a line break',
      { project: 'digits', note: 'a\nb' },
      { note: /^a·b is not a value for the note/ },
    ],
  ];
  for (const [name, filled, errors] of rows)
    test(`is refused at its field: ${name}`, () => {
      const said = read(filled);
      assert.ok(!said.ok);
      assert.deepEqual(Object.keys(said.errors).sort(), Object.keys(errors).sort());
      for (const [field, pattern] of Object.entries(errors)) assert.match(said.errors[field] ?? '', pattern);
    });

  test('is not held against pools that are not known now', () => {
    assert.ok(read({ project: 'digits', gpus: '3' }, null).ok);
    assert.ok(read({ project: 'digits', gpus: '2' }).ok);
  });
});

describe('what is free now', () => {
  test('counts what is healthy and held by nobody', () => {
    const [local] = holdings.pools;
    assert.ok(local);
    assert.deepEqual(freeIn(local, holdings.held, 'gpu'), { free: 1, total: 2 });
    assert.deepEqual(freeIn(local, holdings.held, 'gpu', 'h200'), { free: 1, total: 2 });
    assert.deepEqual(freeIn(local, holdings.held, 'gpu', 'H100'), { free: 0, total: 0 });
    assert.deepEqual(freeIn(local, [], 'cpu'), { free: 2, total: 2 });
  });

  const rows: [name: string, pool: PoolState, says: string][] = [
    ['out of reach', pool('local', [gpu(0)], { reachable: false }), 'Out of reach now'],
    ['never seen', pool('local', [], { reachable: false, seenAt: null }), 'Its agent was never heard of'],
    ['broken', pool('lab', [gpu(0, 'x', { healthy: false })]), 'Nothing healthy there'],
    ['slots only', pool('lab', [slot(0)]), '1 of 1 CPU slot free'],
  ];
  for (const [name, one, says] of rows)
    test(`of a pool: ${name}`, () => assert.equal(poolNow(one, holdings), says));

  const standing = { id: 1, why: '', by: octocat, since: noon };
  const kept: [name: string, freeze: Pick<Freeze, 'kind' | 'scope'>, says: string][] = [
    ['frozen', { kind: 'freeze', scope: { kind: 'pool', name: 'lab' } }, 'Frozen: nothing starts there now'],
    ['all frozen', { kind: 'freeze', scope: { kind: 'all' } }, 'Frozen: nothing starts there now'],
    [
      'drained',
      { kind: 'drain', scope: { kind: 'pool', name: 'lab' } },
      'Being drained: nothing starts there now',
    ],
    ['another frozen', { kind: 'freeze', scope: { kind: 'pool', name: 'x' } }, '1 of 1 CPU slot free'],
    ['a project frozen', { kind: 'freeze', scope: { kind: 'project', name: 'lab' } }, '1 of 1 CPU slot free'],
  ];
  for (const [name, freeze, says] of kept)
    test(`of a pool: ${name}`, () => {
      const freezes = [{ ...standing, ...freeze }];
      assert.equal(poolNow(pool('lab', [slot(0)]), { ...holdings, freezes }), says);
    });

  const models: [name: string, models: string[], words: [word: string, label: string][]][] = [
    ['one', ['NVIDIA H200'], [['H200', 'NVIDIA H200']]],
    [
      'several',
      ['NVIDIA H100 NVL', 'NVIDIA H100 80GB HBM3'],
      [
        ['80GB', 'NVIDIA H100 80GB HBM3'],
        ['NVL', 'NVIDIA H100 NVL'],
      ],
    ],
    [
      'one whose words are all in another',
      ['NVIDIA A100', 'NVIDIA A100 80GB'],
      [
        ['A100', 'A100'],
        ['80GB', 'NVIDIA A100 80GB'],
      ],
    ],
    ['none', [], []],
  ];
  for (const [name, all, words] of models)
    test(`models: ${name}`, () =>
      assert.deepEqual(
        modelWords([
          pool(
            'local',
            all.map((model, i) => gpu(i, model)),
          ),
        ]),
        words.map(([word, label]) => ({ word, label })),
      ));
});
