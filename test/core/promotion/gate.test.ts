import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MetricSummary } from '../../../src/core/ports.ts';
import { type GateFacts, judge, type Measured, readGate } from '../../../src/core/promotion/gate.ts';

const now = new Date('2026-03-10T12:00:00Z');
const day = 86_400_000;

const metric = (name: string, value: number, least = value, most = value): MetricSummary => ({
  name,
  step: 10,
  value,
  count: 10,
  least: { value: least, step: 3 },
  most: { value: most, step: 7 },
});
const candidate: Measured = {
  called: 'version 7',
  metrics: [
    metric('val_auc', 0.93, 0.5, 0.95),
    metric('val/loss', 0.2, 0.1, 2),
    metric('lr', 0.1),
    metric('broken', Number.NaN),
    // Its last word was not finite, and an older one is all that is kept.
    { ...metric('diverged', 0.99), notFinite: 12 },
  ],
  directions: {},
  at: new Date(now.getTime() - 2 * day),
  inputs: { 'train.csv': 'sha256:aa', 'test.csv': 'sha256:bb' },
};
const production: Measured = {
  ...candidate,
  called: 'version 6',
  metrics: [metric('val_auc', 0.934)],
  at: new Date(now.getTime() - 30 * day),
  inputs: { 'test.csv': 'sha256:bb', 'train.csv': 'sha256:aa' },
};
const facts: GateFacts = { candidate, production, drift: 'quiet' };

const judged: [gate: string, verdict: string, sentence?: string][] = [
  ['val_auc >= 0.93', 'holds', '0.93 >= 0.93.'],
  ['val_auc > 0.93', 'fails', '0.93 is not > 0.93.'],
  ['val_auc >= production.val_auc - 0.005', 'holds', '0.93 >= 0.929.'],
  ['val_auc >= production.val_auc', 'fails', '0.93 is not >= 0.934.'],
  ['candidate.val_auc < 1', 'holds'],
  ['val_auc >= 93%', 'holds'],
  ['best(val_auc) >= 0.95', 'holds'],
  ['best(val_auc) > 0.95', 'fails'],
  ['best(`val/loss`) <= 0.1', 'holds'],
  ['`val/loss` <= 0.1', 'fails', '0.2 is not <= 0.1.'],
  ['best(lr) > 0', 'fails', 'Version 7 has no direction for the metric lr.'],
  ['age < 3d', 'holds'],
  ['age < 1d12h', 'fails'],
  ['production.age > 29d', 'holds'],
  ['inputs == production.inputs', 'holds'],
  ['input("train.csv") == "sha256:aa"', 'holds'],
  ['input("train.csv") != "sha256:aa"', 'fails'],
  [
    'input("tran.csv") == "sha256:aa"',
    'fails',
    'Version 7 has no input tran.csv. Perhaps train.csv is meant.',
  ],
  ['drift == "quiet"', 'holds'],
  ['drift != "quiet"', 'fails'],
  ['val_auc > 0.9 and `val/loss` < 0.1', 'fails', '0.93 > 0.9, 0.2 is not < 0.1.'],
  ['val_auc > 0.9 or `val/loss` < 0.1', 'holds'],
  ['val_auc > 0.99 or val_auc > 0.9 and lr > 1', 'fails'],
  ['(val_auc > 0.99 or val_auc > 0.9) and lr < 1', 'holds'],
  ['not val_auc < 0.9', 'holds'],
  ['abs(val_auc - production.val_auc) < 0.005', 'holds'],
  ['max(val_auc, 0.99) == 0.99', 'holds'],
  ['-val_auc < -0.9 * 1', 'holds'],
  ['val_auc / 2 + 1 - 1 == 0.465', 'holds'],
  ['val_acc > 0.9', 'fails', 'Version 7 has no metric val_acc. Perhaps val_auc is meant.'],
  ['production.lr > 0', 'fails', 'Version 6 has no metric lr.'],
  ['val_auc > 0.9 or nothing > 1', 'fails', 'Version 7 has no metric nothing.'],
  ['broken > 0', 'fails', 'broken is no finite number.'],
  ['diverged > 0.9', 'fails', 'diverged is no finite number.'],
  ['not diverged < 0.9', 'fails', 'diverged is no finite number.'],
  ['best(diverged) > 0.9', 'fails'],
  ['not broken > 0', 'fails', 'broken is no finite number.'],
  ['broken != broken', 'fails'],
  ['val_auc > 0.9 or broken > 1', 'fails', 'broken is no finite number.'],
  ['val_auc / 0 > 1', 'fails'],
];

