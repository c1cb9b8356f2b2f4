import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { declaredFilesSchema, isFileName, withoutFile } from '../../src/core/declared-files.ts';

describe('patterns of files', () => {
  const rows: [pattern: string, fits: boolean][] = [
    ['model.json', true],
    ['data/**/*.gz', true],
    ['a b/*.bin', true],
    ['...', true],
    ['', false],
    ['/etc/passwd', false],
    ['../secret', false],
    ['a/../../b', false],
    ['a/./b', false],
    ['a//b', false],
    ['a/', false],
    ['a\nb', false],
  ];
  for (const [pattern, fits] of rows)
    test(JSON.stringify(pattern), () => assert.equal(declaredFilesSchema.safeParse([pattern]).success, fits));
});

describe('names that are kept', () => {
  const rows: [name: string, fits: boolean][] = [
    ['model.json', true],
    ['a b/ä🙂/"$(x)\'.bin', true],
    ['.hidden', true],
    ['x'.repeat(400), true],
    ['x'.repeat(401), false],
    ['', false],
    ['a\nb', false],
    ['a\u0000b', false],
    ['a\u202eb', false],
    ['a\ufffdb', false],
    ['a\ud800', false],
    ['../a', false],
    ['/a', false],
    ['a/', false],
  ];
  for (const [name, fits] of rows)
    test(JSON.stringify(name.slice(0, 20)), () => assert.equal(isFileName(name), fits));
});

test('patterns without a file are those that fit none', () => {
  assert.deepEqual(withoutFile(['*.json', 'a/*.bin', '*.bin'], [{ name: 'a/x.bin' }, { name: 'm.json' }]), [
    '*.bin',
  ]);
});
