import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Better, bestOf, betterOf } from '../../src/core/metric-direction.ts';

const rows: [name: string, better: Better | null][] = [
  ['loss', 'lower'],
  ['val_loss', 'lower'],
  ['train/loss_epoch', 'lower'],
  ['eval-perplexity', 'lower'],
  ['WER', 'lower'],
  ['RMSE', 'lower'],
  ['accuracy_loss', 'lower'],
  ['error_rate', 'lower'],
  ['acc', 'higher'],
  ['val_auc', 'higher'],
  ['valAUC', 'higher'],
  ['R2Score', 'higher'],
  ['mAP50', 'higher'],
  ['top5_accuracy', 'higher'],
  ['macro/f1', 'higher'],
  ['neg_mean_squared_error', 'higher'],
  // Nearly.
  ['accident', null],
  ['lossless', null],
  ['mapped', null],
  ['loss_scale', null],
  ['loss_weight', null],
  ['neg_samples', null],
  ['lr', null],
  ['epoch', null],
  ['throughput', null],
  ['constructor', null],
];
for (const [name, better] of rows)
  test(`the name ${name}: ${better ?? 'nobody knows'}`, () => assert.equal(betterOf(name, {}), better));

test('what is declared counts before the name, for that name alone', () => {
  const declared = { throughput: { better: 'higher' }, accuracy: { better: 'lower' } } as const;
  assert.equal(betterOf('throughput', declared), 'higher');
  assert.equal(betterOf('accuracy', declared), 'lower');
  assert.equal(betterOf('val_accuracy', declared), 'higher');
  assert.equal(betterOf('toString', declared), null);
});

test('the best is not the last, and there is none where nobody knows the direction', () => {
  const loss = { least: { value: 0.1, step: 3 }, most: { value: 2, step: 1 } };
  assert.deepEqual(bestOf(loss, 'lower'), { value: 0.1, step: 3 });
  assert.deepEqual(bestOf(loss, 'higher'), { value: 2, step: 1 });
  assert.equal(bestOf(loss, null), null);
});
