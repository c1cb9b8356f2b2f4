import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawEdge, RawRequest } from '../../../src/core/edge.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import { at, connect, problemOf, start, statusOf } from './fixture.ts';

const limitBytes = 1_000;
const sizeLimit = `content-length: ${limitBytes + 1}`;

function edge(handle: RawEdge['handle'] = async () => ({ status: 200, body: 'ok' })) {
  const seen: RawRequest[] = [];
  const one: RawEdge = {
    path: '/edge',
    limitBytes,
    handle: async request => {
      seen.push(request);
      return await handle(request);
    },
  };
  return { seen, edges: [one] };
}

const post = (headers: string, body = '') => `POST /edge HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n${body}`;
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

test('an edge gets the bytes as they were sent', async t => {
  const bytes = Buffer.from([0, 255, 254, 10, 13, 123]);
  const rows: [string, string, Buffer][] = [
    ['nothing', '/edge', Buffer.alloc(0)],
    ['what is no text', '/edge', bytes],
    ['what claims to be JSON and is not', '/edge', Buffer.from('{"a":')],
    ['as much as the limit', '/edge', Buffer.alloc(limitBytes, 'x')],
    ['with a query', '/edge?a=b', bytes],
  ];
  const { seen, edges } = edge();
  const { ask } = await start(t, { edges });
  for (const [name, path, body] of rows) {
    const headers = { 'content-type': 'application/json', 'x-custom': 'yes' };
    const response = await ask('POST', path, { raw: body, headers });
    assert.equal(response.status, 200, name);
    assert.equal(await response.text(), 'ok', name);
    const request = seen.pop();
    assert.deepEqual(Buffer.from(request?.body ?? []), body, name);
    assert.equal(request?.headers['x-custom'], 'yes', name);
    assert.equal(request?.receivedAt, at, name);
  }
});

test('a header that came twice is a list', async t => {
  const { seen, edges } = edge();
  const { url } = await start(t, { edges });
  const { socket, closed } = connect(url);
  socket.write(
    post('X-Sig: one\r\nx-sig: two\r\n__proto__: x\r\nconnection: close\r\ncontent-length: 1', 'a'),
  );
  assert.equal(statusOf(await closed), 200);
  assert.deepEqual(seen[0]?.headers['x-sig'], ['one', 'two']);
  assert.deepEqual(seen[0]?.headers.host, 'a');
});

test('what an edge refuses before it is handed over', async t => {
  const over = 'x'.repeat(limitBytes + 1);
  const rows: [string, string, number, string][] = [
    ['declared over the limit, nothing sent', post(sizeLimit), 413, 'BODY_TOO_LARGE'],
    ['declared over the limit by far', post('content-length: 999999999999999'), 413, 'BODY_TOO_LARGE'],
    ['declared and sent over the limit', post(sizeLimit, over), 413, 'BODY_TOO_LARGE'],
    [
      'declared over the limit, asked before it is sent',
      post(`${sizeLimit}\r\nexpect: 100-continue`),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'chunked over the limit, unfinished',
      post('transfer-encoding: chunked', chunk(over)),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'chunked over the limit in small pieces',
      post('transfer-encoding: chunked', chunk('x').repeat(limitBytes + 1)),
      413,
      'BODY_TOO_LARGE',
    ],
    ['compressed', post('content-encoding: gzip\r\ncontent-length: 1', 'x'), 415, 'BODY_ENCODING'],
    [
      'compressed twice',
      post('content-encoding: identity, br\r\ncontent-length: 1', 'x'),
      415,
      'BODY_ENCODING',
    ],
    ['a length that is none', post('content-length: -1', 'x'), 400, ''],
    ['two lengths', post('content-length: 1\r\ncontent-length: 2', 'xx'), 400, ''],
    ['a length and chunks', post('content-length: 1\r\ntransfer-encoding: chunked', chunk('x')), 400, ''],
    ['no HTTP', 'hello\r\n\r\n', 400, ''],
    ['headers over 16 kB', post(`x-long: ${'x'.repeat(20_000)}`), 431, ''],
  ];
  const { seen, edges } = edge();
  const { url } = await start(t, { edges });
  const answers = rows.map(async ([name, sent, status, code]) => {
    const { socket, closed } = connect(url);
    socket.write(sent);
    const answer = await closed;
    assert.equal(statusOf(answer), status, name);
    assert.match(answer, /connection: close/i, name);
    if (code) assert.equal(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).code, code, name);
  });
  await Promise.all(answers);
  assert.equal(seen.length, 0);
});

