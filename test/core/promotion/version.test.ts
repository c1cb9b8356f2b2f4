import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../../src/core/promotion/gate.ts';
import { type ModelVersion, measuredOf } from '../../../src/core/promotion/version.ts';

const at = new Date('2026-03-10T12:00:00Z');
const end = { value: 0.9, step: 3 };
const version: ModelVersion = {
  model: 'digits',
  number: 7,
  run: 42,
  attempt: 1,
  project: 'digits',
  output: 'model.json',
  sha256: `sha256:${'0'.repeat(64)}`,
  bytes: 10,
  source: '/digits',
  sha: 'a'.repeat(40),
  metrics: [{ name: 'score', value: 0.9, step: 3, count: 3, least: { value: 0.5, step: 1 }, most: end }],
  directions: { score: { better: 'lower' } },
  primaryMetric: 'score',
  inputs: { 'digits.csv': 'sha256:aa' },
  signature: null,
  card: null,
  trainedBy: { kind: 'github', id: 'octocat', name: 'octocat' },
  at,
};

const rows: [gate: string, verdict: string][] = [
  ['score >= 0.9', 'holds'],
  // As it was declared when the version was made.
  ['best(score) == 0.5', 'holds'],
  ['input("digits.csv") == "sha256:aa"', 'holds'],
  ['age >= 0s and age < 1s', 'holds'],
  ['loss < 1', 'fails'],
];
for (const [gate, verdict] of rows)
  test(`a version is judged by what it was made with: ${gate} ${verdict}`, () => {
    const found = judge(gate, { candidate: measuredOf(version), production: null, drift: 'unknown' }, at);
    assert.equal(found.verdict, verdict, found.sentence);
    if (verdict === 'fails') assert.match(found.sentence, /^Version 7 has no metric loss/);
  });
