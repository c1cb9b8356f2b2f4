import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deploymentStatus, deploymentTitle } from '../../../src/core/promotion/deployment.ts';
import { type PromotionState, promotionStates } from '../../../src/core/promotion/promotion.ts';

describe('what GitHub is told of a promotion', () => {
  const told: Partial<Record<PromotionState, string>> = {
    'rolling-out': 'in_progress',
    'rolling-back': 'in_progress',
    live: 'success',
    halted: 'failure',
    failed: 'error',
  };
  for (const state of promotionStates)
    test(`${state}: ${told[state] ?? 'nothing'}`, () => {
      const status = deploymentStatus({ state, reason: 'So it is.', replacedBy: null });
      const expected = told[state];
      assert.deepEqual(status, expected ? { state: expected, description: 'So it is.' } : null);
    });

  test('another took its place', () => {
    const status = deploymentStatus({ state: 'live', reason: 'So it is.', replacedBy: 13 });
    assert.deepEqual(status, { state: 'inactive', description: 'P13 took its place.' });
  });

  test('one that never served was not replaced', () => {
    const status = deploymentStatus({ state: 'halted', reason: 'So it is.', replacedBy: 13 });
    assert.equal(status?.state, 'failure');
  });

  for (const [kind, title] of [
    ['promote', 'digits 5'],
    ['rollback', 'digits 5, rolled back to'],
  ] as const)
    test(title, () => {
      const one = { kind, model: 'digits', version: 5, number: 1, environment: 'production' };
      const facts = { state: 'live' as const, reason: '', replacedBy: null };
      assert.equal(deploymentTitle({ ...one, ...facts }), title);
    });
});
