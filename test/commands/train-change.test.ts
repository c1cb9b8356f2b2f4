import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trainCancel } from '../../commands/train-cancel.ts';
import { trainRetry } from '../../commands/train-retry.ts';
import type { CommandContext } from '../../src/core/command.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import type { Run } from '../../src/core/run.ts';
import { liveRun, noon } from '../support/live-run.ts';
import { memory, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';

const other = { actor: { kind: 'slack', id: 'T1/U2', name: 'hubot' } } as const;
const running = liveRun({ state: 'running', attempt: 1, startedAt: noon });
const cancelled = liveRun({ state: 'cancelled', stoppedBy: octocat, endedAt: noon });

describe('train cancel', () => {
  const rows: [
    name: string,
    run: Run,
    changes: Partial<CommandContext>,
    title: string,
    after: Partial<Run>,
  ][] = [
    [
      'a run that waits',
      liveRun(),
      {},
      'Run #42 digits was cancelled.',
      { state: 'cancelled', stoppedBy: octocat },
    ],
    [
      'a run that works',
      running,
      {},
      'Run #42 digits is being stopped. It has 10 s to save its work.',
      { state: 'running', stopping: 'cancel' },
    ],
    [
      'a run that is being stopped',
      { ...running, stopping: 'cancel' },
      {},
      'Run #42 digits is being stopped. It has 10 s to save its work.',
      { stopping: 'cancel' },
    ],
    [
      'the same wish again, after its effect',
      cancelled,
      {},
      'Run #42 digits was cancelled.',
      { state: 'cancelled' },
    ],
    [
      "another's run, as an operator",
      liveRun(),
      { ...other, role: 'operator' },
      'Run #42 digits was cancelled.',
      { state: 'cancelled', stoppedBy: other.actor },
    ],
  ];
  for (const [name, run, changes, title, after] of rows)
    test(name, async () => {
      const m = memory({ runs: [run] });
      const outcome = await say(trainCancel, '42', m, changes);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
      for (const [key, value] of Object.entries(after))
        assert.deepEqual(m.runs[0]?.[key as keyof Run], value, key);
    });

  const refused: [name: string, run: Run, changes: Partial<CommandContext>, shown: string][] = [
    [
      'no such run',
      liveRun({ number: 7 }),
      {},
      'There is no run #42. The newest is #7. See the runs with train list.',
    ],
    [
      "another's run",
      running,
      other,
      'You may not use train cancel 42. The run belongs to octocat, and yours is not the role operator. Ask octocat or an operator.',
    ],
    [
      'a run that has ended',
      liveRun({ state: 'succeeded' }),
      {},
      'Run #42 has already ended (succeeded). Only a run that waits or works can be changed. To run it again: train retry 42.',
    ],
    [
      'a run that somebody else cancelled',
      { ...cancelled, requestedBy: octocat, stoppedBy: other.actor },
      {},
      'Run #42 has already ended (cancelled). Only a run that waits or works can be changed. To run it again: train retry 42.',
    ],
  ];
  for (const [name, run, changes, shown] of refused)
    test(`refuses ${name}`, async () => {
      const m = memory({ runs: [run] });
      const outcome = await say(trainCancel, '42', m, changes);
      assert.ok(!outcome.ok);
      assert.equal(faultLine(fault(outcome.code, outcome.details)), shown);
      assert.deepEqual(m.runs, [run]);
    });
});

describe('train retry', () => {
  const failed = liveRun(
    { state: 'failed', priority: 'high', requestedBy: other.actor },
    { gpus: 1, parameters: { lr: 0.5, note: 'a' }, command: ['x', '--lr=0.5'] },
  );

  test('repeats it as it was, for the one who asks', async () => {
    const m = memory({ runs: [failed] });
    const outcome = await say(trainRetry, '42', m);
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.title, 'Run #43 digits is queued: aaaaaaa (main), 1 GPU in pool local.');
    const made = m.runs[1];
    assert.deepEqual(made?.spec, { ...failed.spec, retryOf: 42 });
    assert.equal(made?.priority, 'high');
    assert.equal(made?.requestedBy, octocat);
    assert.deepEqual(m.calls, ['create slack:1']);
  });

  test('with a changed parameter, from the same commit', async () => {
    const m = memory({ runs: [failed] });
    assert.ok((await say(trainRetry, '42 -p lr=2', m)).ok);
    const made = m.runs[1]?.spec;
    assert.equal(made?.sha, failed.spec.sha);
    assert.deepEqual(made?.parameters, { lr: 2, note: 'a' });
    assert.deepEqual(made?.command, ['python3', 'train.py', '--lr=2', 'a']);
  });

  test('the same wish again makes no second one', async () => {
    const m = memory({ runs: [failed] });
    await say(trainRetry, '42', m);
    await say(trainRetry, '42', m);
    assert.equal(m.runs.length, 2);
  });

  const refused: [name: string, run: Run, words: string, shown: string][] = [
    [
      'no such run',
      liveRun({ number: 7 }),
      '42',
      'There is no run #42. The newest is #7. See the runs with train list.',
    ],
    [
      'a run that works',
      running,
      '42',
      'Run #42 has not ended (running). Only a run that has ended is run again. Stop it first: train cancel 42.',
    ],
    [
      'an unknown parameter',
      failed,
      '42 -p rl=2',
      'digits has no parameter rl. Its parameters are lr, note. Did you mean lr? Try train digits -p lr=0.1.',
    ],
    [
      'a wrong value',
      failed,
      '42 -p lr=-1',
      '-1 is not a value for the parameter lr. It takes a number from 0 to 10. Try train digits -p lr=0.1.',
    ],
    [
      'a project that is gone',
      liveRun({ state: 'failed' }, { project: 'gone' }),
      '42',
      'There is no project gone. The projects are digits. Try train digits.',
    ],
  ];
  for (const [name, run, words, shown] of refused)
    test(`refuses ${name}`, async () => {
      const m = memory({ runs: [run] });
      const outcome = await say(trainRetry, words, m);
      assert.ok(!outcome.ok);
      assert.equal(faultLine(fault(outcome.code, outcome.details)), shown);
      assert.equal(m.runs.length, 1);
    });
});
