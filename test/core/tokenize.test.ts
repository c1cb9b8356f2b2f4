import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Token, tokenize } from '../../src/core/tokenize.ts';

const rows: [name: string, line: string, words: string[]][] = [
  ['nothing', '', []],
  ['spaces only', '   ', []],
  ['words', 'train  digits ', ['train', 'digits']],
  [
    'non-breaking and other wide spaces',
    'train\u00a0digits\u202f-p\u3000a=1',
    ['train', 'digits', '-p', 'a=1'],
  ],
  ['double quotes', '--note "two words"', ['--note', 'two words']],
  ['single quotes', "--note 'two words'", ['--note', 'two words']],
  ['quotes inside a word', '-p note="a b"c', ['-p', 'note=a bc']],
  ['an empty word', 'a "" b', ['a', '', 'b']],
  ['a quote inside the other kind', `"it's" 'say "hi"'`, ["it's", 'say "hi"']],
  ['smart double quotes', '--note “two words”', ['--note', 'two words']],
  ['low smart quotes', '--note „zwei Worte“', ['--note', 'zwei Worte']],
  ['smart single quotes', '--note ‘two words’', ['--note', 'two words']],
  ['a smart apostrophe inside smart single quotes', '‘it’s fine’ b', ['it’s fine', 'b']],
  ['a smart apostrophe in a word', '--note don’t stop', ['--note', 'don’t', 'stop']],
  ['smart quotes after an equals sign', '-p note=’a b’', ['-p', 'note=a b']],
  ['a smart quote closed by a plain one', '“two words" c', ['two words', 'c']],
  ['a plain quote holds smart ones', '"the “best” run"', ['the “best” run']],
  ['an escaped space', 'a\\ b', ['a b']],
  ['an escaped quote', 'a\\"b', ['a"b']],
  ['an escaped quote in double quotes', '"a\\"b"', ['a"b']],
  ['a backslash in double quotes before a letter', '"a\\nb"', ['a\\nb']],
  ['a backslash in single quotes', "'a\\'", ['a\\']],
  [
    'what a shell would expand',
    '$(curl x) `id` $HOME ~ *;|&>',
    ['$(curl', 'x)', '`id`', '$HOME', '~', '*;|&>'],
  ],
];
describe('tokenize', () => {
  for (const [name, line, words] of rows)
    test(name, () => {
      const result = tokenize(line);
      assert.ok(result.ok);
      assert.deepEqual(
        result.tokens.map(token => token.text),
        words,
      );
    });

  const open: [name: string, line: string, at: number][] = [
    ['a double quote is open', 'a "b c', 2],
    ['a single quote is open', "don't", 3],
    ['a smart quote is open', 'a “b c', 2],
    ['a plain quote is not closed by a smart one', 'a "b c”', 2],
    ['a backslash at the end', 'a b\\', 3],
    ['an escaped closing quote', '"a\\"', 0],
  ];
  for (const [name, line, at] of open)
    test(name, () => {
      const result = tokenize(line);
      assert.ok(!result.ok);
      assert.equal(result.at, at);
    });

  const dashes: [line: string, bare: boolean][] = [
    ['--ref', true],
    ['"--ref"', false],
    ["'-'-ref", false],
    ['\\--ref', false],
    ['-"-ref"', true],
  ];
  for (const [line, bare] of dashes)
    test(`${line} is ${bare ? '' : 'not '}bare`, () => {
      const result = tokenize(line);
      assert.ok(result.ok);
      const [token]: (Token | undefined)[] = result.tokens;
      assert.equal(token?.bare, bare);
    });
});
