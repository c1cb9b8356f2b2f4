import type { Actor, Place } from '../actor.ts';
import type { SecondFactor } from './step-up.ts';

/**
 * The life of a promotion:
 * `evaluating -> awaiting-approval -> approved -> rolling-out -> live`. Before its rollout begins it may end as `refused` (a gate fails),
 * `failed` (its version cannot be evaluated), `rejected`, `expired`, `superseded` or `cancelled`; a rollout that fails goes by `rolling-back` to `halted`, with what served before
 * serving again, or to `failed`, where that could not be done.
 */
export const promotionStates = [
  'evaluating',
  'awaiting-approval',
  'approved',
  'rolling-out',
  'rolling-back',
  'live',
  'refused',
  'rejected',
  'expired',
  'superseded',
  'cancelled',
  'halted',
  'failed',
] as const;
export type PromotionState = (typeof promotionStates)[number];

/** Every arrow of the life above. A test holds the transitions below to it. */
export const promotionMoves = {
  evaluating: ['awaiting-approval', 'approved', 'refused', 'failed', 'superseded', 'cancelled', 'expired'],
  // Back to `evaluating`: what was to be decided on has changed.
  'awaiting-approval': ['evaluating', 'approved', 'rejected', 'superseded', 'cancelled', 'expired'],
  approved: ['evaluating', 'rolling-out', 'superseded', 'cancelled', 'expired'],
  'rolling-out': ['live', 'rolling-back'],
  'rolling-back': ['halted', 'failed'],
  live: [],
  refused: [],
  rejected: [],
  expired: [],
  superseded: [],
  cancelled: [],
  halted: [],
  failed: [],
} as const satisfies Record<PromotionState, readonly PromotionState[]>;

export const promotionKinds = ['promote', 'rollback'] as const;

/** What somebody said to it. It counts for the evidence that they were shown, and no other. */
export interface Answer {
  says: 'approve' | 'reject';
  by: Actor;
  /** The person behind the account: two accounts of one person are one answer. */
  person: string;
  evidence: string;
  /** Why; never empty for a rejection. */
  reason: string;
  at: Date;
  /** With which they said it, where one was asked for. */
  factor?: SecondFactor;
  /** The review on GitHub that said it. */
  review?: number | undefined;
}

export interface Promotion {
  number: number;
  kind: (typeof promotionKinds)[number];
  model: string;
  version: number;
  environment: string;
  /** What served there when it was asked for; null: nothing. */
  before: number | null;
  requestedBy: Actor;
  place: Place;
  /** Why it was asked for; empty: nobody said. */
  reason: string;
  state: PromotionState;
  /** The run by which it had its version evaluated; null: none was begun for it. */
  evaluation: number | null;
  /** Digest of the evidence that is decided on; null before there is any. */
  evidence: string | null;
  /** How many persons must approve. */
  needed: number;
  answers: readonly Answer[];
  /** The step of its rollout, from 0; null before it begins. */
  step: number | null;
  /** When that step was reached. */
  stepAt: Date | null;
  /** One sentence: why it waits, or how it ended. */
  said: string;
  createdAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
}

export interface PromotionEvent {
  type: PromotionState | 'evaluates' | 'answered' | 'withdrawn' | 'passed' | 'step' | 'waits';
  from: PromotionState;
  to: PromotionState;
  actor: Actor;
  /** One sentence. */
  reason: string;
  at: Date;
}

