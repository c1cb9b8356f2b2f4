import { renderComment } from '../../src/adapters/github/render.ts';
import type { BaselineWish } from '../../src/core/baseline.ts';
import type { MetricSeries, MetricSummary } from '../../src/core/ports.ts';
import type { Reply } from '../../src/core/reply.ts';
import type { Run, RunSpec } from '../../src/core/run.ts';
import { runReply } from '../../src/core/run-reply.ts';
import type { RunResult } from '../../src/core/run-result-reply.ts';
import { sweepReply } from '../../src/core/sweep-reply.ts';
import { later, liveRun } from '../support/live-run.ts';
import { summaryOf } from '../support/summary.ts';
import { digitsSweep, over, sweepCost, underWay } from '../support/sweep.ts';

const place = {
  kind: 'github',
  installation: 1,
  repo: 7,
  name: 'octo-org/digits',
  issue: 17,
  pull: true,
  user: 'octocat',
} as const;
const requestedBy = { kind: 'github', id: 'octocat', name: 'octocat' } as const;
const asked: Partial<RunSpec> = {
  trigger: 'pull-request',
  ref: 'wider',
  sha: '4be1c9d07be3a5518c6b0d9e4f7a21c3d5e6f708',
  source: 'github:octo-org/digits#7',
  parameters: { lr: 0.3, epochs: 40, hidden: 64 },
  gpus: 2,
  gpuModel: 'a100',
  pool: 'sandbox',
  timeLimitS: 14_400,
  primaryMetric: 'val_auc',
  metrics: { val_auc: { better: 'higher', unit: '%' } },
  pull: { repo: 7, number: 17, base: 'main' },
};

/** Curves of 40 epochs that look like those of training; the second is the baseline's. */
function curve(name: string, of: (epoch: number) => number): MetricSeries {
  const points = Array.from({ length: 40 }, (_, i) => ({ step: i + 1, value: of(i + 1) }));
  return { name, points };
}
const wave = (epoch: number) => Math.sin(epoch * 1.7) * 0.4;
const series = [
  curve('val_auc', epoch => 91.6 - 30 * 0.88 ** epoch + wave(epoch) - (epoch > 34 ? (epoch - 34) * 0.09 : 0)),
  curve('loss', epoch => 0.21 + 1.9 * 0.86 ** epoch + wave(epoch) * 0.03),
  curve('val_loss', epoch => 0.31 + 1.7 * 0.87 ** epoch + wave(epoch) * 0.05),
  curve('learning_rate', epoch => 0.3 * 0.95 ** epoch),
];
const baseSeries = [
  curve('val_auc', epoch => 90.4 - 34 * 0.9 ** epoch + wave(epoch + 3)),
  curve('loss', epoch => 0.26 + 2 * 0.89 ** epoch + wave(epoch + 2) * 0.03),
  curve('val_loss', epoch => 0.3 + 1.9 * 0.89 ** epoch + wave(epoch + 1) * 0.05),
];

/** Until an epoch, what the store says of these curves. */
function measured(curves: readonly MetricSeries[], until = 40): MetricSummary[] {
  const said = curves.map(({ name, points }): MetricSummary => {
    const seen = points.slice(0, until).sort((a, b) => a.value - b.value);
    const last = points[until - 1] ?? { step: 0, value: 0 };
    const [least = last, most = last] = [seen[0], seen.at(-1)];
    return { name, ...last, count: until, least, most };
  });
  return [...said, summaryOf('epoch', until, until), summaryOf('epochs', until, 40)];
}

const wish: BaselineWish = { kind: 'base', branch: 'main' };
const baseline: Run = liveRun(
  { number: 38, state: 'succeeded', attempt: 1, startedAt: later(-9_000), endedAt: later(-6_000) },
  {
    ...asked,
    trigger: 'merge',
    ref: 'main',
    sha: '9f3c2ab41d07be3a5518c6b0d9e4f7a21c3d5e6f',
    parameters: { lr: 0.1, epochs: 40, hidden: 64 },
  },
);

