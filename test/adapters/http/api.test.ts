import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';
import { commands } from '../../../commands/index.ts';
import { runListSchema } from '../../../src/adapters/http/schemas.ts';
import { fault, SignalboxError } from '../../../src/core/errors.ts';
import { coerceValues } from '../../../src/core/grammar.ts';
import { runJsonSchema } from '../../../src/core/run-json.ts';
import { summaryOf } from '../../support/summary.ts';
import { aRun, at, newWorld, portsOver, problemOf, start } from './fixture.ts';

const body = { project: 'digits' };

test('who may do what', async t => {
  const sync = { pool: 'local', accelerators: [], reports: [] };
  const log = { offset: 0, text: '', points: [] };
  const points = { points: [{ name: 'loss', step: 1, value: 0.5 }] };
  const rows: [
    string,
    string,
    string,
    { token?: string | null; header?: string; body?: unknown },
    number,
    string?,
  ][] = [
    ['no token', 'GET', '/v1/runs', { token: null }, 401, 'TOKEN_INVALID'],
    ['an unknown token', 'GET', '/v1/runs', { token: 'unknown' }, 401, 'TOKEN_INVALID'],
    ['a revoked token', 'GET', '/v1/runs', { token: 'revoked' }, 401, 'TOKEN_INVALID'],
    ['another scheme', 'GET', '/v1/runs', { header: 'Basic reader' }, 401, 'TOKEN_INVALID'],
    ['no scheme', 'GET', '/v1/runs', { header: 'reader' }, 401, 'TOKEN_INVALID'],
    ['two words', 'GET', '/v1/runs', { header: 'Bearer reader reader' }, 401, 'TOKEN_INVALID'],
    ['an empty token', 'GET', '/v1/runs', { header: 'Bearer ' }, 401, 'TOKEN_INVALID'],
    ['an endless token', 'GET', '/v1/runs', { token: 'x'.repeat(501) }, 401, 'TOKEN_INVALID'],
    ['the scheme in small letters', 'GET', '/v1/runs', { header: 'bearer reader' }, 200],
    ['a reader reads', 'GET', '/v1/runs/42', { token: 'reader' }, 200],
    ['an admin reads', 'GET', '/v1/runs/42', { token: 'admin' }, 200],
    ['a reader requests', 'POST', '/v1/runs', { token: 'reader', body }, 403, 'TOKEN_SCOPE'],
    ['a reader stops', 'POST', '/v1/runs/42/cancel', { token: 'reader' }, 403, 'TOKEN_SCOPE'],
    [
      'a reader commands',
      'POST',
      '/v1/commands',
      { token: 'reader', body: { words: 'list' } },
      403,
      'TOKEN_SCOPE',
    ],
    ['an admin requests', 'POST', '/v1/runs', { token: 'admin', body }, 201],
    ['an agent reads', 'GET', '/v1/runs', { token: 'agent' }, 403, 'TOKEN_SCOPE'],
    ['a writer is no agent', 'POST', '/v1/agent/sync', { body: sync }, 403, 'TOKEN_SCOPE'],
    ['an admin is no agent', 'POST', '/v1/agent/sync', { token: 'admin', body: sync }, 403, 'TOKEN_SCOPE'],
    ['an agent of any pool', 'POST', '/v1/agent/sync', { token: 'agent', body: sync }, 200],
    ['an agent of its pool', 'POST', '/v1/agent/sync', { token: 'agent-local', body: sync }, 200],
    [
      'an agent of another pool',
      'POST',
      '/v1/agent/sync',
      { token: 'agent-other', body: sync },
      403,
      'TOKEN_SCOPE',
    ],
    ['its log', 'POST', '/v1/agent/runs/42/attempts/1/log', { token: 'agent-local', body: log }, 200],
    [
      "another pool's log",
      'POST',
      '/v1/agent/runs/42/attempts/1/log',
      { token: 'agent-other', body: log },
      403,
      'TOKEN_SCOPE',
    ],
    [
      "a later attempt's log",
      'POST',
      '/v1/agent/runs/42/attempts/2/log',
      { token: 'agent', body: log },
      404,
      'RUN_NOT_FOUND',
    ],
    [
      "no run's log",
      'POST',
      '/v1/agent/runs/41/attempts/1/log',
      { token: 'agent', body: log },
      404,
      'RUN_NOT_FOUND',
    ],
    ['metrics of an attempt', 'POST', '/v1/runs/42/metrics', { token: 'attempt-42-1', body: points }, 200],
    [
      'metrics of an earlier attempt',
      'POST',
      '/v1/runs/42/metrics',
      { token: 'attempt-42-0', body: points },
      401,
      'TOKEN_INVALID',
    ],
    [
      'metrics for another run',
      'POST',
      '/v1/runs/43/metrics',
      { token: 'attempt-42-1', body: points },
      403,
      'TOKEN_SCOPE',
    ],
    [
      'metrics after the end',
      'POST',
      '/v1/runs/40/metrics',
      { token: 'attempt-40-1', body: points },
      401,
      'TOKEN_INVALID',
    ],
    [
      'metrics of a person',
      'POST',
      '/v1/runs/42/metrics',
      { token: 'admin', body: points },
      401,
      'TOKEN_INVALID',
    ],
    ['source of an attempt', 'GET', '/v1/runs/42/source', { token: 'attempt-42-1' }, 200],
    [
      'source of an earlier attempt',
      'GET',
      '/v1/runs/42/source',
      { token: 'attempt-42-2' },
      401,
      'TOKEN_INVALID',
    ],
    ['source for an agent', 'GET', '/v1/runs/42/source', { token: 'agent' }, 401, 'TOKEN_INVALID'],
    ['the document, for everybody', 'GET', '/v1/openapi.json', { token: null }, 200],
  ];
  const { ask, runs, refused } = await start(t);
  const all: string[] = [];
  runs.set(40, aRun({ number: 40, state: 'failed' }));
  for (const [name, method, path, { token, header, body }, status, code] of rows) {
    const headers = header === undefined ? undefined : { authorization: header };
    const response = await ask(method, path, { token, body, headers });
    assert.equal(response.status, status, name);
    if (code) assert.equal((await problemOf(response)).code, code, name);
    else await response.arrayBuffer();
    assert.equal(response.headers.get('www-authenticate'), status === 401 ? 'Bearer' : null, name);
    // Whom it was given to is known of every token that may not do this.
    assert.equal(
      refused.filter(one => !one.startsWith('unknown')).length,
      code === 'TOKEN_SCOPE' ? 1 : 0,
      name,
    );
    all.push(...refused.splice(0));
  }
  for (const one of [
    'unknown revoked',
    'token reader: runs:write',
    'token agent: runs:read',
    'token writer: agent',
    'token agent-other: agent of local',
    'run 42: run 43',
  ])
    assert.ok(all.includes(one), one);
});

