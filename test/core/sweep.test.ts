import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Policy, policySchema } from '../../src/core/policy.ts';
import { repeatRun } from '../../src/core/run-request.ts';
import { memberName, requestSweep } from '../../src/core/sweep.ts';
import { spec } from '../support/run.ts';

const policy: Policy = policySchema.parse({
  teams: { research: {} },
  pools: { local: {} },
  projects: {
    digits: {
      team: 'research',
      source: '/projects/digits',
      command: ['train', '--lr={lr}', '{net}'],
      parameters: {
        lr: { type: 'number', default: 0.1, min: 0, max: 10 },
        batch: { type: 'integer', default: 32, min: 1 },
        net: { type: 'choice', default: 'mlp', choices: ['mlp', 'cnn'] },
        warm: { type: 'boolean', default: false },
      },
    },
  },
});

function ask(sweep: Record<string, string>, parameters: Record<string, string> = {}) {
  return requestSweep({ project: 'digits', parameters }, sweep, policy);
}

describe('a run for each combination', () => {
  const rows: [name: string, sweep: Record<string, string>, members: string[]][] = [
    ['one parameter', { lr: '1e-4,3e-4' }, ['lr=0.0001', 'lr=0.0003']],
    ['spaces beside commas', { lr: '1, 2' }, ['lr=1', 'lr=2']],
    [
      'two, the last changing fastest',
      { lr: '1,2', batch: '16,32' },
      ['lr=1, batch=16', 'lr=1, batch=32', 'lr=2, batch=16', 'lr=2, batch=32'],
    ],
    ['one value beside several', { net: 'cnn', lr: '1,2' }, ['net=cnn, lr=1', 'net=cnn, lr=2']],
    ['words', { net: 'mlp,cnn' }, ['net=mlp', 'net=cnn']],
    ['yes and no', { warm: 'true,false' }, ['warm=true', 'warm=false']],
    ['a range', { lr: '0..1:5' }, ['lr=0', 'lr=0.25', 'lr=0.5', 'lr=0.75', 'lr=1']],
    ['downwards', { lr: '1..0:2' }, ['lr=1', 'lr=0']],
    ['each as many times the one before', { lr: '1e-4..1e-2:3log' }, ['lr=0.0001', 'lr=0.001', 'lr=0.01']],
    ['whole numbers', { batch: '16..64:4' }, ['batch=16', 'batch=32', 'batch=48', 'batch=64']],
  ];
  for (const [name, sweep, members] of rows)
    test(name, () => {
      const asked = ask(sweep);
      assert.ok(asked.ok);
      assert.deepEqual(
        asked.members.map(one => memberName(one.spec, asked)),
        members,
      );
    });

  test('the others are as they were asked for, and each command is filled', () => {
    const asked = ask({ lr: '1,2' }, { net: 'cnn' });
    assert.ok(asked.ok);
    assert.deepEqual(
      asked.members.map(one => one.spec.command),
      [
        ['train', '--lr=1', 'cnn'],
        ['train', '--lr=2', 'cnn'],
      ],
    );
    assert.deepEqual(asked.axes, [{ name: 'lr', values: [1, 2] }]);
  });

  test('as many as there may be', () => {
    const asked = ask({ lr: '0..1:12', net: 'mlp,cnn' });
    assert.ok(asked.ok && asked.members.length === 24);
  });
});

describe('what is refused, with its name', () => {
  const rows: [
    name: string,
    sweep: Record<string, string>,
    code: string,
    said: string,
    parameters?: Record<string, string>,
  ][] = [
    ['a parameter that is none', { rate: '1,2' }, 'PARAMETER_UNKNOWN', 'rate'],
    ['one value that does not fit', { lr: '1,11' }, 'PARAMETER_INVALID', '11'],
    ['a range that leaves it', { lr: '5..15:3' }, 'PARAMETER_INVALID', '15'],
    ['a range between whole numbers', { batch: '1..2:3' }, 'PARAMETER_INVALID', '1.5'],
    ['a choice that is none', { net: 'mlp,rnn' }, 'PARAMETER_INVALID', 'rnn'],
    ['one value alone', { lr: '1' }, 'SWEEP_INVALID', 'lr=1'],
    ['nothing between two commas', { lr: '1,,2' }, 'SWEEP_INVALID', 'lr=1,,2'],
    ['nothing behind the last', { lr: '1,' }, 'SWEEP_INVALID', 'lr=1,'],
    ['nothing', { lr: '' }, 'SWEEP_INVALID', 'lr='],
    ['the same twice', { lr: '1,1' }, 'SWEEP_INVALID', 'lr=1,1'],
    ['the same, written otherwise', { lr: '1e-1,0.1' }, 'SWEEP_INVALID', 'lr=1e-1,0.1'],
    ['given with -p too', { lr: '1,2' }, 'SWEEP_INVALID', 'lr=1,2', { lr: '3' }],
    ['a range of one', { lr: '0..1:1' }, 'SWEEP_INVALID', 'lr=0..1:1'],
    ['a range of too many', { lr: '0..1:25' }, 'SWEEP_INVALID', 'lr=0..1:25'],
    ['a range with log from 0', { lr: '0..1:3log' }, 'SWEEP_INVALID', 'lr=0..1:3log'],
    ['a range from no number', { lr: '1.2.3..4:3' }, 'SWEEP_INVALID', 'lr=1.2.3..4:3'],
    ['one more than there may be', { lr: '0..1:5', batch: '1..5:5' }, 'SWEEP_TOO_LARGE', '25'],
  ];
  for (const [name, sweep, code, said, parameters] of rows)
    test(name, () => {
      const asked = ask(sweep, parameters);
      assert.ok(!asked.ok);
      assert.deepEqual([asked.code, String(asked.details.word)], [code, said]);
    });
});

test('a member that is repeated is a run by itself', () => {
  const repeated = repeatRun(42, spec({ project: 'digits', sweep: { number: 3, member: 1 } }), {}, policy);
  assert.ok(repeated.ok);
  assert.deepEqual([repeated.spec.sweep, repeated.spec.retryOf], [undefined, 42]);
});
