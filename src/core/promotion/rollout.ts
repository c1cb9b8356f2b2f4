import { formatDuration, formatNumber } from '../format.ts';
import { type Holds, holds } from './holds.ts';
import type { Promotion } from './promotion.ts';

/** How a version comes to serve in an environment, in seconds and in requests of a hundred. */
export interface RolloutPlan {
  steps: readonly number[];
  bakeS: number;
  /** From when its command began. */
  readyWithinS: number;
  /** How long it may wait until a machine has room for it. */
  roomWithinS: number;
  check: Holds | null;
  /** How long after baking a check without data is waited for. */
  dataWithinS: number;
}

/** What a target says of one version. `waiting`: no machine has begun it; `starting`, `said`: what keeps it, where that is known. */
export type VersionState =
  | { state: 'absent' }
  | { state: 'waiting'; said: string }
  | { state: 'starting'; since: Date; said?: string }
  | { state: 'ready' }
  | { state: 'failed'; said: string };

/** Who changed what serves last, and how far that one was. */
export interface ServingHold {
  promotion: number;
  stage: number;
  at: Date;
  /** What served before that promotion began; null: nothing. */
  before: number | null;
}

/** What a check came to; NaN and no answer are no data. */
export type Checked = { value: number } | { missing: string };

export interface RolloutSeen {
  /** Null: nothing has ever served there. */
  hold: ServingHold | null;
  weights: Weights;
  states: ReadonlyMap<number, VersionState>;
  /** Null: not asked. */
  check: Checked | null;
  /** Why no rollout goes on (a freeze); null: nothing is in the way. Rollbacks go on. */
  frozen: string | null;
  /** Why none begins now (quiet hours). */
  quiet: string | null;
}

export const waitCodes = [
  'frozen',
  'quiet',
  'no-room',
  'not-ready',
  'baking',
  'no-data',
  'restoring',
] as const;
export const haltCodes = [
  'not-ready',
  'no-room',
  'stopped-serving',
  'check-failed',
  'no-data',
  'overtaken',
] as const;

export interface Applying {
  stage: number;
  weights: Weights;
  /** What served before this promotion began. */
  before: number | null;
  /** Those that are started again when they end. One that is on trial is not: that it ended is the news. */
  settled: readonly number[];
}

/** Requests of a hundred by version; a version that is not in it is not kept ready. */
export type Weights = Readonly<Record<number, number>>;

/**
 * Exactly one thing. `step`, `live`, `halt`, `restored` and `failed` are changes of the promotion; `apply` is one of the target, under a
 * stage that only goes up.
 */
export type RolloutNext =
  | { do: 'step'; step: number; reason: string }
  | ({ do: 'apply' } & Applying)
  | { do: 'wait'; code: (typeof waitCodes)[number]; reason: string }
  | { do: 'live'; reason: string }
  | { do: 'halt'; code: (typeof haltCodes)[number]; reason: string }
  | { do: 'restored'; reason: string }
  | { do: 'failed'; reason: string }
  | { do: 'nothing' };

/** Beyond every step, of which there are at most 20; however many are declared by then. */
export const liveStage = 100;
/** Beyond every stage of a rollout. */
export const restoreStage = 1_000;

const prepareStage = 0;
const weightStage = (step: number) => step + 1;

/**
 * What to do next, from what is stored and seen alone: whoever was killed between two of these goes on by asking again. Every effect is
 * seen before the next one is asked for, and each may be repeated.
 */