for (const [gate, verdict, sentence] of judged)
  test(`${gate}: ${verdict}`, () => {
    const found = judge(gate, facts, now);
    assert.equal(found.verdict, verdict, found.sentence);
    if (sentence !== undefined) assert.equal(found.sentence, sentence);
  });

describe('where nothing serves yet', () => {
  const first = { ...facts, production: null };
  for (const [gate, verdict] of [
    ['val_auc >= production.val_auc', 'open'],
    ['val_auc > 0.99 and best(production.val_auc) > 1', 'open'],
    ['val_auc > 0.99', 'fails'],
  ] as const)
    test(gate, () => assert.equal(judge(gate, first, now).verdict, verdict));
});

const refused: [gate: string, problem: string, at: number, meant?: string][] = [
  ['', 'empty', 0],
  ['  ', 'empty', 0],
  ['val_auc', 'no-condition', 0],
  ['val_auc + 1', 'no-condition', 0],
  ['val_auc = 1', 'unknown-sign', 8, '=='],
  ['val_auc > 1 && lr > 1', 'unknown-sign', 12, 'and'],
  ['val_auc ≥ 1', 'unknown-sign', 8, '>='],
  ['val_auc > 1; process.exit()', 'unknown-sign', 11],
  ['val_auc > 0.9 lr', 'unexpected', 14],
  ['0 < val_auc < 1', 'unexpected', 12, 'and'],
  ['val_auc >', 'unexpected', 9],
  ['(val_auc > 1', 'unexpected', 12],
  ['val_auc > 1)', 'unexpected', 11],
  ['val_auc > "high"', 'wrong-type', 10],
  ['drift > "quiet"', 'wrong-type', 0],
  ['drift == 1', 'wrong-type', 9],
  ['not val_auc', 'wrong-type', 4],
  ['(val_auc > 1) == (lr > 1)', 'wrong-type', 1],
  ['bst(val_auc) > 1', 'unknown-function', 0, 'best'],
  ['constructor(val_auc) > 1', 'unknown-function', 0],
  ['best(val_auc, lr) > 1', 'wrong-count', 0],
  ['abs() > 1', 'wrong-count', 0],
  ['best(1) > 1', 'wrong-type', 5],
  ['input(drift) == "x"', 'wrong-type', 6],
  ['a.b > 1', 'unknown-name', 0],
  ['production.val.auc > 1', 'unknown-name', 0],
  ['val_auc > 1x', 'unexpected', 10],
  ['val_auc > 1e999', 'unexpected', 10],
  ['drift == "quiet', 'open-quote', 9],
  ['val_auc is NaN', 'unexpected', 11],
  [`${'('.repeat(40)}val_auc > 1${')'.repeat(40)}`, 'too-deep', 21],
  [`val_auc > ${'1 + '.repeat(200)}1`, 'too-long', 500],
];
describe('is no gate', () => {
  for (const [gate, problem, at, meant] of refused)
    test(JSON.stringify(gate.slice(0, 60)), () => {
      const found = readGate(gate);
      assert.ok(!found.ok);
      assert.deepEqual([found.problem, found.at, found.meant], [problem, at, meant]);
      assert.equal(judge(gate, facts, now).verdict, 'fails');
    });
});
