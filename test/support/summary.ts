import type { MetricSummary } from '../../src/core/ports.ts';

/** A metric that had one value all the time. */
export function summaryOf(name: string, step: number, value: number, count = step): MetricSummary {
  return { name, step, value, count, least: { value, step }, most: { value, step } };
}
