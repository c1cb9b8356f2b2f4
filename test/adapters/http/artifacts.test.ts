import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { apiClient } from '../../../src/adapters/http/client.ts';
import { problemOf, start } from './fixture.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const names = ['model.json', 'a/b c.bin', 'ä"\'%2F../🙂.bin', 'x'.repeat(400)];

/** A world whose run 42 has made these, each with its name as its content. */
async function withArtifacts(t: Parameters<typeof start>[0]) {
  const artifacts = names.map((name, i) => ({
    attempt: 1,
    name,
    sha256: digest.replace(/a$/, String(i)),
    bytes: 1,
  }));
  const opened: string[] = [];
  const started = await start(t, {
    records: {
      artifacts: async () => artifacts,
      of: async () => ({ artifacts, inputs: [], machine: null, held: { acceleratorHours: 1.5, cost: 3 } }),
      began: async () => {},
    },
    artifacts: {
      open: async sha256 => {
        opened.push(sha256);
        const name = artifacts.find(one => one.sha256 === sha256)?.name ?? '';
        if (name === 'model.json') return null;
        const bytes = Buffer.from(name);
        return {
          bytes: bytes.length,
          content: (async function* () {
            yield bytes;
          })(),
        };
      },
    },
  });
  return { ...started, opened };
}

test('artifacts are listed with the path of their content, and each is where its path says', async t => {
  const { ask } = await withArtifacts(t);
  const listed = (await (await ask('GET', '/v1/runs/42/artifacts', { token: 'reader' })).json()) as {
    artifacts: { name: string; path: string }[];
  };
  assert.deepEqual(
    listed.artifacts.map(one => one.name),
    names,
  );
  for (const { name, path } of listed.artifacts.slice(1)) {
    const response = await ask('GET', path, { token: 'reader' });
    assert.equal(response.status, 200, name);
    assert.equal(await response.text(), name);
    assert.match(
      response.headers.get('content-disposition') ?? '',
      /^attachment; filename="[\w.+-]+"; filename\*=UTF-8''[\w.%~!-]+$/,
    );
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.match(response.headers.get('repr-digest') ?? '', /^sha-256=:/);
  }
});

test('what is not there, is no longer there, or may not be read', async t => {
  const { ask, opened } = await withArtifacts(t);
  const rows: [string, string, number, string][] = [
    ['another name', '/v1/runs/42/artifacts/modle.json', 404, 'ARTIFACT_UNKNOWN'],
    ['a way out', '/v1/runs/42/artifacts/..%2F..%2Fetc%2Fpasswd', 404, 'ARTIFACT_UNKNOWN'],
    ['another run', '/v1/runs/43/artifacts/model.json', 404, 'RUN_NOT_FOUND'],
    ['its content is gone', '/v1/runs/42/artifacts/model.json', 410, 'ARTIFACT_GONE'],
    ['a name that is none', `/v1/runs/42/artifacts/${'x'.repeat(401)}`, 400, 'BODY_INVALID'],
  ];
  for (const [name, path, status, code] of rows) {
    const response = await ask('GET', path);
    assert.equal(response.status, status, name);
    assert.equal((await problemOf(response)).code, code, name);
  }
  assert.equal(opened.length, 1);
  assert.equal((await ask('GET', '/v1/runs/42/artifacts', { token: null })).status, 401);
  assert.equal((await ask('GET', '/v1/runs/42/artifacts/a%2Fb%20c.bin', { token: 'agent' })).status, 403);
});

test('one run shows its record, and the client reads it', async t => {
  const { url } = await withArtifacts(t);
  const run = await apiClient({ url, token: 'writer' }).run(42);
  assert.equal(run.record?.acceleratorHours, 1.5);
  assert.equal(run.record?.artifacts.length, names.length);
});

test('content is taken as it comes: for longer than other requests may take, large, and without being held', async t => {
  const piece = randomBytes(1024 * 1024);
  let [seen, most] = [0, 0];
  const before = process.memoryUsage().rss;
  const { url } = await start(t, {
    pace: { headersMs: 100, requestMs: 200 },
    takeContent: async (_, __, content) => {
      for await (const chunk of content) {
        seen += chunk.length;
        most = Math.max(most, process.memoryUsage().rss);
      }
    },
  });
  const body = async function* () {
    for (let i = 0; i < 100; i++) {
      if (i === 50) await pause(1_200);
      yield piece;
    }
  };
  const response = await fetch(
    `${url}/v1/agent/runs/42/attempts/1/contents/${digest}?bytes=${100 * piece.length}`,
    {
      method: 'PUT',
      headers: { authorization: 'Bearer agent', 'content-type': 'application/octet-stream' },
      body: ReadableStream.from(body()),
      duplex: 'half',
    },
  );
  assert.equal(response.status, 204);
  assert.equal(seen, 100 * piece.length);
  assert.ok(most - before < 96 * 1024 * 1024, `${most - before}`);
});

test('who may not send content is refused before it is read, and who falls silent is cut off', async t => {
  let begun = 0;
  const { url, ask } = await start(t, {
    pace: { silenceMs: 300 },
    takeContent: async (_, __, content) => {
      begun++;
      for await (const _chunk of content);
    },
  });
  const path = `/v1/agent/runs/42/attempts/1/contents/${digest}`;
  const type = { 'content-type': 'application/octet-stream' };
  const put = (to: string, token: string, headers: Record<string, string> = type) =>
    ask('PUT', to, { token, raw: Buffer.from('x'), headers });
  const rows: [string, Promise<Response>, number][] = [
    ['a token without the scope', put(`${path}?bytes=1`, 'writer'), 403],
    ['no digest', put('/v1/agent/runs/42/attempts/1/contents/abc?bytes=1', 'agent'), 400],
    ['no length', put(path, 'agent'), 400],
    ['another run', put('/v1/agent/runs/43/attempts/1/contents/'.concat(digest, '?bytes=1'), 'agent'), 404],
    ['JSON', put(`${path}?bytes=1`, 'agent', { 'content-type': 'application/json' }), 400],
    ['bytes where there are none', ask('POST', '/v1/runs', { raw: Buffer.from('x'), headers: type }), 415],
  ];
  for (const [name, answer, status] of rows) assert.equal((await answer).status, status, name);
  assert.equal(begun, 0);
  const silent = fetch(`${url}${path}?bytes=10`, {
    method: 'PUT',
    headers: { authorization: 'Bearer agent', ...type },
    body: ReadableStream.from(
      (async function* () {
        yield Buffer.from('x');
        await pause(20_000, undefined, { signal: t.signal }).catch(() => {});
      })(),
    ),
    duplex: 'half',
  });
  await assert.rejects(silent);
});

test('a refusal in the middle of what is sent is heard', async t => {
  const { url } = await start(t, {
    takeContent: async (_, __, content) => {
      for await (const _chunk of content) break;
      const { SignalboxError } = await import('../../../src/core/errors.ts');
      throw new SignalboxError('CONTENT_REFUSED', { reason: 'It has more than was announced.' });
    },
  });
  const sent = Buffer.alloc(100_000);
  const sha256 = `sha256:${createHash('sha256').update(sent).digest('hex')}`;
  const response = await fetch(`${url}/v1/agent/runs/42/attempts/1/contents/${sha256}?bytes=1`, {
    method: 'PUT',
    headers: { authorization: 'Bearer agent', 'content-type': 'application/octet-stream' },
    body: sent,
  });
  assert.equal(response.status, 422);
  assert.equal((await problemOf(response)).code, 'CONTENT_REFUSED');
});
