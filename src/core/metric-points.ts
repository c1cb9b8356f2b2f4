import { cleanLine } from './format.ts';
import type { MetricPoint } from './ports.ts';
import { redact } from './redact.ts';

/** What one run may report. What goes beyond is left out, and its owner is told once. */
export const metricLimits = {
  /** Names of one run; those that it reported first stay. */
  names: 1_000,
  /** Points of one run, of all its metrics. */
  points: 10_000_000,
  /** Names whose values were not finite that are kept count of: as many as there may be, for a model may diverge in all of them at once. */
  notFinite: 1_000,
} as const;

/**
 * A name has at most 100 characters: letters and digits of any script, `_`, and inside also `. / @ ( ) -` and single spaces. So nothing
 * in it is invisible, turns the direction of text, or means anything to those who show it, and no address and
 * no base64 is one.
 */
const metricName = /^(?=.{1,100}$)[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_./@()-]| (?! ))*(?<! )$/u;

/** Why a point is left out. `line`: no metric could be read from a line that was meant to hold some. */
export type Refusal = 'name' | 'step' | 'value' | 'names' | 'points' | 'line';
export const refusals = ['name', 'step', 'value', 'names', 'points', 'line'] as const satisfies Refusal[];

export interface RefusedPoint {
  why: Refusal;
  name: string;
  step: number;
}

export interface SortedPoints {
  points: MetricPoint[];
  refused: RefusedPoint[];
}

/**
 * Which points are kept: a fitting name that has not the shape of a token, a whole step from 0 to 2^53 - 1, and a value that is finite. A
 * value of -0 is 0.
 */
export function sortPoints(points: readonly MetricPoint[]): SortedPoints {
  const fits = new Map<string, boolean>();
  const sorted: SortedPoints = { points: [], refused: [] };
  for (const point of points) {
    const { name, step, value } = point;
    let isName = fits.get(name);
    if (isName === undefined) {
      isName = isMetricName(name) && redact(name) === name;
      fits.set(name, isName);
    }
    const why = isName ? whyNot(step, value) : 'name';
    if (why) sorted.refused.push({ why, name, step });
    else sorted.points.push(Object.is(value, -0) ? { ...point, value: 0 } : point);
  }
  return sorted;
}

function whyNot(step: number, value: number): 'step' | 'value' | null {
  if (!Number.isSafeInteger(step) || step < 0) return 'step';
  return Number.isFinite(value) ? null : 'value';
}

export function isMetricName(name: string): boolean {
  return metricName.test(name);
}

/** What was left out of one run so far: kept with it, and shown. Repeats change nothing. */
export interface LeftOut {
  /** By name: how many values, up to which attempt and step. */
  notFinite: { name: string; count: number; attempt: number; step: number }[];
  /** One example each of the other reasons, for people. */
  examples: Partial<Record<Exclude<Refusal, 'value'>, string>>;
}

export const nothingLeftOut: LeftOut = { notFinite: [], examples: {} };

/** The same object where nothing is new. Of values that are not finite those count that stand behind all counted before. */
export function leaveOut(known: LeftOut, attempt: number, refused: readonly RefusedPoint[]): LeftOut {
  let { examples } = known;
  for (const { why, name } of refused)
    if (why !== 'value' && examples[why] === undefined) examples = { ...examples, [why]: shownName(name) };
  const values = refused.filter(({ why }) => why === 'value').toSorted((a, b) => a.step - b.step);
  const notFinite = new Map(known.notFinite.map(one => [one.name, one]));
  let isNew = examples !== known.examples;
  for (const { name, step } of values) {
    const before = notFinite.get(name);
    if (before && (attempt < before.attempt || (attempt === before.attempt && step <= before.step))) continue;
    if (!before && notFinite.size >= metricLimits.notFinite) continue;
    // The newest stand last.
    notFinite.delete(name);
    notFinite.set(name, { name, count: (before?.count ?? 0) + 1, attempt, step });
    isNew = true;
  }
  return isNew ? { notFinite: [...notFinite.values()], examples } : known;
}

function shownName(name: string): string {
  return cleanLine(redact(name), 60);
}

const because: Record<Exclude<Refusal, 'value'>, (example: string) => string> = {
  name: example => `names that cannot be shown${example === '' ? '' : ` (such as ${example})`}`,
  step: example => `steps that are no whole numbers from 0 on (such as one of ${example})`,
  names: example =>
    `all names after the first ${metricLimits.names.toLocaleString('en-US')} (such as ${example})`,
  points: () => `all points after the first ${metricLimits.points.toLocaleString('en-US')}`,
  line: () => 'lines of its metrics file that are no metrics',
};
const shownNames = 3;

/** `12 values of loss that are not finite, the last at step 120`, one for each reason. */
export function leftOutSentences({ notFinite, examples }: LeftOut): string[] {
  const count = notFinite.reduce((sum, one) => sum + one.count, 0);
  const last = notFinite.reduce((step, one) => Math.max(step, one.step), 0);
  const names = notFinite.slice(0, shownNames).map(one => one.name);
  const more = notFinite.length > names.length ? ` and ${notFinite.length - names.length} more` : '';
  const values = `${count.toLocaleString('en-US')} value${count === 1 ? '' : 's'} of ${names.join(', ')}${more}`;
  const is = count === 1 ? 'is not finite, at' : 'are not finite, the last at';
  return [
    ...(count === 0 ? [] : [`${values} that ${is} step ${last.toLocaleString('en-US')}`]),
    ...refusals.flatMap(why => {
      if (why === 'value') return [];
      const example = examples[why];
      return example === undefined ? [] : [because[why](example)];
    }),
  ];
}
