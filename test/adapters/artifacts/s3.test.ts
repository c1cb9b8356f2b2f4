import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partBytesFor } from '../../../src/adapters/artifacts/s3.ts';

const mebi = 1024 ** 2;
const rows: [what: string, bytes: number, part: number][] = [
  ['nothing', 0, 8 * mebi],
  ['as much as the least parts hold', 80_000 * mebi, 8 * mebi],
  ['one byte more, which would be a part too many', 80_000 * mebi + 1, 8 * mebi + 1],
  ['a terabyte', 1024 ** 4, Math.ceil(1024 ** 4 / 10_000)],
];
for (const [what, bytes, part] of rows)
  test(`an upload has at most the 10,000 parts that S3 takes: ${what}`, () => {
    assert.equal(partBytesFor(bytes), part);
    assert.ok(Math.ceil(bytes / partBytesFor(bytes)) <= 10_000);
  });
