import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import { type RunWish, repeatRun, requestRun } from '../../src/core/run-request.ts';
import { spec as storedSpec } from '../support/run.ts';

const policy: Policy = policySchema.parse({
  teams: { research: {} },
  pools: { local: {}, lab: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['python3', 'train.py', '--lr={lr}'],
      environment: { MODE: 'full' },
      parameters: { lr: { type: 'number', default: 0.1, min: 0 }, tag: { type: 'text', default: 'a b' } },
      timeLimit: '4h',
      primaryMetric: 'val_accuracy',
    },
    shell: {
      team: 'research',
      source: '/projects/shell',
      command: ['echo {x} "$SIGNALBOX_PARAM_X"'],
      shell: true,
      gpus: 2,
      pool: 'lab',
      parameters: { x: { type: 'text', default: '' } },
    },
    constructor1: { team: 'research', source: '.', command: ['true'] },
  },
});

test('what is not said is as the project has it', () => {
  assert.deepEqual(requestRun({ project: 'digits' }, policy), {
    ok: true,
    priority: 'normal',
    spec: {
      project: 'digits',
      team: 'research',
      source: '/projects/digits',
      ref: 'main',
      command: ['python3', 'train.py', '--lr=0.1'],
      shell: false,
      environment: { MODE: 'full', SIGNALBOX_PARAM_LR: '0.1', SIGNALBOX_PARAM_TAG: 'a b' },
      parameters: { lr: 0.1, tag: 'a b' },
      gpus: 0,
      gpuModel: null,
      pool: 'local',
      pools: ['local', 'lab'],
      timeLimitS: 14_400,
      graceS: 30,
      maxAttempts: 3,
      note: '',
      primaryMetric: 'val_accuracy',
      retryOf: null,
    },
  });
});

test('what the project says of its metrics goes along, and nothing where it says nothing', () => {
  const [digits] = Object.values(policy.projects);
  assert.ok(digits);
  const said = {
    metrics: { val_accuracy: { better: 'higher' as const, unit: '%' } },
    compare: 'previous' as const,
  };
  const asked = (project: typeof digits) =>
    requestRun({ project: 'digits' }, { ...policy, projects: { digits: project } });
  const [plain, told] = [asked(digits), asked({ ...digits, ...said })];
  assert.ok(plain.ok && told.ok);
  assert.deepEqual(told.spec, { ...plain.spec, ...said });
  assert.ok(!('metrics' in plain.spec) && !('compare' in plain.spec));
});

test('what is said overrides it', () => {
  const wish: RunWish = {
    project: 'digits',
    ref: 'feature/x',
    gpus: 2,
    gpu: 'a100',
    pool: 'lab',
    priority: 'high',
    time: 60,
    parameters: { lr: '3' },
    note: 'why',
  };
  const result = requestRun(wish, policy);
  assert.ok(result.ok);
  assert.equal(result.priority, 'high');
  const { ref, gpus, gpuModel, pool, timeLimitS, note, parameters, command } = result.spec;
  assert.deepEqual(
    { ref, gpus, gpuModel, pool, timeLimitS, note, parameters, command },
    {
      ref: 'feature/x',
      gpus: 2,
      gpuModel: 'a100',
      pool: 'lab',
      timeLimitS: 60,
      note: 'why',
      parameters: { lr: 3, tag: 'a b' },
      command: ['python3', 'train.py', '--lr=3'],
    },
  );
});

test('in a shell parameters are environment variables only', () => {
  const result = requestRun({ project: 'shell', parameters: { x: '$(id)' } }, policy);
  assert.ok(result.ok);
  assert.deepEqual(result.spec.command, ['echo {x} "$SIGNALBOX_PARAM_X"']);
  assert.deepEqual(result.spec.environment, { SIGNALBOX_PARAM_X: '$(id)' });
  assert.equal(result.spec.pool, 'lab');
});

