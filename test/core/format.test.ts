import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cleanLine, formatDuration, formatNumber, secondsBetween } from '../../src/core/format.ts';
import { firstUnreadable } from '../../src/core/readable.ts';

describe('formatDuration', () => {
  const rows: [seconds: number, text: string][] = [
    [0, '0 s'],
    [-5, '0 s'],
    [0.04, '0 s'],
    [0.4, '0.4 s'],
    [6.94, '6.9 s'],
    [7, '7 s'],
    [9.96, '10 s'],
    [10.4, '10 s'],
    [41, '41 s'],
    [59.6, '1 min'],
    [200, '3 min 20 s'],
    [3_600, '1 h'],
    [3_601, '1 h'],
    [14_700, '4 h 5 min'],
    [86_400, '1 d'],
    [183_600, '2 d 3 h'],
  ];
  for (const [seconds, text] of rows)
    test(String(seconds), () => assert.equal(formatDuration(seconds), text));
});

describe('formatNumber', () => {
  const rows: [value: number, text: string][] = [
    [0, '0'],
    [25, '25'],
    [999, '999'],
    [123_456, '123,456'],
    [184_213.77, '184,214'],
    [1.5e15, '1500000000000000'],
    [1.5e21, '1.5e+21'],
    [0.943662, '0.9437'],
    [0.1, '0.1'],
    [-1234.567, '-1,235'],
    [0.0000123456, '0.00001235'],
    [1.5e-9, '1.5e-9'],
  ];
  for (const [value, text] of rows) test(text, () => assert.equal(formatNumber(value), text));
});

test('secondsBetween never runs backwards', () => {
  assert.equal(secondsBetween(new Date(1_000), new Date(3_500)), 2.5);
  assert.equal(secondsBetween(new Date(3_000), new Date(1_000)), 0);
});

describe('cleanLine', () => {
  const rows: [name: string, line: string, limit: number, text: string][] = [
    ['as it is', 'epoch 1', 20, 'epoch 1'],
    ['colours', '\u001b[1;31merror\u001b[0m', 20, 'error'],
    ['a title of a terminal', '\u001b]0;owned\u0007text', 20, 'text'],
    ['a cursor that moves', 'a\u001b[2Jb\u001b[1Ac', 20, 'abc'],
    ['an escape at the end', 'a\u001b', 20, 'a'],
    ['carriage returns', '10%\r20%', 20, '10%20%'],
    ['tabs', 'a\tb', 20, 'a    b'],
    ['direction marks', 'a\u202eb\u2066', 20, 'ab'],
    ['as long as may be', 'abcde', 5, 'abcde'],
    ['too long', 'abcdef', 5, 'abcd…'],
  ];
  for (const [name, line, limit, text] of rows)
    test(name, () => {
      assert.equal(cleanLine(line, limit), text);
      assert.equal(firstUnreadable(cleanLine(line, limit)), null);
    });
});
