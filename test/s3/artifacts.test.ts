import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { checkBucket, s3Artifacts } from '../../src/adapters/artifacts/s3.ts';
import { loadConfig } from '../../src/config.ts';
import { SignalboxError } from '../../src/core/errors.ts';
import { artifactStoreSuite } from '../conformance/artifacts.ts';
import { accessKey, type S3Server, serverMissing, startServer } from './server.ts';

describe('artifacts in an S3 store', { skip: serverMissing() }, () => {
  let server: S3Server;
  let options: Parameters<typeof s3Artifacts>[0];
  let store: ReturnType<typeof s3Artifacts>;
  before(async () => {
    server = await startServer('signalbox');
    const { s3 } = loadConfig({
      ARTIFACTS_URL: 's3://signalbox/some/prefix/',
      ARTIFACTS_S3_ENDPOINT: server.endpoint,
      AWS_ACCESS_KEY_ID: accessKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: accessKey.secretAccessKey,
    }).artifacts;
    assert.ok(s3);
    options = s3;
    store = s3Artifacts(options);
  });
  after(() => server?.stop());
  artifactStoreSuite(() => store);

  test('the bucket is found, another one is not, and a wrong key is refused', async () => {
    await checkBucket(options);
    const says = (pattern: RegExp) => (err: unknown) =>
      err instanceof SignalboxError &&
      err.fault.code === 'ARTIFACTS_UNAVAILABLE' &&
      pattern.test(err.fault.why);
    await assert.rejects(checkBucket({ ...options, bucket: 'nobodys' }), says(/no such bucket/));
    const wrong = { ...options, credentials: { ...accessKey, secretAccessKey: 'another' } };
    await assert.rejects(s3Artifacts(wrong).put(once('x'), announced('x')), says(/S3 store said/));
  });

  test('a store that is away is told as such, and nothing is taken for missing', async () => {
    const away = s3Artifacts({ ...options, endpoint: 'http://127.0.0.1:9' });
    const code = (err: unknown) =>
      err instanceof SignalboxError && err.fault.code === 'ARTIFACTS_UNAVAILABLE';
    await assert.rejects(away.has(announced('x').sha256), code);
    await assert.rejects(away.open(announced('x').sha256), code);
    await assert.rejects(away.put(once('x'), announced('x')), code);
  });

  test('a hundred megabytes pass through without being held', async () => {
    const piece = randomBytes(1024 * 1024);
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
    assert.equal((await store.open(one.sha256))?.bytes, one.bytes);
    assert.ok(most - before < 96 * 1024 * 1024, `${most - before}`);
  });
});

function announced(text: string) {
  return { sha256: `sha256:${createHash('sha256').update(text).digest('hex')}`, bytes: text.length };
}

async function* once(text: string) {
  yield Buffer.from(text);
}
