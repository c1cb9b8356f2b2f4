import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type AlertFacts,
  epochsAsked,
  type Heard,
  judgeAlert,
} from '../../../src/core/alerts/judge-alert.ts';
import { readAlert } from '../../../src/core/alerts/read-alert.ts';

function read(text: string) {
  const found = readAlert(text);
  assert.ok(found.ok, text);
  return found.alert;
}

describe('a rule over metrics is read', () => {
  const rows: [text: string, expected: object][] = [
    ['val_auc < 0.8', { kind: 'condition', after: null }],
    ['val_auc < 0.8 after step 100', { kind: 'condition', after: { counter: 'step', from: 100 } }],
    ['val_auc < 0.8 after 100 steps', { kind: 'condition', after: { counter: 'step', from: 100 } }],
    ['loss is NaN after epoch 2', { kind: 'condition', after: { counter: 'epoch', from: 2 } }],
    ['loss > 3 AFTER 10m', { kind: 'condition', after: { counter: 'time', seconds: 600 } }],
    ['`after` > 3 after 10m', { kind: 'condition', after: { counter: 'time', seconds: 600 } }],
    ['no > 3', { kind: 'condition', after: null }],
    ['loss - best(loss) > 0.5 and epoch > 3', { kind: 'condition', after: null }],
    [
      'no improvement for 5 epochs',
      { kind: 'no-improvement', metric: null, count: 5, unit: 'epoch', after: null },
    ],
    [
      'no improvement of val_loss for 200 steps after step 50',
      {
        kind: 'no-improvement',
        metric: 'val_loss',
        count: 200,
        unit: 'step',
        after: { counter: 'step', from: 50 },
      },
    ],
    [
      'no improvement of `val/loss` for 1 epoch',
      { kind: 'no-improvement', metric: 'val/loss', count: 1, unit: 'epoch', after: null },
    ],
    ['no improvement of eval.loss for 1 step', { metric: 'eval.loss', count: 1, unit: 'step' }],
  ];
  for (const [text, expected] of rows)
    test(text, () => {
      const { alert } = { alert: read(text) as unknown as Record<string, unknown> };
      const named = Object.fromEntries(Object.keys(expected).map(key => [key, alert[key]]));
      assert.deepEqual(named, expected);
    });

  const wrong: [text: string, at: number, reason: RegExp, meant?: string][] = [
    ['', 0, /says nothing/],
    ['val_auc', 0, /true or false/],
    ['val_auc < ', 10, /expected/],
    ['val_auc < 0.8 aftr step 100', 14, /aftr/, 'after'],
    ['val_auc < 0.8 after stpe 100', 20, /a step, an epoch or a duration/, 'step'],
    ['val_auc < 0.8 after step', 24, /whole number/],
    ['val_auc < 0.8 after step 1.5', 25, /whole number/],
    ['val_auc < 0.8 after step 100 steps', 29, /Nothing more/],
    ['val_auc < 0.8 after 10', 20, /a duration/],
    ['no improvment for 5 epochs', 3, /improvement/, 'improvement'],
    ['no improvement fro 5 epochs', 15, /`for` is expected/, 'for'],
    ['no improvement for epochs', 19, /whole number/],
    ['no improvement for 0 epochs', 19, /at least 1/],
    ['no improvement for 5 epocs', 21, /epochs/, 'epochs'],
    ['no improvement for 5m', 19, /whole number/],
    ['no improvement of 5 for 5 epochs', 18, /name of a metric/],
    ['no improvement for 5 epochs and loss > 1', 28, /Nothing more/],
    ['bst(loss) > 1', 0, /no function bst/, 'best'],
    ['loss is NaM', 8, /./],
    ['after 10m', 6, /./],
  ];
  for (const [text, at, reason, meant] of wrong)
    test(`not: ${JSON.stringify(text)}`, () => {
      const found = readAlert(text);
      assert.ok(!found.ok);
      assert.deepEqual([found.at, found.meant], [at, meant], found.reason);
      assert.match(found.reason, reason);
    });
});

const heard = (
  name: string,
  step: number,
  value: number,
  least = [value, step],
  most = [value, step],
): Heard => ({
  ...{ name, step, value },
  ends: {
    least: { value: least[0] ?? 0, step: least[1] ?? 0 },
    most: { value: most[0] ?? 0, step: most[1] ?? 0 },
  },
});
const broken = (name: string, step: number): Heard => ({ name, step, value: Number.NaN, ends: null });