export type PromotionChange =
  /** A run is to measure its version first. Answers given for what was measured before do not count. */
  | { type: 'evaluate'; run: number; reason: string }
  /** The evidence was gathered. `holds`: all gates do. With other evidence than before, answers given for that do not count. */
  | {
      type: 'judged';
      evidence: string;
      holds: boolean;
      /** How many persons must approve, as it is asked now. */
      needed: number;
      reason: string;
    }
  /** `evidence`: of what the one who answers was shown. */
  | { type: 'answer'; answer: Answer }
  /** What a review approved does not count any more. */
  | { type: 'withdraw'; review: number }
  /** An emergency: it needs no more approvals. `evidence`: of what whoever said so was shown. */
  | { type: 'pass'; evidence: string; reason: string }
  /** What keeps one from being decided on or an approved one from beginning, or one that has begun from going on. */
  | { type: 'wait'; reason: string }
  /** The rollout begins, or reaches another step. */
  | { type: 'step'; step: number; reason: string }
  | { type: 'live'; reason: string }
  | { type: 'halt'; reason: string }
  /** What served before does so again. */
  | { type: 'restored'; reason: string }
  | { type: 'failed'; reason: string }
  | { type: 'supersede' | 'cancel' | 'expire'; reason: string };

export type PromotionTransition =
  | { ok: true; promotion: Promotion; events: PromotionEvent[] }
  /**
   * None of these changes anything. `ended`: it is over; `stale`: it is so already, or cannot be now; `evidence`: it answers what is no
   * longer decided on; `answered`: that person has said so.
   */
  | { ok: false; code: 'ended' | 'stale' | 'evidence' | 'answered' };

export function isOver(state: PromotionState): boolean {
  return promotionMoves[state].length === 0;
}

/** Why its rollout went back; null: it did not. */
export function whyBack(events: readonly PromotionEvent[]): string | null {
  return events.findLast(({ from, to }) => to === 'rolling-back' && from !== to)?.reason ?? null;
}

/** Its rollout has begun: a newer promotion waits for it rather than taking its place. */
export function isMoving(state: PromotionState): boolean {
  return state === 'rolling-out' || state === 'rolling-back';
}

/** The persons whose approval counts now. */
export function approvalsOf({ answers, evidence }: Pick<Promotion, 'answers' | 'evidence'>): Answer[] {
  const counted = new Map<string, Answer>();
  for (const answer of answers)
    if (answer.says === 'approve' && answer.evidence === evidence && !counted.has(answer.person))
      counted.set(answer.person, answer);
  return [...counted.values()];
}

