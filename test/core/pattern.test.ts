import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePattern } from '../../src/core/pattern.ts';

describe('whole values are matched as JavaScript matches them', () => {
  const texts = [
    '',
    'a',
    'b',
    'ab',
    'aab',
    'abab',
    'aaaa',
    'a1',
    '12',
    '-',
    ']',
    'ü',
    '😀',
    'a.b',
    'A',
    'a b',
    'v1.20',
    '\\',
  ];
  const patterns = [
    '',
    'a',
    'a|b',
    '^a$|^b$',
    'a*b',
    '(ab)+',
    '(?:ab){2}',
    'a{2,}',
    'a{1,3}',
    'a{0}',
    'a??b',
    '[ab]+',
    '[^a]',
    '[\\]-]',
    '[a-z\\d]+',
    '.',
    '\\p{L}+',
    '\\u{1F600}',
    '\\d+',
    '\\w\\.\\w',
    'v\\d+(\\.\\d+)*',
    '(a|ab)(b|bab)?',
    '(a*)*',
    '(a?){3}',
    '((a|b)+1?){1,2}',
    '\\\\',
    '()',
    'a||b',
    'a$b',
  ];
  for (const pattern of patterns)
    test(pattern || 'nothing', () => {
      const matches = compilePattern(pattern);
      assert.ok(matches, 'is understood');
      for (const text of texts)
        assert.equal(matches(text), new RegExp(`^(?:${pattern})$`, 'su').test(text), text);
    });
});

describe('what needs backtracking, or is no expression, is refused', () => {
  const rows = [
    '(',
    'a**',
    '[z-a]',
    '(?=a)a',
    '(?<!a)b',
    '(a)\\1',
    '(?<x>a)\\k<x>',
    '\\bword',
    '(((a*)*)*)*',
    'x'.repeat(201),
  ];
  for (const pattern of rows) test(pattern.slice(0, 20), () => assert.equal(compilePattern(pattern), null));
});

describe('no value makes it slow', () => {
  const hostile: [pattern: string, text: string][] = [
    ['(a+)+b', 'a'.repeat(200)],
    ['(a|a)*b', 'a'.repeat(200)],
    ['(a|aa)+$', `${'a'.repeat(199)}!`],
    ['\\d*\\d*\\d*\\d*\\d*x', '1'.repeat(200)],
    ['((a?){999}){999}b', 'a'.repeat(200)],
    ['((a*)*)*b', 'a'.repeat(200)],
  ];
  // Backtracking would take years here: that the test ends is the assertion.
  for (const [pattern, text] of hostile)
    test(pattern, () => assert.equal(compilePattern(pattern)?.(text), false));
});