test('near the refused: identity, asked first, in pieces up to the limit', async t => {
  const fine = 'x'.repeat(limitBytes);
  const rows: [string, string][] = [
    ['identity', post('connection: close\r\ncontent-encoding: Identity\r\ncontent-length: 1', 'x')],
    ['asked first', post('connection: close\r\nexpect: 100-continue\r\ncontent-length: 1', 'x')],
    [
      'one-byte chunks',
      post('connection: close\r\ntransfer-encoding: chunked', `${chunk('x').repeat(limitBytes)}0\r\n\r\n`),
    ],
    ['at the limit', post(`connection: close\r\ncontent-length: ${limitBytes}`, fine)],
  ];
  const { seen, edges } = edge();
  const { url } = await start(t, { edges });
  for (const [name, sent] of rows) {
    const { socket, closed } = connect(url);
    socket.write(sent);
    assert.match(await closed, /HTTP\/1\.1 200/, name);
    assert.match(Buffer.from(seen.pop()?.body ?? []).toString(), /^x+$/, name);
  }
});

test('a body in chunks has a limit of its own where the edge says one', async t => {
  const { seen, edges } = edge();
  const { url } = await start(t, { edges: edges.map(one => ({ ...one, chunkedLimitBytes: 10 })) });
  const rows: [string, string, number][] = [
    ['declared', post(`connection: close\r\ncontent-length: ${limitBytes}`, 'x'.repeat(limitBytes)), 200],
    [
      'chunked up to it',
      post('connection: close\r\ntransfer-encoding: chunked', `${chunk('x'.repeat(10))}0\r\n\r\n`),
      200,
    ],
    ['chunked above it', post('transfer-encoding: chunked', chunk('x'.repeat(11))), 413],
  ];
  for (const [name, sent, status] of rows) {
    const { socket, closed } = connect(url);
    socket.write(sent);
    assert.equal(statusOf(await closed), status, name);
  }
  assert.equal(seen.length, 2);
});

test('who is too slow is cut off', async t => {
  const rows: [string, string][] = [
    ['says nothing', ''],
    ['never ends the headers', 'POST /edge HTTP/1.1\r\nhost: a\r\n'],
    ['never ends the body', post('content-length: 10', 'x')],
    ['declares more than it sends', post('content-length: 100', 'x'.repeat(99))],
    ['never ends the chunks', post('transfer-encoding: chunked', chunk('x'))],
    [
      'never ends the body of a call',
      'POST /v1/runs HTTP/1.1\r\nhost: a\r\nauthorization: Bearer writer\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{',
    ],
  ];
  const { seen, edges } = edge();
  const { url } = await start(t, { edges, pace: { headersMs: 100, requestMs: 200 } });
  const answers = rows.map(async ([name, sent]) => {
    const { socket, closed } = connect(url);
    socket.write(sent);
    const answer = await closed;
    if (answer !== '') assert.equal(statusOf(answer), 408, name);
  });
  await Promise.all(answers);
  assert.equal(seen.length, 0);
});

