import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signalboxWhoami } from '../../commands/signalbox-whoami.ts';
import { trainArtifacts } from '../../commands/train-artifacts.ts';
import { trainCompare } from '../../commands/train-compare.ts';
import { trainList } from '../../commands/train-list.ts';
import { trainLogs } from '../../commands/train-logs.ts';
import { trainStatus } from '../../commands/train-status.ts';
import { trainWhy } from '../../commands/train-why.ts';
import type { CommandDefinition } from '../../src/core/command.ts';
import { fault, faultLine } from '../../src/core/errors.ts';
import { plain } from '../../src/core/reply.ts';
import type { Run } from '../../src/core/run.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { context, memory, policy, say } from '../support/memory-ports.ts';
import { octocat } from '../support/run.ts';
import { summaryOf } from '../support/summary.ts';

const running = liveRun({ state: 'running', attempt: 2, startedAt: noon });

describe('train artifacts', () => {
  const artifact = { attempt: 1, name: 'a/b c.bin', sha256: `sha256:${'ab'.repeat(32)}`, bytes: 2_500_000 };
  const held = { acceleratorHours: 0, cost: 0 };
  const record = { artifacts: [artifact], inputs: [], machine: null, held };

  test('lists them with size, digest and path', async () => {
    const outcome = await say(trainArtifacts, '1', memory({ runs: [liveRun({ number: 1 })], record }));
    assert.ok(outcome.ok);
    assert.match(outcome.reply.title, /1 artifact, 2\.5 MB/);
    const [table] = outcome.reply.blocks;
    assert.ok(table?.kind === 'table');
    assert.deepEqual(table.rows, [['a/b c.bin', '2.5 MB', 'ab'.repeat(32)]]);
    const path = '/v1/runs/1/artifacts/a%2Fb%20c.bin';
    assert.deepEqual(outcome.reply.data, { run: 1, artifacts: [{ ...artifact, path }] });
  });

  for (const [name, outputs, says] of [
    ['none are declared', undefined, /declares no outputs/],
    ['none are kept yet', ['*.bin'], /when it ends with exit code 0/],
  ] as const)
    test(name, async () => {
      const run = liveRun({ number: 1 }, outputs ? { outputs: [...outputs] } : {});
      const outcome = await say(trainArtifacts, '1', memory({ runs: [run] }));
      assert.ok(outcome.ok);
      const [block] = outcome.reply.blocks;
      assert.ok(block?.kind === 'text');
      assert.match(plain(block.text), says);
    });

  test('of a run that is not there', async () => {
    const outcome = await say(trainArtifacts, '9', memory());
    assert.ok(!outcome.ok);
    assert.equal(outcome.code, 'RUN_NOT_FOUND');
  });
});

describe('train list', () => {
  const rows: [words: string, filter: Record<string, unknown>][] = [
    ['', { kinds: ['train', 'evaluate'], limit: 10 }],
    ['--mine --limit 50', { kinds: ['train', 'evaluate'], limit: 50, requesters: ['slack:T1/U1'] }],
    [
      '--team research --state running',
      { kinds: ['train', 'evaluate'], limit: 10, team: 'research', states: ['running'] },
    ],
    ['--team platform', { kinds: ['train', 'evaluate'], limit: 10, team: 'platform' }],
  ];
  for (const [words, filter] of rows)
    test(words || 'all', async () => {
      const m = memory();
      const outcome = await say(trainList, words, m);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, 'There are no such runs.');
      assert.deepEqual(JSON.parse(m.calls[0]?.slice('list '.length) ?? ''), filter);
    });

  test('mine are those of the person, asked for with any account', async () => {
    const m = memory();
    const person = { ...context().person, accounts: ['github:octocat', 'slack:T1/U1', 'slack:T2/U1'] };
    await say(trainList, '--mine', m, { person });
    const filter = { kinds: ['train', 'evaluate'], limit: 10, requesters: person.accounts };
    assert.deepEqual(JSON.parse(m.calls[0]?.slice('list '.length) ?? ''), filter);
  });

  test('is a table with the newest first', async () => {
    const m = memory({
      runs: [
        liveRun({ number: 1, stopping: 'cancel', state: 'running' }),
        liveRun({ number: 2 }, { gpus: 4 }),
      ],
    });
    const outcome = await say(trainList, '', m, { now: later(3_700) });
    assert.ok(outcome.ok);
    const [table] = outcome.reply.blocks;
    assert.ok(table?.kind === 'table');
    assert.deepEqual(table.rows, [
      ['#2', 'digits', 'queued', '4', 'octocat', '1 h 1 min'],
      ['#1', 'digits', 'stopping', '0', 'octocat', '1 h 1 min'],
    ]);
    const { runs } = outcome.reply.data as { runs: { number: number }[] };
    assert.deepEqual(
      runs.map(run => run.number),
      [2, 1],
    );
  });

  test('refuses an unknown team', async () => {
    const outcome = await say(trainList, '--team reserach', memory());
    assert.ok(!outcome.ok);
    assert.equal(
      faultLine(fault(outcome.code, { ...outcome.details, example: 'train list' })),
      'reserach is not a value for --team. It takes research, platform. Did you mean research? Try train list.',
    );
  });
});

