import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Run } from '../../src/core/run.ts';
import { actionsOf } from '../../src/core/run-actions.ts';
import { liveRun } from '../support/live-run.ts';

describe('the buttons of a run', () => {
  const rows: [name: string, changes: Partial<Run>, labels: string[]][] = [
    ['waiting for approval', { state: 'awaiting-approval' }, ['Why?', 'Cancel']],
    ['queued', {}, ['Why?', 'Cancel']],
    ['queued again, with a log to see', { attempt: 1 }, ['Why?', 'Logs', 'Cancel']],
    ['between two attempts', { state: 'lost', attempt: 1 }, ['Why?', 'Logs', 'Cancel']],
    ['starting', { state: 'starting', attempt: 1 }, ['Logs', 'Cancel']],
    ['running', { state: 'running', attempt: 1 }, ['Logs', 'Extend by 1 h', 'Cancel']],
    ['being stopped', { state: 'running', attempt: 1, stopping: 'cancel' }, ['Logs']],
    ['succeeded', { state: 'succeeded', attempt: 1 }, ['Run again', 'Logs', 'Compare']],
    ['failed', { state: 'failed', attempt: 1 }, ['Run again', 'Logs', 'Compare']],
    ['out of time', { state: 'timed-out', attempt: 1 }, ['Run again', 'Logs', 'Compare']],
    ['cancelled while it ran', { state: 'cancelled', attempt: 1 }, ['Run again', 'Logs', 'Compare']],
    ['cancelled before it started', { state: 'cancelled' }, ['Run again']],
  ];
  for (const [name, changes, labels] of rows)
    test(name, () => {
      const actions = actionsOf(liveRun(changes));
      assert.deepEqual(
        actions.map(one => one.label),
        labels,
      );
      assert.ok(actions.every(one => one.run === 42));
    });

  const asked: [name: string, changes: Partial<Run>, text: string][] = [
    ['waits', {}, 'It leaves the queue and does not start.'],
    [
      'works',
      { state: 'running', attempt: 1 },
      'It has 10 s to save its work, and its place on the machine is given to another run.',
    ],
  ];
  for (const [name, changes, text] of asked)
    test(`only Cancel asks first: a run that ${name}`, () => {
      const asking = actionsOf(liveRun(changes)).filter(one => one.confirm);
      assert.deepEqual(
        asking.map(one => [one.action, one.confirm]),
        [['cancel', { title: 'Cancel #42 digits?', text, yes: 'Cancel the run', no: 'Keep it' }]],
      );
    });
});