describe('a rule over metrics is held to what a run reports', () => {
  const facts = (metrics: Heard[], more: Partial<AlertFacts> = {}): AlertFacts => ({
    ...{ metrics, epochs: new Map(), runningS: 60, primaryMetric: 'val_auc', directions: {} },
    ...more,
  });
  const epochs = (...at: [step: number, epoch: number][]) => ({ epochs: new Map(at) });
  const auc = (step: number, value: number, best: number, at: number) =>
    heard('val_auc', step, value, [value, step], [best, at]);

  const rows: [rule: string, facts: AlertFacts, said: string | null][] = [
    ['val_auc < 0.8', facts([heard('val_auc', 100, 0.71)]), 'val_auc is 0.71 at step 100.'],
    ['val_auc < 0.8', facts([heard('val_auc', 100, 0.8)]), null],
    ['val_auc < 0.8', facts([heard('loss', 100, 0.7)]), null],
    ['val_auc < 0.8', facts([broken('val_auc', 100)]), null],
    ['val_auc < 0.8 after step 100', facts([heard('val_auc', 99, 0.7)]), null],
    ['val_auc < 0.8 after step 100', facts([heard('val_auc', 50, 0.7), heard('loss', 200, 1)]), null],
    ['val_auc < 0.8 after step 100', facts([heard('val_auc', 100, 0.7)]), 'val_auc is 0.7 at step 100.'],
    ['val_auc < 0.8 after epoch 2', facts([heard('val_auc', 90, 0.7)], epochs([90, 1])), null],
    ['val_auc < 0.8 after epoch 2', facts([heard('val_auc', 90, 0.7)]), null],
    [
      'val_auc < 0.8 after epoch 2',
      facts([heard('val_auc', 90, 0.7)], epochs([90, 2])),
      'val_auc is 0.7 at step 90.',
    ],
    ['val_auc < 0.8 after 2m', facts([heard('val_auc', 9, 0.7)], { runningS: 119 }), null],
    [
      'val_auc < 0.8 after 2m',
      facts([heard('val_auc', 9, 0.7)], { runningS: 120 }),
      'val_auc is 0.7 at step 9.',
    ],
    ['loss is NaN', facts([broken('loss', 120)]), 'loss is not finite at step 120.'],
    ['loss is NaN', facts([heard('loss', 120, 3)]), null],
    ['loss is NaN', facts([]), null],
    // What was never reported hides nothing.
    ['val_loss is NaN or loss is NaN', facts([broken('loss', 3)]), 'loss is not finite at step 3.'],
    ['val_loss > 2 and loss is NaN', facts([broken('loss', 3)]), null],
    [
      'best(val_auc) - val_auc > 0.1',
      facts([auc(200, 0.7, 0.9, 50)]),
      'val_auc is 0.7 at step 200, its best is 0.9 at step 50.',
    ],
    ['best(speed) > 1', facts([heard('speed', 1, 2)]), null],
    [
      'no improvement of val_auc for 150 steps',
      facts([auc(200, 0.7, 0.9, 50)]),
      'The best val_auc is 0.9 at step 50; 150 steps later, at step 200, it is 0.7.',
    ],
    ['no improvement of val_auc for 151 steps', facts([auc(200, 0.7, 0.9, 50)]), null],
    ['no improvement for 5 epochs', facts([auc(700, 0.7, 0.9, 200)], epochs([200, 2], [700, 6])), null],
    [
      'no improvement for 5 epochs',
      facts([auc(700, 0.7, 0.9, 200)], epochs([200, 2], [700, 7])),
      'The best val_auc is 0.9 at step 200; 5 epochs later, at step 700, it is 0.7.',
    ],
    ['no improvement for 5 epochs', facts([auc(700, 0.7, 0.9, 200)]), null],
    ['no improvement for 5 epochs', facts([auc(700, 0.7, 0.9, 200)], { primaryMetric: null }), null],
    [
      'no improvement of loss for 10 steps',
      facts([{ ...broken('loss', 30), ends: heard('loss', 20, 1).ends }]),
      'The best loss is 1 at step 20; 10 steps later, at step 30, it is not finite.',
    ],
  ];
  for (const [i, [rule, known, said]] of rows.entries())
    test(`${i + 1}. ${rule}: ${said ?? 'nothing'}`, () => {
      const found = judgeAlert(read(rule), known);
      assert.equal(found, said);
    });

  test('it is known of which steps the epoch must be known', () => {
    const known = facts([auc(700, 0.7, 0.9, 200), heard('loss', 650, 1)]);
    const asked = (rule: string) => epochsAsked([read(rule)], known);
    assert.deepEqual(asked('no improvement for 5 epochs'), [700, 200]);
    assert.deepEqual(asked('loss > 1 after epoch 3'), [650]);
    assert.deepEqual(asked('no improvement for 5 steps'), []);
    assert.deepEqual(asked('loss > 1'), []);
  });
});