describe('train list --sort', () => {
  const runs = [liveRun({ number: 1, state: 'succeeded' }), liveRun({ number: 2, state: 'failed' })];
  const auc = { ...summaryOf('val_auc', 9, 0.5), most: { value: 0.75, step: 4 } };
  const score = summaryOf('score', 9, 3);
  const rows: [name: string, words: string, title: string, column: string, cell: string, said: string][] = [
    [
      'final values, the usual',
      '--sort val_auc',
      'The best 2 runs by val_auc:',
      'Final val_auc ↑',
      '0.5',
      'Higher is better. Only runs that succeeded have a final value.',
    ],
    [
      'the best of any',
      '--sort val_auc --by best',
      'The best 2 runs by val_auc:',
      'Best val_auc ↑',
      '0.75 (step 4)',
      'Higher is better. The best value of a run may lie before its end.',
    ],
    [
      'a metric of which nobody knows',
      '--sort score',
      'The first 2 runs by score:',
      'Final score',
      '3',
      'Nobody has said which way score gets better: the largest comes first. Only runs that succeeded have a final value.',
    ],
  ];
  for (const [name, words, title, column, cell, said] of rows)
    test(name, async () => {
      const outcome = await say(trainList, words, memory({ runs, metrics: [auc, score] }));
      assert.ok(outcome.ok);
      const [table, small] = outcome.reply.blocks;
      assert.ok(table?.kind === 'table' && small?.kind === 'context');
      const shown = [outcome.reply.title, table.columns[1]?.title, table.rows[0]?.[1], plain(small.text)];
      assert.deepEqual(shown, [title, column, cell, said]);
    });

  test('the store is asked for what the words say', async () => {
    const m = memory({ runs, metrics: [auc] });
    await say(trainList, '--sort val_auc --project digits --state succeeded --limit 1', m);
    assert.deepEqual(m.calls, [
      'sorted {"limit":1,"project":"digits","states":["succeeded"],"kinds":["train"]} {"metric":"val_auc","by":"final","better":"higher"}',
    ]);
  });

  test('nobody has reported it', async () => {
    const outcome = await say(trainList, '--sort val_acu', memory({ runs }));
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.title, 'There are no such runs: none that succeeded has reported val_acu.');
  });

  for (const words of [
    '--by best',
    '--by final',
    '--sort score --by best',
    '--sort loss --by last',
    '--project digts',
  ])
    test(`refuses ${words}`, async () => {
      const outcome = await say(trainList, words, memory({ runs, metrics: [score] }));
      assert.equal(outcome.ok ? null : outcome.code, 'VALUE_INVALID');
    });
});

