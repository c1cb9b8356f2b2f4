import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { globSchema, matchesGlob } from '../../src/core/glob.ts';

const rows: { glob: string; fits: string[]; not: string[] }[] = [
  { glob: 'main', fits: ['main'], not: ['main2', 'xmain', 'Main', 'main/x', ''] },
  { glob: 'release/*', fits: ['release/1', 'release/'], not: ['release', 'release/1/2', 'xrelease/1'] },
  { glob: 'release/**', fits: ['release/1', 'release/1/2'], not: ['release', 'releases/1'] },
  { glob: '**/train.py', fits: ['train.py', 'a/train.py', 'a/b/train.py'], not: ['atrain.py', 'train.py/a'] },
  { glob: 'a/**/b', fits: ['a/b', 'a/x/b', 'a/x/y/b'], not: ['ab', 'a/xb', 'a/b/c'] },
  { glob: 'a**/b', fits: ['a/b', 'ax/b', 'a/x/b'], not: ['ab'] },
  { glob: '**', fits: ['', 'a', 'a/b', '.github/x'], not: [] },
  { glob: '*', fits: ['', 'a', '.hidden'], not: ['a/b'] },
  { glob: '*.py', fits: ['a.py', '.py'], not: ['a/b.py', 'a.pyc', 'apy'] },
  { glob: 'v?.?', fits: ['v1.2', 'v😀.2'], not: ['v1.', 'v10.2', 'v/.2'] },
  { glob: 'a[b]+(c|d)$^\\', fits: ['a[b]+(c|d)$^\\'], not: ['ab', 'abc'] },
  { glob: '!main', fits: ['!main'], not: ['other', 'main'] },
];

describe('globs', () => {
  for (const { glob, fits, not } of rows) {
    for (const text of fits) test(`${glob} fits ${text}`, () => assert.equal(matchesGlob(glob, text), true));
    for (const text of not)
      test(`${glob} does not fit ${text}`, () => assert.equal(matchesGlob(glob, text), false));
  }

  test('no pattern is slow', () => {
    const started = performance.now();
    assert.equal(matchesGlob(`${'*a'.repeat(99)}b`, 'a'.repeat(5_000)), false);
    assert.equal(matchesGlob(`${'**/'.repeat(60)}b`, 'a/'.repeat(2_000)), false);
    assert.ok(performance.now() - started < 10_000);
  });

  for (const [text, ok] of [
    ['main', true],
    ['', false],
    ['a\nb', false],
    ['a'.repeat(200), true],
    ['a'.repeat(201), false],
  ] as const)
    test(`${JSON.stringify(text.slice(0, 10))} (${text.length}) is ${ok ? 'a pattern' : 'none'}`, () =>
      assert.equal(globSchema.safeParse(text).success, ok));
});
