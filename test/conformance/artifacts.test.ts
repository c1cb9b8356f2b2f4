import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checked } from '../../src/adapters/artifacts/checked.ts';
import { folderArtifacts } from '../../src/adapters/artifacts/folder.ts';
import { artifactStoreSuite } from './artifacts.ts';

describe('artifacts in a folder', () => {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-artifacts-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, 'artifacts');
  const store = folderArtifacts(folder);
  artifactStoreSuite(() => store);

  test('nothing lies there for others, and nothing half written is left', () => {
    assert.deepEqual(readdirSync(join(folder, 'incoming')), []);
    const names = readdirSync(folder, { recursive: true, withFileTypes: true });
    for (const one of names.filter(entry => entry.isFile()))
      assert.equal(statSync(join(one.parentPath, one.name)).mode & 0o077, 0);
  });

  test('what a killed process left half written goes after a day, and not before', async () => {
    const [old, young] = [join(folder, 'incoming', 'old'), join(folder, 'incoming', 'young')];
    for (const path of [old, young]) writeFileSync(path, 'half');
    const longAgo = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(old, longAgo, longAgo);
    const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    await store.put(checked((async function* () {})(), { sha256: empty, bytes: 0 }), {
      sha256: empty,
      bytes: 0,
    });
    assert.deepEqual(readdirSync(join(folder, 'incoming')), ['young']);
  });

  test('a hundred megabytes pass through without being held', async () => {
    const piece = randomBytes(1024 * 1024);
    const { createHash } = await import('node:crypto');
    const hash = createHash('sha256');
    for (let i = 0; i < 100; i++) hash.update(piece);
    const one = { sha256: `sha256:${hash.digest('hex')}`, bytes: 100 * piece.length };
    const before = process.memoryUsage().rss;
    let most = 0;
    await store.put(
      (async function* () {
        for (let i = 0; i < 100; i++) {
          most = Math.max(most, process.memoryUsage().rss);
          yield piece;
        }
      })(),
      one,
    );
    let read = 0;
    for await (const chunk of (await store.open(one.sha256))?.content ?? []) {
      read += chunk.length;
      most = Math.max(most, process.memoryUsage().rss);
    }
    assert.equal(read, one.bytes);
    assert.ok(most - before < 64 * 1024 * 1024, `${most - before}`);
  });
});