test('a sender who leaves, or sends more than declared, takes nothing along', async t => {
  const { seen, edges } = edge();
  const { url, ask } = await start(t, { edges, bodyBudgetBytes: 4 * limitBytes });
  const left = connect(url);
  left.socket.write(post(`content-length: ${limitBytes}`, 'x'.repeat(limitBytes - 1)), () =>
    left.socket.destroy(),
  );
  await left.closed;
  const lied = connect(url);
  lied.socket.write(post('content-length: 1', 'xyz'));
  assert.match(await lied.closed, /HTTP\/1\.1 400/);
  assert.equal(seen.length, 1);
  // The budget is whole again: a body of its full size is read.
  const whole = await ask('POST', '/edge', { raw: Buffer.alloc(limitBytes) });
  assert.equal(whole.status, 200);
});

test('bodies in flight share one budget', async t => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { edges } = edge(async () => {
    arrive();
    await held;
    return { status: 200 };
  });
  const { ask } = await start(t, { edges, bodyBudgetBytes: 4 * limitBytes });
  const first = ask('POST', '/edge', { raw: Buffer.alloc(limitBytes) });
  await arrived;
  const second = await ask('POST', '/edge', { raw: 'x' });
  assert.equal(second.status, 503);
  assert.equal(second.headers.get('retry-after'), '2');
  assert.equal((await problemOf(second)).code, 'BUSY');
  go();
  assert.equal((await first).status, 200);
  assert.equal((await ask('POST', '/edge', { raw: 'x' })).status, 200);
});

test('an edge that throws answers as a problem, and says nothing of its inside', async t => {
  const rows: [string, Error, number, string, string | null][] = [
    ['the store is away', new SignalboxError('STORE_UNAVAILABLE'), 503, 'STORE_UNAVAILABLE', '5'],
    ['a signature', new SignalboxError('SIGNATURE_INVALID'), 401, 'SIGNATURE_INVALID', null],
    ['a mistake', new TypeError('secret inside'), 500, 'INTERNAL', null],
  ];
  let thrown: Error = new Error();
  const { edges } = edge(async () => {
    throw thrown;
  });
  const { ask, warnings } = await start(t, { edges });
  for (const [name, err, status, code, retryAfter] of rows) {
    thrown = err;
    const response = await ask('POST', '/edge', { raw: 'x' });
    assert.equal(response.status, status, name);
    assert.equal(response.headers.get('content-type'), 'application/problem+json', name);
    assert.equal(response.headers.get('retry-after'), retryAfter, name);
    const text = await response.text();
    assert.equal(JSON.parse(text).code, code, name);
    assert.doesNotMatch(text, /secret inside|\.ts/, name);
    assert.equal(warnings.pop()?.fields.err, err, name);
  }
});

test('100 at once get each their own answer', async t => {
  const { edges } = edge(async ({ body }) => ({ status: 200, body: Buffer.from(body).toString() }));
  const { ask } = await start(t, { edges });
  const texts = Array.from({ length: 100 }, (_, i) => `message ${i}`);
  const answers = await Promise.all(
    texts.map(async text => await (await ask('POST', '/edge', { raw: text })).text()),
  );
  assert.deepEqual(answers, texts);
});

test('an edge takes only what is posted to exactly its address', async t => {
  const rows: [string, string][] = [
    ['GET', '/edge'],
    ['PUT', '/edge'],
    ['POST', '/edge/'],
    ['POST', '/Edge'],
    ['POST', '/edges'],
  ];
  const { seen, edges } = edge();
  const { ask } = await start(t, { edges });
  for (const [method, path] of rows) {
    const response = await ask(method, path);
    assert.equal(response.status, 404, `${method} ${path}`);
    assert.equal((await problemOf(response)).code, 'ROUTE_UNKNOWN');
  }
  assert.equal(seen.length, 0);
});

test('a server that closes lets the message it has be answered', async t => {
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { edges } = edge(async () => {
    arrive();
    await held;
    return { status: 200 };
  });
  const { url, server } = await start(t, { edges });
  const { socket, closed } = connect(url);
  socket.write(post('content-length: 1', 'x'));
  await arrived;
  const closing = server.close();
  go();
  const answer = await closed;
  assert.equal(statusOf(answer), 200);
  assert.match(answer, /connection: close/i);
  await closing;
});
