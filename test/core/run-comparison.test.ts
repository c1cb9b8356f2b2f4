import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MetricSummary } from '../../src/core/ports.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import { type Comparison, compareRuns, signed } from '../../src/core/run-comparison.ts';
import type { MeasuredRun } from '../../src/core/run-result.ts';
import { later, liveRun } from '../support/live-run.ts';
import { summaryOf } from '../support/summary.ts';

function measured(
  values: Record<string, number>,
  spec: Partial<RunSpec> = {},
  run: Partial<Run> = {},
): MeasuredRun {
  const metrics = Object.entries(values).map(([name, value]): MetricSummary => summaryOf(name, 9, value));
  return { run: liveRun(run, spec), metrics };
}

describe('the metrics of two runs', () => {
  const rows: [name: string, a: Record<string, number>, b: Record<string, number>, rows: unknown[]][] = [
    ['both', { loss: 0.5 }, { loss: 0.75 }, [['loss', 0.5, 0.75, -0.25]]],
    ['one alone', { loss: 0.5 }, {}, [['loss', 0.5, null, null]]],
    ['the other alone', {}, { f1: 0.5 }, [['f1', null, 0.5, null]]],
    ['a zero is a value', { loss: 0 }, { loss: 1 }, [['loss', 0, 1, -1]]],
    ['counters are none', { epoch: 3, epochs: 9, step: 100, steps: 200 }, { epoch: 1 }, []],
    [
      'the primary one first',
      { loss: 1, accuracy: 2 },
      { loss: 1, accuracy: 2 },
      [
        ['accuracy', 2, 2, 0],
        ['loss', 1, 1, 0],
      ],
    ],
    ['a primary one that nobody reported', { loss: 1 }, { loss: 1 }, [['loss', 1, 1, 0]]],
  ];
  for (const [name, a, b, expected] of rows)
    test(name, () => {
      const { metrics } = compareRuns(measured(a, { primaryMetric: 'accuracy' }), measured(b));
      assert.deepEqual(
        metrics.map(one => [one.name, one.a, one.b, one.difference]),
        expected,
      );
    });
});

test('better or worse is said of final values alone, and best is not last', () => {
  const done = { state: 'succeeded' } as const;
  const of = (run: Partial<Run>, other: Partial<Run>) =>
    compareRuns(measured({ loss: 1, x: 2 }, {}, run), measured({ loss: 2, x: 1 }, {}, other)).metrics.map(
      one => one.verdict,
    );
  assert.deepEqual(of(done, done), ['better', null]);
  assert.deepEqual(of(done, { state: 'failed' }), [null, null]);
  assert.deepEqual(of({ state: 'running' }, done), [null, null]);
  const auc = { ...summaryOf('auc', 9, 0.5), most: { value: 0.75, step: 4 } };
  const [first] = compareRuns({ run: liveRun(done), metrics: [auc] }, measured({}, {}, done)).metrics;
  assert.deepEqual([first?.a, first?.bestA, first?.bestB, first?.better], [0.5, 0.75, null, 'higher']);
});

describe('what else differs', () => {
  const ended = { state: 'succeeded', startedAt: later(0), endedAt: later(60) } as const;
  const rows: [name: string, a: MeasuredRun, b: MeasuredRun, rows: Comparison['differences']][] = [
    ['nothing', measured({}), measured({}), []],
    [
      'a parameter, and one that only one has',
      measured({}, { parameters: { lr: 0.1, seed: 1 } }),
      measured({}, { parameters: { lr: 0.3, seed: 1, wide: true } }),
      [
        { label: 'lr', a: '0.1', b: '0.3' },
        { label: 'wide', a: '–', b: 'true' },
      ],
    ],
    [
      'a parameter with the name of something that all objects have',
      measured({}, { parameters: { constructor: 'x' } }),
      measured({}, { parameters: {} }),
      [{ label: 'constructor', a: 'x', b: '–' }],
    ],
    [
      'the code',
      measured({}, { sha: 'a'.repeat(40) }),
      measured({}, { sha: 'b'.repeat(40) }),
      [{ label: 'code', a: 'aaaaaaa', b: 'bbbbbbb' }],
    ],
    [
      'how it ended, and how long it took',
      measured({}, {}, ended),
      measured({}, {}, { ...ended, state: 'failed', endedAt: later(61) }),
      [
        { label: 'state', a: 'succeeded', b: 'failed' },
        { label: 'took', a: '1 min', b: '1 min 1 s' },
      ],
    ],
  ];
  for (const [name, a, b, expected] of rows)
    test(name, () => assert.deepEqual(compareRuns(a, b).differences, expected));
});

test('a difference has its sign', () => {
  assert.deepEqual([0.25, -0.25, 0].map(signed), ['+0.25', '-0.25', '0']);
});