describe('what is refused', () => {
  const rows: [name: string, wish: Partial<RunWish>, code: string, details: Record<string, unknown>][] = [
    [
      'an unknown project',
      { project: 'digist' },
      'PROJECT_UNKNOWN',
      {
        word: 'digist',
        nearest: 'digits',
        example: 'train digits',
        allowed: ['digits', 'shell', 'constructor1'],
      },
    ],
    [
      'a project like what every object has',
      { project: 'constructor' },
      'PROJECT_UNKNOWN',
      { nearest: 'constructor1' },
    ],
    ['a project like a prototype', { project: '__proto__' }, 'PROJECT_UNKNOWN', { nearest: undefined }],
    [
      'an unknown parameter',
      { parameters: { l: '1' } },
      'PARAMETER_UNKNOWN',
      { project: 'digits', word: 'l', allowed: ['lr', 'tag'], example: 'train digits -p lr=0.1' },
    ],
    [
      'a misspelt parameter',
      { parameters: { tga: '1' } },
      'PARAMETER_UNKNOWN',
      { nearest: 'tag', example: 'train digits -p tag="a b"' },
    ],
    [
      'a parameter like what every object has',
      { parameters: { toString: '1' } },
      'PARAMETER_UNKNOWN',
      { word: 'toString' },
    ],
    [
      'a parameter of another type',
      { parameters: { lr: 'fast' } },
      'PARAMETER_INVALID',
      { word: 'fast', name: 'lr', allowed: 'a number of at least 0', example: 'train digits -p lr=0.1' },
    ],
    ['an empty parameter', { parameters: { lr: '' } }, 'PARAMETER_INVALID', { word: '""' }],
    ['a parameter with a line break', { parameters: { tag: 'a\nb' } }, 'PARAMETER_INVALID', { name: 'tag' }],
    [
      'an unknown pool',
      { pool: 'labs' },
      'POOL_UNKNOWN',
      { word: 'labs', nearest: 'lab', allowed: ['local', 'lab'], example: 'train digits --pool lab' },
    ],
    ['a pool like what every object has', { pool: 'constructor' }, 'POOL_UNKNOWN', {}],
    ['a model without accelerators', { gpu: 'a100' }, 'VALUE_INVALID', { word: 'a100', name: '--gpu' }],
    [
      'longer than the project allows',
      { time: 14_401 },
      'VALUE_INVALID',
      { name: '--time', allowed: 'at most 4h, the time limit of digits' },
    ],
    ['an unknown priority', { priority: 'urgent' }, 'VALUE_INVALID', { name: '--priority' }],
  ];
  for (const [name, wish, code, details] of rows)
    test(name, () => {
      const result = requestRun({ project: 'digits', ...wish }, policy);
      assert.ok(!result.ok);
      assert.equal(result.code, code);
      for (const [key, value] of Object.entries(details)) assert.deepEqual(result.details[key], value, key);
    });

  test('where there are no projects', () => {
    const result = requestRun({ project: 'digits' }, policySchema.parse({}));
    assert.equal(result.ok ? null : result.code, 'PROJECT_NONE');
  });
});

describe('refs', () => {
  const good = [
    'main',
    'HEAD',
    'v1.2',
    'feature/x-1',
    'a'.repeat(40),
    'dependabot/npm/@types',
    'ü',
    '$(curl)',
    ';ls',
    'a@b',
  ];
  const bad = [
    '-x',
    '--upload-pack=x',
    '',
    'a..b',
    'a b',
    'a\u00a0b',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.',
    'a.lock',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[',
    'a\\b',
    '@{-1}',
    'a@{1}',
    'a\nb',
    'a\0',
    'a\u202eb',
    'x'.repeat(256),
  ];
  for (const ref of good)
    test(`${ref} may be asked for`, () => assert.ok(requestRun({ project: 'digits', ref }, policy).ok));
  for (const ref of bad)
    test(`${JSON.stringify(ref).slice(0, 30)} is refused`, () => {
      const result = requestRun({ project: 'digits', ref }, policy);
      assert.equal(result.ok ? null : result.code, 'VALUE_INVALID');
      assert.equal(result.ok ? null : result.details.name, '--ref');
    });
});

describe('repeatRun', () => {
  const old = storedSpec({
    command: ['old', '--lr=0.5'],
    environment: { MODE: 'old' },
    parameters: { lr: 0.5, gone: 'x' },
    gpus: 1,
  });

  test('without overrides nothing changes but what it repeats', () => {
    assert.deepEqual(repeatRun(7, old, {}, policy), { ok: true, spec: { ...old, retryOf: 7 } });
  });

  test('with overrides the command is filled anew, from the same commit', () => {
    const result = repeatRun(7, old, { lr: '2' }, policy);
    assert.ok(result.ok);
    const { sha, gpus, command, parameters, environment } = result.spec;
    assert.deepEqual(
      { sha, gpus, command, parameters },
      {
        sha: old.sha,
        gpus: 1,
        command: ['python3', 'train.py', '--lr=2'],
        parameters: { lr: 2, gone: 'x', tag: 'a b' },
      },
    );
    assert.equal(environment.SIGNALBOX_PARAM_LR, '2');
    assert.equal(environment.MODE, 'full');
  });

  const rows: [name: string, spec: Partial<typeof old>, overrides: Record<string, string>, code: string][] = [
    ['a project that is gone', { project: 'gone' }, {}, 'PROJECT_UNKNOWN'],
    ['a pool that is gone', { pool: 'gone' }, {}, 'POOL_UNKNOWN'],
    ['an unknown parameter', {}, { gone: 'y' }, 'PARAMETER_UNKNOWN'],
    ['a wrong parameter', {}, { lr: '-1' }, 'PARAMETER_INVALID'],
  ];
  for (const [name, changes, overrides, code] of rows)
    test(`refuses ${name}`, () => {
      const result = repeatRun(7, { ...old, ...changes }, overrides, policy);
      assert.equal(result.ok ? null : result.code, code);
    });
});
