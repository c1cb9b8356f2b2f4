import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Actor, system } from '../../../src/core/actor.ts';
import {
  type Answer,
  approvalsOf,
  changed,
  isMoving,
  isOver,
  type Promotion,
  type PromotionChange,
  type PromotionState,
  promotionMoves,
  promotionStates,
} from '../../../src/core/promotion/promotion.ts';

const now = new Date('2026-03-10T12:00:00Z');
const later = new Date('2026-03-12T12:00:00Z');
const person = (name: string): Actor => ({ kind: 'slack', id: `T1/${name}`, name });

const promotion = (more: Partial<Promotion> = {}): Promotion => ({
  number: 12,
  kind: 'promote',
  model: 'digits',
  version: 7,
  environment: 'production',
  before: 6,
  requestedBy: person('octocat'),
  place: { kind: 'http' },
  reason: '',
  state: 'awaiting-approval',
  evaluation: null,
  evidence: 'e1',
  needed: 2,
  answers: [],
  step: null,
  stepAt: null,
  said: '',
  createdAt: now,
  expiresAt: new Date('2026-03-11T12:00:00Z'),
  endedAt: null,
  ...more,
});

const answer = (who: string, says: Answer['says'] = 'approve', more: Partial<Answer> = {}): Answer => ({
  says,
  by: person(who),
  person: who,
  evidence: 'e1',
  reason: says === 'reject' ? 'too slow' : '',
  at: now,
  ...more,
});
const said = (one: Answer): PromotionChange => ({ type: 'answer', answer: one });
const judged = (evidence: string, holds = true, needed = 2): PromotionChange => ({
  type: 'judged',
  evidence,
  holds,
  needed,
  reason: 'r',
});

