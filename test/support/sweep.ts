import { earlyStopper, type Run, type RunSpec } from '../../src/core/run.ts';
import type { Sweep, SweepMember } from '../../src/core/sweep.ts';
import { later, liveRun, noon } from './live-run.ts';
import { octocat } from './run.ts';

const rates = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03];

export const digitsSweep: Sweep = {
  number: 3,
  spec: {
    project: 'digits',
    axes: [
      { name: 'lr', values: rates },
      { name: 'batch', values: [32] },
    ],
    metric: 'val_auc',
    better: 'higher',
    earlyStop: 'median',
  },
  requestedBy: octocat,
  place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' },
  createdAt: noon,
  cancelledBy: null,
  endedAt: null,
};

/** One member; with a value it has reported the metric 40 times, the best of them 0.004 above at step 31. */
export function member(
  i: number,
  run: Partial<Run>,
  value?: number,
  spec: Partial<RunSpec> = {},
): SweepMember {
  const parameters = { lr: rates[i] ?? 0, batch: 32, epochs: 60 };
  const shared = { parameters, gpus: 1, gpuModel: 'a100', pool: 'lab', primaryMetric: 'val_auc' };
  const summary = (name: string, last: number, most: number) => ({
    ...{ name, step: 40, value: last, count: 40 },
    ...{ least: { value: 0.1, step: 1 }, most: { value: most, step: 31 } },
  });
  return {
    run: liveRun({ number: 43 + i, ...run }, { ...shared, sweep: { number: 3, member: i + 1 }, ...spec }),
    metrics:
      value === undefined
        ? []
        : [summary('val_auc', value, value + 0.004), summary('epoch', 40, 40), summary('epochs', 60, 60)],
    stop: null,
  };
}

const worked = (minutes: number): Partial<Run> => ({
  attempt: 1,
  startedAt: later(60),
  endedAt: later(60 + 60 * minutes),
});
const failure = {
  class: 'out-of-memory' as const,
  message: 'The command ended with exit code 1, and its log says that CUDA was out of memory.',
  lines: ['torch.OutOfMemoryError: CUDA out of memory.'],
};
const stoppedEarly: SweepMember = {
  ...member(4, { state: 'cancelled', stoppedBy: earlyStopper, ...worked(4) }, 0.61),
  metrics: [
    {
      ...{ name: 'val_auc', step: 22, value: 0.61, count: 22 },
      ...{ least: { value: 0.1, step: 1 }, most: { value: 0.6142, step: 19 } },
    },
  ],
  stop: { step: 22, value: 0.6142, median: 0.8431, completed: 3 },
};

/** Two have succeeded, one has failed, two work and one waits. */
export const underWay: SweepMember[] = [
  member(0, { state: 'succeeded', ...worked(9) }, 0.9012),
  member(1, { state: 'succeeded', ...worked(8) }, 0.9261),
  member(2, { state: 'running', attempt: 1, startedAt: later(60) }, 0.8804),
  member(3, { state: 'failed', failure, exitCode: 1, ...worked(1) }),
  member(4, { state: 'starting', attempt: 1 }),
  member(5, { waiting: { code: 'flavor-full', sentence: '4 of 4 a100 GPUs of pool lab are held.' } }),
];

/** The best did not come last, one failed, one was stopped early. */
export const over: SweepMember[] = [
  member(0, { state: 'succeeded', ...worked(9) }, 0.9012),
  member(1, { state: 'succeeded', ...worked(8) }, 0.9261),
  member(2, { state: 'succeeded', ...worked(11) }, 0.9307),
  member(3, { state: 'failed', failure, exitCode: 1, ...worked(1) }),
  stoppedEarly,
  member(5, { state: 'succeeded', ...worked(12) }, 0.4419),
];

/** What they held. */
export const sweepCost = { hours: 0.75, money: 1.9, currency: 'EUR' };