function shown(
  changes: Partial<Run>,
  spec: Partial<RunSpec>,
  until: number,
  result: Partial<RunResult>,
  curves = series,
): Reply {
  const run = liveRun(
    { place, requestedBy, attempt: 1, startedAt: later(60), pool: 'sandbox', ...changes },
    { ...asked, ...spec },
  );
  const metrics = until > 0 ? measured(curves, until) : [];
  const facts: RunResult = {
    wish,
    baseline: { run: baseline, metrics: measured(baseSeries) },
    series: run.endedAt ? curves.map(({ name, points }) => ({ name, points: points.slice(0, until) })) : [],
    baseSeries: run.endedAt ? baseSeries : [],
    cost: { hours: 1.683, money: 4.2, currency: 'EUR' },
    address: 'https://signalbox.example.com',
    ...result,
  };
  return runReply(run, { metrics, output: null, ahead: 2, result: facts }, later(1_800));
}

const ended = { state: 'succeeded', endedAt: later(3_090), exitCode: 0 } as const;
const none = { cost: { hours: 0, money: 0, currency: 'EUR' } };

/** What a pull request shows of its runs. */
const onGitHub: Record<string, Reply> = {
  sweep: sweepReply(digitsSweep, underWay, null, later(600)),
  'sweep-ended': sweepReply({ ...digitsSweep, endedAt: later(900) }, over, sweepCost, later(900)),
  queued: shown({ state: 'queued', attempt: 0, startedAt: null }, {}, 0, none),
  running: shown({ state: 'running' }, {}, 22, { cost: { hours: 0.967, money: 2.42, currency: 'EUR' } }),
  succeeded: shown(ended, {}, 40, {}),
  first: shown(ended, {}, 40, { baseline: null, baseSeries: [] }),
  failed: shown(
    {
      state: 'failed',
      endedAt: later(1_700),
      exitCode: 1,
      failure: {
        class: 'code-error',
        message: 'The command ended with exit code 1.',
        lines: [
          'Traceback (most recent call last):',
          '  File "/var/lib/signalbox/runs/42/work/train.py", line 187, in main',
          '    loss += model.train_batch(layers, images, labels, rate)',
          'ValueError: operands could not be multiplied: 64 inputs, 32 weights',
        ],
      },
    },
    {},
    21,
    {},
  ),
  unknown: shown(
    ended,
    { primaryMetric: 'entropy_gap', metrics: {}, parameters: { lr: 0.1, epochs: 40, hidden: 64 } },
    40,
    {
      baseline: { run: baseline, metrics: measured([curve('entropy_gap', epoch => 3 / epoch)]) },
      baseSeries: [curve('entropy_gap', epoch => 3 / epoch)],
      ...none,
      address: null,
    },
    [curve('entropy_gap', epoch => 4 / epoch)],
  ),
};

/** The same as GitHub is told it. */
export const markdown = Object.fromEntries(
  Object.entries(onGitHub).map(([name, reply]) => [name, renderComment(reply)]),
);

/** Names that mean something to Markdown, HTML or Mermaid. Runs report none such today. */
export const hostileNames: Record<string, string> = {
  'a bar': 'a|b | c',
  'a fence': '```\n```mermaid',
  quotes: `"] line ['"`,
  'a mention': '@octocat #1 GH-2 https://example.com',
  'the end of details': '</details></summary><details>',
  HTML: '<img src=x onerror=alert(1)><script>',
  'a link': '[x](javascript:x())',
  'a table': '| --- |\n| a |',
  'a directive': '%%{init: {"securityLevel": "loose"}}%%',
  'a line break': 'loss\r\n  title "other"',
  'formatting of all kinds': '**a** _b_ ~~c~~ `d` $e$ \\',
  'signs without a shape': 'lo\u202ess\u200b\u0000',
  'much length': 'm'.repeat(5_000),
};

/** A run whose primary metric and its neighbour have this name. */
export function hostile(name: string): Reply {
  const curves = [name, `${name} too`].map(one => curve(one, epoch => 1 / epoch));
  const declared = Object.fromEntries(
    curves.map(one => [one.name, { better: 'lower' as const, unit: '|`"' }]),
  );
  return shown(
    ended,
    { primaryMetric: name, metrics: declared },
    40,
    { baseline: { run: baseline, metrics: measured(curves) }, baseSeries: curves },
    curves,
  );
}

/** A run that reported as many metrics as runs may, under names as long as they may be. */
export function manyMetrics(): Reply {
  const curves = Array.from({ length: 1_000 }, (_, i) =>
    curve(`_${i}`.padStart(100, '_'), epoch => -i / epoch / 3e9),
  );
  return shown(
    ended,
    { primaryMetric: null },
    40,
    { baseline: { run: baseline, metrics: measured(curves) }, baseSeries: curves },
    curves,
  );
}
