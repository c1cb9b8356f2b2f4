import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { holds, readHolds } from '../../../src/core/promotion/holds.ts';
import type { Promotion } from '../../../src/core/promotion/promotion.ts';
import {
  liveStage,
  nextStep,
  type RolloutNext,
  type RolloutPlan,
  type RolloutSeen,
  restoreStage,
  type VersionState,
} from '../../../src/core/promotion/rollout.ts';

const noon = new Date('2026-03-02T12:00:00Z');
const after = (seconds: number) => new Date(noon.getTime() + seconds * 1_000);

const check = readHolds('< 1%');
const plan: RolloutPlan = {
  steps: [10, 50, 100],
  bakeS: 60,
  readyWithinS: 30,
  roomWithinS: 600,
  check,
  dataWithinS: 90,
};

type Subject = Pick<Promotion, 'number' | 'kind' | 'version' | 'state' | 'step'>;
const rolling: Subject = { number: 12, kind: 'promote', version: 7, state: 'rolling-out', step: 0 };
const ready: VersionState = { state: 'ready' };
const at = (stage: number, more: Partial<NonNullable<RolloutSeen['hold']>> = {}) => ({
  promotion: 12,
  stage,
  at: noon,
  before: 6,
  ...more,
});
const old = { promotion: 9, stage: 2, at: after(-9_000), before: null };

function seen(more: Partial<RolloutSeen> = {}): RolloutSeen {
  return {
    hold: at(1),
    weights: { 6: 90, 7: 10 },
    states: new Map([
      [6, ready],
      [7, ready],
    ]),
    check: { value: 0.001 },
    frozen: null,
    quiet: null,
    ...more,
  };
}
const states = (state: VersionState) => new Map([[6, ready] as const, [7, state] as const]);
const before = (state: VersionState) => new Map([[6, state] as const, [7, ready] as const]);

