import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { train } from '../../commands/train.ts';
import { trainCancel } from '../../commands/train-cancel.ts';
import { trainExtend } from '../../commands/train-extend.ts';
import { trainRetry } from '../../commands/train-retry.ts';
import type { CommandContext } from '../../src/core/command.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import type { Run } from '../../src/core/run.ts';
import { liveRun, noon } from '../support/live-run.ts';
import { memory, policy, say } from '../support/memory-ports.ts';
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

  const { digits } = policy.projects;
  assert.ok(digits);
  const guarded = {
    ...policy,
    environments: { production: { needs: 'approver' as const } },
    projects: { digits: { ...digits, runsIn: 'production' } },
  };
  for (const [command, words] of [
    [train, 'digits'],
    [trainRetry, '42'],
  ] as const)
    for (const [role, may] of [
      ['trainer', false],
      ['approver', true],
    ] as const)
      test(`${command.path.join(' ')} in an environment for approvers, as ${role}: ${may ? 'done' : 'refused'}`, async () => {
        const m = memory({ runs: [failed] });
        const outcome = await say(command, words, m, { policy: guarded, role });
        assert.equal(m.runs.length, may ? 2 : 1);
        if (outcome.ok) return;
        assert.equal(outcome.code, 'ACCESS_DENIED');
        assert.equal(
          outcome.details.reason,
          'Work in production needs the role approver, and yours is trainer.',
        );
      });

  test('their own run of such an environment is theirs to stop, whoever may start there now', async () => {
    const m = memory({ runs: [running] });
    assert.ok((await say(trainCancel, '42', m, { policy: guarded })).ok);
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

describe('train extend', () => {
  const anHour = { ...running, extraS: 3_600 };
  const operator = { ...other, role: 'operator' } as const;
  const rows: [
    name: string,
    run: Run,
    words: string,
    changes: Partial<CommandContext>,
    title: string,
    extraS: number,
  ][] = [
    ['by an hour', running, '42', {}, 'Run #42 digits is running, and may take 2 h in all.', 3_600],
    [
      'by as much as was said',
      running,
      '42 90m',
      {},
      'Run #42 digits is running, and may take 2 h 30 min in all.',
      5_400,
    ],
    ['once more', anHour, '42 2h', {}, 'Run #42 digits is running, and may take 4 h in all.', 10_800],
    [
      'up to twice what its project allows',
      running,
      '42 7h',
      {},
      'Run #42 digits is running, and may take 8 h in all.',
      25_200,
    ],
    [
      "another's run beyond that, as an operator",
      running,
      '42 2d',
      operator,
      'Run #42 digits is running, and may take 2 d 1 h in all.',
      172_800,
    ],
  ];
  for (const [name, run, words, changes, title, extraS] of rows)
    test(name, async () => {
      const m = memory({ runs: [run] });
      const outcome = await say(trainExtend, words, m, changes);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
      assert.equal(m.runs[0]?.extraS, extraS);
      assert.equal(m.runs[0]?.spec, run.spec, 'what was asked for stays as it was');
    });

  test('the same wish again gives nothing more, also where it took all that there was', async () => {
    const m = memory({ runs: [running] });
    const first = await say(trainExtend, '42 7h', m);
    assert.deepEqual(await say(trainExtend, '42 7h', m), first);
    assert.equal(m.runs[0]?.extraS, 25_200);
  });

  const refused: [name: string, run: Run, words: string, changes: Partial<CommandContext>, shown: string][] =
    [
      [
        'no such run',
        liveRun({ number: 7 }),
        '42',
        {},
        'There is no run #42. The newest is #7. See the runs with train list.',
      ],
      [
        "another's run",
        running,
        '42',
        other,
        'You may not use train extend 42. The run belongs to octocat, and yours is not the role operator. Ask octocat or an operator.',
      ],
      [
        'more than twice what its project allows',
        anHour,
        '42 6h1s',
        {},
        'Run #42 cannot be given 21601s more. It may take 8 h in all, twice the time limit of digits, and has 2 h already. Ask for 6 h or less, for example train extend 42 6h. An operator may give it more.',
      ],
      [
        'anything where all was given',
        { ...running, extraS: 25_200 },
        '42 1m',
        {},
        'Run #42 cannot be given 1m more. It may take 8 h in all, twice the time limit of digits, and has 8 h already. An operator may give it more.',
      ],
      [
        'more than twice what was asked for, of a project that is gone',
        liveRun({ state: 'running', attempt: 1 }, { project: 'gone', timeLimitS: 90 }),
        '42 2m',
        {},
        'Run #42 cannot be given 2m more. It may take 3 min in all, twice the time limit of gone, and has 1 min 30 s already. Ask for 1 min 30 s or less, for example train extend 42 1m. An operator may give it more.',
      ],
      [
        'a run that waits',
        liveRun(),
        '42',
        {},
        'Run #42 is not at work (queued). Only a run that works, and is not being stopped, can be given more time. See how it is doing: train status 42.',
      ],
      [
        'a run that is being stopped',
        { ...running, stopping: 'cancel' },
        '42',
        {},
        'Run #42 is not at work (being stopped). Only a run that works, and is not being stopped, can be given more time. See how it is doing: train status 42.',
      ],
      [
        'a run that has ended',
        liveRun({ state: 'succeeded' }),
        '42',
        {},
        'Run #42 has already ended (succeeded). Only a run that waits or works can be changed. To run it again: train retry 42.',
      ],
    ];
  for (const [name, run, words, changes, shown] of refused)
    test(`refuses ${name}`, async () => {
      const m = memory({ runs: [run] });
      const outcome = await say(trainExtend, words, m, changes);
      assert.ok(!outcome.ok);
      assert.equal(faultLine(fault(outcome.code, outcome.details)), shown);
      assert.deepEqual(m.runs, [run]);
    });
});
