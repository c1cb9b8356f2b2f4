import { nothingLeftOut } from '../../src/core/metric-points.ts';
import type { MetricSummary, Reported } from '../../src/core/ports.ts';

/** A metric that had one value all the time. */
export function summaryOf(name: string, step: number, value: number, count = step): MetricSummary {
  return { name, step, value, count, least: { value, step }, most: { value, step } };
}

/** A run that has come as far as this between two moments, on a machine that is heard; its steps were `usualS` apart. */
export function pacedFrom(
  from: Date,
  to: Date,
  at: { step: number; epoch: number | null },
  usualS = 1,
): Reported {
  const [first, last] = [from.getTime(), to.getTime()];
  return {
    leftOut: nothingLeftOut,
    alerts: [],
    heardSince: from,
    pace: {
      ...{ attempt: 1, step: at.step, at: last, longestS: usualS, intervals: [usualS, usualS, usualS] },
      marks: [
        { at: first, step: 0, epoch: at.epoch === null ? null : 0 },
        { at: last, ...at },
      ],
    },
  };
}
