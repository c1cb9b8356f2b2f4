import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { trainChart } from '../../commands/train-chart.ts';
import type { RunCharts } from '../../src/core/ports.ts';
import { usual } from '../support/charts.ts';
import { liveRun, noon } from '../support/live-run.ts';
import { context, memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { summaryOf } from '../support/summary.ts';

const metrics = ['epoch', 'loss', 'val_auc'].map(name => summaryOf(name, 9, 0.5));

async function asked(
  words: { run: number; metric?: string },
  { primaryMetric = 'val_auc', known = metrics, address = true } = {},
) {
  const of: string[] = [];
  const charts: RunCharts = {
    of: async (_, metric) => {
      of.push(metric);
      return known.some(({ name }) => name === metric) ? { ...usual, metric } : null;
    },
    pictures: async (_, metric) => (address ? { light: `https://l/${metric}`, dark: 'https://d' } : null),
  };
  const m = memory({ runs: [liveRun({ number: 42, state: 'running', startedAt: noon }, { primaryMetric })] });
  const ports = memoryPorts(m);
  const runs = { ...ports.runs, metrics: async () => known };
  const outcome = await trainChart.run(
    words,
    { ...context(), policy, now: noon },
    { ...ports, runs, charts },
  );
  return { outcome, of };
}

describe('train chart', () => {
  const rows: [name: string, metric: string | undefined, primary: string, shown: string][] = [
    ['the primary metric', undefined, 'val_auc', 'val_auc'],
    ['the first that counts nothing, where there is no primary one', undefined, 'nothing', 'loss'],
    ['the one that was named', 'loss', 'val_auc', 'loss'],
    ['a counter, where it was named', 'epoch', 'val_auc', 'epoch'],
  ];
  for (const [name, metric, primaryMetric, shown] of rows)
    test(name, async () => {
      const { outcome, of } = await asked({ run: 42, ...(metric ? { metric } : {}) }, { primaryMetric });
      assert.ok(outcome.ok);
      assert.deepEqual(of, [shown]);
      const [block] = outcome.reply.blocks;
      assert.ok(block?.kind === 'chart');
      assert.deepEqual([block.metric, block.pictures?.light], [shown, `https://l/${shown}`]);
      const { pictures } = outcome.reply.data as { pictures: unknown };
      assert.deepEqual(pictures, { light: `https://l/${shown}`, dark: 'https://d' });
    });

  test('no address of pictures where Signalbox has none', async () => {
    const { outcome } = await asked({ run: 42 }, { address: false });
    assert.ok(outcome.ok);
    assert.equal((outcome.reply.data as { pictures: unknown }).pictures, null);
  });

  test('nothing to draw yet', async () => {
    const { outcome } = await asked({ run: 42 }, { known: [] });
    assert.ok(outcome.ok);
    assert.equal(outcome.reply.title, '#42 digits has reported no metric yet.');
    assert.deepEqual(outcome.reply.blocks, []);
  });

  test('a name that is nearly one', async () => {
    const { outcome } = await asked({ run: 42, metric: 'val_acu' });
    assert.ok(!outcome.ok);
    assert.equal(outcome.code, 'METRIC_UNKNOWN');
    assert.deepEqual(
      [outcome.details.nearest, outcome.details.allowed],
      ['val_auc', ['epoch', 'loss', 'val_auc']],
    );
  });

  test('a run that is not there', async () => {
    const { outcome } = await asked({ run: 43 });
    assert.equal(!outcome.ok && outcome.code, 'RUN_NOT_FOUND');
  });
});
