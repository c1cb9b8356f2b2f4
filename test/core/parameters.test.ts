import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fillCommand, parameterEnvironment, readParameter } from '../../src/core/parameters.ts';
import { type Parameter, type ParameterValue, projectSchema } from '../../src/core/project.ts';

const number: Parameter = { type: 'number', default: 0, min: -1, max: 10 };
const integer: Parameter = { type: 'integer', default: 0 };
const text: Parameter = { type: 'text', default: '' };
const tag: Parameter = { type: 'text', default: 'v1', pattern: 'v[0-9]+' };
const choice: Parameter = { type: 'choice', default: 'adam', choices: ['adam', 'sgd'] };
const boolean: Parameter = { type: 'boolean', default: false };

describe('readParameter takes', () => {
  const rows: [parameter: Parameter, given: string, value: ParameterValue][] = [
    [number, '0.1', 0.1],
    [number, '-1', -1],
    [number, '1e-4', 1e-4],
    [number, '.5', 0.5],
    [number, '+10.', 10],
    [integer, '42', 42],
    [integer, '-7', -7],
    [integer, '9007199254740991', 9_007_199_254_740_991],
    [text, '', ''],
    [text, '--help', '--help'],
    [text, '$(curl x); rm -rf / {lr}', '$(curl x); rm -rf / {lr}'],
    [text, 'x'.repeat(1_000), 'x'.repeat(1_000)],
    [tag, 'v12', 'v12'],
    [choice, 'sgd', 'sgd'],
    [boolean, 'true', true],
    [boolean, 'false', false],
  ];
  for (const [parameter, given, value] of rows)
    test(`${parameter.type}: ${given.slice(0, 30)}`, () =>
      assert.deepEqual(readParameter(parameter, given), { ok: true, value }));
});

describe('readParameter refuses', () => {
  const rows: [parameter: Parameter, given: string, allowed: string | string[]][] = [
    [number, '10.1', 'a number from -1 to 10'],
    [number, '-1.001', 'a number from -1 to 10'],
    [number, 'NaN', 'a number from -1 to 10'],
    [number, 'Infinity', 'a number from -1 to 10'],
    [number, '', 'a number from -1 to 10'],
    [number, ' 1', 'a number from -1 to 10'],
    [number, '0x1', 'a number from -1 to 10'],
    [number, '1_0', 'a number from -1 to 10'],
    [number, '0,1', 'a number from -1 to 10'],
    [number, '１', 'a number from -1 to 10'],
    [{ type: 'number', default: 0 }, '1e999', 'a number'],
    [{ type: 'number', default: 0, min: 0 }, '-0.1', 'a number of at least 0'],
    [{ type: 'integer', default: 0, max: 3 }, '4', 'a whole number of at most 3'],
    [integer, '1.0', 'a whole number'],
    [integer, '1e3', 'a whole number'],
    [integer, '9007199254740993', 'a whole number'],
    [text, 'a\nb', 'one line of at most 1000 characters'],
    [text, 'a\0', 'one line of at most 1000 characters'],
    [text, 'a\u202eb', 'one line of at most 1000 characters'],
    [text, 'x'.repeat(1_001), 'one line of at most 1000 characters'],
    [tag, 'v', 'text of at most 200 characters that matches v[0-9]+'],
    [tag, 'xv1', 'text of at most 200 characters that matches v[0-9]+'],
    [tag, 'v1 ', 'text of at most 200 characters that matches v[0-9]+'],
    [tag, `v${'1'.repeat(200)}`, 'text of at most 200 characters that matches v[0-9]+'],
    [choice, 'Adam', ['adam', 'sgd']],
    [boolean, 'yes', ['true', 'false']],
    [boolean, '1', ['true', 'false']],
  ];
  for (const [parameter, given, allowed] of rows)
    test(`${parameter.type}: ${JSON.stringify(given).slice(0, 30)}`, () => {
      const read = readParameter(parameter, given);
      assert.ok(!read.ok);
      assert.deepEqual(read.allowed, allowed);
    });

  test('a choice that is nearly one says which', () => {
    const read = readParameter(choice, 'adma');
    assert.equal(read.ok ? null : read.nearest, 'adam');
  });
});

