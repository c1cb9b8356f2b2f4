import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diffPage } from '../../src/core/github-source.ts';
import type { MetricSummary } from '../../src/core/ports.ts';
import { plain } from '../../src/core/reply.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import {
  type ComparableRun,
  type Comparison,
  compareRuns,
  comparisonBlocks,
} from '../../src/core/run-comparison.ts';
import { later, liveRun } from '../support/live-run.ts';
import { summaryOf } from '../support/summary.ts';

const pages = {
  diff: (source: string, from: string, to: string) => diffPage('https://github.com', source, from, to),
};
const done = { state: 'succeeded' } as const;

function measured(
  values: Record<string, number>,
  spec: Partial<RunSpec> = {},
  run: Partial<Run> = {},
  cost = { hours: 0, money: 0 },
): ComparableRun {
  const metrics = Object.entries(values).map(([name, value]): MetricSummary => summaryOf(name, 9, value));
  return { run: liveRun(run, spec), metrics, cost };
}

describe('the metrics of two runs', () => {
  const rows: [name: string, a: Record<string, number>, b: Record<string, number>, rows: unknown[]][] = [
    [
      'both: how far the second is from the first',
      { loss: 0.75 },
      { loss: 0.5 },
      [['loss', 0.75, 0.5, -0.25]],
    ],
    ['the first alone', { loss: 0.5 }, {}, [['loss', 0.5, null, null]]],
    ['the second alone', {}, { f1: 0.5 }, [['f1', null, 0.5, null]]],
    ['a zero is a value', { loss: 1 }, { loss: 0 }, [['loss', 1, 0, -1]]],
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
    [
      'also where only the second has it',
      { loss: 1 },
      { accuracy: 2 },
      [
        ['accuracy', null, 2, null],
        ['loss', 1, null, null],
      ],
    ],
    ['a primary one that nobody reported', { loss: 1 }, { loss: 1 }, [['loss', 1, 1, 0]]],
  ];
  for (const [name, a, b, expected] of rows)
    test(name, () => {
      const { metrics } = compareRuns(measured(a, { primaryMetric: 'accuracy' }), [measured(b)], 'USD');
      assert.deepEqual(
        metrics.map(({ name, values: [one, two] }) => [name, one?.last, two?.last, two?.difference]),
        expected,
      );
    });
});

test('of more than two, each is held against the first', () => {
  const all = [0.5, 0.75, 0.25, 0.5].map(auc => measured({ auc }, {}, done));
  const [first, ...others] = all;
  assert.ok(first);
  const { metrics } = compareRuns(first, others, 'USD');
  assert.deepEqual(
    metrics[0]?.values.map(({ difference, verdict }) => [difference, verdict]),
    [
      [null, null],
      [0.25, 'better'],
      [-0.25, 'worse'],
      [0, 'same'],
    ],
  );
});

test('better or worse is said of final values alone, and best is not last', () => {
  const of = (first: Partial<Run>, other: Partial<Run>) =>
    compareRuns(
      measured({ loss: 2, x: 1 }, {}, first),
      [measured({ loss: 1, x: 2 }, {}, other)],
      'USD',
    ).metrics.map(one => one.values[1]?.verdict);
  assert.deepEqual(of(done, done), ['better', null]);
  assert.deepEqual(of({ state: 'failed' }, done), [null, null]);
  assert.deepEqual(of(done, { state: 'running' }), [null, null]);
  const auc = { ...summaryOf('auc', 9, 0.5), most: { value: 0.75, step: 4 } };
  const one = { run: liveRun(done), metrics: [auc], cost: { hours: 0, money: 0 } };
  const [metric] = compareRuns(one, [measured({}, {}, done)], 'USD').metrics;
  const [value, none] = metric?.values ?? [];
  assert.deepEqual(
    [value?.last, value?.best?.value, none?.best, metric?.better],
    [0.5, 0.75, null, 'higher'],
  );
});

test('which way a metric gets better is the first run’s to say', () => {
  const first = measured({ x: 1 }, { metrics: { x: { better: 'lower' } } }, done);
  const { metrics } = compareRuns(
    first,
    [measured({ x: 2 }, { metrics: { x: { better: 'higher' } } }, done)],
    'USD',
  );
  assert.deepEqual([metrics[0]?.better, metrics[0]?.values[1]?.verdict], ['lower', 'worse']);
});

