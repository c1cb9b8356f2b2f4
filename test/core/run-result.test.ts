import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MetricSummary } from '../../src/core/ports.ts';
import { plain } from '../../src/core/reply.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import { againstWords, headline, resultRows, resultTable } from '../../src/core/run-result.ts';
import { later, liveRun } from '../support/live-run.ts';

function metric(name: string, value: number, more: Partial<MetricSummary> = {}): MetricSummary {
  return { name, step: 9, value, count: 9, least: { value, step: 9 }, most: { value, step: 9 }, ...more };
}

const done: Partial<Run> = { state: 'succeeded', attempt: 1, endedAt: later(60) };
const other = liveRun({ number: 38, ...done });

function beside(
  metrics: MetricSummary[],
  baseMetrics: MetricSummary[] | null,
  spec: Partial<RunSpec> = {},
  changes: Partial<Run> = done,
) {
  const run = liveRun(changes, { primaryMetric: metrics[0]?.name ?? null, ...spec });
  const baseline = baseMetrics && { run: other, metrics: baseMetrics };
  const rows = resultRows({ run, metrics }, baseline);
  const [table, small] = resultTable(run, rows, baseline);
  return {
    rows,
    title: headline(run, rows, baseline),
    columns: table?.kind === 'table' ? table.columns.map(({ title }) => title) : [],
    cells: table?.kind === 'table' ? table.rows : [],
    small: small?.kind === 'context' ? plain(small.text) : '',
  };
}

describe('a metric beside its baseline', () => {
  const higher = { metrics: { score: { better: 'higher' as const } } };
  const lower = { metrics: { score: { better: 'lower' as const } } };
  const rows: [
    name: string,
    spec: Partial<RunSpec>,
    values: [number, number],
    cell: string,
    title: string,
  ][] = [
    [
      'more of what is better higher',
      higher,
      [0.912, 0.905],
      'better ▲ +0.007 (+0.77 %)',
      '0.007 better than',
    ],
    ['less of it', higher, [0.9, 0.912], 'worse ▼ −0.012 (−1.3 %)', '0.012 worse than'],
    ['less of what is better lower', lower, [0.2, 0.3], 'better ▼ −0.1 (−33 %)', '0.1 better than'],
    ['more of it', lower, [0.3, 0.2], 'worse ▲ +0.1 (+50 %)', '0.1 worse than'],
    ['the same', higher, [0.5, 0.5], 'same', 'the same as'],
    ['what people see as the same', higher, [0.50000001, 0.5], 'same', 'the same as'],
    ['nobody knows which is better', {}, [3, 2], '▲ +1 (+50 %)', '1 more than'],
    ['nobody knows, and less', {}, [2, 3], '▼ −1 (−33 %)', '1 less than'],
    ['against nothing', higher, [0.5, 0], 'better ▲ +0.5', '0.5 better than'],
    ['against less than nothing', higher, [-1, -2], 'better ▲ +1 (+50 %)', '1 better than'],
    ['a thousand times as much', lower, [1000, 1], 'worse ▲ +999', '999 worse than'],
    ['very small', higher, [2e-12, 1e-12], 'better ▲ +1e-12 (+100 %)', '1e-12 better than'],
    ['very large', lower, [1e300, 2e300], 'better ▼ −1e+300 (−50 %)', '1e+300 better than'],
    ['beyond what numbers hold', lower, [-1.7e308, 1.7e308], '–', ''],
    ['no number', higher, [Number.NaN, 0.5], '–', ''],
    ['without end', higher, [Number.POSITIVE_INFINITY, 0.5], '–', ''],
    ['a baseline that is no number', higher, [0.5, Number.NaN], '–', ''],
  ];
  for (const [name, spec, [value, base], cell, title] of rows)
    test(name, () => {
      const shown = beside([metric('score', value)], [metric('score', base)], spec);
      assert.equal(shown.cells[0]?.[2], cell);
      assert.ok(shown.title.includes(title === '' ? '' : `(${title} #38)`), shown.title);
      assert.equal(shown.title.includes('#38'), title !== '');
    });
});

test('best, last and final are three things', () => {
  const auc = metric('val_auc', 0.9, { least: { value: 0.5, step: 1 }, most: { value: 0.95, step: 6 } });
  const loss = metric('loss', 0.3, { least: { value: 0.2, step: 5 }, most: { value: 2, step: 1 } });
  const base = [metric('val_auc', 0.91), metric('loss', 0.4)];
  const { columns, cells, small } = beside([auc, loss], base);
  assert.deepEqual(columns, ['Metric', 'Final', 'Against #38', '#38 final', 'Best', '#38 best']);
  assert.deepEqual(
    cells.map(row => [row[0], row[1], row[4]]),
    [
      ['val_auc ↑', '0.9', '0.95 (step 6)'],
      ['loss ↓', '0.3', '0.2 (step 5)'],
    ],
  );
  assert.equal(small, '↑ higher is better, ↓ lower is better.');
});

