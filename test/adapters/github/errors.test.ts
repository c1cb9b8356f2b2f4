import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { githubOctokit } from '../../../src/adapters/github/client.ts';
import { githubError } from '../../../src/adapters/github/errors.ts';
import { recordingLog } from '../slack/support.ts';

const now = new Date('2026-01-05T09:00:00Z');
const reset = String(now.getTime() / 1_000 + 90);

/** A GitHub that answers one thing, or nothing at all. */
async function answering(t: TestContext, status: number | 'silent', headers: Record<string, string>) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    if (status === 'silent') return;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end('{"message":"a-token-that-nobody-may-see"}');
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const Client = githubOctokit({ apiUrl, timeoutMs: 100, log: recordingLog().log });
  const thrown: unknown = await new Client({ auth: 'a-token-that-nobody-may-see' }).request('GET /user').then(
    () => null,
    err => err,
  );
  return { error: githubError(thrown, now), asked };
}

const rows: [
  status: number | 'silent',
  headers: Record<string, string>,
  outcome: string,
  afterMs: number,
  busy: boolean,
][] = [
  [500, {}, 'retry', 2_000, false],
  [502, {}, 'retry', 2_000, false],
  [404, {}, 'missing', 0, false],
  [401, {}, 'refused', 0, false],
  [403, {}, 'refused', 0, false],
  [403, { 'x-ratelimit-remaining': '17' }, 'refused', 0, false],
  [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, 'retry', 90_000, true],
  [403, { 'retry-after': '30' }, 'retry', 30_000, true],
  [429, {}, 'retry', 60_000, true],
  [422, {}, 'refused', 0, false],
  ['silent', {}, 'retry', 2_000, false],
];
for (const [status, headers, outcome, afterMs, busy] of rows)
  test(`${status} ${JSON.stringify(headers)}: ${outcome}`, async t => {
    const { error, asked } = await answering(t, status, headers);
    assert.deepEqual([error.outcome, error.afterMs, error.busy], [outcome, afterMs, busy]);
    assert.equal(asked, 1, 'it is not tried again by itself');
    assert.doesNotMatch(error.message, /nobody-may-see|127\.0\.0\.1/);
  });