/** The only way in which a promotion changes. Repeating a change answers `stale` and is harmless. */
export function changed(
  promotion: Promotion,
  change: PromotionChange,
  now: Date,
  actor: Actor,
): PromotionTransition {
  const { state } = promotion;
  if (isOver(state)) return { ok: false, code: 'ended' };
  const stale: PromotionTransition = { ok: false, code: 'stale' };
  const moved = (to: PromotionState, reason: string, more: Partial<Promotion> = {}): PromotionTransition => {
    if (!(promotionMoves[state] as readonly PromotionState[]).includes(to)) return stale;
    const next: Promotion = { ...promotion, ...more, state: to, said: reason };
    return {
      ok: true,
      promotion: isOver(to) ? { ...next, endedAt: now } : next,
      events: [{ type: to, from: state, to, actor, reason, at: now }],
    };
  };
  const stays = (
    type: PromotionEvent['type'],
    reason: string,
    more: Partial<Promotion>,
  ): PromotionTransition => ({
    ok: true,
    promotion: { ...promotion, ...more },
    events: [{ type, from: state, to: state, actor, reason, at: now }],
  });
  switch (change.type) {
    case 'evaluate': {
      const { run: evaluation, reason } = change;
      if (isMoving(state) || promotion.evaluation === evaluation) return stale;
      if (state === 'evaluating') return stays('evaluates', reason, { evaluation, said: reason });
      return moved('evaluating', reason, { evaluation, evidence: null });
    }
    case 'judged':
      return judged(promotion, change, { moved, stale });
    case 'answer': {
      const { answer } = change;
      if (state !== 'awaiting-approval') return stale;
      if (answer.evidence !== promotion.evidence) return { ok: false, code: 'evidence' };
      const same = promotion.answers.some(
        one => one.person === answer.person && one.says === answer.says && one.evidence === answer.evidence,
      );
      if (same) return { ok: false, code: 'answered' };
      const answers = [...promotion.answers, answer];
      if (answer.says === 'reject')
        return moved('rejected', `${answer.by.name} rejected it: ${answer.reason}`, { answers });
      const approved = approvalsOf({ answers, evidence: promotion.evidence });
      if (approved.length >= promotion.needed)
        return moved('approved', approvedSentence(approved), { answers });
      const how = answer.factor ? ' with a second factor' : '';
      const reason = `${answer.by.name} approved it${how}: ${approved.length} of ${promotion.needed}.`;
      return stays('answered', reason, { answers, said: reason });
    }
    case 'withdraw': {
      const answers = promotion.answers.filter(one => one.review !== change.review || one.says !== 'approve');
      const gone = promotion.answers.find(one => !answers.includes(one));
      // What is decided stays so.
      if (!gone || (state !== 'awaiting-approval' && state !== 'evaluating')) return stale;
      const left = approvalsOf({ answers, evidence: promotion.evidence }).length;
      const reason = `The review by which ${gone.by.name} approved it was dismissed: ${left} of ${promotion.needed}.`;
      return stays('withdrawn', reason, { answers, said: reason });
    }
    case 'pass': {
      if (state !== 'awaiting-approval') return stale;
      if (change.evidence !== promotion.evidence) return { ok: false, code: 'evidence' };
      const passed = moved('approved', change.reason);
      return passed.ok
        ? { ...passed, events: passed.events.map(event => ({ ...event, type: 'passed' })) }
        : passed;
    }
    case 'wait':
      if (promotion.said === change.reason) return stale;
      // Why a run waits changes often, and its own record says it.
      if (state === 'evaluating')
        return { ok: true, promotion: { ...promotion, said: change.reason }, events: [] };
      if (state !== 'approved' && !isMoving(state)) return stale;
      return stays('waits', change.reason, { said: change.reason });
    case 'step': {
      const { step, reason } = change;
      const more = { step, stepAt: now };
      if (state === 'approved') return moved('rolling-out', reason, more);
      if (state !== 'rolling-out' || (promotion.step ?? -1) >= step) return stale;
      return stays('step', reason, { ...more, said: reason });
    }
    case 'live':
      return moved('live', change.reason);
    case 'halt':
      return moved('rolling-back', change.reason);
    case 'restored':
      return moved('halted', change.reason);
    case 'failed':
      return moved('failed', change.reason);
    case 'supersede':
      return moved('superseded', change.reason);
    case 'cancel':
      return moved('cancelled', change.reason);
    case 'expire':
      return now.getTime() < promotion.expiresAt.getTime() ? stale : moved('expired', change.reason);
  }
}

interface Ways {
  moved(to: PromotionState, reason: string, more?: Partial<Promotion>): PromotionTransition;
  stale: PromotionTransition;
}

/** The same evidence again changes nothing, other evidence starts over. */
function judged(
  promotion: Promotion,
  { evidence, holds, needed, reason }: Extract<PromotionChange, { type: 'judged' }>,
  { moved, stale }: Ways,
): PromotionTransition {
  const { state, kind } = promotion;
  if (isMoving(state)) return stale;
  if (state !== 'evaluating')
    return evidence === promotion.evidence ? stale : moved('evaluating', reason, { evidence: null });
  if (!holds) return moved('refused', reason, { evidence });
  // Nor do answers from before count where it has changed back to what they were given for: all were told that they are void.
  const answers = promotion.answers.filter(one => one.evidence !== evidence);
  const more = { evidence, needed, answers };
  if (kind === 'rollback' || needed === 0) return moved('approved', reason, more);
  return moved('awaiting-approval', reason, more);
}

/** `octocat and hubot approved it.`, `octocat approved it with a second factor.` */
function approvedSentence(answers: readonly Answer[]): string {
  const names = answers.map(({ by }) => by.name);
  const last = names.pop() ?? 'Nobody';
  const how = answers.every(({ factor }) => factor) ? ' with a second factor' : '';
  return `${names.length > 0 ? `${names.join(', ')} and ` : ''}${last} approved it${how}.`;
}