test('what ended with no number is said to have, beside what had one', () => {
  const odd = metric('loss', 0.3, { least: { value: 0.2, step: 5 }, notFinite: 12 });
  const fine = metric('loss', 0.4);
  const own = beside([odd], [fine]);
  assert.deepEqual(own.cells, [['loss ↓', 'not finite', '–', '0.4', '0.2 (step 5)', '0.4 (step 9)']]);
  assert.equal(own.title, ', loss not finite');
  assert.equal(beside([odd], null, {}, { state: 'running' }).title, ', last loss not finite');
  assert.deepEqual(beside([fine], [odd]).cells[0]?.slice(1, 4), ['0.4', '–', 'not finite']);
});

test('what has not succeeded has no final values and no verdict', () => {
  const auc = [metric('val_auc', 0.95)];
  const base = [metric('val_auc', 0.9)];
  const running = beside(auc, base, {}, { state: 'running', attempt: 1 });
  assert.deepEqual(running.columns.slice(1, 3), ['Last', 'Against #38 so far']);
  assert.equal(running.cells[0]?.[2], '▲ +0.05 (+5.6 %)');
  assert.equal(running.title, ', last val_auc 0.95');
  for (const state of ['failed', 'cancelled', 'timed-out'] as const) {
    const ended = beside(auc, base, {}, { ...done, state });
    assert.deepEqual(ended.columns.slice(1, 3), ['Last', 'Against #38']);
    assert.doesNotMatch(`${ended.cells} ${ended.title}`, /better|worse|Final/);
    assert.match(ended.small, /no value is its final one/);
  }
});

test('metrics of only one of both are shown, and the primary one first', () => {
  const { cells } = beside(
    [metric('b', 1), metric('a', 2), metric('epoch', 9)],
    [metric('c', 3), metric('a', 1), metric('epochs', 9)],
    { primaryMetric: 'a', metrics: { a: { better: 'higher', unit: '%' } } },
  );
  assert.deepEqual(cells, [
    ['a in % ↑', '2', 'better ▲ +1 (+100 %)', '1', '2 (step 9)', '1 (step 9)'],
    ['b', '1', '–', '–', '–', '–'],
    ['c', '–', '–', '3', '–', '–'],
  ]);
});

test('without a baseline there is nothing beside it', () => {
  const { columns, title } = beside([metric('val_auc', 0.9)], null);
  assert.deepEqual(columns, ['Metric', 'Final', 'Best']);
  assert.equal(title, ', val_auc 0.9');
});

test('a run that reported nothing has no table, whatever its baseline has', () => {
  const { columns, title } = beside([], [metric('val_auc', 0.9)], { primaryMetric: 'val_auc' });
  assert.deepEqual([columns, title], [[], '']);
});

test('of a thousand metrics twenty are shown, and that there are more', () => {
  const many = Array.from({ length: 1_000 }, (_, i) => metric(`m${i}`, i));
  const { cells, small } = beside(many, many);
  assert.equal(cells.length, 20);
  assert.match(small, /980 more metrics are not shown here/);
});

test('names that mean something to JavaScript are names', () => {
  const names = ['__proto__', 'constructor', 'toString'];
  const { cells } = beside(
    names.map(name => metric(name, 2)),
    names.map(name => metric(name, 1)),
    { metrics: { loss: { better: 'lower' } } },
  );
  assert.deepEqual(
    cells.map(row => row[0]),
    names,
  );
});

test('it is said what a run is held against, or what makes one', () => {
  const run = liveRun({}, { ref: 'wider' });
  const main = { kind: 'base', branch: 'main' } as const;
  const said = (held: Parameters<typeof againstWords>[1]) => plain(againstWords(run, held));
  const measured = { run: liveRun({ number: 38 }, { sha: '9f3c2ab'.padEnd(40, '0') }), metrics: [] };
  assert.equal(said({ wish: main, baseline: measured }), '#38 on main, 9f3c2ab');
  assert.match(
    said({ wish: main, baseline: null }),
    /no run of digits has succeeded on main.*train digits --ref main/,
  );
  assert.match(said({ wish: { kind: 'previous' }, baseline: null }), /no other run of digits has succeeded/);
});
