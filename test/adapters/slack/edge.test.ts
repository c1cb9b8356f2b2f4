import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { slackEdge } from '../../../src/adapters/slack/edge.ts';
import { slackReceiver } from '../../../src/adapters/slack/receive.ts';
import type { RawEdge } from '../../../src/core/edge.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { NewDelivery } from '../../../src/core/ports.ts';
import { signedBody, signedCommand } from '../../fakes/slack/client.ts';
import { recordingLog } from './support.ts';

const secret = 'a-signing-secret';
const now = new Date('2025-03-04T05:06:07Z');

type Outcome = 'stored' | 'duplicate' | 'conflict';

function setUp(
  answer: (delivery: NewDelivery) => Promise<{ outcome: Outcome }> = async () => ({ outcome: 'stored' }),
) {
  const stored: NewDelivery[] = [];
  const { log, lines } = recordingLog();
  const receive = slackReceiver({
    log,
    ingest: async delivery => {
      const result = await answer(delivery);
      stored.push(delivery);
      return result;
    },
  });
  const refused: string[] = [];
  const refusals = { refused: (source: string, why: string) => void refused.push(`${source} ${why}`) };
  const edge = slackEdge({ signingSecret: secret, receive, refusals, log });
  return { edge, stored, lines, refused };
}