test('what is in a request is for the command to refuse', async t => {
  const { ask, intents } = await start(t);
  const rows: [name: string, body: Record<string, unknown>, values: Record<string, unknown>][] = [
    ['no project', {}, {}],
    ['an unknown field', { project: 'digits', gpuz: 1 }, { project: 'digits', gpuz: 1 }],
    ['a number as text', { project: 'digits', gpus: '2' }, { project: 'digits', gpus: '2' }],
    ['no duration', { timeLimit: 'soon' }, { time: 'soon' }],
    ['a duration', { timeLimit: '2m' }, { time: 120 }],
    ['nothing', { gpus: null }, { gpus: null }],
  ];
  for (const [name, sent, values] of rows) {
    await ask('POST', '/v1/runs', { body: sent });
    assert.deepEqual(intents.at(-1)?.wish, { kind: 'call', path: ['train'], values }, name);
  }
});

test('what cannot be read is said, with the field and a code', async t => {
  const json = { 'content-type': 'application/json' };
  const rows: [
    string,
    string,
    { body?: unknown; raw?: string; headers?: Record<string, string> },
    number,
    string,
    RegExp,
  ][] = [
    ['no body', '/v1/runs', { raw: '', headers: json }, 400, 'BODY_INVALID', /expected object/],
    ['a list', '/v1/runs', { body: [] }, 400, 'BODY_INVALID', /expected object/],
    [
      'a list as a parameter',
      '/v1/runs',
      { body: { ...body, parameters: { lr: [1] } } },
      400,
      'BODY_INVALID',
      /parameters\.lr/,
    ],
    ['no JSON', '/v1/runs', { raw: '{"project":', headers: json }, 400, 'BODY_INVALID', /JSON/],
    [
      'a number that is none',
      '/v1/runs',
      { raw: '{"project":"a","gpus":NaN}', headers: json },
      400,
      'BODY_INVALID',
      /JSON/,
    ],
    [
      'a prototype',
      '/v1/runs',
      { raw: '{"project":"a","__proto__":{"x":1}}', headers: json },
      400,
      'BODY_INVALID',
      /JSON/,
    ],
    [
      'depth',
      '/v1/runs',
      { raw: `{"project":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, headers: json },
      400,
      'BODY_INVALID',
      /project/,
    ],
    [
      'control marks in a name',
      '/v1/runs',
      { body: { ...body, 'a\nb\u202e': {} } },
      400,
      'BODY_INVALID',
      /a·b·/,
    ],
    [
      'text',
      '/v1/runs',
      { raw: 'project=digits', headers: { 'content-type': 'text/plain' } },
      415,
      'BODY_ENCODING',
      /plain JSON/,
    ],
    [
      'a form',
      '/v1/runs',
      { raw: 'project=digits', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'BODY_ENCODING',
      /plain JSON/,
    ],
    [
      'compressed',
      '/v1/runs',
      { raw: 'x', headers: { ...json, 'content-encoding': 'gzip' } },
      415,
      'BODY_ENCODING',
      /Compressed/,
    ],
    [
      'over a megabyte',
      '/v1/runs',
      { body: { project: 'x'.repeat(1_048_576) } },
      413,
      'BODY_TOO_LARGE',
      /1048576/,
    ],
    ['words that are none', '/v1/commands', { body: { words: 1 } }, 400, 'BODY_INVALID', /words/],
    [
      'an idempotency key with a space',
      '/v1/runs',
      { body, headers: { 'idempotency-key': 'a b' } },
      400,
      'BODY_INVALID',
      /Idempotency-Key/,
    ],
    [
      'an idempotency key of 201',
      '/v1/runs',
      { body, headers: { 'idempotency-key': 'a'.repeat(201) } },
      400,
      'BODY_INVALID',
      /Idempotency-Key/,
    ],
    ['run 0', '/v1/runs/0/cancel', {}, 400, 'BODY_INVALID', /number/],
    ['run -1', '/v1/runs/-1/cancel', {}, 400, 'BODY_INVALID', /number/],
    ['run 1.5', '/v1/runs/1.5/cancel', {}, 400, 'BODY_INVALID', /number/],
    ['run latest', '/v1/runs/latest/cancel', {}, 400, 'BODY_INVALID', /number/],
    ['a run beyond all numbers', '/v1/runs/99999999999/cancel', {}, 400, 'BODY_INVALID', /number/],
  ];
  const { ask, intents } = await start(t);
  for (const [name, path, options, status, code, says] of rows) {
    const response = await ask('POST', path, options);
    assert.equal(response.status, status, name);
    const problem = await problemOf(response);
    assert.equal(problem.code, code, name);
    assert.match(`${problem.title} ${problem.detail} ${problem.todo}`, says, name);
  }
  const queries: [string, RegExp][] = [
    ['limit=0', /limit/],
    ['limit=101', /limit/],
    ['limit=ten', /limit/],
    ['state=sleeping', /state/],
    ['mine=perhaps', /mine/],
    ['before=-1', /before/],
  ];
  for (const [query, says] of queries) {
    const response = await ask('GET', `/v1/runs?${query}`);
    assert.equal(response.status, 400, query);
    assert.match((await problemOf(response)).title, says, query);
  }
  assert.deepEqual(intents, []);
});

test('every error is a problem', async t => {
  const rows: [string, unknown, number, string, string | null][] = [
    [
      'a refusal',
      new SignalboxError('GPUS_TOO_MANY', { word: 9, pool: 'local', limit: 8 }),
      409,
      'GPUS_TOO_MANY',
      null,
    ],
    ['the store is away', new SignalboxError('STORE_UNAVAILABLE'), 503, 'STORE_UNAVAILABLE', '5'],
    ['a mistake', new TypeError('secret inside'), 500, 'INTERNAL', null],
    ['no error at all', 'secret inside', 500, 'INTERNAL', null],
    [
      'an error that claims to be 200',
      Object.assign(new Error('secret inside'), { statusCode: 200 }),
      500,
      'INTERNAL',
      null,
    ],
  ];
  let thrown: unknown;
  const { ask, warnings } = await start(t, {
    dispatch: async () => {
      throw thrown;
    },
  });
  for (const [name, err, status, code, retryAfter] of rows) {
    thrown = err;
    const response = await ask('POST', '/v1/runs', { body });
    assert.equal(response.status, status, name);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/, name);
    assert.equal(response.headers.get('retry-after'), retryAfter, name);
    const problem = await problemOf(response);
    assert.deepEqual(
      Object.keys(problem).sort(),
      ['code', 'detail', 'status', 'title', 'todo', 'type'],
      name,
    );
    assert.equal(problem.code, code, name);
    assert.equal(problem.status, status, name);
    assert.equal(problem.type, `urn:signalbox:error:${code}`, name);
    assert.doesNotMatch(JSON.stringify(problem), /secret inside/, name);
    const logged = warnings.pop();
    if (status < 500) assert.equal(logged, undefined, name);
    else assert.equal(logged?.fields.err, err, name);
    // The reference that is shown is the one that is logged.
    if (code === 'INTERNAL') assert.match(problem.detail, new RegExp(String(logged?.fields.reference)), name);
  }
});

test('what is not there', async t => {
  const rows: [string, string, number, string][] = [
    ['GET', '/', 404, 'ROUTE_UNKNOWN'],
    ['GET', '/v1', 404, 'ROUTE_UNKNOWN'],
    ['GET', '/v1/run', 404, 'ROUTE_UNKNOWN'],
    ['DELETE', '/v1/runs/42', 404, 'ROUTE_UNKNOWN'],
    ['PROPFIND', '/v1/runs', 404, 'ROUTE_UNKNOWN'],
    ['GET', '/%zz', 404, 'ROUTE_UNKNOWN'],
    ['GET', `/v1/runs/${'1'.repeat(5_000)}`, 404, 'ROUTE_UNKNOWN'],
    ['GET', '/v1/runs/41', 404, 'RUN_NOT_FOUND'],
    ['GET', '/v1/runs/41/events', 404, 'RUN_NOT_FOUND'],
    ['GET', '/v1/runs/41/logs', 404, 'RUN_NOT_FOUND'],
  ];
  const { ask } = await start(t);
  for (const [method, path, status, code] of rows) {
    const response = await ask(method, path);
    assert.equal(response.status, status, `${method} ${path}`);
    const problem = await problemOf(response);
    assert.equal(problem.code, code, `${method} ${path}`);
    assert.ok(problem.title.length < 150, problem.title);
  }
});

test('a request becomes the intent of its token', async t => {
  const rows: [string, string, string, unknown, unknown][] = [
    [
      'all fields',
      'POST',
      '/v1/runs',
      {
        project: 'digits',
        ref: 'main',
        gpus: 2,
        gpu: 'a100',
        pool: 'local',
        priority: 'high',
        timeLimit: '1h30m',
        parameters: { lr: 0.1, deep: true, name: 'x' },
        note: 'why',
      },
      {
        kind: 'call',
        path: ['train'],
        values: {
          project: 'digits',
          ref: 'main',
          gpus: 2,
          gpu: 'a100',
          pool: 'local',
          priority: 'high',
          time: 5400,
          parameters: { lr: 0.1, deep: true, name: 'x' },
          note: 'why',
        },
      },
    ],
    [
      'a time limit that the command will refuse',
      'POST',
      '/v1/runs',
      { project: 'digits', timeLimit: 'soon' },
      { kind: 'call', path: ['train'], values: { project: 'digits', time: 'soon' } },
    ],
    [
      'a stop',
      'POST',
      '/v1/runs/42/cancel',
      undefined,
      { kind: 'call', path: ['train', 'cancel'], values: { run: 42 } },
    ],
    ['words', 'POST', '/v1/commands', { words: 'train digits' }, { kind: 'words', words: 'train digits' }],
  ];
  const { ask, intents } = await start(t);
  for (const [name, method, path, sent, wish] of rows) {
    const response = await ask(method, path, {
      body: sent,
      headers: { 'idempotency-key': name.replaceAll(' ', '-') },
    });
    assert.ok(response.ok, name);
    assert.deepEqual(intents.pop(), {
      key: `http:writer:${name.replaceAll(' ', '-')}`,
      actor: { kind: 'token', id: 'writer', name: 'writer' },
      scopes: ['runs:read', 'runs:write'],
      place: { kind: 'http' },
      wish,
    });
  }
});

test('what the API calls are commands that there are, with values that they take', async t => {
  const { ask, intents } = await start(t);
  const whole = {
    project: 'digits',
    ref: 'main',
    gpus: 2,
    gpu: 'a100',
    pool: 'local',
    priority: 'high',
    timeLimit: '4h',
    parameters: { lr: 0.1 },
    note: 'why',
  };
  await ask('POST', '/v1/runs', { body: whole });
  await ask('POST', '/v1/runs/42/cancel');
  for (const { wish } of intents) {
    assert.ok(wish.kind === 'call');
    const command = commands.find(one => one.path.join(' ') === wish.path.join(' '));
    assert.ok(command, wish.path.join(' '));
    const coerced = coerceValues(command, wish.values);
    assert.ok(coerced.ok, JSON.stringify(coerced));
  }
  assert.equal(intents.length, 2);
});

test('a refused intent is the problem that the command gave', async t => {
  const refused = fault('PROJECT_UNKNOWN', {
    word: 'digit',
    allowed: ['digits'],
    nearest: 'digits',
    example: 'train digits',
  });
  const { ask } = await start(t, { dispatch: async () => ({ ok: false, fault: refused }) });
  for (const [path, sent] of [
    ['/v1/runs', { project: 'digit' }],
    ['/v1/commands', { words: 'train digit' }],
  ] as const) {
    const response = await ask('POST', path, { body: sent });
    assert.equal(response.status, 404);
    const { title, detail, todo } = await problemOf(response);
    assert.deepEqual(
      { title, detail, todo },
      { title: refused.what, detail: refused.why, todo: refused.todo },
    );
  }
});

test('an idempotency key stands for one request', async t => {
  const rows: [string, string, string, unknown, string, number][] = [
    ['first', 'writer', '/v1/runs', { project: 'digits', gpus: 1 }, 'k', 201],
    ['again', 'writer', '/v1/runs', { project: 'digits', gpus: 1 }, 'k', 200],
    ['again, written otherwise', 'writer', '/v1/runs', { gpus: 1, project: 'digits' }, 'k', 200],
    ['another request', 'writer', '/v1/runs', { project: 'digits', gpus: 2 }, 'k', 409],
    ['another route', 'writer', '/v1/commands', { words: 'train digits' }, 'k', 409],
    ['another token', 'admin', '/v1/runs', { project: 'digits', gpus: 2 }, 'k', 201],
    ['another key', 'writer', '/v1/runs', { project: 'digits', gpus: 2 }, 'l', 201],
  ];
  const { ask, intents } = await start(t);
  for (const [name, token, path, sent, key, status] of rows) {
    const response = await ask('POST', path, { token, body: sent, headers: { 'idempotency-key': key } });
    assert.equal(response.status, status, name);
    if (status === 409) assert.equal((await problemOf(response)).code, 'IDEMPOTENCY_CONFLICT', name);
    else assert.equal(response.headers.get('location'), '/v1/runs/42', name);
  }
  assert.deepEqual(
    intents.map(intent => intent.key),
    ['http:writer:k', 'http:writer:k', 'http:writer:k', 'http:admin:k', 'http:writer:l'],
  );
  await ask('POST', '/v1/runs', { body });
  await ask('POST', '/v1/runs', { body });
  const [one, other] = intents.slice(-2).map(intent => intent.key);
  assert.notEqual(one, other);
});

test('runs are listed by page and by what is asked for', async t => {
  const { ask, runs } = await start(t);
  for (let number = 1; number <= 41; number++) {
    const state = number % 2 === 0 ? 'succeeded' : 'failed';
    const requestedBy = { kind: 'token', id: number <= 3 ? 'writer' : 'reader', name: 'x' } as const;
    runs.set(number, aRun({ number, state, requestedBy }));
  }
  const rows: [string, number[], number | null][] = [
    ['', Array.from({ length: 20 }, (_, i) => 42 - i), 23],
    ['limit=2', [42, 41], 41],
    ['limit=2&before=41', [40, 39], 39],
    ['limit=5&before=4', [3, 2, 1], null],
    ['state=running', [42], null],
    ['mine=true', [42, 3, 2, 1], null],
    ['mine=false&limit=1', [42], 42],
    ['project=faces', [], null],
  ];
  for (const [query, numbers, next] of rows) {
    const page = runListSchema.parse(await (await ask('GET', `/v1/runs?${query}`)).json());
    assert.deepEqual(
      page.runs.map(run => run.number),
      numbers,
      query,
    );
    assert.equal(page.next, next, query);
  }
});

test('a run is shown with its metrics', async t => {
  const { ask } = await start(t);
  const run = runJsonSchema.parse(await (await ask('GET', '/v1/runs/42')).json());
  assert.equal(run.number, 42);
  assert.equal(run.createdAt, at.toISOString());
  assert.deepEqual(run.metrics, { accuracy: { value: 0.93, step: 3, points: 4 } });
});

test('a machine adds to the log, to the metrics, and gets its source', async t => {
  const { ask, logs, points } = await start(t);
  const log = '/v1/agent/runs/42/attempts/1/log';
  for (const [offset, text, size] of [
    [0, 'a\n', 2],
    [0, 'a\n', 2],
    [2, 'ü\n', 5],
    [9, 'gap\n', 5],
  ] as const) {
    const response = await ask('POST', log, { token: 'agent', body: { offset, text, points: [] } });
    assert.deepEqual(await response.json(), { size });
  }
  assert.equal(logs.get('42/1'), 'a\nü\n');
  const large = { offset: 5, text: 'x'.repeat(1_000_000), points: [] };
  assert.equal((await ask('POST', log, { token: 'agent', body: large })).status, 200);
  const larger = { ...large, text: 'ü'.repeat(1_100_000) };
  assert.equal((await ask('POST', log, { token: 'agent', body: larger })).status, 413);

  const sent = [{ name: 'loss', step: 1, value: 0.5 }];
  await ask('POST', '/v1/runs/42/metrics', { token: 'attempt-42-1', body: { points: sent } });
  assert.deepEqual(points, [{ number: 42, attempt: 1, points: sent }]);

  const source = await ask('GET', '/v1/runs/42/source', { token: 'attempt-42-1' });
  assert.equal(source.headers.get('content-type'), 'application/x-tar');
  assert.equal(await source.text(), `tar of /projects/digits at ${'a'.repeat(40)}`);
});

test('points travel as Python writes them, and one that does not fit is no reason against the others', async t => {
  const { url: address, points } = await start(t);
  const send = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    fetch(`${address}/v1/runs/42/metrics`, {
      method: 'POST',
      headers: { authorization: 'Bearer attempt-42-1', 'content-type': 'application/json', ...headers },
      body,
    });
  const text =
    '{"points": [{"name": "a \\"NaN", "step": 1, "value": NaN}, {"name": "b", "step": 2, "value": -Infinity}, {"name": "c"}, 7, {"name": "d", "step": 1, "value": 1e999}]}';
  const gzip = { 'content-encoding': 'gzip' };
  const rows: [what: string, body: string | Uint8Array, headers: Record<string, string>, status: number][] = [
    ['not finite', text, {}, 200],
    ['with gzip', gzipSync(text), gzip, 200],
    ['broken', text.slice(0, -1), {}, 400],
    ['gzip that is none', text, gzip, 400],
    ['gzip cut off', gzipSync(text).subarray(0, 40), gzip, 400],
    ['another encoding', text, { 'content-encoding': 'br' }, 415],
    ['gzip twice', gzipSync(gzipSync(text)), { 'content-encoding': 'gzip, gzip' }, 415],
    ['a bomb', gzipSync(Buffer.alloc(50_000_000, ' ')), gzip, 413],
    ['none', '{"points": []}', {}, 400],
    ['too many', JSON.stringify({ points: Array.from({ length: 10_001 }, () => 1) }), {}, 400],
  ];
  for (const [what, body, headers, status] of rows) {
    points.length = 0;
    assert.equal((await send(body, headers)).status, status, what);
    assert.deepEqual(
      points,
      status === 200
        ? [
            {
              ...{ number: 42, attempt: 1 },
              points: [
                { name: 'a "NaN', step: 1, value: Number.NaN },
                { name: 'b', step: 2, value: Number.NaN },
                { name: 'c', step: Number.NaN, value: Number.NaN },
                { name: '', step: Number.NaN, value: Number.NaN },
                { name: 'd', step: 1, value: Number.POSITIVE_INFINITY },
              ],
            },
          ]
        : [],
      what,
    );
  }
});

test('metrics are read as summaries, and as curves in JSON or CSV', async t => {
  const { ask, url: address } = await start(t);
  const last = { value: 0.93, step: 3 };
  assert.deepEqual(await (await ask('GET', '/v1/runs/42/metrics')).json(), {
    metrics: [{ name: 'accuracy', last, least: last, most: last, points: 4 }],
    leftOut: ['12 values of loss that are not finite, the last at step 120'],
  });
  const curve = '/v1/runs/42/metrics/accuracy';
  assert.deepEqual(await (await ask('GET', curve)).json(), {
    ...{ name: 'accuracy', total: 4 },
    points: [{ step: 0, value: 0.5 }, last],
  });
  const headers = { authorization: 'Bearer reader', accept: 'text/csv' };
  const csv = await fetch(`${address}${curve}`, { headers });
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
  assert.equal(await csv.text(), 'step,value\r\n0,0.5\r\n3,0.93\r\n');
  const rows: [path: string, status: number][] = [
    [`${curve}?points=4`, 200],
    [`${curve}?points=3`, 400],
    [`${curve}?points=10001`, 400],
    ['/v1/runs/42/metrics/accurac', 404],
    ['/v1/runs/42/metrics/a%2Fb', 404],
    ['/v1/runs/99/metrics', 404],
  ];
  for (const [path, status] of rows) assert.equal((await ask('GET', path)).status, status, path);
  assert.equal((await ask('GET', curve, { token: 'agent' })).status, 403);
});

test('a summary says where the last word on a metric was no number', async t => {
  const { runs } = portsOver(newWorld());
  const odd = { ...summaryOf('loss', 3, 0.5, 4), notFinite: 5 };
  const { ask } = await start(t, {
    runs: { ...runs, metrics: async () => [odd, summaryOf('auc', 3, 0.9, 4)] },
  });
  const answer = z.object({
    metrics: z.array(z.object({ name: z.string(), notFiniteAt: z.int().optional() })),
  });
  assert.deepEqual(answer.parse(await (await ask('GET', '/v1/runs/42/metrics')).json()), {
    metrics: [{ name: 'loss', notFiniteAt: 5 }, { name: 'auc' }],
  });
});

test('a source that breaks off is a broken answer, not a shorter one', async t => {
  const { ask, warnings } = await start(t, {
    source: {
      archive: async () =>
        (async function* () {
          yield Buffer.from('begun');
          throw new Error('disk');
        })(),
    },
  });
  const response = await ask('GET', '/v1/runs/42/source', { token: 'attempt-42-1' });
  await assert.rejects(response.arrayBuffer());
  assert.equal(warnings[0]?.message, 'stream cut off');
});

test('answers carry what little protection JSON needs, and do not name the software', async t => {
  const { ask } = await start(t);
  for (const path of ['/v1/runs', '/v1/nothing', '/healthz', '/v1/runs/42/logs']) {
    const { headers } = await ask('GET', path, { headers: { origin: 'https://example.com' } });
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('cache-control'), 'no-store', path);
    for (const absent of ['x-powered-by', 'server', 'access-control-allow-origin'])
      assert.equal(headers.get(absent), null, path);
  }
});
