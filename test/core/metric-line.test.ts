import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { metricLine } from '../../src/core/metric-line.ts';

type Row = [name: string, line: string, points: [string, number, number][], refused?: string[]];

const counter = 17;
const none: [string, number, number][] = [];

const rows: Row[] = [
  [
    'JSON at a step',
    '{"step": 10, "loss": 0.5}',
    [
      ['step', 10, 10],
      ['loss', 10, 0.5],
    ],
  ],
  [
    'JSON at an epoch',
    '{"epoch": 2, "epochs": 5, "acc": 0.9}',
    [
      ['epoch', 2, 2],
      ['epochs', 2, 5],
      ['acc', 2, 0.9],
    ],
  ],
  [
    'step before epoch',
    '{"epoch": 2, "step": 40, "a": 1}',
    [
      ['epoch', 40, 2],
      ['step', 40, 40],
      ['a', 40, 1],
    ],
  ],
  ['JSON without a step', '{"loss": 0.5}', [['loss', counter, 0.5]]],
  [
    'a step that is none',
    '{"step": 1.5, "loss": 1}',
    [
      ['step', counter, 1.5],
      ['loss', counter, 1],
    ],
  ],
  [
    'a negative step',
    '{"step": -1, "loss": 1}',
    [
      ['step', counter, -1],
      ['loss', counter, 1],
    ],
  ],
  ['white space and CR around', '  {"loss": 1}\r', [['loss', counter, 1]]],
  [
    'texts, truths and lists are no metrics',
    '{"a": "1", "b": true, "c": [1], "d": {"e": 1}, "f": null, "g": 2}',
    [['g', counter, 2]],
  ],
  [
    'bare NaN, as Python prints it',
    '{"step": 3, "loss": NaN, "acc": 1}',
    [
      ['step', 3, 3],
      ['acc', 3, 1],
    ],
    ['loss'],
  ],
  ['bare infinities', '{"a": Infinity, "b": -Infinity, "c": 1}', [['c', counter, 1]], ['a', 'b']],
  ['NaN as text', '{"loss": "NaN", "b": "-inf"}', none, ['loss', 'b']],
  [
    'NaN inside a text stays text',
    '{"note": "is NaN, not Infinity", "x": NaN, "y": 1}',
    [['y', counter, 1]],
    ['x'],
  ],
  ['a number too large for any', '{"a": 1e999, "b": 1}', [['b', counter, 1]], ['a']],
  [
    'names that are none',
    '{" a": 1, "": 2, "-x": 3, "<!channel>": 4, "ok/x.y-z": 5, "a\\u202eb": 6}',
    [['ok/x.y-z', counter, 5]],
  ],
  ['a name of 100 letters', `{"${'a'.repeat(100)}": 1}`, [['a'.repeat(100), counter, 1]]],
  ['a name of 101 letters', `{"${'a'.repeat(101)}": 1}`, none],
  ['a list', '[{"loss": 1}]', none],
  ['half an object', '{"loss": 1', none],
  ['a Python dict', "{'loss': 1}", none],
  ['text before it', 'INFO {"loss": 1}', none],
  ['an empty object', '{}', none],
  ['an empty line', '', none],
  [
    'words',
    'metric loss=0.5 step=10',
    [
      ['loss', 10, 0.5],
      ['step', 10, 10],
    ],
  ],
  [
    'several words',
    'metric a=1 b=-2e-3 c=.5',
    [
      ['a', counter, 1],
      ['b', counter, -0.002],
      ['c', counter, 0.5],
    ],
  ],
  [
    'words that are not finite',
    'metric loss=nan acc=1 step=2',
    [
      ['acc', 2, 1],
      ['step', 2, 2],
    ],
    ['loss'],
  ],
  ['another word among them', 'metric of loss=1', none],
  ['a value that is no number', 'metric loss=0x10', none],
  ['no value', 'metric loss=', none],
  ['another beginning', 'metrics loss=1', none],
  ['only the word', 'metric', none],
];

describe('metrics in a line of a log', () => {
  for (const [name, line, points, refused = []] of rows)
    test(name, () => {
      const found = metricLine(line, counter);
      const finite = found.points.filter(p => Number.isFinite(p.value));
      assert.deepEqual(
        finite.map(p => [p.name, p.step, p.value]),
        points,
      );
      assert.deepEqual(
        found.points.filter(p => !finite.includes(p)).map(p => p.name),
        refused,
      );
      assert.equal(found.counted, found.points.length > 0 && found.points.every(p => p.step === counter));
      assert.equal(
        found.points.every(p => p.counted === true),
        found.counted || found.points.length === 0,
      );
    });

  test('at most a thousand names of one line', () => {
    const fields = Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`m${i}`, i]));
    assert.equal(metricLine(JSON.stringify(fields), 0).points.length, 1_000);
  });

  test('a line of quotes takes no longer than any other of its length', () => {
    const time = (line: string) => {
      const begun = performance.now();
      for (let i = 0; i < 20; i++) metricLine(line, 0);
      return performance.now() - begun;
    };
    const plain = time(`{${'a'.repeat(16_000)}}`);
    assert.ok(time(`{${'"\\'.repeat(8_000)}}`) < 100 * (plain + 1));
  });
});
