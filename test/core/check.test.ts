import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Place } from '../../src/core/actor.ts';
import { checkOf } from '../../src/core/check.ts';
import { checkMarkText, readCheckMark } from '../../src/core/check-mark.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import { later, liveRun, noon } from '../support/live-run.ts';

const place: Place = {
  kind: 'github',
  installation: 3,
  repo: 5,
  name: 'example/digits',
  issue: 12,
  pull: true,
  user: 'octocat',
};
const check = (changes: Partial<Run> = {}, spec: Partial<RunSpec> = {}) =>
  checkOf(liveRun({ place, ...changes }, spec));

test('a run that waits is a check that waits', () => {
  assert.deepEqual(check(), {
    run: 42,
    name: 'digits (run 42)',
    sha: 'a'.repeat(40),
    status: 'queued',
    conclusion: null,
    startedAt: null,
    endedAt: null,
    annotation: null,
    buttons: ['cancel'],
  });
});

describe('a check follows its run', () => {
  const ended = { startedAt: noon, endedAt: later(60) };
  const rows: [name: string, changes: Partial<Run>, expected: string][] = [
    ['queued', {}, 'queued - cancel'],
    ['starting', { state: 'starting' }, 'in_progress - cancel'],
    ['running', { state: 'running', startedAt: noon }, 'in_progress - cancel'],
    ['being stopped', { state: 'running', stopping: 'cancel' }, 'in_progress - '],
    ['preempted, so that it waits again', { state: 'preempted' }, 'queued - cancel'],
    ['succeeded', { state: 'succeeded', ...ended }, 'completed success rerun'],
    ['failed', { state: 'failed', ...ended }, 'completed failure rerun'],
    ['cancelled', { state: 'cancelled', ...ended }, 'completed cancelled rerun'],
    ['timed out', { state: 'timed-out', ...ended }, 'completed timed_out rerun'],
  ];
  for (const [name, changes, expected] of rows)
    test(name, () => {
      const found = check(changes);
      assert.equal(`${found?.status} ${found?.conclusion ?? '-'} ${found?.buttons.join(' ')}`, expected);
    });
});

describe('there is no check', () => {
  const rows: [name: string, changes: Partial<Run>, spec: Partial<RunSpec>][] = [
    ['at an issue', { place: { ...place, pull: false } }, {}],
    ['in Slack', { place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' } }, {}],
    ['of a plain folder', {}, { sha: `sha256:${'a'.repeat(64)}` }],
    ['of a lease', {}, { kind: 'lease' }],
  ];
  for (const [name, changes, spec] of rows) test(name, () => assert.equal(check(changes, spec), null));
});

describe('the line that failed', () => {
  const rows: [name: string, lines: string[], expected: string | null][] = [
    [
      'the innermost of the project',
      [
        '  File "/data/agent/local/runs/42/1/work/train.py", line 9, in <module>',
        '    main()',
        '  File "/data/agent/local/runs/42/1/work/lib/net.py", line 3, in main',
      ],
      'lib/net.py:3',
    ],
    [
      'above what a library does',
      ['  File "/data/runs/42/2/work/train.py", line 9', '  File "/usr/lib/python3/json.py", line 1'],
      'train.py:9',
    ],
    [
      'above what was installed below the project',
      ['  File "/data/runs/42/2/work/a.py", line 2', '  File "/data/runs/42/2/work/.venv/lib/x.py", line 1'],
      'a.py:2',
    ],
    ['a relative one', ['  File "./train.py", line 4'], 'train.py:4'],
    ['one of another run', ['  File "/data/runs/41/1/work/train.py", line 4'], null],
    ['one outside', ['  File "../train.py", line 4'], null],
    ['one outside, from inside', ['  File "/data/runs/42/1/work/../../x.py", line 4'], null],
    ['none of a file', ['  File "<string>", line 4'], null],
    ['no traceback', ['Killed'], null],
    ['words that look like one', ['He said: File "a.py", line 4'], null],
  ];
  for (const [name, lines, expected] of rows)
    test(name, () => {
      const failure = { class: 'code-error', message: 'It exited with 1.', lines } as const;
      const found = check({ state: 'failed', failure: { ...failure, lines } })?.annotation ?? null;
      assert.equal(found && `${found.path}:${found.line}`, expected);
    });

  test('is told with the last line of the log', () => {
    const lines = ['  File "a.py", line 4', 'ValueError: \u001b[31mno data\u001b[0m', ''];
    const failure = { class: 'code-error', message: 'It exited with 1.', lines } as const;
    assert.equal(
      check({ state: 'failed', failure: { ...failure, lines } })?.annotation?.message,
      'It exited with 1. ValueError: no data',
    );
    assert.equal(check({ state: 'running', failure: { ...failure, lines } })?.annotation, null);
  });
});

test('what a check is signed for is read back, and nothing else is', () => {
  const mark = { repo: 5, issue: 12, run: 42 };
  assert.deepEqual(readCheckMark(checkMarkText(mark)), mark);
  for (const runs of [[], [42], [42, 41]]) {
    const ofCommit = { repo: 5, issue: 0, sha: 'a'.repeat(40), runs };
    assert.deepEqual(readCheckMark(checkMarkText(ofCommit)), ofCommit);
  }
  for (const text of ['["commit",5,12]', '["commit",5,12,"main"]', `["commit",5,12,"${'a'.repeat(40)}","x"]`])
    assert.equal(readCheckMark(text), null);
  for (const text of ['', 'x', '[]', '["check",5,12]', '["check",5,12,0]', '["button",5,12,42]'])
    assert.equal(readCheckMark(text), null);
});
