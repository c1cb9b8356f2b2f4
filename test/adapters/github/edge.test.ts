import assert from 'node:assert/strict';
import { test } from 'node:test';
import { githubEdge } from '../../../src/adapters/github/edge.ts';
import { signGitHub } from '../../../src/adapters/github/signature.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { NewDelivery } from '../../../src/core/ports.ts';
import { recordingLog } from '../slack/support.ts';

const secret = 'a-webhook-secret';
const guid = '72d3162e-cc78-11e3-81ab-4c9367dc0958';
const body = JSON.stringify({ action: 'closed', number: 1, pull_request: { title: 'ü' } });

type Outcome = 'stored' | 'duplicate' | 'conflict';

function setUp(
  answer: () => Promise<{ outcome: Outcome }> = async () => ({ outcome: 'stored' }),
  secrets: string[] = [secret],
) {
  const stored: (Omit<NewDelivery, 'source'> & { source: string })[] = [];
  const refused: string[] = [];
  let ignored = 0;
  const { log, lines } = recordingLog();
  const edge = githubEdge({
    secrets,
    listens: (event, action) => event === 'push' || (event === 'pull_request' && action === 'closed'),
    ingest: async delivery => {
      const result = await answer();
      stored.push({ ...delivery, body: Buffer.from(delivery.body).toString() });
      return result;
    },
    refusals: { refused: (source, why) => void refused.push(`${source} ${why}`) },
    ignored: () => {
      ignored += 1;
    },
    log,
  });
  const send = (given: {
    body?: string | Uint8Array;
    headers?: Record<string, string | string[] | undefined>;
  }) => {
    const bytes = Buffer.from(given.body ?? body);
    const headers = {
      'x-hub-signature-256': signGitHub(secret, bytes),
      'x-github-event': 'pull_request',
      'x-github-delivery': guid,
      'content-type': 'application/json',
      ...given.headers,
    };
    return edge.handle({ headers, body: bytes, receivedAt: new Date(0) });
  };
  return { send, stored, refused, lines, ignored: () => ignored };
}

const form = (fields: [string, string][]) => new URLSearchParams(fields).toString();
const asForm = { 'content-type': 'application/x-www-form-urlencoded' };
const withProto = body.replace('{', '{"__proto__":{"action":"opened"},');
const deep = (open: string, close: string) =>
  `{"action":"closed","x":${open.repeat(100_000)}1${close.repeat(100_000)}}`;

const large = (rest: string) => `{"action":"closed","title":"${'x'.repeat(8_000)}"${rest}`;

const kept: [
  name: string,
  given: { body?: string; headers?: Record<string, string> },
  kept: { kind?: string; deliveryId?: string; body?: string },
][] = [
  ['a closed pull request', {}, {}],
  ['with a charset', { headers: { 'content-type': 'application/json; charset=utf-8' } }, {}],
  ['as a form', { body: form([['payload', body]]), headers: asForm }, {}],
  ['an id in capitals', { headers: { 'x-github-delivery': guid.toUpperCase() } }, {}],
  [
    'an event without an action',
    { body: '{"ref":"x"}', headers: { 'x-github-event': 'push' } },
    { kind: 'push', body: '{"ref":"x"}' },
  ],
  [
    'keys that come twice: the last one counts',
    { body: body.replace('{', '{"action":"opened",') },
    { body: body.replace('{', '{"action":"opened",') },
  ],
  ['a field that would set a prototype', { body: withProto }, { body: withProto }],
  ['a large one', { body: large('}') }, { body: large('}') }],
  // Found out by whoever works on it.
  ['a large one that is no JSON in the middle', { body: large(',}') }, { body: large(',}') }],
  ['lists in lists, 100,000 deep', { body: deep('[', ']') }, { body: deep('[', ']') }],
  ['objects in objects, 100,000 deep', { body: deep('{"a":', '}') }, { body: deep('{"a":', '}') }],
];
for (const [name, given, row] of kept)
  test(`edge: ${name} is stored, then acknowledged`, async () => {
    const { send, stored, refused } = setUp();
    const said = await send(given);
    assert.deepEqual([said.status, said.body], [202, 'stored']);
    assert.deepEqual(stored, [{ source: 'github', kind: 'pull_request', deliveryId: guid, body, ...row }]);
    assert.deepEqual(refused, []);
  });

const unheard: [name: string, given: { body?: string; headers?: Record<string, string> }][] = [
  ['an event that nobody knows', { headers: { 'x-github-event': 'event_of_tomorrow' } }],
  ['an action that nobody knows', { body: '{"action":"closed_again"}' }],
  ['an action that is no text', { body: '{"action":{"closed":1}}' }],
  ['no action where one is wanted', { body: '{}' }],
  ['another action of a large one', { body: large('}').replace('closed', 'labeled') }],
  ['an action that only a prototype has', { body: '{"__proto__":{"action":"closed"}}' }],
];
for (const [name, given] of unheard)
  test(`edge: ${name} -> 202, counted, not stored`, async () => {
    const { send, stored, refused, ignored } = setUp();
    assert.equal((await send(given)).status, 202);
    assert.deepEqual([stored, refused, ignored()], [[], [], 1]);
  });

