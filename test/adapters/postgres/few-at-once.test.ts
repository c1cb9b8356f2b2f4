import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewAtOnce } from '../../../src/adapters/postgres/few-at-once.ts';

test('two at once, two more wait in their order, and one more is refused', async () => {
  const limited = fewAtOnce(2, 2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const work = (i: number) =>
    limited(async () => {
      begun.push(i);
      await new Promise<void>(resolve => (ends[i] = resolve));
      if (i === 0) throw new Error('failed');
      return i;
    });
  const all = [0, 1, 2, 3].map(work);
  await assert.rejects(work(4), { name: 'SignalboxError' });
  assert.deepEqual(begun, [0, 1]);
  ends[0]?.();
  await assert.rejects(all[0] ?? Promise.resolve(), /failed/);
  assert.deepEqual(begun, [0, 1, 2], 'one that fails makes room too');
  for (const i of [1, 2]) {
    ends[i]?.();
    assert.equal(await all[i], i);
  }
  ends[3]?.();
  assert.equal(await all[3], 3);
  assert.equal(await limited(async () => 5), 5);
});
