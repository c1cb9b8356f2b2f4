import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HookAttempt, pauseAfter, readAttempts } from '../../src/core/lost-delivery.ts';

const at = (id: number) => new Date(id * 1_000);
const attempt = (id: number, guid: string, outcome: HookAttempt['outcome']) => ({
  id,
  guid,
  at: at(id),
  outcome,
});

type Read = { arrived?: string[]; lost?: [guid: string, attempt: number, firstAt: number][]; newest: number };
const rows: [name: string, attempts: HookAttempt[], Read][] = [
  ['nothing new', [], { newest: 10 }],
  ['all arrived', [attempt(12, 'b', 'ok'), attempt(11, 'a', 'ok')], { arrived: ['b', 'a'], newest: 12 }],
  ['one failed', [attempt(11, 'a', 'failed')], { lost: [['a', 11, 11]], newest: 11 }],
  [
    'one failed twice',
    [attempt(13, 'a', 'failed'), attempt(11, 'a', 'failed')],
    { lost: [['a', 13, 11]], newest: 13 },
  ],
  [
    'failed, then arrived',
    [attempt(12, 'a', 'ok'), attempt(11, 'a', 'failed')],
    { arrived: ['a'], newest: 12 },
  ],
  [
    'arrived, then failed',
    [attempt(12, 'a', 'failed'), attempt(11, 'a', 'ok')],
    { arrived: ['a'], newest: 12 },
  ],
  [
    'one under way is looked at again',
    [attempt(12, 'b', 'failed'), attempt(11, 'a', 'pending')],
    { lost: [['b', 12, 12]], newest: 10 },
  ],
  [
    'what came before one under way is not',
    [attempt(13, 'b', 'pending'), attempt(12, 'a', 'ok')],
    { arrived: ['a'], newest: 12 },
  ],
];
for (const [name, attempts, { arrived = [], lost = [], newest }] of rows)
  test(`lost deliveries: ${name}`, () => {
    const expected = lost.map(([guid, last, first]) => ({ guid, attempt: last, firstAt: at(first) }));
    assert.deepEqual(readAttempts(attempts, 10), { arrived, lost: expected, newest });
  });

test('lost deliveries: pauses grow from a minute to an hour', () => {
  assert.deepEqual(
    [0, 1, 5, 6, 50].map(asks => pauseAfter(asks) / 60_000),
    [1, 2, 32, 60, 60],
  );
});
