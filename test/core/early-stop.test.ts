import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { medianStop, type Trial } from '../../src/core/early-stop.ts';
import type { Better } from '../../src/core/metric-direction.ts';

const trial = (changes: Partial<Trial>): Trial => ({
  step: 40,
  values: 5,
  best: 0.5,
  averages: [0.6, 0.7, 0.8],
  ...changes,
});

describe('the median stopping rule', () => {
  const rows: [name: string, trial: Partial<Trial>, better: Better, median: number | null][] = [
    ['worse than the median', {}, 'higher', 0.7],
    ['as good as the median is not worse', { best: 0.7 }, 'higher', null],
    ['just below it is', { best: 0.6999 }, 'higher', 0.7],
    ['better than most, worse than one', { best: 0.75 }, 'higher', null],
    ['lower is better: above the median', { best: 0.75 }, 'lower', 0.7],
    ['lower is better: as good', { best: 0.7 }, 'lower', null],
    ['lower is better: below', { best: 0.1 }, 'lower', null],
    ['two that completed are too few', { averages: [0.7, 0.8] }, 'higher', null],
    ['nobody completed', { averages: [] }, 'higher', null],
    [
      'of an even number, the mean of the two in the middle',
      { averages: [0.2, 0.5, 0.75, 0.9] },
      'higher',
      0.625,
    ],
    ['the same, and as good', { averages: [0.2, 0.25, 0.75, 0.9] }, 'higher', null],
    ['they come in any order', { averages: [0.9, 0.2, 0.7] }, 'higher', 0.7],
    ['four values are too few', { values: 4 }, 'higher', null],
    ['no number is no best value', { best: Number.NaN }, 'higher', null],
    ['an average that is no number says nothing', { averages: [0.7, 0.8, Number.NaN] }, 'higher', null],
    ['and leaves the others', { averages: [0.6, Number.POSITIVE_INFINITY, 0.7, 0.8] }, 'higher', 0.7],
    [
      'the largest numbers there are',
      { best: 0, averages: [1e308, 1.5e308, 1.7e308, 1.7e308] },
      'higher',
      1.6e308,
    ],
    ['one that did badly does not move the median', { averages: [-1e9, 0.7, 0.8] }, 'higher', 0.7],
  ];
  for (const [name, changes, better, median] of rows)
    test(name, () => {
      const found = medianStop(trial(changes), better);
      assert.equal(found?.median ?? null, median);
      if (found) assert.deepEqual([found.step, found.value], [40, changes.best ?? 0.5]);
    });
});
