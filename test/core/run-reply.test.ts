import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { system } from '../../src/core/actor.ts';
import type { LeftOut } from '../../src/core/metric-points.ts';
import type { MetricSummary, Reported } from '../../src/core/ports.ts';
import { plain, type Reply } from '../../src/core/reply.ts';
import type { Failure, Run, RunSpec } from '../../src/core/run.ts';
import { runJson, runJsonSchema } from '../../src/core/run-json.ts';
import { endedReply, runReply, stalledReply } from '../../src/core/run-reply.ts';
import { later, liveRun, noon } from '../support/live-run.ts';
import { octocat } from '../support/run.ts';
import { pacedFrom, summaryOf } from '../support/summary.ts';

const at = summaryOf;
const metrics = [
  at('epoch', 10, 10),
  at('epochs', 10, 40),
  at('loss', 10, 0.33598),
  at('val_accuracy', 10, 0.943662),
];

/** What a person reads, line by line. */
function text(reply: Reply): string[] {
  const blocks = reply.blocks.flatMap(block => {
    switch (block.kind) {
      case 'fields':
        return block.rows.map(row => `${row.label}: ${plain(row.value)}`);
      case 'text':
      case 'context':
        return [plain(block.text)];
      case 'progress':
        return [`[${block.done}/${block.total}] ${block.label}`];
      case 'code':
        return block.text.split('\n').map(line => `| ${line}`);
      case 'actions':
        return [`buttons: ${block.actions.map(one => one.label).join(', ')}`];
      default:
        return [block.kind];
    }
  });
  return [`${reply.tone}: ${reply.title}`, ...blocks];
}

function shown(
  changes: Partial<Run>,
  spec: Partial<RunSpec> = {},
  facts: { metrics?: MetricSummary[]; ahead?: number; output?: string | null; reported?: Reported } = {},
  now = later(100),
): string[] {
  const run = liveRun(changes, { primaryMetric: 'val_accuracy', ...spec });
  const last = (name: string) => facts.metrics?.find(metric => metric.name === name)?.value ?? 10;
  const reported = pacedFrom(noon, later(100), { step: last('step'), epoch: last('epoch') });
  return text(runReply(run, { metrics: [], ahead: 0, output: null, reported, ...facts }, now));
}

const failure: Failure = {
  class: 'out-of-memory',
  message: 'It needed more memory than there is.',
  lines: ['one', '\u001b[31mtwo'],
};