export function nextStep(
  promotion: Pick<Promotion, 'number' | 'kind' | 'version' | 'state' | 'step'>,
  plan: RolloutPlan,
  seen: RolloutSeen,
  now: Date,
): RolloutNext {
  const mine = seen.hold?.promotion === promotion.number ? seen.hold : null;
  if (promotion.state === 'rolling-back') return restoring(promotion, plan, seen, mine, now);
  const isHeld = promotion.kind === 'promote';
  if (promotion.state === 'approved') {
    if (isHeld && seen.frozen !== null) return { do: 'wait', code: 'frozen', reason: seen.frozen };
    if (isHeld && seen.quiet !== null) return { do: 'wait', code: 'quiet', reason: seen.quiet };
    return { do: 'step', step: 0, reason: `${called(promotion)} is being made ready.` };
  }
  if (promotion.state !== 'rolling-out' || promotion.step === null) return { do: 'nothing' };
  const other = seen.hold?.promotion ?? 0;
  if (other > promotion.number)
    return { do: 'halt', code: 'overtaken', reason: `P${other} has changed what serves there meanwhile.` };
  return goingOn(promotion, promotion.step, plan, seen, mine, isHeld, now);
}

function goingOn(
  promotion: Pick<Promotion, 'version'>,
  step: number,
  { steps, ...plan }: RolloutPlan,
  seen: RolloutSeen,
  mine: ServingHold | null,
  isHeld: boolean,
  now: Date,
): RolloutNext {
  const { version } = promotion;
  if (mine && mine.stage >= liveStage)
    return { do: 'live', reason: `${called(promotion)} answers all requests.` };
  // 1. It is to be there, and gets no requests yet. What serves now is found where this is written.
  const before = mine ? mine.before : mostOf(seen.weights);
  const settled = before === null ? [] : [before];
  if (!mine) return { do: 'apply', stage: prepareStage, weights: split(before, version, 0), before, settled };
  // 2. It answers, now and at every later look.
  const ready = readiness(promotion, plan, seen, mine, now);
  if (ready) return ready;
  // 3. Its part of the requests.
  const weight = steps[step] ?? 100;
  const isLast = step >= steps.length - 1;
  if (mine.stage < weightStage(step)) {
    if (isHeld && seen.frozen !== null) return { do: 'wait', code: 'frozen', reason: seen.frozen };
    const stage = weightStage(step);
    return { do: 'apply', stage, weights: split(before, version, weight), before, settled };
  }
  // 4. It proves itself for a while. The last step has nothing to wait for where nothing is checked.
  const baked = isLast && !plan.check ? null : baking({ weight, ...plan }, seen, mine, now);
  if (baked) return baked;
  if (isLast)
    return {
      do: 'apply',
      stage: liveStage,
      weights: { [version]: 100 },
      before,
      settled: [version],
    };
  if (isHeld && seen.frozen !== null) return { do: 'wait', code: 'frozen', reason: seen.frozen };
  const next = steps[step + 1] ?? 100;
  return { do: 'step', step: step + 1, reason: `${called(promotion)} gets ${next} % of the requests.` };
}

/** Null: it is ready. */
function readiness(
  promotion: Pick<Promotion, 'version'>,
  { readyWithinS, roomWithinS }: Pick<RolloutPlan, 'readyWithinS' | 'roomWithinS'>,
  { states }: RolloutSeen,
  mine: ServingHold,
  now: Date,
): RolloutNext | null {
  const is = states.get(promotion.version) ?? { state: 'absent' };
  const name = called(promotion);
  switch (is.state) {
    case 'ready':
      return null;
    case 'failed': {
      const code = mine.stage === prepareStage ? 'not-ready' : 'stopped-serving';
      return { do: 'halt', code, reason: `${name} does not serve: ${is.said}` };
    }
    case 'absent':
    case 'waiting': {
      const said = is.state === 'waiting' ? is.said : 'It is about to be started.';
      if (isOver(mine.at, roomWithinS, now))
        return {
          do: 'halt',
          code: 'no-room',
          reason: `No machine had room for ${lower(name)} within ${formatDuration(roomWithinS)}. ${said}`,
        };
      return { do: 'wait', code: 'no-room', reason: `${name} is not at work yet. ${said}` };
    }
    case 'starting': {
      if (isOver(is.since, readyWithinS, now))
        return {
          do: 'halt',
          code: 'not-ready',
          reason: `${name} was not ready within ${formatDuration(readyWithinS)}.${kept(is)}`,
        };
      return {
        do: 'wait',
        code: 'not-ready',
        reason: `${name} has been started and is not ready yet.${kept(is)}`,
      };
    }
  }
}

