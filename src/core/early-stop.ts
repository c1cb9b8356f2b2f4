import type { Better } from './metric-direction.ts';

/** How members of a sweep may be stopped before they end. */
export const earlyStops = ['median'] as const;
export type EarlyStopRule = (typeof earlyStops)[number];

/** Nothing is stopped before so many members have succeeded, and before a member has reported so many values of the metric. */
export const medianRule = { completed: 3, values: 5 } as const;

/** A member that is at work, as far as it has come. */
export interface Trial {
  /** The last step that it reported the metric at. */
  step: number;
  /** How many values of the metric it has reported. */
  values: number;
  /** The best of them. */
  best: number;
  /** Of each member that succeeded: the mean of its values up to that step. */
  averages: readonly number[];
}

/** By what a member was found hopeless. */
export interface EarlyStop {
  step: number;
  /** Its best value by then. */
  value: number;
  median: number;
  /** Of how many members that is the median. */
  completed: number;
}

/**
 * The median stopping rule: a member is stopped at a step where its best value by then is strictly worse than the median of the running
 * averages, up to that step, of those that have completed (Golovin et al., "Google Vizier", KDD 2017, section 3.2.1). It assumes nothing
 * about the shape of curves. What has no value by that step says nothing about it.
 */
export function medianStop({ step, values, best, averages }: Trial, better: Better): EarlyStop | null {
  const known = averages.filter(Number.isFinite);
  if (known.length < medianRule.completed || values < medianRule.values || !Number.isFinite(best))
    return null;
  const median = medianOf(known);
  const isWorse = better === 'higher' ? best < median : best > median;
  return isWorse ? { step, value: best, median, completed: known.length } : null;
}

/** Of an even number the mean of the two in the middle. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  // Halved before they are added, so that two large ones stay a number.
  return sorted.length % 2 === 1 ? upper : (sorted[half - 1] ?? Number.NaN) / 2 + upper / 2;
}