describe('the message of a run', () => {
  test('while it waits', () => {
    const waiting = { code: 'flavor-full', sentence: '2 GPUs are wanted and 1 of 8 is free.' };
    assert.deepEqual(shown({ waiting }, { gpus: 2, gpuModel: 'a100', note: 'wider', retryOf: 41 }), [
      'waiting: #42 digits is queued',
      '2 GPUs are wanted and 1 of 8 is free.',
      'Note: wider',
      'Code: aaaaaaa (main)',
      'Parameters: lr=0.1',
      'Needs: 2 a100 GPUs in pool local',
      'Asked by: octocat, 2026-01-01 12:00 UTC',
      'Repeats: #41',
      'buttons: Why?, Cancel',
    ]);
  });

  test('while it runs', () => {
    const run = { state: 'running', attempt: 1, startedAt: noon } as const;
    assert.deepEqual(shown(run, {}, { metrics }), [
      'working: #42 digits is running',
      '[10/40] epoch 10 of 40, about 5 min left',
      'Last metrics: val_accuracy\u00a00.9437, loss\u00a00.336, at step 10',
      'Time: 1 min 40 s of at most 1 h',
      'Code: aaaaaaa (main)',
      'Parameters: lr=0.1',
      'On: 1 CPU slot in pool local',
      'Asked by: octocat, 2026-01-01 12:00 UTC',
      'buttons: Logs, Extend by 1 h, Cancel',
    ]);
  });

  test('with the time that it was given', () => {
    const run = { state: 'running', attempt: 1, startedAt: noon, extraS: 1_800 } as const;
    assert.ok(shown(run).includes('Time: 1 min 40 s of at most 1 h 30 min'));
  });

  test('when it has succeeded', () => {
    const run = { state: 'succeeded', attempt: 2, startedAt: noon, endedAt: later(41), exitCode: 0 } as const;
    assert.deepEqual(
      shown(run, { sha: `sha256:${'c'.repeat(64)}`, parameters: {} }, { metrics, output: '/data/out' }),
      [
        'success: #42 digits succeeded',
        'Last metrics: val_accuracy\u00a00.9437, loss\u00a00.336, at step 10',
        'Time: 41 s, ended 2026-01-01 12:00 UTC',
        'Output: /data/out',
        'Code: ccccccc (main)',
        'On: 1 CPU slot in pool local',
        'Asked by: octocat, 2026-01-01 12:00 UTC',
        'Attempt: 2 of at most 3',
        'buttons: Run again, Logs, Compare',
      ],
    );
  });

  test('when it has failed', () => {
    const run = {
      state: 'failed',
      attempt: 1,
      startedAt: noon,
      endedAt: later(41),
      failure,
    } as const;
    assert.deepEqual(shown(run, { ref: 'a'.repeat(40) }, { metrics: metrics.slice(0, 2) }), [
      'failure: #42 digits failed',
      'Out of memory: It needed more memory than there is.',
      '| one',
      '| two',
      'Make the batch or the model smaller, or ask for an accelerator or a machine with more memory.',
      'Time: 41 s, ended 2026-01-01 12:00 UTC',
      'Reached: epoch 10 of 40',
      'Code: aaaaaaa',
      'Parameters: lr=0.1',
      'On: 1 CPU slot in pool local',
      'Asked by: octocat, 2026-01-01 12:00 UTC',
      'buttons: Run again, Logs, Compare',
    ]);
  });

  const stops: [name: string, changes: Partial<Run>, line: string | undefined][] = [
    ['a person', { stopping: 'cancel', stoppedBy: octocat }, 'Stopped by: octocat'],
    ['a person, when it has ended', { state: 'cancelled', stoppedBy: octocat }, 'Stopped by: octocat'],
    ['Signalbox', { stopping: 'time-limit', stoppedBy: system }, undefined],
    ['nobody', {}, undefined],
  ];
  for (const [name, changes, line] of stops)
    test(`stopped by ${name}`, () => {
      const lines = shown({ state: 'running', attempt: 1, startedAt: noon, ...changes });
      assert.equal(
        lines.find(one => one.startsWith('Stopped')),
        line,
      );
    });

  test('metrics of several steps, each with its own', () => {
    const lines = shown(
      { state: 'running', attempt: 1 },
      {},
      { metrics: [...metrics, at('lr', 9_000, 0.1)] },
    );
    assert.equal(
      lines[2],
      'Last metrics: val_accuracy\u00a00.9437 (step 10), loss\u00a00.336 (step 10), lr\u00a00.1 (step 9,000)',
    );
  });

  const refs: [ref: string, code: string][] = [
    ['main', 'aaaaaaa (main)'],
    ['HEAD', 'aaaaaaa'],
    ['aaaa', 'aaaaaaa'],
    ['aaab', 'aaaaaaa (aaab)'],
  ];
  for (const [ref, code] of refs)
    test(`asked for as ${ref}`, () => assert.ok(shown({}, { ref }).includes(`Code: ${code}`)));

  const titles: [changes: Partial<Run>, title: string][] = [
    [{ state: 'requested' }, 'waiting: #42 digits is requested'],
    [{ state: 'awaiting-approval' }, 'waiting: #42 digits waits for approval'],
    [{ state: 'starting' }, 'working: #42 digits is starting'],
    [{ state: 'running', stopping: 'cancel' }, 'working: #42 digits is being stopped'],
    [{ state: 'cancelled' }, 'info: #42 digits was cancelled'],
    [{ state: 'timed-out' }, 'failure: #42 digits ran out of time'],
  ];
  for (const [changes, title] of titles) test(title, () => assert.equal(shown(changes)[0], title));

  const waits: [name: string, ahead: number, sentence: string][] = [
    ['nobody', 0, 'It is the first in the queue and starts as soon as it is placed.'],
    ['one', 1, '1 run is before it in the queue of pool local.'],
    ['three', 3, '3 runs are before it in the queue of pool local.'],
  ];
  for (const [name, ahead, sentence] of waits)
    test(`not yet planned, ${name} before it`, () => assert.ok(shown({}, {}, { ahead }).includes(sentence)));

  const running = { state: 'running', attempt: 1, startedAt: noon } as const;
  test('that has come to a halt, until a step comes', () => {
    const reported = pacedFrom(noon, later(100), { step: 10, epoch: 10 }, 40);
    const facts = { metrics, reported };
    const lines = shown(running, {}, facts, later(100 + 725));
    assert.deepEqual(lines.slice(0, 3), [
      'warning: #42 digits is running',
      'No step for 12 min: its steps are usually 40 s apart.',
      '[10/40] epoch 10 of 40',
    ]);
    const said = stalledReply(liveRun(running), { ...facts, output: null }, later(825));
    assert.deepEqual(said && text(said), [
      'warning: #42 digits: no step for 12 min',
      'octocat: its steps are usually 40 s apart. It goes on until it ends or its time is over; its message says when it makes steps again.',
      'To see what it said last: train logs 42',
    ]);
    assert.equal(shown(running, {}, facts, later(100 + 399))[0], 'working: #42 digits is running');
    const all = { ...facts, metrics: [at('epoch', 40, 40), at('epochs', 40, 40)] };
    assert.equal(shown(running, {}, all, later(825))[0], 'working: #42 digits is running', 'it has made all');
    assert.equal(
      shown({ ...running, state: 'failed', failure }, {}, facts, later(825))[0],
      'failure: #42 digits failed',
    );
    assert.equal(stalledReply(liveRun(running), { ...facts, output: null }, later(400)), null);
  });

  test('progress by a parameter that says how far it goes', () => {
    const epochs = [at('epoch', 10, 10), at('loss', 10, 1)];
    assert.ok(
      shown(running, { parameters: { epochs: 40 } }, { metrics: epochs }).includes(
        '[10/40] epoch 10 of 40, about 5 min left',
      ),
    );
    assert.ok(
      !shown(running, { parameters: { epochs: '40' } }, { metrics: epochs }).some(line =>
        line.startsWith('['),
      ),
    );
    assert.ok(
      shown(running, { parameters: { max_steps: 100 } }, { metrics: [at('step', 50, 50)] }).some(line =>
        line.startsWith('[50/100]'),
      ),
    );
  });

  test('what of its reports was left out', () => {
    const leftOut: LeftOut = {
      notFinite: [
        { name: 'loss', count: 11, attempt: 1, step: 1_200 },
        { name: 'norm', count: 1, attempt: 1, step: 3 },
      ],
      examples: { names: 'm1000', name: '', line: '' },
    };
    const reported = { leftOut, pace: null, heardSince: null, alerts: [] };
    const lines = shown(running, {}, { metrics, reported }).filter(line => line.startsWith('Left out'));
    assert.deepEqual(lines, [
      'Left out: 12 values of loss, norm that are not finite, the last at step 1,200',
      'Left out: names that cannot be shown',
      'Left out: all names after the first 1,000 (such as m1000)',
      'Left out: lines of its metrics file that are no metrics',
    ]);
  });

  const progress: [
    name: string,
    changes: Partial<Run>,
    metrics: MetricSummary[],
    line: string | undefined,
  ][] = [
    ['steps', {}, [at('step', 5, 50), at('steps', 5, 100)], '[50/100] step 50 of 100, about 1 min 40 s left'],
    [
      'epochs before steps',
      {},
      [...metrics, at('step', 5, 5), at('steps', 5, 10)],
      '[10/40] epoch 10 of 40, about 5 min left',
    ],
    [
      'steps where epochs have no end',
      {},
      [at('epoch', 1, 1), at('step', 5, 5), at('steps', 5, 10)],
      '[5/10] step 5 of 10, about 1 min 40 s left',
    ],
    ['a pace that is not known in a later attempt', { attempt: 2 }, metrics, '[10/40] epoch 10 of 40'],
    ['no time left to tell while it is stopped', { stopping: 'cancel' }, metrics, '[10/40] epoch 10 of 40'],
    ['nothing done', {}, [at('epoch', 0, 0), at('epochs', 0, 40)], '[0/40] epoch 0 of 40'],
    ['more than all', {}, [at('epoch', 41, 41), at('epochs', 41, 40)], '[40/40] epoch 40 of 40'],
    ['less than nothing', {}, [at('epoch', 1, -1), at('epochs', 1, 40)], '[0/40] epoch 0 of 40'],
    ['no end', {}, [at('epoch', 1, 1)], undefined],
    ['an end that is none', {}, [at('epoch', 1, 1), at('epochs', 1, 0)], undefined],
    ['nothing reported', {}, [], undefined],
  ];
  for (const [name, changes, reported, line] of progress)
    test(`progress: ${name}`, () => {
      const found = shown({ ...running, ...changes }, {}, { metrics: reported }).find(one =>
        one.startsWith('['),
      );
      assert.equal(found, line);
    });

  test('many metrics and parameters, and long ones, stay readable', () => {
    const many = Array.from({ length: 30 }, (_, i) => at(`m${i}`, 1, i));
    const parameters = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`p${i}`, 'x'.repeat(500)]));
    const lines = shown(running, { parameters, primaryMetric: 'm29' }, { metrics: many });
    assert.match(
      lines[1] ?? '',
      /^Last metrics: m29\u00a029, m0\u00a00, .* m6\u00a06 and 22 more, at step 1$/,
    );
    assert.ok(lines.some(line => line.endsWith(' and 2 more') && line.length < 800));
  });

  test('of a long log the end is shown', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(2_000)}`);
    const log = shown({ state: 'failed', failure: { ...failure, lines } }).filter(line =>
      line.startsWith('| '),
    );
    assert.equal(log.length, 5);
    assert.ok(log.at(-1)?.startsWith('| 39 ') && log.every(line => line.length <= 202));
  });

  test('it is for everybody, and the person who asked can be pinged', () => {
    const reply = runReply(liveRun(), { metrics: [], ahead: 0, output: null }, noon);
    assert.equal(reply.audience, 'place');
    assert.ok(JSON.stringify(reply).includes('{"person":"slack:T1/U1","name":"octocat"}'));
  });
});

describe('the message at the end', () => {
  const end = { attempt: 1, startedAt: noon, endedAt: later(41) } as const;
  const rows: [name: string, changes: Partial<Run>, lines: string[]][] = [
    [
      'success',
      { ...end, state: 'succeeded' },
      [
        'success: #42 digits succeeded after 41 s, last val_accuracy 0.9437',
        'octocat, its output is in /data/out.',
        'Last metrics: val_accuracy\u00a00.9437, loss\u00a00.336, at step 10',
        'buttons: Run again, Logs, Compare',
      ],
    ],
    [
      'failure',
      { ...end, state: 'failed', failure: { ...failure, lines: ['boom'] } },
      [
        'failure: #42 digits failed after 41 s, last val_accuracy 0.9437',
        'octocat Out of memory: It needed more memory than there is.',
        '| boom',
        'Make the batch or the model smaller, or ask for an accelerator or a machine with more memory.',
        'buttons: Run again, Logs, Compare',
      ],
    ],
  ];
  for (const [name, changes, lines] of rows)
    test(name, () => {
      const run = liveRun(changes, { primaryMetric: 'val_accuracy' });
      assert.deepEqual(text(endedReply(run, { metrics, output: '/data/out' })), lines);
    });

  test('success of which nothing more is known', () => {
    const run = liveRun({ state: 'succeeded', endedAt: later(5) });
    assert.deepEqual(text(endedReply(run, { metrics: [], output: null })), [
      'success: #42 digits succeeded',
      'octocat, it has ended.',
      'buttons: Run again',
    ]);
  });

  const other = { kind: 'slack', id: 'T1/U2', name: 'developer' } as const;
  const cancelled: [name: string, stoppedBy: Run['stoppedBy'], sentence: string][] = [
    ['by the one who asked', octocat, 'octocat, it was stopped as you asked.'],
    ['by somebody else', other, 'octocat, it was stopped by developer.'],
    ['by Signalbox', system, 'octocat, it has ended.'],
    ['by nobody known', null, 'octocat, it has ended.'],
  ];
  for (const [name, stoppedBy, sentence] of cancelled)
    test(`cancelled before it started, ${name}`, () => {
      const run = liveRun({ state: 'cancelled', stoppedBy, endedAt: later(5) });
      assert.deepEqual(text(endedReply(run, { metrics: [], output: null })), [
        'info: #42 digits was cancelled',
        sentence,
        'buttons: Run again',
      ]);
    });

  test('of a long log more is shown than in the message of the run', () => {
    const lines = Array.from({ length: 40 }, (_, i) => String(i));
    const run = liveRun({ state: 'failed', failure: { ...failure, lines } });
    const log = text(endedReply(run, { metrics: [], output: null })).filter(line => line.startsWith('| '));
    assert.deepEqual([log.length, log.at(-1)], [12, '| 39']);
  });
});

describe('the JSON of a run', () => {
  const rows: [name: string, run: Run, metrics: MetricSummary[] | undefined][] = [
    ['queued', liveRun({ waiting: { code: 'x', sentence: 'X.' } }), undefined],
    ['running, with metrics', liveRun({ state: 'running', attempt: 1, startedAt: noon }), metrics],
    [
      'failed',
      liveRun({ state: 'failed', endedAt: noon, exitCode: 1, failure: { ...failure, lines: [] } }),
      [],
    ],
  ];
  for (const [name, run, reported] of rows)
    test(`${name}: the schema has every field, and no other`, () => {
      const json = JSON.parse(JSON.stringify(runJson(run, reported)));
      assert.deepEqual(runJsonSchema.strict().parse(json), json);
    });

  test('holds no command, environment or source', () => {
    const json = runJson(
      liveRun({}, { command: ['private'], environment: { KEY: 'private' }, source: 'https://x:private@y/z' }),
    );
    assert.doesNotMatch(JSON.stringify(json), /private/);
  });

  test('metrics by name', () => {
    assert.deepEqual(runJson(liveRun(), [at('loss', 10, 0.5)]).metrics, {
      loss: { value: 0.5, step: 10, points: 10 },
    });
    assert.equal(runJson(liveRun()).metrics, undefined);
  });
});