describe('what else differs', () => {
  const ended = { state: 'succeeded', startedAt: later(0), endedAt: later(60) } as const;
  const rows: [name: string, a: ComparableRun, b: ComparableRun, rows: Comparison['differences']][] = [
    ['nothing', measured({}), measured({}), []],
    [
      'a parameter, and one that only one has',
      measured({}, { parameters: { lr: 0.1, seed: 1 } }),
      measured({}, { parameters: { lr: 0.3, seed: 1, wide: true } }),
      [
        { label: 'lr', values: ['0.1', '0.3'] },
        { label: 'wide', values: ['–', 'true'] },
      ],
    ],
    [
      'a parameter with the name of something that all objects have',
      measured({}, { parameters: { constructor: 'x' } }),
      measured({}, { parameters: {} }),
      [{ label: 'constructor', values: ['x', '–'] }],
    ],
    [
      'the code',
      measured({}, { sha: 'a'.repeat(40) }),
      measured({}, { sha: 'b'.repeat(40) }),
      [{ label: 'code', values: ['aaaaaaa', 'bbbbbbb'] }],
    ],
    [
      'how it ended, how long it took, and what it cost',
      measured({}, {}, ended, { hours: 1.5, money: 3 }),
      measured({}, {}, { ...ended, state: 'failed', endedAt: later(61) }, { hours: 2, money: 0 }),
      [
        { label: 'state', values: ['succeeded', 'failed'] },
        { label: 'time', values: ['1 min', '1 min 1 s'] },
        { label: 'hours held', values: ['1.5', '2'] },
        { label: 'cost', values: ['3.00 USD', '–'] },
      ],
    ],
  ];
  for (const [name, a, b, expected] of rows)
    test(name, () => assert.deepEqual(compareRuns(a, [b], 'USD').differences, expected));
});

describe('where the code that differs is seen', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
  const source = 'github:Octo-org/digits#7';
  const rows: [name: string, first: Partial<RunSpec>, other: Partial<RunSpec>, shown: string[]][] = [
    [
      'on GitHub',
      { source, sha: a },
      { source, sha: b },
      [
        `aaaaaaa...bbbbbbb (https://github.com/octo-org/digits/compare/${a.slice(0, 12)}...${b.slice(0, 12)})`,
      ],
    ],
    ['in a repository elsewhere', { sha: a }, { sha: b }, [`git diff ${a.slice(0, 12)}..${b.slice(0, 12)}`]],
    ['the same commit', { sha: a }, { sha: a }, []],
    ['a folder outside Git', { sha: `sha256:${a}` }, { sha: `sha256:${b}` }, []],
    ['another repository', { source, sha: a }, { sha: b }, []],
  ];
  for (const [name, first, other, shown] of rows)
    test(name, () => {
      const runs = [liveRun({}, first), liveRun({ number: 57 }, other)];
      const blocks = comparisonBlocks(runs, { metrics: [], differences: [] }, pages);
      const fields = blocks.flatMap(block => (block.kind === 'fields' ? block.rows : []));
      assert.deepEqual(
        fields.map(row => plain(row.value)),
        shown,
      );
    });
});

test('one table holds all of it, with a column for each run', () => {
  const runs = [0.905, 0.912, 0.88].map((auc, i) =>
    measured({ auc, x: i }, { parameters: { lr: i }, primaryMetric: 'auc' }, { ...done, number: 42 + i }),
  );
  const [first, ...others] = runs;
  assert.ok(first);
  const all = runs.map(({ run }) => run);
  const [table, ...rest] = comparisonBlocks(all, compareRuns(first, others, 'USD'), pages);
  assert.ok(table?.kind === 'table');
  assert.deepEqual(
    table.columns.map(({ title }) => title),
    ['Run', '#42', '#43', '#44'],
  );
  assert.deepEqual(table.rows, [
    ['auc ↑ final', '0.905', '0.912', '0.88'],
    ['… vs #42', '–', 'better +0.007', 'worse −0.025'],
    ['… best', '0.905', '0.912', '0.88'],
    ['x final', '0', '1', '2'],
    ['… vs #42', '–', '+1', '+2'],
    ['lr', '0', '1', '2'],
  ]);
  assert.ok(rest.every(block => block.kind !== 'table'));
});

test('what ended with no number is said to have', () => {
  const [first, other] = [measured({ loss: 0.4 }, {}, done), measured({}, {}, { ...done, number: 43 })];
  const odd = { ...other, metrics: [{ ...summaryOf('loss', 9, 0.2), notFinite: 12 }] };
  const [table] = comparisonBlocks([first.run, odd.run], compareRuns(first, [odd], 'USD'), pages);
  assert.ok(table?.kind === 'table');
  assert.deepEqual(table.rows[0], ['loss ↓ final', '0.4', 'not finite']);
});

test('of many metrics and differences, how many are left out is said', () => {
  const values = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`m${i}`, i]));
  const of = (from: number) => Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`p${i}`, i + from]));
  const runs = [measured(values, { parameters: of(0) }), measured(values, { parameters: of(1) })];
  const [first, ...others] = runs;
  assert.ok(first);
  const all = runs.map(({ run }) => run);
  const [, said] = comparisonBlocks(all, compareRuns(first, others, 'USD'), pages);
  assert.ok(said?.kind === 'context');
  assert.match(
    plain(said.text),
    /3 more metrics are not shown here\. 6 more differences are not shown here\./,
  );
});