function send(edge: RawEdge, request: { headers: Record<string, string>; body: string | Uint8Array }) {
  const { headers, body } = request;
  return edge.handle({ headers, body: Buffer.from(body), receivedAt: now });
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const event = JSON.stringify({
  type: 'event_callback',
  event_id: 'Ev1',
  team_id: 'T1',
  event: { type: 'app_mention' },
});
const action = form({ payload: JSON.stringify({ type: 'block_actions', trigger_id: '1.2' }) });
const command = signedCommand(secret, { text: 'digits -p lr=0.1' }, now);

const kept: [name: string, body: string, kind: string, id: string][] = [
  ['a slash command', command.body, 'command', sha256(command.body)],
  ['a button', action, 'interaction', sha256(action)],
  ['an event', event, 'event', 'Ev1'],
  ['an event after a blank', ` ${event}`, 'event', 'Ev1'],
  [
    'an event whose keys come twice',
    event.replace('"event_id"', '"event_id":"Ev0","event_id"'),
    'event',
    'Ev1',
  ],
  ['an event that would set a prototype', event.replace('{', '{"__proto__":{"type":"x"},'), 'event', 'Ev1'],
  [
    'a command with a field named __proto__',
    `${command.body}&__proto__=x`,
    'command',
    sha256(`${command.body}&__proto__=x`),
  ],
];

for (const [name, body, kind, id] of kept) {
  test(`edge: ${name} is stored as it came, then acknowledged`, async () => {
    const { edge, stored } = setUp();
    assert.deepEqual(await send(edge, signedBody(secret, body, now)), { status: 200 });
    assert.deepEqual(stored, [{ source: 'slack', kind, deliveryId: id, body }]);
  });
}

const answered: [name: string, body: string | Uint8Array, status: number, says: string | undefined][] = [
  ['a certificate check', 'ssl_check=1&token=x', 200, undefined],
  [
    'a challenge',
    JSON.stringify({ type: 'url_verification', challenge: 'abc<1>' }),
    200,
    JSON.stringify({ challenge: 'abc<1>' }),
  ],
  ['a challenge that is no text', '{"type":"url_verification","challenge":{}}', 400, 'BODY_INVALID'],
  ['an empty body', '', 400, 'BODY_INVALID'],
  ['JSON that ends early', event.slice(0, -1), 400, 'BODY_INVALID'],
  ['a JSON list', `[${event}]`, 400, 'BODY_INVALID'],
  ['an event of no known type', event.replace('event_callback', 'event_call'), 400, 'BODY_INVALID'],
  ['an event without an id', event.replace('event_id', 'event_ie'), 400, 'BODY_INVALID'],
  ['a form that is no command', 'a=b', 400, 'BODY_INVALID'],
  ['a form with a field twice', `${command.body}&text=other`, 400, 'BODY_INVALID'],
  ['a form with a payload twice', `${action}&${action}`, 400, 'BODY_INVALID'],
  ['a payload that is no JSON', 'payload=%7B', 400, 'BODY_INVALID'],
  ['a payload that is a list', 'payload=%5B%5D', 400, 'BODY_INVALID'],
  ['a payload that is null', 'payload=null', 400, 'BODY_INVALID'],
  ['a payload without a type', 'payload=%7B%7D', 400, 'BODY_INVALID'],
  ['a field with NUL', `${command.body}&x=%00`, 400, 'BODY_INVALID'],
  ['a body with NUL', `${command.body}&x=\0`, 400, 'BODY_INVALID'],
  ['bytes that are no text', Uint8Array.of(0x61, 0xff, 0x3d), 400, 'BODY_INVALID'],
  ['JSON in JSON in JSON', '{"a":'.repeat(50_000), 400, 'BODY_INVALID'],
];

for (const [name, body, status, says] of answered) {
  test(`edge: ${name} -> ${status} and nothing stored`, async () => {
    const { edge, stored } = setUp();
    const said = await send(edge, signedBody(secret, body, now));
    assert.equal(said.status, status);
    if (says === 'BODY_INVALID') assert.equal(JSON.parse(said.body ?? '').code, says);
    else assert.equal(said.body, says);
    assert.deepEqual(stored, []);
  });
}

test('edge: an unsigned certificate check is refused like the rest', async () => {
  const { edge, lines, refused } = setUp();
  const said = await send(edge, { headers: {}, body: Buffer.from('ssl_check=1') });
  assert.equal(said.status, 401);
  assert.equal(JSON.parse(said.body ?? '').code, 'SIGNATURE_INVALID');
  assert.deepEqual(lines, [['warn', { why: 'no-timestamp' }, 'slack request refused']]);
  assert.deepEqual(refused, ['slack no-timestamp']);
});

test('edge: a signed request that was changed on its way is refused', async () => {
  const { edge, stored, refused } = setUp();
  const said = await send(edge, { ...command, body: command.body.replace('lr%3D0.1', 'lr%3D0.9') });
  assert.equal(said.status, 401);
  assert.deepEqual([stored, refused], [[], ['slack signature-wrong']]);
});

for (const outcome of ['duplicate', 'conflict'] as const) {
  test(`edge: a ${outcome} is acknowledged`, async () => {
    const { edge, lines, refused } = setUp(async () => ({ outcome }));
    assert.deepEqual(await send(edge, command), { status: 200 });
    assert.deepEqual(refused, []);
    assert.equal(lines.length, outcome === 'conflict' ? 1 : 0);
  });
}

test('edge: nothing is acknowledged before it is stored', async () => {
  const { promise, resolve } = Promise.withResolvers<{ outcome: Outcome }>();
  const { edge } = setUp(() => promise);
  let acknowledged = false;
  const sent = send(edge, command).then(said => {
    acknowledged = true;
    return said;
  });
  await new Promise(setImmediate);
  assert.equal(acknowledged, false);
  resolve({ outcome: 'stored' });
  assert.deepEqual(await sent, { status: 200 });
});

const away = async () => {
  throw new SignalboxError('STORE_UNAVAILABLE');
};

test('edge: a command that cannot be stored is refused in words', async () => {
  const said = await send(setUp(away).edge, command);
  assert.equal(said.status, 200);
  const body = JSON.parse(said.body ?? '');
  assert.equal(body.response_type, 'ephemeral');
  assert.match(body.text, /cannot store your request.*Nothing was done/);
});

for (const [name, body] of [['event', event] as const, ['interaction', action] as const]) {
  test(`edge: an ${name} that cannot be stored is asked for again`, async () => {
    const said = await send(setUp(away).edge, signedBody(secret, body, now));
    assert.equal(said.status, 503);
    assert.match(said.headers?.['retry-after'] ?? '', /^\d+$/);
    assert.equal(JSON.parse(said.body ?? '').code, 'STORE_UNAVAILABLE');
  });
}

test('edge: an error that nobody foresaw is logged under the reference that people see', async () => {
  const { edge, lines } = setUp(async () => {
    throw new Error('password=hunter2');
  });
  const said = await send(edge, command);
  const { text } = JSON.parse(said.body ?? '');
  assert.match(text, new RegExp(sha256(command.body)));
  assert.doesNotMatch(text, /hunter2/);
  assert.deepEqual(lines[0]?.[1].deliveryId, sha256(command.body));
});

for (const signingSecret of ['', '  ']) {
  test(`edge: the signing secret ${JSON.stringify(signingSecret)} is refused at boot`, () => {
    const { log } = recordingLog();
    assert.throws(
      () =>
        slackEdge({
          signingSecret,
          log,
          refusals: { refused() {} },
          receive: async () => ({ kind: 'taken' }),
        }),
      (err: unknown) => err instanceof SignalboxError && err.fault.code === 'ENV_INVALID',
    );
  });
}
