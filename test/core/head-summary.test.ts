import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FileProblem } from '../../src/core/file-problem.ts';
import { headSummary } from '../../src/core/head-summary.ts';
import type { Run, RunState } from '../../src/core/run.ts';
import { liveRun } from '../support/live-run.ts';

const sha = 'a'.repeat(40);
const run = (number: number, state: RunState, project = 'digits'): Run =>
  liveRun({ number, state }, { project });
const problem: FileProblem = { line: 3, column: 5, word: 'rule', reason: 'There is no such key here.' };

describe('what a head has come to', () => {
  const rows: { name: string; runs: Run[]; problems?: FileProblem[] | null; is: string; title: RegExp }[] = [
    { name: 'nothing asked for', runs: [], is: 'neutral', title: /^Nothing was asked for$/ },
    { name: 'a proposed file that is fine', runs: [], problems: [], is: 'neutral', title: /^Nothing/ },
    {
      name: 'a proposed file that is not',
      runs: [],
      problems: [problem],
      is: 'failure',
      title: /has 1 problem$/,
    },
    {
      name: 'the same, whatever runs come to',
      runs: [run(1, 'running')],
      problems: [problem, problem],
      is: 'failure',
      title: /has 2 problems, #1 digits is running$/,
    },
    { name: 'one that waits', runs: [run(1, 'queued')], is: 'queued', title: /^#1 digits is queued$/ },
    { name: 'one that is at work', runs: [run(1, 'starting')], is: 'in_progress', title: /starting/ },
    {
      name: 'one at work and one that waits',
      runs: [run(2, 'queued', 'other'), run(1, 'running')],
      is: 'in_progress',
      title: /^#2 other is queued, #1 digits is running$/,
    },
    { name: 'one that was preempted', runs: [run(1, 'preempted')], is: 'queued', title: /./ },
    { name: 'one that succeeded', runs: [run(1, 'succeeded')], is: 'success', title: /succeeded/ },
    { name: 'one that failed', runs: [run(1, 'failed')], is: 'failure', title: /failed/ },
    { name: 'one out of time', runs: [run(1, 'timed-out')], is: 'timed_out', title: /./ },
    { name: 'one that was cancelled', runs: [run(1, 'cancelled')], is: 'cancelled', title: /cancelled/ },
    {
      name: 'the newest of a project counts, whatever the order',
      runs: [run(1, 'failed'), run(3, 'succeeded'), run(2, 'cancelled')],
      is: 'success',
      title: /^#3 digits succeeded$/,
    },
    {
      name: 'the newest of each project counts',
      runs: [run(3, 'succeeded'), run(2, 'failed', 'other'), run(1, 'succeeded', 'other')],
      is: 'failure',
      title: /^#3 .*, #2 /,
    },
    {
      name: 'a failure that is tried again',
      runs: [run(2, 'queued'), run(1, 'failed')],
      is: 'queued',
      title: /^#2 /,
    },
  ];
  for (const { name, runs, problems = null, is, title } of rows)
    test(name, () => {
      const { check, content } = headSummary(sha, { problems, buttons: [] }, runs);
      assert.equal(check.name, 'signalbox');
      assert.equal(check.conclusion ?? check.status, is);
      assert.equal(check.status === 'completed', check.conclusion !== null);
      assert.match(content.title, title);
    });

  test('of a commit that was never looked at, its runs are known all the same', () => {
    const { check } = headSummary(sha, null, [run(1, 'succeeded')]);
    assert.deepEqual([check.conclusion, check.buttons, check.runs], ['success', [], [1]]);
  });
});
