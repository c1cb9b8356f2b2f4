import { secondsBetween } from './format.ts';
import type { MetricPoint } from './ports.ts';
import { isOnMachine, type Run } from './run.ts';

/** How the newest attempt of a run comes forward, as Signalbox heard of it. Times are in milliseconds since 1970. */
export interface Pace {
  attempt: number;
  /** The step that it named last. A run may begin again at a lower one: any other step is one more. */
  step: number;
  /** When that came. */
  at: number;
  /** Seconds between one step and the next, the newest last; those of earlier attempts count too, the pause between them does not. */
  intervals: readonly number[];
  /** The longest of the attempt, kept or not. */
  longestS: number;
  /** Where it was at some moments, the newest last. */
  marks: readonly { at: number; step: number; epoch: number | null }[];
}

const keptIntervals = 31;
const keptMarks = 32;
/** Marks of a run that makes many steps are apart by this part of its time, so that they reach back far enough. */
const markPart = 1 / 200;
const markGapMs = 1_000;

/** What a report says of how far the run is; null: it names no step of its own. */
function stepIn(points: readonly MetricPoint[]): { step: number; epoch: number | null } | null {
  let step: number | null = null;
  let epoch: MetricPoint | null = null;
  for (const point of points) {
    if (point.counted) continue;
    if (step === null || point.step > step) step = point.step;
    if (point.name === 'epoch' && (epoch === null || point.step > epoch.step)) epoch = point;
  }
  return step === null ? null : { step, epoch: epoch?.value ?? null };
}

/** The pace after a report; the same where that says nothing new. */
export function advance(
  known: Pace | null,
  attempt: number,
  points: readonly MetricPoint[],
  now: Date,
): Pace | null {
  const said = stepIn(points);
  if (!said || (known && attempt < known.attempt)) return known;
  const at = now.getTime();
  const before = known?.attempt === attempt ? known : null;
  if (before && said.step === before.step) return known;
  if (!before)
    return {
      ...{ attempt, step: said.step, at, longestS: 0 },
      intervals: known?.intervals ?? [],
      marks: [{ at, ...said }],
    };
  const interval = Math.max(0, at - before.at) / 1_000;
  return {
    attempt,
    step: said.step,
    at,
    intervals: [...before.intervals, interval].slice(-keptIntervals),
    longestS: Math.max(before.longestS, interval),
    marks: marksAfter(before.marks, { at, ...said }),
  };
}

type Mark = Pace['marks'][number];

function marksAfter(marks: readonly Mark[], now: Mark): readonly Mark[] {
  const [first, last, prior] = [marks[0], marks.at(-1), marks.at(-2)];
  // It begins again: what came before says nothing of what is left.
  if (!first || !last || now.step < last.step) return [now];
  const epoch = now.epoch ?? last.epoch;
  const gap = Math.max(markGapMs, (now.at - first.at) * markPart);
  const kept = prior && last.at - prior.at < gap ? marks.slice(0, -1) : marks;
  return [...kept, { ...now, epoch }].slice(-keptMarks);
}

/**
 * Seconds until the counter has come as far as `left` more, from its pace between the marks, which are of this attempt alone; null where
 * that is not known yet.
 */
export function secondsLeft(pace: Pace, counter: 'step' | 'epoch', left: number, now: Date): number | null {
  const known = pace.marks.flatMap(mark => {
    const value = mark[counter];
    return value === null ? [] : [{ at: mark.at, value }];
  });
  const [first, last] = [known[0], known.at(-1)];
  if (!first || !last || last.value <= first.value || last.at <= first.at) return null;
  // The newest mark may be one at which the counter stood already.
  const reached = known.findIndex(mark => mark.value === last.value);
  const [at, before] = [known[reached]?.at ?? last.at, known[reached - 1]?.value ?? first.value];
  if (at <= first.at) return null;
  const each = (at - first.at) / (last.value - first.value);
  // The counter has not moved since: it is on its way to its next value, and not beyond.
  const since = Math.min(Math.max(0, now.getTime() - at), each * Math.min(left, last.value - before));
  const leftS = (left * each - since) / 1_000;
  return leftS >= 1 ? leftS : null;
}

/** A run is stalled after so many of its usual intervals, but never before so many seconds, nor before twice its longest pause so far. */
const stallFactor = 10;
const stallFloorS = 300;
const stallPauses = 2;
const fewestIntervals = 3;

export interface Stall {
  /** Since its last step. */
  forS: number;
  /** The median of its intervals. */
  usualS: number;
}

/**
 * Whether a run has come to a halt: no step for `max(10 x the median of its own intervals, twice its longest one in this attempt, 5 min)`.
 * Never said of one that names no steps, has made less than four, or has made all of them. `heardSince`: since when its machine has been
 * heard without a gap, for what it does not tell is not known; null: it is silent.
 */
export function stallOf(
  run: Pick<Run, 'state' | 'stopping' | 'attempt'>,
  pace: Pace | null,
  heardSince: Date | null,
  now: Date,
): Stall | null {
  if (!pace || !heardSince || run.stopping || run.state !== 'running' || pace.attempt !== run.attempt)
    return null;
  const usualS = medianOf(pace.intervals);
  if (usualS === null) return null;
  const least = Math.max(stallFloorS, stallFactor * usualS, stallPauses * pace.longestS);
  const last = new Date(pace.at);
  const quiet = Math.min(secondsBetween(last, now), secondsBetween(heardSince, now));
  return quiet >= least ? { forS: secondsBetween(last, now), usualS } : null;
}

/** The earliest moment of a last step at which somebody may be stalled now. */
export function stalledBefore(now: Date): Date {
  return new Date(now.getTime() - stallFloorS * 1_000);
}

function medianOf(intervals: readonly number[]): number | null {
  if (intervals.length < fewestIntervals) return null;
  const sorted = intervals.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** Whether what it reports is still of use to say how long it takes. */
export function isPaced(run: Run, pace: Pace | null): pace is Pace {
  return pace !== null && pace.attempt === run.attempt && !run.stopping && isOnMachine(run.state);
}
