import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seldom } from '../../../src/adapters/bullmq/seldom.ts';
import { recordingLog } from '../../conformance/wakeups.ts';

test('a warning comes once a minute, and says how many were left out', t => {
  let now = 5;
  t.mock.method(performance, 'now', () => now);
  const log = recordingLog();
  const warn = seldom(log, 'there is trouble');
  const rows = [
    { at: 5, written: { first: 1 } },
    { at: 6, written: null },
    { at: 60_004, written: null },
    { at: 60_005, written: { first: 4, more: 2 } },
    { at: 60_006, written: null },
    { at: 200_000, written: { first: 6, more: 1 } },
    { at: 300_000, written: { first: 7 } },
  ];
  for (const [i, { at, written }] of rows.entries()) {
    now = at;
    const before = log.lines.length;
    warn({ first: i + 1 });
    assert.deepEqual(log.lines[before]?.fields ?? null, written, `at ${at}`);
  }
});
