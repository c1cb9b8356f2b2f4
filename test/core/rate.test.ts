import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterTaking, perMinute, type Rate, type Slot, waitFor } from '../../src/core/rate.ts';
import { random } from '../support/random.ts';

const fresh: Slot = { freeAt: 0, heldUntil: 0 };
const now = 1_000_000;
const three: Rate = { key: 'k', everyMs: 1_000, burst: 3 };
const one: Rate = { ...three, burst: 1 };

const waits: [name: string, slot: Slot, rate: Rate, waitMs: number][] = [
  ['nothing was taken', fresh, one, 0],
  ['the only one was taken now', { ...fresh, freeAt: now + 1_000 }, one, 1_000],
  ['a millisecond is missing', { ...fresh, freeAt: now + 1 }, one, 1],
  ['just free', { ...fresh, freeAt: now }, one, 0],
  ['two of three were taken', { ...fresh, freeAt: now + 2_000 }, three, 0],
  ['three of three were taken', { ...fresh, freeAt: now + 3_000 }, three, 1_000],
  ['whole, and held', { ...fresh, heldUntil: now + 7_000 }, three, 7_000],
  ['was held', { ...fresh, heldUntil: now }, three, 0],
  ['held less long than used up', { freeAt: now + 5_000, heldUntil: now + 1_000 }, three, 3_000],
];
for (const [name, slot, rate, waitMs] of waits)
  test(`a rate: ${name}`, () => {
    assert.equal(waitFor(slot, rate, now), waitMs);
  });

const minutes: [most: number, burst: number][] = [
  [50, 5],
  [100, 10],
  [300, 10],
  [60, 1],
];
for (const [most, burst] of minutes)
  test(`a rate: at most ${most} in any minute, ${burst} at once, and hardly fewer where all are wanted`, () => {
    const rate = perMinute('k', most, burst);
    const chance = random(most);
    let slot = fresh;
    const taken: number[] = [];
    const half = now + 300_000;
    // Asked at odd moments, in the first half with times when nobody asks.
    for (
      let at = now;
      at < now + 600_000;
      at += at < half && chance.chance(0.001) ? 30_000 : chance.int(1, 40)
    ) {
      if (waitFor(slot, rate, at) > 0) continue;
      slot = { ...slot, freeAt: afterTaking(slot, rate, at) };
      taken.push(at);
    }
    for (const [first, from] of taken.entries()) {
      const inMinute = taken.slice(first).filter(at => at < from + 60_000).length;
      assert.ok(inMinute <= most, `${inMinute} in a minute`);
      assert.ok(taken.slice(first).filter(at => at === from).length <= burst);
    }
    const steady = taken.filter(at => at >= half).length;
    assert.ok(steady > (most - burst) * 5 * 0.85, `${steady} in five minutes`);
  });