describe('fillCommand', () => {
  const rows: [
    name: string,
    command: string[],
    parameters: Record<string, ParameterValue>,
    argv: string[],
  ][] = [
    ['inside an argument', ['--lr={lr}', '{lr}'], { lr: 0.1 }, ['--lr=0.1', '0.1']],
    ['twice in one', ['{a}-{b}-{a}'], { a: 1, b: 2 }, ['1-2-1']],
    ['spaces and quotes do not split', ['{a}'], { a: `x y "z'` }, [`x y "z'`]],
    ['a value like a flag stays in its place', ['--name={a}', '{a}'], { a: '--rm' }, ['--name=--rm', '--rm']],
    ['a value is not filled again', ['{a}', '{b}'], { a: '{b}', b: '{a}' }, ['{b}', '{a}']],
    ['what replacements mean elsewhere', ['{a}'], { a: '$& $1 $$' }, ['$& $1 $$']],
    ['a shell sees nothing', ['{a}'], { a: '$(id); `id` | cat' }, ['$(id); `id` | cat']],
    ['an empty value is an argument', ['{a}'], { a: '' }, ['']],
    [
      'no parameter',
      ['{other}', '{toString}', '{}', '{ lr }'],
      { lr: 1 },
      ['{other}', '{toString}', '{}', '{ lr }'],
    ],
    ['small and large numbers', ['{a} {b}'], { a: 1e-7, b: 1e21 }, ['1e-7 1e+21']],
    ['truth', ['{a}'], { a: true }, ['true']],
  ];
  for (const [name, command, parameters, argv] of rows)
    test(name, () => assert.deepEqual(fillCommand(command, parameters), argv));
});

test('parameterEnvironment names and writes them', () => {
  const environment = parameterEnvironment({ lr: 0.1, batchSize: 32, fast: true, note: '$(id)' });
  assert.deepEqual(environment, {
    SIGNALBOX_PARAM_LR: '0.1',
    SIGNALBOX_PARAM_BATCHSIZE: '32',
    SIGNALBOX_PARAM_FAST: 'true',
    SIGNALBOX_PARAM_NOTE: '$(id)',
  });
});

describe('a project whose parameter cannot hold its own default is refused', () => {
  const rows: [name: string, parameter: unknown, ok: boolean][] = [
    ['inside its range', { type: 'number', default: 1, min: 0, max: 1 }, true],
    ['outside its range', { type: 'number', default: 2, min: 0, max: 1 }, false],
    ['one of the choices', { type: 'choice', default: 'a', choices: ['a'] }, true],
    ['none of the choices', { type: 'choice', default: 'b', choices: ['a'] }, false],
    ['matches', { type: 'text', default: 'v1', pattern: 'v\\d' }, true],
    ['matches in part', { type: 'text', default: 'xv1', pattern: 'v\\d' }, false],
    ['a pattern that is none', { type: 'text', default: '', pattern: '(' }, false],
    ['a pattern that looks around', { type: 'text', default: '', pattern: '(?!x)' }, false],
  ];
  for (const [name, parameter, ok] of rows)
    test(name, () => {
      const project = { team: 't', source: '.', command: ['x'], parameters: { p: parameter } };
      assert.equal(projectSchema.safeParse(project).success, ok);
    });
});

describe('two parameters whose variables would be one are refused', () => {
  const rows: [names: string[], ok: boolean][] = [
    [['lr', 'LR'], false],
    [['lr', 'lr2'], true],
  ];
  for (const [names, ok] of rows)
    test(names.join(' and '), () => {
      const parameters = Object.fromEntries(names.map(name => [name, { type: 'boolean', default: true }]));
      assert.equal(
        projectSchema.safeParse({ team: 't', source: '.', command: ['x'], parameters }).success,
        ok,
      );
    });
});