test('edge: a ping is answered and not stored', async () => {
  const { send, stored, ignored } = setUp();
  const said = await send({
    body: '{"zen":"Keep it logically awesome."}',
    headers: { 'x-github-event': 'ping' },
  });
  assert.deepEqual([said.status, said.body], [200, 'pong']);
  assert.deepEqual([stored, ignored()], [[], 0]);
});

const unreadable: [
  name: string,
  given: { body?: string | Uint8Array; headers?: Record<string, string | string[] | undefined> },
][] = [
  ['no event', { headers: { 'x-github-event': undefined } }],
  ['an empty event', { headers: { 'x-github-event': '' } }],
  ['an event in capitals', { headers: { 'x-github-event': 'Push' } }],
  ['an event of 65 letters', { headers: { 'x-github-event': 'a'.repeat(65) } }],
  ['an event with a path', { headers: { 'x-github-event': '../push' } }],
  ['two events', { headers: { 'x-github-event': ['push', 'push'] } }],
  ['no id', { headers: { 'x-github-delivery': undefined } }],
  ['an id that is no GUID', { headers: { 'x-github-delivery': '42' } }],
  ['an id in braces', { headers: { 'x-github-delivery': `{${guid}}` } }],
  ['an id with something behind it', { headers: { 'x-github-delivery': `${guid}\n` } }],
  ['two ids', { headers: { 'x-github-delivery': [guid, guid] } }],
  ['no content type', { headers: { 'content-type': undefined } }],
  ['another content type', { headers: { 'content-type': 'text/plain' } }],
  ['JSON that says it is a form', { headers: asForm }],
  ['a form that says it is JSON', { body: form([['payload', body]]) }],
  [
    'a form with another field',
    {
      body: form([
        ['payload', body],
        ['x', ''],
      ]),
      headers: asForm,
    },
  ],
  [
    'a form with two payloads',
    {
      body: form([
        ['payload', body],
        ['payload', body],
      ]),
      headers: asForm,
    },
  ],
  ['a form with a payload that is no JSON', { body: 'payload=%7B', headers: asForm }],
  ['an empty body', { body: '' }],
  ['JSON that ends early', { body: body.slice(0, -1) }],
  ['a large one that ends early', { body: large('') }],
  ['a large one with something behind it', { body: large('} x') }],
  ['a large one whose action is cut', { body: large('').replace('closed"', 'closed') }],
  ['JSON that never ends, 100,000 deep', { body: '['.repeat(100_000) }],
  ['a list', { body: `[${body}]` }],
  ['null', { body: 'null' }],
  ['a number', { body: '1' }],
  ['bytes that are no text', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }],
  ['UTF-16', { body: Buffer.from(`\ufeff${body}`, 'utf16le') }],
];
for (const [name, given] of unreadable)
  test(`edge: signed, with ${name} -> 400, nothing stored`, async () => {
    const { send, stored, refused } = setUp();
    const said = await send(given);
    assert.equal(said.status, 400);
    assert.equal(JSON.parse(said.body ?? '').code, 'BODY_INVALID');
    assert.deepEqual([stored, refused], [[], ['github unreadable']]);
  });

test('edge: unsigned nonsense is told about the signature and nothing else', async () => {
  const { send, refused } = setUp();
  const said = await send({ body: '', headers: { 'x-hub-signature-256': 'x', 'x-github-event': undefined } });
  assert.equal(said.status, 401);
  assert.equal(JSON.parse(said.body ?? '').code, 'SIGNATURE_INVALID');
  assert.deepEqual(refused, ['github signature-wrong']);
});

test('edge: the same id with another body is refused and reported', async () => {
  const { send, refused, lines } = setUp(async () => ({ outcome: 'conflict' }));
  const said = await send({});
  assert.equal(said.status, 409);
  assert.equal(JSON.parse(said.body ?? '').code, 'DELIVERY_CONFLICT');
  assert.deepEqual(refused, ['github conflict']);
  assert.deepEqual(lines, [
    ['warn', { why: 'conflict', event: 'pull_request', deliveryId: guid }, 'github delivery refused'],
  ]);
});

test('edge: a repeat is acknowledged', async () => {
  const { send, refused } = setUp(async () => ({ outcome: 'duplicate' }));
  const said = await send({});
  assert.deepEqual([said.status, said.body], [202, 'known already']);
  assert.deepEqual(refused, []);
});

test('edge: nothing is acknowledged before it is stored', async () => {
  const { promise, resolve } = Promise.withResolvers<{ outcome: Outcome }>();
  const { send } = setUp(() => promise);
  let acknowledged = false;
  const sent = send({}).then(() => {
    acknowledged = true;
  });
  await new Promise(setImmediate);
  assert.equal(acknowledged, false);
  resolve({ outcome: 'stored' });
  await sent;
});

test('edge: what cannot be stored is not acknowledged', async () => {
  const { send } = setUp(() => Promise.reject(new SignalboxError('STORE_UNAVAILABLE')));
  await assert.rejects(send({}), (err: unknown) => err instanceof SignalboxError && err.fault.status === 503);
});

for (const secrets of [[], [''], ['fine', ' ']])
  test(`edge: the secrets ${JSON.stringify(secrets)} are refused at boot`, () => {
    assert.throws(
      () => setUp(undefined, secrets),
      (err: unknown) => err instanceof SignalboxError && err.fault.code === 'ENV_INVALID',
    );
  });
