import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { advance, type Pace, secondsLeft, stallOf } from '../../src/core/pace.ts';
import type { MetricPoint } from '../../src/core/ports.ts';
import { later, liveRun, noon } from '../support/live-run.ts';

const point = (step: number, name = 'loss', value = 1): MetricPoint => ({ name, step, value });
const after = later;

/** The pace after steps that came so many seconds after noon. */
function paced(
  steps: [step: number, seconds: number][],
  attempt = 1,
  known: Pace | null = null,
): Pace | null {
  return steps.reduce<Pace | null>(
    (pace, [step, s]) => advance(pace, attempt, [point(step)], after(s)),
    known,
  );
}
const every = (gapS: number, count: number, from = 0): [number, number][] =>
  Array.from({ length: count }, (_, i) => [i + 1, from + i * gapS]);

describe('a run is stalled', () => {
  const usual = paced(every(40, 8));
  const lastS = 7 * 40;
  const heard = after(-3_600);
  const run = liveRun({ state: 'running', attempt: 1 });
  type Row = [what: string, stalled: boolean, at: number, Partial<Parameters<typeof check>[0]>?];
  const check = (facts: { pace: Pace | null; run: typeof run; heardSince: Date | null }, at: number) =>
    stallOf(facts.run, facts.pace, facts.heardSince, after(at));
  const rows: Row[] = [
    ['after ten of its usual intervals', true, lastS + 400],
    ['a moment before', false, lastS + 399],
    ['where its steps are quick, after five minutes', true, 7 + 300, { pace: paced(every(1, 8)) }],
    ['not before', false, 7 + 299, { pace: paced(every(1, 8)) }],
    [
      'where it once paused for ten minutes, after twenty',
      true,
      3_000,
      { pace: paced([...every(40, 8), [9, 880], [10, 920]]) },
    ],
    ['not before that', false, 2_100, { pace: paced([...every(40, 8), [9, 880], [10, 920]]) }],
    ['of four steps three intervals say what is usual', true, 9_999, { pace: paced(every(40, 4)) }],
    ['of three steps nobody knows', false, 9_999, { pace: paced(every(40, 3)) }],
    ['never one that names no steps', false, 99_999, { pace: null }],
    ['not while it is being stopped', false, 9_999, { run: { ...run, stopping: 'cancel' } }],
    ['not when it has ended', false, 9_999, { run: { ...run, state: 'succeeded' } }],
    ['not when it waits for its next attempt', false, 9_999, { run: { ...run, state: 'queued' } }],
    ['not before its next attempt has made a step', false, 9_999, { run: { ...run, attempt: 2 } }],
    ['not while its machine is silent', false, 9_999, { heardSince: null }],
    ['not right after its machine was silent', false, 9_999, { heardSince: after(9_700) }],
    ['but long after that', true, 9_999, { heardSince: after(9_500) }],
  ];
  for (const [what, stalled, at, changes] of rows)
    test(what, () => {
      const found = check({ pace: usual, run, heardSince: heard, ...changes }, at);
      assert.equal(found !== null, stalled);
    });

  test('it says how long, and what is usual', () => {
    assert.deepEqual(check({ pace: usual, run, heardSince: heard }, lastS + 720), { forS: 720, usualS: 40 });
  });

  test('a step ends it, a repeated one does not', () => {
    const at = lastS + 720;
    const again = advance(usual, 1, [point(8)], after(at - 1));
    assert.equal(again, usual);
    const next = advance(usual, 1, [point(9)], after(at - 1));
    assert.equal(check({ pace: next, run, heardSince: heard }, at), null);
    const fold = advance(usual, 1, [point(1)], after(at - 1));
    assert.equal(check({ pace: fold, run, heardSince: heard }, at), null, 'it began again from the first');
  });

  test('what is usual outlives a preemption, the pause does not count', () => {
    const second = paced([[6, 5_000]], 2, usual);
    assert.deepEqual(second?.intervals, usual?.intervals);
    const facts = { pace: second, run: { ...run, attempt: 2 }, heardSince: heard };
    assert.equal(check(facts, 5_399), null);
    assert.deepEqual(check(facts, 5_400), { forS: 400, usualS: 40 });
    assert.equal(advance(second, 1, [point(99)], after(5_100)), second, 'what the first one said late');
  });

  test('steps that Signalbox has counted itself are none', () => {
    assert.equal(advance(null, 1, [{ ...point(3), counted: true }], noon), null);
  });
});

describe('time left', () => {
  const left = (pace: Pace | null, of: number, at: number) =>
    pace && secondsLeft(pace, 'step', of - pace.step, after(at));

  test('from its own pace, without the time until the first step', () => {
    const pace = paced([1, 2, 3, 4, 5].map(i => [i, 3_600 + i * 10]));
    assert.equal(left(pace, 10, 3_650), 50);
    assert.equal(left(pace, 10, 3_654), 46);
    assert.equal(left(pace, 10, 3_999), 40, 'no further than to its next step');
  });

  test('not known of one step', () => {
    assert.equal(left(paced([[1, 10]]), 10, 20), null);
  });

  test('from a checkpoint on', () => {
    const first = paced(every(10, 50));
    const second = paced(
      [
        [40, 9_000],
        [41, 9_020],
        [42, 9_040],
      ],
      2,
      first,
    );
    assert.equal(left(second, 50, 9_040), 160);
  });

  test('when it begins again, from there', () => {
    const pace = paced([...every(10, 5), [1, 100], [2, 130]]);
    assert.equal(left(pace, 5, 130), 90);
  });

  test('of a long run, from the last part of it, whatever is reported', () => {
    let pace: Pace | null = null;
    // 100 steps a second for an hour, half as many after that.
    for (let i = 0; i < 7_200; i++) pace = advance(pace, 1, [point(i * 50)], after(i / 2));
    const before = pace?.step ?? 0;
    for (let i = 1; i <= 7_200; i++) pace = advance(pace, 1, [point(before + i * 25)], after(3_600 + i / 2));
    assert.ok((pace?.marks.length ?? 99) <= 32);
    const told = left(pace, (pace?.step ?? 0) + 5_000, 7_200) ?? 0;
    assert.ok(told > 90 && told < 110, String(told));
  });

  test('by the epoch, which changes more rarely than the step', () => {
    let pace: Pace | null = null;
    for (let i = 0; i < 30; i++)
      pace = advance(pace, 1, [point(i), point(i, 'epoch', Math.floor(i / 10))], after(i * 10));
    assert.equal(pace && secondsLeft(pace, 'epoch', 3, after(200)), 300);
    assert.equal(pace && secondsLeft(pace, 'epoch', 3, after(290)), 210);
  });
});
