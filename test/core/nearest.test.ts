import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { distance, nearest } from '../../src/core/nearest.ts';

describe('distance', () => {
  const rows: [a: string, b: string, edits: number][] = [
    ['', '', 0],
    ['digits', 'digits', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['digits', 'digit', 1],
    ['digits', 'digitss', 1],
    ['digits', 'dugits', 1],
    ['digits', 'idgits', 1],
    ['digits', 'digtis', 1],
    ['ca', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ü', 'u', 1],
    ['😀a', 'a', 1],
  ];
  for (const [a, b, edits] of rows)
    test(`${a || 'nothing'} to ${b || 'nothing'}: ${edits}`, () => {
      assert.equal(distance(a, b), edits);
      assert.equal(distance(b, a), edits);
    });
});

describe('nearest', () => {
  const words = ['list', 'status', 'cancel', 'retry', 'logs'];
  const rows: [name: string, word: string, candidates: string[], expected: string | undefined][] = [
    ['one letter off', 'lsit', words, 'list'],
    ['two letters off in a longer word', 'sttaus', words, 'status'],
    ['too far for its length', 'lost1', words, undefined],
    ['two letters off in a short word', 'lo', ['hi'], undefined],
    ['other case', 'LIST', words, 'list'],
    ['the beginning of one', 'can', words, 'cancel'],
    ['the beginning of two', 'st', ['status', 'step'], undefined],
    ['one letter only', 's', ['status'], undefined],
    ['the closer of two', 'mains', ['maint', 'main1s', 'mains'], 'mains'],
    ['every letter another', 'a', ['b'], undefined],
    ['nothing', '', words, undefined],
    ['no candidates', 'list', [], undefined],
    ['far too long', 'l'.repeat(4_000), words, undefined],
  ];
  for (const [name, word, candidates, expected] of rows)
    test(name, () => assert.equal(nearest(word, candidates), expected));
});