describe('train compare', () => {
  const won = liveRun({ number: 40, state: 'succeeded', attempt: 1 });
  const lost = liveRun({ number: 41, state: 'failed', attempt: 1 });
  const elsewhere = liveRun({ number: 39, state: 'succeeded', attempt: 1 }, { project: 'tabular' });
  const now = liveRun({ number: 42, state: 'succeeded', attempt: 1 });
  const rows: [name: string, words: string, title: string, baseline?: Run][] = [
    ['another', '42 41', '#41 digits failed, beside #42 digits succeeded.'],
    ['one of another project', '42 39', '#39 tabular succeeded, beside #42 digits succeeded.'],
    ['several', '42 40 41', '#40, #41 beside #42 digits succeeded.'],
    ['one named twice', '42 41 41', '#41 digits failed, beside #42 digits succeeded.'],
    ['alone, with its baseline', '42', '#42 digits succeeded, beside #40 digits succeeded.', won],
    [
      'where there is none',
      '40',
      '#40 has nothing to be compared with: no run of digits succeeded before it.',
    ],
    ['with itself', '42 42', '#42 digits succeeded.'],
  ];
  for (const [name, words, title, baseline = null] of rows)
    test(name, async () => {
      const m = memory({ runs: [elsewhere, won, lost, now], baseline });
      const outcome = await say(trainCompare, words, m);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
    });

  test('more than fit beside each other', async () => {
    const outcome = await say(trainCompare, '42 41 40 39 38 37', memory({ runs: [now] }));
    assert.equal(outcome.ok ? null : outcome.code, 'ARGUMENT_UNEXPECTED');
  });

  test('with one that is not there', async () => {
    const outcome = await say(trainCompare, '42 43', memory({ runs: [now] }));
    assert.ok(!outcome.ok);
    assert.equal(outcome.code, 'RUN_NOT_FOUND');
  });
});

describe('a number that no run has', () => {
  const all: CommandDefinition[] = [trainStatus, trainWhy, trainLogs, trainCompare];
  for (const command of all)
    test(command.path.join(' '), async () => {
      const outcome = await say(command, '43', memory({ runs: [running] }));
      assert.ok(!outcome.ok);
      assert.equal(
        faultLine(fault(outcome.code, outcome.details)),
        'There is no run #43. The newest is #42. See the runs with train list.',
      );
    });

  test('where there are none', async () => {
    const outcome = await say(trainStatus, '1', memory());
    assert.ok(!outcome.ok);
    assert.equal(
      faultLine(fault(outcome.code, outcome.details)),
      'There is no run #1. See the runs with train list.',
    );
  });
});

test('train status is the run as its message shows it, to the sender', async () => {
  const metrics = [summaryOf('loss', 3, 0.5)];
  const outcome = await say(trainStatus, '#42', memory({ runs: [running], metrics }));
  assert.ok(outcome.ok);
  assert.equal(outcome.reply.title, '#42 digits is running');
  assert.equal(outcome.reply.audience, 'sender');
  assert.deepEqual((outcome.reply.data as { metrics: unknown }).metrics, {
    loss: { value: 0.5, step: 3, points: 3 },
  });
});

describe('train why', () => {
  const event = (seq: number, type: 'queued' | 'starting', reason: string) => ({
    seq,
    type,
    from: 'queued' as const,
    to: type,
    actor: octocat,
    reason,
    at: noon,
    attempt: 1,
  });
  const waiting = { code: 'flavor-full', sentence: '2 of 8 are free.' };
  const failure = { class: 'code-error' as const, message: 'The command ended with exit code 1.', lines: [] };
  const rows: [name: string, run: typeof running, why: string, code: string | null, ahead: number | null][] =
    [
      ['a run that the planner holds', liveRun({ waiting }), '2 of 8 are free.', 'flavor-full', 3],
      [
        'a run that was not planned yet',
        liveRun(),
        '3 runs are before it in the queue of pool local.',
        null,
        3,
      ],
      ['a run that runs', running, '1 GPU was free.', null, null],
      ['a run that failed', liveRun({ state: 'failed', failure }), failure.message, null, null],
    ];
  for (const [name, run, why, code, ahead] of rows)
    test(name, async () => {
      const events = {
        42: [event(1, 'queued', 'It was asked for.'), event(2, 'starting', '1 GPU was free.')],
      };
      const outcome = await say(trainWhy, '42', memory({ runs: [run], ahead: 3, events }));
      assert.ok(outcome.ok);
      const [text] = outcome.reply.blocks;
      const list = outcome.reply.blocks.at(-1);
      assert.ok(text?.kind === 'text' && list?.kind === 'list');
      assert.equal(plain(text.text), why);
      assert.equal(plain(list.items[0] ?? []), '2026-01-01 12:00 UTC queued: It was asked for.');
      const data = outcome.reply.data as { code: string | null; ahead: number | null; events: unknown[] };
      assert.deepEqual([data.code, data.ahead, data.events.length], [code, ahead, 2]);
    });
});