const rows: [name: string, from: Partial<Promotion>, change: PromotionChange, then: string, at?: Date][] = [
  [
    'gates hold, two must approve',
    { state: 'evaluating', evidence: null },
    judged('e1'),
    'awaiting-approval',
  ],
  ['gates hold, nobody need approve', { state: 'evaluating' }, judged('e1', true, 0), 'approved'],
  [
    'one more must approve than before',
    { state: 'evaluating', needed: 1 },
    judged('e1'),
    'awaiting-approval',
  ],
  ['passed in an emergency', {}, { type: 'pass', evidence: 'e1', reason: 'r' }, 'approved'],
  ['passed, as it was before', {}, { type: 'pass', evidence: 'e0', reason: 'r' }, 'evidence'],
  [
    'passed while it is looked at',
    { state: 'evaluating' },
    { type: 'pass', evidence: 'e1', reason: 'r' },
    'stale',
  ],
  [
    'its version is to be measured first',
    { state: 'evaluating' },
    { type: 'evaluate', run: 61, reason: 'r' },
    'evaluating',
  ],
  [
    'it is to be measured in another way',
    { evaluation: 60 },
    { type: 'evaluate', run: 61, reason: 'r' },
    'evaluating',
  ],
  [
    'so after it was approved',
    { state: 'approved' },
    { type: 'evaluate', run: 61, reason: 'r' },
    'evaluating',
  ],
  [
    'so while it is rolled out',
    { state: 'rolling-out', step: 0 },
    { type: 'evaluate', run: 61, reason: 'r' },
    'stale',
  ],
  [
    'so after it was told',
    { state: 'evaluating', evaluation: 61 },
    { type: 'evaluate', run: 61, reason: 'r' },
    'stale',
  ],
  [
    'its evaluation failed',
    { state: 'evaluating', evaluation: 61 },
    { type: 'failed', reason: 'r' },
    'failed',
  ],
  ['one that is decided on cannot fail', {}, { type: 'failed', reason: 'r' }, 'stale'],
  ['it has to wait', { state: 'approved' }, { type: 'wait', reason: 'quiet' }, 'approved'],
  ['it still has to wait', { state: 'approved', said: 'quiet' }, { type: 'wait', reason: 'quiet' }, 'stale'],
  ['a rollback asks nobody', { state: 'evaluating', kind: 'rollback' }, judged('e1'), 'approved'],
  ['a gate fails', { state: 'evaluating' }, judged('e1', false), 'refused'],
  ['nothing new was gathered', {}, judged('e1'), 'stale'],
  ['the evidence changed while it was decided on', {}, judged('e2'), 'evaluating'],
  ['the evidence changed after it was approved', { state: 'approved' }, judged('e2'), 'evaluating'],
  ['the evidence changed as it is rolled out', { state: 'rolling-out', step: 0 }, judged('e2'), 'stale'],
  [
    'changed back to what was approved: that stays void',
    { state: 'evaluating', answers: [answer('a'), answer('b')] },
    judged('e1'),
    'awaiting-approval',
  ],
  [
    'approved, but for what it was before',
    { state: 'evaluating', answers: [answer('a'), answer('b')] },
    judged('e2'),
    'awaiting-approval',
  ],
  ['the first of two approves', {}, said(answer('a')), 'awaiting-approval'],
  ['the second approves', { answers: [answer('a')] }, said(answer('b')), 'approved'],
  ['the first again', { answers: [answer('a')] }, said(answer('a')), 'answered'],
  [
    'the first under a second account',
    { answers: [answer('a')] },
    said(answer('b', 'approve', { person: 'a' })),
    'answered',
  ],
  [
    'the second, where the first approved what it was before',
    { answers: [answer('a', 'approve', { evidence: 'e0' })] },
    said(answer('b')),
    'awaiting-approval',
  ],
  ['approves what is no longer decided on', {}, said(answer('a', 'approve', { evidence: 'e0' })), 'evidence'],
  ['rejects what is no longer decided on', {}, said(answer('a', 'reject', { evidence: 'e0' })), 'evidence'],
  [
    'what a review approved is withdrawn',
    { answers: [answer('a', 'approve', { review: 7 }), answer('b')] },
    { type: 'withdraw', review: 7 },
    'awaiting-approval',
  ],
  [
    'the same while it is looked at anew',
    { state: 'evaluating', answers: [answer('a', 'approve', { review: 7 })] },
    { type: 'withdraw', review: 7 },
    'evaluating',
  ],
  [
    'another review is withdrawn',
    { answers: [answer('a', 'approve', { review: 7 }), answer('b')] },
    { type: 'withdraw', review: 8 },
    'stale',
  ],
  [
    'a review is withdrawn that was decided by',
    { state: 'approved', answers: [answer('a', 'approve', { review: 7 })] },
    { type: 'withdraw', review: 7 },
    'stale',
  ],
  [
    'a review is withdrawn that rejected it',
    { state: 'rejected', answers: [answer('a', 'reject', { review: 7 })] },
    { type: 'withdraw', review: 7 },
    'ended',
  ],
  ['one rejects', { answers: [answer('a')] }, said(answer('b', 'reject')), 'rejected'],
  ['one who approved rejects', { answers: [answer('a')] }, said(answer('a', 'reject')), 'rejected'],
  ['approves before there is evidence', { state: 'evaluating' }, said(answer('a')), 'stale'],
  ['approves what is approved', { state: 'approved' }, said(answer('a')), 'stale'],
  ['approves what was rejected', { state: 'rejected' }, said(answer('a')), 'ended'],
  ['its rollout begins', { state: 'approved' }, { type: 'step', step: 0, reason: 'r' }, 'rolling-out'],
  ['its rollout begins unapproved', {}, { type: 'step', step: 0, reason: 'r' }, 'stale'],
  ['the next step', { state: 'rolling-out', step: 0 }, { type: 'step', step: 1, reason: 'r' }, 'rolling-out'],
  ['the same step', { state: 'rolling-out', step: 1 }, { type: 'step', step: 1, reason: 'r' }, 'stale'],
  ['a step back', { state: 'rolling-out', step: 1 }, { type: 'step', step: 0, reason: 'r' }, 'stale'],
  ['live', { state: 'rolling-out', step: 2 }, { type: 'live', reason: 'r' }, 'live'],
  ['live without a rollout', { state: 'approved' }, { type: 'live', reason: 'r' }, 'stale'],
  ['halted', { state: 'rolling-out', step: 1 }, { type: 'halt', reason: 'r' }, 'rolling-back'],
  ['rolled back', { state: 'rolling-back' }, { type: 'restored', reason: 'r' }, 'halted'],
  ['not rolled back', { state: 'rolling-back' }, { type: 'failed', reason: 'r' }, 'failed'],
  ['superseded', {}, { type: 'supersede', reason: 'r' }, 'superseded'],
  ['superseded as it is rolled out', { state: 'rolling-out' }, { type: 'supersede', reason: 'r' }, 'stale'],
  ['cancelled', {}, { type: 'cancel', reason: 'r' }, 'cancelled'],
  ['expires too early', {}, { type: 'expire', reason: 'r' }, 'stale'],
  ['expires', {}, { type: 'expire', reason: 'r' }, 'expired', later],
  ['expires as it is rolled out', { state: 'rolling-out' }, { type: 'expire', reason: 'r' }, 'stale', later],
];

