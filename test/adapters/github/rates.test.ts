import assert from 'node:assert/strict';
import { test } from 'node:test';
import { githubRates } from '../../../src/adapters/github/rates.ts';
import { afterTaking, type Slot, waitFor } from '../../../src/core/rate.ts';

/** The moments (ms) at which calls are let through that are made as fast as they may be. */
function flood(use: Parameters<typeof githubRates>[1], forMs: number): number[] {
  const rates = githubRates(3, use);
  const slots = new Map<string, Slot>();
  const slotOf = (key: string) => slots.get(key) ?? { freeAt: 0, heldUntil: 0 };
  const made: number[] = [];
  for (let now = 0; now < forMs; ) {
    const wait = Math.max(...rates.map(rate => waitFor(slotOf(rate.key), rate, now)));
    if (wait > 0) now += wait;
    else {
      made.push(now);
      for (const rate of rates)
        slots.set(rate.key, { heldUntil: 0, freeAt: afterTaking(slotOf(rate.key), rate, now) });
    }
  }
  return made;
}

const most = (made: number[], span: number) =>
  Math.max(...made.map((from, i) => made.slice(i).filter(at => at < from + span).length));

test('changes stay within 80 a minute and 500 an hour, whenever an hour begins', () => {
  const made = flood({ writes: true }, 3 * 3_600_000);
  assert.ok(most(made, 60_000) <= 80);
  assert.ok(most(made, 3_600_000) <= 500);
  assert.ok(made.length > 1_200);
});

test('what can wait leaves some of it to what cannot', () => {
  const [, minute, hour] = githubRates(3, { writes: true, patient: true });
  const [, wholeMinute, wholeHour] = githubRates(3, { writes: true });
  assert.ok((minute?.burst ?? 0) < (wholeMinute?.burst ?? 0) && (hour?.burst ?? 0) < (wholeHour?.burst ?? 0));
  assert.equal(hour?.key, wholeHour?.key);
});

test('what changes nothing counts among all calls alone', () => {
  assert.equal(githubRates(3, { writes: false }).length, 1);
});