const rows: {
  name: string;
  promotion?: Partial<Subject>;
  plan?: Partial<RolloutPlan>;
  seen?: Partial<RolloutSeen>;
  now?: Date;
  next: Partial<RolloutNext>;
}[] = [
  {
    name: 'it begins',
    promotion: { state: 'approved', step: null },
    seen: { hold: old },
    next: { do: 'step', step: 0 },
  },
  {
    name: 'a freeze holds it',
    promotion: { state: 'approved', step: null },
    seen: { hold: old, frozen: 'Frozen.' },
    next: { do: 'wait', code: 'frozen' },
  },
  {
    name: 'so do quiet hours',
    promotion: { state: 'approved', step: null },
    seen: { hold: old, quiet: 'Quiet.' },
    next: { do: 'wait', code: 'quiet' },
  },
  {
    name: 'a rollback passes both',
    promotion: { kind: 'rollback', state: 'approved', step: null },
    seen: { hold: old, frozen: 'Frozen.', quiet: 'Quiet.' },
    next: { do: 'step', step: 0 },
  },
  {
    name: 'one that waits for approval is nothing to do',
    promotion: { state: 'awaiting-approval', step: null },
    next: { do: 'nothing' },
  },
  { name: 'nor is one that is over', promotion: { state: 'live', step: 2 }, next: { do: 'nothing' } },
  {
    name: 'it is made ready beside what serves',
    seen: { hold: old, weights: { 6: 100 } },
    next: { do: 'apply', stage: 0, weights: { 6: 100, 7: 0 }, before: 6, settled: [6] },
  },
  {
    name: 'or alone',
    seen: { hold: null, weights: {} },
    next: { do: 'apply', stage: 0, weights: { 7: 0 }, before: null, settled: [] },
  },
  {
    name: 'what serves there already keeps all of it',
    seen: { hold: old, weights: { 7: 100 } },
    next: { do: 'apply', stage: 0, weights: { 7: 100 }, before: 7, settled: [7] },
  },
  {
    name: 'it waits for a machine',
    seen: { hold: at(0), states: states({ state: 'waiting', said: 'Full.' }) },
    now: after(599),
    next: { do: 'wait', code: 'no-room' },
  },
  {
    name: 'not for ever',
    seen: { hold: at(0), states: states({ state: 'waiting', said: 'Full.' }) },
    now: after(600),
    next: { do: 'halt', code: 'no-room' },
  },
  {
    name: 'a row whose run is not there yet waits too',
    seen: { hold: at(0), states: states({ state: 'absent' }) },
    next: { do: 'wait', code: 'no-room' },
  },
  {
    name: 'it waits until it is ready',
    seen: { hold: at(0), states: states({ state: 'starting', since: noon }) },
    now: after(29),
    next: { do: 'wait', code: 'not-ready' },
  },
  {
    name: 'a target that never becomes ready',
    seen: { hold: at(0), states: states({ state: 'starting', since: noon }) },
    now: after(30),
    next: { do: 'halt', code: 'not-ready' },
  },
  {
    name: 'the time in the queue does not count',
    seen: { hold: at(0), states: states({ state: 'starting', since: after(100) }) },
    now: after(120),
    next: { do: 'wait', code: 'not-ready' },
  },
  {
    name: 'one that ends before',
    seen: { hold: at(0), states: states({ state: 'failed', said: 'Exit 1.' }) },
    next: { do: 'halt', code: 'not-ready' },
  },
  {
    name: 'its first part',
    seen: { hold: at(0) },
    next: { do: 'apply', stage: 1, weights: { 6: 90, 7: 10 }, before: 6 },
  },
  {
    name: 'a freeze holds that',
    seen: { hold: at(0), frozen: 'Frozen.' },
    next: { do: 'wait', code: 'frozen' },
  },
  {
    name: 'its second part',
    promotion: { step: 1 },
    next: { do: 'apply', stage: 2, weights: { 6: 50, 7: 50 }, before: 6 },
  },
  { name: 'it bakes', now: after(59), next: { do: 'wait', code: 'baking' } },
  { name: 'and goes on', now: after(60), next: { do: 'step', step: 1 } },
  {
    name: 'not while it is frozen',
    seen: { frozen: 'Frozen.' },
    now: after(60),
    next: { do: 'wait', code: 'frozen' },
  },
  {
    name: 'a check that does not hold halts it at once',
    seen: { check: { value: 0.02 } },
    now: after(1),
    next: { do: 'halt', code: 'check-failed' },
  },
  {
    name: 'also while it is frozen',
    seen: { check: { value: 0.02 }, frozen: 'Frozen.' },
    next: { do: 'halt', code: 'check-failed' },
  },
  {
    name: 'the limit itself does not hold',
    seen: { check: { value: 0.01 } },
    next: { do: 'halt', code: 'check-failed' },
  },
  {
    name: 'infinity is a number',
    seen: { check: { value: Number.POSITIVE_INFINITY } },
    next: { do: 'halt', code: 'check-failed' },
  },
  {
    name: 'NaN is no data',
    seen: { check: { value: Number.NaN } },
    now: after(60),
    next: { do: 'wait', code: 'no-data' },
  },
  {
    name: 'while it bakes no data is nothing yet',
    seen: { check: { missing: 'None.' } },
    now: after(59),
    next: { do: 'wait', code: 'baking' },
  },
  {
    name: 'after that it is waited for',
    seen: { check: { missing: 'None.' } },
    now: after(149),
    next: { do: 'wait', code: 'no-data' },
  },
  {
    name: 'and no success',
    seen: { check: { missing: 'None.' } },
    now: after(150),
    next: { do: 'halt', code: 'no-data' },
  },
  {
    name: 'a check that was never asked is none either',
    seen: { check: null },
    now: after(150),
    next: { do: 'halt', code: 'no-data' },
  },
  {
    name: 'without a check time is enough',
    plan: { check: null },
    seen: { check: null },
    now: after(60),
    next: { do: 'step', step: 1 },
  },
  {
    name: 'one that stops serving',
    seen: { states: states({ state: 'failed', said: 'Exit 1.' }) },
    next: { do: 'halt', code: 'stopped-serving' },
  },
  {
    name: 'one whose machine was lost is started again',
    seen: { states: states({ state: 'waiting', said: 'Queue.' }) },
    next: { do: 'wait', code: 'no-room' },
  },
  {
    name: 'the last step bakes too',
    promotion: { step: 2 },
    seen: { hold: at(3) },
    now: after(59),
    next: { do: 'wait', code: 'baking' },
  },
  {
    name: 'and then it alone serves',
    promotion: { step: 2 },
    seen: { hold: at(3) },
    now: after(60),
    next: { do: 'apply', stage: liveStage, weights: { 7: 100 }, settled: [7] },
  },
  {
    name: 'without a check at once',
    promotion: { step: 2 },
    plan: { check: null },
    seen: { hold: at(3) },
    next: { do: 'apply', stage: liveStage },
  },
  { name: 'which is the end', promotion: { step: 2 }, seen: { hold: at(liveStage) }, next: { do: 'live' } },
  {
    name: 'it is not at its end because fewer steps are declared meanwhile',
    promotion: { step: 1 },
    plan: { steps: [100] },
    seen: { hold: at(2), weights: { 6: 50, 7: 50 } },
    next: { do: 'wait', code: 'baking' },
  },
  {
    name: 'but at the last of them',
    promotion: { step: 1 },
    plan: { steps: [100] },
    seen: { hold: at(2), weights: { 6: 50, 7: 50 } },
    now: after(60),
    next: { do: 'apply', stage: liveStage, weights: { 7: 100 }, settled: [7] },
  },
  {
    name: 'a later promotion has changed what serves',
    seen: { hold: at(0, { promotion: 13 }) },
    next: { do: 'halt', code: 'overtaken' },
  },
  {
    name: 'back: what served before does so again',
    promotion: { state: 'rolling-back' },
    next: { do: 'apply', stage: restoreStage, weights: { 6: 100 }, before: 6, settled: [6] },
  },
  {
    name: 'back: nothing did',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(1, { before: null }) },
    next: { do: 'apply', stage: restoreStage, weights: {}, settled: [] },
  },
  {
    name: 'back: that is all',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage, { before: null }) },
    next: { do: 'restored' },
  },
  {
    name: 'back: it is ready',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage) },
    next: { do: 'restored' },
  },
  {
    name: 'back: a freeze does not hold it',
    promotion: { state: 'rolling-back' },
    seen: { frozen: 'Frozen.' },
    next: { do: 'apply', stage: restoreStage },
  },
  {
    name: 'back: it is waited for',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage), states: before({ state: 'starting', since: noon }) },
    now: after(29),
    next: { do: 'wait', code: 'restoring' },
  },
  {
    name: 'back: not for ever',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage), states: before({ state: 'starting', since: noon }) },
    now: after(30),
    next: { do: 'failed' },
  },
  {
    name: 'back: what has served for long has its time too',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage), states: before({ state: 'starting', since: after(-9_000) }) },
    now: after(29),
    next: { do: 'wait', code: 'restoring' },
  },
  {
    name: 'back: in the queue it is waited for longer',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(restoreStage), states: before({ state: 'waiting', said: 'Full.' }) },
    now: after(30),
    next: { do: 'wait', code: 'restoring' },
  },
  {
    name: 'back: it had changed nothing',
    promotion: { state: 'rolling-back' },
    seen: { hold: old },
    next: { do: 'restored' },
  },
  {
    name: 'back: a later one has changed it',
    promotion: { state: 'rolling-back' },
    seen: { hold: at(0, { promotion: 13 }) },
    next: { do: 'failed' },
  },
];