for (const [name, from, change, then, at = now] of rows)
  test(`${name}: ${then}`, () => {
    const found = changed(promotion(from), change, at, system);
    assert.equal(found.ok ? found.promotion.state : found.code, then);
    if (!found.ok) return;
    assert.equal(found.events.length, 1, 'told once');
    assert.equal(found.promotion.endedAt !== null, isOver(found.promotion.state));
    assert.equal(
      changed(found.promotion, change, at, system).ok && change.type !== 'judged',
      false,
      'a repeat is harmless',
    );
  });

test('every arrow is taken by a row, and no other is', () => {
  const taken = new Set<string>();
  for (const [, from, change, , at = now] of rows) {
    const before = promotion(from);
    const found = changed(before, change, at, system);
    if (found.ok && found.promotion.state !== before.state)
      taken.add(`${before.state} ${found.promotion.state}`);
  }
  const some: [PromotionState, PromotionChange, Date?][] = [
    ['evaluating', { type: 'supersede', reason: 'r' }],
    ['evaluating', { type: 'cancel', reason: 'r' }],
    ['evaluating', { type: 'expire', reason: 'r' }, later],
    ['approved', { type: 'supersede', reason: 'r' }],
    ['approved', { type: 'cancel', reason: 'r' }],
    ['approved', { type: 'expire', reason: 'r' }, later],
  ];
  for (const [state, change, at = now] of some) {
    const found = changed(promotion({ state }), change, at, system);
    assert.ok(found.ok, `${state} ${change.type}`);
    taken.add(`${state} ${found.promotion.state}`);
  }
  const arrows = promotionStates.flatMap(from => promotionMoves[from].map(to => `${from} ${to}`));
  assert.deepEqual([...taken].sort(), arrows.sort());
});

test('what moves is neither over nor waiting', () => {
  assert.deepEqual(promotionStates.filter(isMoving), ['rolling-out', 'rolling-back']);
});

describe('what is over changes no more', () => {
  for (const state of promotionStates.filter(isOver))
    test(state, () => {
      for (const [, , change] of rows)
        assert.deepEqual(changed(promotion({ state }), change, later, system), { ok: false, code: 'ended' });
    });
});

test('one person is one approval, under however many accounts', () => {
  const answers = [
    answer('a'),
    answer('b', 'approve', { person: 'a' }),
    answer('c', 'approve', { evidence: 'e0' }),
  ];
  assert.deepEqual(
    approvalsOf({ answers, evidence: 'e1' }).map(({ by }) => by.name),
    ['a'],
  );
});