describe('train logs', () => {
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
  const rows: [
    name: string,
    words: string,
    run: typeof running,
    lines: string[],
    title: string,
    shown: number,
  ][] = [
    ['the last 20', '42', running, lines, 'The last 20 lines of #42 digits, attempt 2:', 20],
    [
      'as many as asked',
      '42 --lines 200',
      running,
      lines,
      'The last 200 lines of #42 digits, attempt 2:',
      200,
    ],
    ['one', '42 --lines 1', running, lines, 'The last line of #42 digits, attempt 2:', 1],
    ['nothing yet', '42', running, [], '#42 digits has no log: nothing was printed yet.', 0],
    ['not started', '42', liveRun(), lines, '#42 digits has no log: it has not started yet.', 0],
  ];
  for (const [name, words, run, log, title, shown] of rows)
    test(name, async () => {
      const outcome = await say(trainLogs, words, memory({ runs: [run], lines: log }));
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
      assert.deepEqual((outcome.reply.data as { lines: string[] }).lines, log.slice(log.length - shown));
    });

  for (const words of ['42 --lines 0', '42 --lines 201'])
    test(`refuses ${words}`, async () => {
      const outcome = await say(trainLogs, words, memory({ runs: [running] }));
      assert.equal(outcome.ok ? null : outcome.code, 'VALUE_INVALID');
    });

  test('what would steer a terminal is left out', async () => {
    const outcome = await say(trainLogs, '42', memory({ runs: [running], lines: ['\u001b[2Ja\u202eb'] }));
    assert.ok(outcome.ok);
    assert.deepEqual(outcome.reply.blocks, [{ kind: 'code', text: 'ab' }]);
  });
});

describe('signalbox whoami', () => {
  const named = {
    ...policy,
    people: [{ slack: 'T1/U1', name: 'Octocat', role: 'approver' as const, teams: ['research'] }],
  };
  const rows: [name: string, changes: Partial<ReturnType<typeof context>>, title: string, rows: string[]][] =
    [
      [
        'a named person',
        { policy: named, role: 'approver' },
        'You are Octocat.',
        ['slack:T1/U1', 'approver, by signalbox.yml', 'research, by signalbox.yml', 'signalbox whoami'],
      ],
      [
        'another person',
        { role: 'trainer' },
        'You are octocat.',
        ['slack:T1/U1', 'trainer, by defaultRole', 'signalbox whoami'],
      ],
      [
        'a token with the id of a person',
        { policy: named, role: 'operator', actor: { ...octocat, kind: 'token', name: 'ci' } },
        'You are ci.',
        ['token:T1/U1', 'operator', 'signalbox whoami'],
      ],
    ];
  for (const [name, changes, title, values] of rows)
    test(name, async () => {
      const outcome = await say(signalboxWhoami, '', memory(), changes);
      assert.ok(outcome.ok);
      assert.equal(outcome.reply.title, title);
      const [fields] = outcome.reply.blocks;
      assert.ok(fields?.kind === 'fields');
      assert.deepEqual(
        fields.rows.map(row => plain(row.value)),
        values,
      );
    });
});
