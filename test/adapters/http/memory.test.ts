import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect, type Raw, statusOf } from './fixture.ts';

const mb = 1024 * 1024;
const piece = Buffer.alloc(64 * 1024, 'x');

const child = fork(new URL('./memory-server.ts', import.meta.url));
let url = '';
before(async () => {
  const [{ port }] = await once(child, 'message');
  url = `http://127.0.0.1:${port}`;
});
after(() => child.disconnect());

async function memory(): Promise<{ rss: number; peak: number }> {
  const answer = once(child, 'message');
  child.send('memory');
  return (await answer)[0];
}

/** Sends up to `bytes`, as fast as the other side takes them, or until it hangs up. */
async function pour({ socket, closed }: Raw, bytes: number, wrap = (chunk: Buffer) => chunk) {
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    if (socket.write(wrap(piece))) continue;
    await Promise.race([new Promise(resolve => socket.once('drain', resolve)), closed]);
  }
}

const github = '/webhooks/github';
/** Well-formed, and wrong. */
const signed = `x-hub-signature-256: sha256=${'a'.repeat(64)}`;

const chunked = (chunk: Buffer) => Buffer.from(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);

test('200 MB that nobody signed', async t => {
  const length = `content-length: ${200 * mb}`;
  const json = 'content-type: application/json';
  const rows: [string, string, string, (chunk: Buffer) => Buffer, number | null][] = [
    ['declared', '/small', length, chunk => chunk, 413],
    ['declared, for GitHub', github, length, chunk => chunk, 413],
    ['chunked, for GitHub', github, 'transfer-encoding: chunked', chunked, 413],
    ['compressed, for GitHub', github, `content-encoding: gzip\r\n${length}`, chunk => chunk, 415],
    ['declared as less, for GitHub', github, 'content-length: 1000', chunk => chunk, null],
    ['chunked', '/small', 'transfer-encoding: chunked', chunked, 413],
    // What follows is no HTTP: the connection is reset, and whether its sender comes to read why is chance.
    ['declared as less', '/small', 'content-length: 1000', chunk => chunk, null],
    ['without a token', '/v1/runs', length, chunk => chunk, 401],
    ['for no address', '/nowhere', `${json}\r\n${length}`, chunk => chunk, 413],
    [
      'chunked, with a token',
      '/v1/commands',
      `${json}\r\nauthorization: Bearer writer\r\ntransfer-encoding: chunked`,
      chunked,
      413,
    ],
  ];
  for (const [name, path, header, wrap, status] of rows) {
    const start = await memory();
    const one = connect(url);
    one.socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\n${header}\r\n\r\n`);
    await pour(one, 200 * mb, wrap);
    const answer = await one.closed;
    if (status !== null) assert.equal(statusOf(answer), status, name);
    const grown = ((await memory()).peak - start.rss) / mb;
    t.diagnostic(`${name}: ${grown.toFixed(1)} MB`);
    assert.ok(grown < 32, `${name}: ${grown} MB`);
  }
});

test('100 x 25 MB with a wrong signature share the budget', async t => {
  const start = await memory();
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const one = connect(url);
      one.socket.write(
        `POST ${github} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${signed}\r\ncontent-length: ${25 * mb}\r\n\r\n`,
      );
      await pour(one, 25 * mb);
      return statusOf(await one.closed);
    }),
  );
  const grown = ((await memory()).peak - start.rss) / mb;
  t.diagnostic(`${grown.toFixed(1)} MB, ${answers.filter(status => status === 401).length} read`);
  assert.deepEqual(
    [...new Set(answers)].filter(status => status !== 401 && status !== 503),
    [],
  );
  assert.ok(grown < 96, `${grown} MB`);
});