/** Null: it has baked, and what was checked holds. */
function baking(
  {
    weight,
    bakeS,
    check,
    dataWithinS,
  }: Pick<RolloutPlan, 'bakeS' | 'check' | 'dataWithinS'> & { weight: number },
  seen: RolloutSeen,
  { at }: ServingHold,
  now: Date,
): RolloutNext | null {
  const checked = check ? (seen.check ?? { missing: 'It has not been asked yet.' }) : null;
  const value = checked && 'value' in checked && !Number.isNaN(checked.value) ? checked.value : null;
  if (check && value !== null && !holds(check, value))
    return {
      do: 'halt',
      code: 'check-failed',
      reason: `At ${weight} % of the requests its check gave ${formatNumber(value)}, and ${check.text} must hold.`,
    };
  if (!isOver(at, bakeS, now))
    return {
      do: 'wait',
      code: 'baking',
      reason: `It gets ${weight} % of the requests, for ${formatDuration(bakeS)} in all.`,
    };
  if (!check || value !== null) return null;
  const why = checked && 'missing' in checked ? checked.missing : 'It gave NaN.';
  if (!isOver(at, bakeS + dataWithinS, now))
    return { do: 'wait', code: 'no-data', reason: `Its check has no data. ${why}` };
  const after = formatDuration(bakeS + dataWithinS);
  return { do: 'halt', code: 'no-data', reason: `Its check had no data after ${after}. ${why}` };
}

function restoring(
  { number }: Pick<Promotion, 'number'>,
  { readyWithinS, roomWithinS }: RolloutPlan,
  { hold, states }: RolloutSeen,
  mine: ServingHold | null,
  now: Date,
): RolloutNext {
  if (hold && hold.promotion > number)
    return { do: 'failed', reason: `P${hold.promotion} has changed what serves there meanwhile.` };
  // It had changed nothing yet.
  if (!mine) return { do: 'restored', reason: 'What served before goes on.' };
  const { before } = mine;
  if (mine.stage < restoreStage)
    return {
      do: 'apply',
      stage: restoreStage,
      weights: before === null ? {} : { [before]: 100 },
      before,
      settled: before === null ? [] : [before],
    };
  if (before === null) return { do: 'restored', reason: 'Nothing served before, and nothing does now.' };
  const is = states.get(before) ?? { state: 'absent' };
  if (is.state === 'ready')
    return { do: 'restored', reason: `Version ${before} answers all requests again.` };
  const isQueued = is.state === 'waiting' || is.state === 'absent';
  // One that has served for long may be busy for a moment: it has all of its time from here on, and again where it is started again.
  const since = is.state === 'starting' && is.since > mine.at ? is.since : mine.at;
  if (isOver(since, isQueued ? roomWithinS : readyWithinS, now)) {
    return {
      do: 'failed',
      reason: `Version ${before}, which served before, is not ready either.${kept(is)}`,
    };
  }
  return {
    do: 'wait',
    code: 'restoring',
    reason: `Version ${before} is to serve again, and is not ready yet.`,
  };
}

/** The version that gets most of the requests; null: there is none. */
function mostOf(weights: Weights): number | null {
  let most: number | null = null;
  for (const [version, weight] of Object.entries(weights))
    if (weight > (most === null ? 0 : (weights[most] ?? 0))) most = Number(version);
  return most;
}

/** A version that serves there already keeps all of it. */
function split(before: number | null, version: number, weight: number): Weights {
  if (before === null) return { [version]: weight };
  return before === version ? { [version]: 100 } : { [before]: 100 - weight, [version]: weight };
}

function called({ version }: Pick<Promotion, 'version'>): string {
  return `Version ${version}`;
}

function kept(is: VersionState): string {
  return 'said' in is && is.said ? ` ${is.said}` : '';
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function isOver(since: Date, seconds: number, now: Date): boolean {
  return now.getTime() - since.getTime() >= seconds * 1_000;
}
