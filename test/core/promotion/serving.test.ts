import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Keeping,
  keepServing,
  type ServingRow,
  type ServingRun,
  versionState,
} from '../../../src/core/promotion/serving.ts';
import type { Run } from '../../../src/core/run.ts';
import { aRun } from '../../support/a-run.ts';
import { spec } from '../../support/run.ts';

const noon = new Date('2026-03-02T12:00:00Z');
const ago = (seconds: number) => new Date(noon.getTime() - seconds * 1_000);
const place = { model: 'digits', environment: 'production' };

function row(changes: Partial<ServingRow> = {}): ServingRow {
  return { ...place, version: 7, weight: 10, settled: false, promotion: 12, since: noon, ...changes };
}

function run(changes: Partial<Run> = {}, { promotion = 12, version = 7, ready = true } = {}): ServingRun {
  const serves = { ...place, version, promotion, output: 'm', sha256: '', bytes: 1, ready: '/' };
  const one = aRun({ state: 'running', startedAt: ago(60), ...changes });
  return { run: { ...one, spec: spec({ kind: 'serve', serves }) }, port: ready ? 8401 : null, ready };
}
const ended = (number: number, seconds: number, promotion = 12) =>
  run({ number, state: 'failed', endedAt: ago(seconds) }, { promotion });

describe('how a version is', () => {
  const rows: [name: string, row: ServingRow, runs: ServingRun[], expected: string][] = [
    ['nothing was started', row(), [], 'absent'],
    ['it answers', row(), [run()], 'ready'],
    ['it does not yet', row(), [run({}, { ready: false })], 'starting'],
    ['it is in the queue', row(), [run({ state: 'queued', startedAt: null })], 'waiting'],
    ['its machine prepares it', row(), [run({ state: 'starting', startedAt: null })], 'waiting'],
    ['on trial it has ended', row(), [ended(1, 1)], 'failed'],
    ['on trial it is being stopped', row(), [run({ stopping: 'cancel' })], 'failed'],
    ['settled it is started again', row({ settled: true }), [ended(1, 1)], 'waiting'],
    ['on trial an earlier promotion of it means nothing', row(), [ended(1, 1, 9)], 'absent'],
    ['settled it does', row({ settled: true }), [run({}, { promotion: 9 })], 'ready'],
    ['another version does not', row(), [run({}, { version: 6 })], 'absent'],
  ];
  for (const [name, one, runs, expected] of rows)
    test(name, () => assert.equal(versionState(one, runs).state, expected));
});

describe('what is started and ended', () => {
  const hold = { target: 'live', promotion: 12, stage: 1, at: ago(60), before: 6 };
  const rows: {
    name: string;
    rows?: ServingRow[];
    runs: ServingRun[];
    hold?: typeof hold | null;
    expected: Partial<Keeping>[];
  }[] = [
    { name: 'a version without a run', runs: [], expected: [{ do: 'start', turn: 0 }] },
    { name: 'one that is at work', runs: [run()], expected: [] },
    {
      name: 'one that is being stopped is not started beside',
      runs: [run({ stopping: 'cancel' })],
      expected: [],
    },
    { name: 'one on trial that has ended', runs: [ended(4, 600)], expected: [] },
    {
      name: 'a settled one that has',
      rows: [row({ settled: true })],
      runs: [ended(4, 1)],
      expected: [{ do: 'start', turn: 4 }],
    },
    { name: 'not in the same second', rows: [row({ settled: true })], runs: [ended(4, 0)], expected: [] },
    {
      name: 'slower where it ends again and again',
      rows: [row({ settled: true })],
      runs: [ended(5, 1), ended(4, 9)],
      expected: [],
    },
    {
      name: 'but it is',
      rows: [row({ settled: true })],
      runs: [ended(5, 2), ended(4, 9)],
      expected: [{ do: 'start', turn: 5 }],
    },
    {
      name: 'what is wanted no longer',
      rows: [],
      runs: [run({ number: 4 })],
      expected: [{ do: 'stop', run: 4 }],
    },
    {
      name: 'not before it has answered all',
      rows: [],
      runs: [run()],
      hold: { ...hold, at: ago(1) },
      expected: [],
    },
    { name: 'once', rows: [], runs: [run({ stopping: 'cancel' })], expected: [] },
    {
      name: 'of an environment that nobody knows',
      rows: [],
      runs: [run({ number: 4 })],
      hold: null,
      expected: [{ do: 'stop', run: 4 }],
    },
  ];
  for (const one of rows)
    test(one.name, () => {
      const serving = { ...place, hold: one.hold === undefined ? hold : one.hold, rows: one.rows ?? [row()] };
      const found = keepServing(serving, one.runs, noon);
      assert.equal(found.length, one.expected.length);
      for (const [at, expected] of one.expected.entries())
        assert.deepEqual({ ...found[at], ...expected }, found[at]);
    });
});
