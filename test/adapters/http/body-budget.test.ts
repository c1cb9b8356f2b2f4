import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyBudget } from '../../../src/adapters/http/body-budget.ts';

const kb = 1024;
const of = (bytes: number) => Buffer.alloc(bytes, 'x');

test('a body is what was added, however it was cut', () => {
  for (const length of [1, 1_000, 64 * kb, 64 * kb + 1, 200 * kb]) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => i % 251));
    for (const step of [1, 7, 1_000, 64 * kb, length]) {
      const budget = bodyBudget(1_024 * kb);
      const body = budget.open(length);
      for (let i = 0; i < length; i += step) body.add(Buffer.from(bytes.subarray(i, i + step)));
      assert.ok(bytes.equals(body.bytes()), `${length} in steps of ${step}`);
      assert.equal(body.add(of(1)), 'too-large');
      assert.ok(bytes.equals(body.bytes()));
      assert.ok(budget.heldBytes() <= Math.max(length, Math.min(2 * length, 64 * kb)));
    }
  }
});

test('a chunk belongs to its sender: adding to a body does not write into it', () => {
  const first = Buffer.from('first');
  const body = bodyBudget(1_000).open(100);
  body.add(first);
  body.add(Buffer.from('second'));
  assert.equal(first.toString(), 'first');
  assert.equal(body.bytes().toString(), 'firstsecond');
});

test('small bodies count by what they hold, in a quarter of the room', () => {
  const budget = bodyBudget(400);
  const one = budget.open(1_000);
  const other = budget.open(1_000);
  assert.equal(one.add(of(60)), 'kept');
  assert.equal(other.add(of(41)), 'no-room');
  assert.equal(other.add(of(40)), 'kept');
  assert.equal(other.add(of(1)), 'no-room');
  assert.equal(budget.heldBytes(), 100);
  one.free();
  one.free();
  assert.equal(budget.heldBytes(), 40);
  assert.equal(other.add(of(1)), 'kept');
  other.free();
  assert.equal(budget.heldBytes(), 0);
});

test('large bodies take their whole room at once, and leave that of the small', () => {
  const budget = bodyBudget(400 * kb);
  const [one, other, third] = [200 * kb, 200 * kb, 100 * kb].map(budget.open);
  assert.equal(one?.add(of(64 * kb)), 'kept');
  assert.equal(budget.heldBytes(), 64 * kb);
  assert.equal(one?.add(of(1)), 'kept');
  assert.equal(budget.heldBytes(), 200 * kb);
  // 100 kB are left for large ones: not enough for the second, exactly enough for the third.
  assert.equal(other?.add(of(64 * kb + 1)), 'no-room');
  assert.equal(third?.add(of(64 * kb + 1)), 'kept');
  assert.equal(budget.heldBytes(), 300 * kb);
  const small = budget.open(200 * kb);
  assert.equal(small.add(of(64 * kb)), 'kept');
  assert.equal(small.add(of(1)), 'no-room');
  one?.free();
  assert.equal(other?.add(of(64 * kb + 1)), 'kept');
  for (const body of [other, third, small]) body?.free();
  assert.equal(budget.heldBytes(), 0);
});