describe('what a rollout does next', () => {
  for (const row of rows)
    test(row.name, () => {
      const next = nextStep(
        { ...rolling, ...row.promotion },
        { ...plan, ...row.plan },
        seen(row.seen),
        row.now ?? noon,
      );
      assert.deepEqual({ ...next, ...row.next }, next);
    });

  test('every sentence is one', () => {
    for (const row of rows) {
      const next = nextStep(
        { ...rolling, ...row.promotion },
        { ...plan, ...row.plan },
        seen(row.seen),
        row.now ?? noon,
      );
      if ('reason' in next) assert.match(next.reason, /^[A-Z].*\.$/, row.name);
    }
  });
});

describe('what must hold of a check', () => {
  const said: [text: string, value: number, expected: boolean][] = [
    ['< 1%', 0.009, true],
    ['< 1%', 0.01, false],
    ['<= 0.01', 0.01, true],
    ['> -1e3', -999, true],
    ['>= 5', 4.9, false],
    ['== 0', 0, true],
    ['!= 0', 1, true],
    ['!= 0', Number.NaN, false],
    ['< 1', Number.NEGATIVE_INFINITY, true],
  ];
  for (const [text, value, expected] of said)
    test(`${value} ${text}`, () => {
      const read = readHolds(text);
      assert.ok(read);
      assert.equal(holds(read, value), expected);
    });
  for (const text of ['', '1', '<', '< x', '=< 1', '< 1 %%', '< 1; drop'])
    test(`nothing that is read: ${text}`, () => assert.equal(readHolds(text), null));
});
