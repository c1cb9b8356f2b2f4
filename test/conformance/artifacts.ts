import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type ArtifactStore, ContentMismatch } from '../../src/core/ports.ts';

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function* inPieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await turn();
    yield bytes.subarray(at, at + size);
  }
}

async function readAll(store: ArtifactStore, sha256: string): Promise<Buffer | null> {
  const opened = await store.open(sha256);
  if (!opened) return null;
  const chunks: Uint8Array[] = [];
  for await (const chunk of opened.content) chunks.push(chunk);
  const all = Buffer.concat(chunks);
  assert.equal(all.length, opened.bytes);
  return all;
}

/** What every store of artifacts does. `store`: an empty one. */
export function artifactStoreSuite(store: () => ArtifactStore): void {
  for (const [name, size] of [
    ['nothing', 0],
    ['one byte', 1],
    ['one piece', 64 * 1024],
    // More than what S3 takes in one part.
    ['some megabytes', 21 * 1024 * 1024 + 3],
  ] as const)
    test(`${name} is there as it was put, also when it is put again`, async () => {
      const bytes = randomBytes(size);
      const one = { sha256: digestOf(bytes), bytes: size };
      for (const _ of [1, 2]) {
        assert.deepEqual(await store().put(inPieces(bytes), one), one);
        assert.equal(await store().has(one.sha256), true);
        assert.ok((await readAll(store(), one.sha256))?.equals(bytes));
      }
    });

  const large = randomBytes(12 * 1024 * 1024);
  const refused: [string, () => AsyncIterable<Uint8Array>, { sha256: string; bytes: number }][] = [
    [
      'another content of the same length',
      () => inPieces(randomBytes(5)),
      { sha256: digestOf(randomBytes(5)), bytes: 5 },
    ],
    [
      'less than announced',
      () => inPieces(Buffer.from('half')),
      { sha256: digestOf(Buffer.from('half')), bytes: 8 },
    ],
    [
      'more than announced',
      () => inPieces(Buffer.from('whole')),
      { sha256: digestOf(Buffer.from('whole')), bytes: 4 },
    ],
    [
      'another large content',
      () => inPieces(large),
      { sha256: digestOf(randomBytes(5)), bytes: large.length },
    ],
  ];
  for (const [name, content, expected] of refused)
    test(`${name} is refused, and nothing of it is found`, async () => {
      await assert.rejects(store().put(content(), expected), ContentMismatch);
      assert.equal(await store().has(expected.sha256), false);
      assert.equal(await store().open(expected.sha256), null);
    });

  test('a sender who leaves in the middle leaves nothing that is found', async () => {
    const bytes = randomBytes(12 * 1024 * 1024);
    const broken = async function* () {
      for await (const piece of inPieces(bytes.subarray(0, 9 * 1024 * 1024))) yield piece;
      throw new Error('the connection broke');
    };
    const one = { sha256: digestOf(bytes), bytes: bytes.length };
    await assert.rejects(store().put(broken(), one), /the connection broke/);
    assert.equal(await store().has(one.sha256), false);
    await store().put(inPieces(bytes), one);
    assert.equal(await store().has(one.sha256), true);
  });

  test('two who put the same at once', async () => {
    const bytes = randomBytes(200_000);
    const one = { sha256: digestOf(bytes), bytes: bytes.length };
    await Promise.all([store().put(inPieces(bytes), one), store().put(inPieces(bytes), one)]);
    assert.ok((await readAll(store(), one.sha256))?.equals(bytes));
  });

  test('what is removed is gone, what never was may be removed, and it may come back', async () => {
    const bytes = randomBytes(100);
    const one = { sha256: digestOf(bytes), bytes: 100 };
    await store().remove(one.sha256);
    await store().put(inPieces(bytes), one);
    await store().remove(one.sha256);
    assert.equal(await store().has(one.sha256), false);
    assert.equal(await store().open(one.sha256), null);
    await store().put(inPieces(bytes), one);
    assert.ok((await readAll(store(), one.sha256))?.equals(bytes));
  });

  for (const name of [
    '',
    'sha256:',
    '../../etc/passwd',
    `sha256:${'A'.repeat(64)}`,
    `sha256:../${'a'.repeat(61)}`,
  ])
    test(`${JSON.stringify(name)} is no digest`, async () => {
      await assert.rejects(store().has(name), /no digest/);
      await assert.rejects(store().put(inPieces(Buffer.alloc(0)), { sha256: name, bytes: 0 }), /no digest/);
    });
}
