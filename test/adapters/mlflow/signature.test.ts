import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signMlflow, verifyMlflow } from '../../../src/adapters/mlflow/signature.ts';
import type { RawRequest } from '../../../src/core/edge.ts';

const secret = 'my-webhook-secret';
const id = '550e8400-e29b-41d4-a716-446655440000';
const now = 1_531_420_618;
const body = '{"entity": "model_version_alias", "action": "created"}';
// printf '%s' "$id.$now.$body" | openssl dgst -sha256 -hmac my-webhook-secret -binary | base64
const right = signMlflow(secret, id, now, body);

function request(given: {
  at?: number;
  id?: string | string[] | undefined;
  timestamp?: string | string[] | undefined;
  signature?: string | string[] | undefined;
  body?: string | Uint8Array;
}): RawRequest {
  return {
    headers: {
      'x-mlflow-delivery-id': 'id' in given ? given.id : id,
      'x-mlflow-timestamp': 'timestamp' in given ? given.timestamp : String(now),
      'x-mlflow-signature': 'signature' in given ? given.signature : right,
    },
    body: typeof given.body === 'object' ? given.body : Buffer.from(given.body ?? body),
    receivedAt: new Date((given.at ?? now) * 1_000),
  };
}

const timed = (timestamp: string) =>
  request({ timestamp, signature: signMlflow(secret, id, Number(timestamp), body) });
const hex = Buffer.from(right.slice(3), 'base64').toString('hex');
/** Another writing of the same bytes: the bits that its last digit leaves over. */
const loose = `${right.slice(0, -2)}${String.fromCharCode(right.charCodeAt(right.length - 2) + 1)}=`;

const rows: [name: string, request: RawRequest, expected: string][] = [
  ['as it should be', request({}), 'ok'],
  ['300 s old', timed(String(now - 300)), 'ok'],
  ['300 s ahead', timed(String(now + 300)), 'ok'],
  ['301 s old', timed(String(now - 301)), 'timestamp-off'],
  ['301 s ahead', timed(String(now + 301)), 'timestamp-off'],
  ['one day ahead', timed(String(now + 86_400)), 'timestamp-off'],
  ['timestamp NaN', request({ timestamp: 'NaN' }), 'timestamp-unreadable'],
  ['timestamp in milliseconds', timed(`${now}000`), 'timestamp-unreadable'],
  ['timestamp with an exponent', request({ timestamp: '1.531420618e9' }), 'timestamp-unreadable'],
  ['timestamp missing', request({ timestamp: undefined }), 'no-timestamp'],
  ['timestamp twice', request({ timestamp: [String(now), String(now)] }), 'no-timestamp'],
  ['a clock that is not a time', request({ at: Number.NaN }), 'timestamp-off'],
  ['signature missing', request({ signature: undefined }), 'no-signature'],
  ['signature twice', request({ signature: [right, right] }), 'no-signature'],
  ['signature in hex', request({ signature: `v1,${hex}` }), 'signature-wrong'],
  ['signature of no base64', request({ signature: `v1,${'*'.repeat(43)}=` }), 'signature-wrong'],
  ['signature of base64 for addresses', request({ signature: `v1,${'-'.repeat(43)}=` }), 'signature-wrong'],
  ['signature in another writing', request({ signature: loose }), 'signature-wrong'],
  ['signature without its version', request({ signature: right.slice(3) }), 'signature-wrong'],
  ['signature of another version', request({ signature: right.replace('v1', 'v2') }), 'signature-wrong'],
  ['two signatures in one', request({ signature: `${right} ${right}` }), 'signature-wrong'],
  ['signature with a newline', request({ signature: `${right}\n` }), 'signature-wrong'],
  [
    'signature of another secret',
    request({ signature: signMlflow('other', id, now, body) }),
    'signature-wrong',
  ],
  [
    'signature of the body alone',
    request({ signature: signMlflow(secret, '', now, body) }),
    'signature-wrong',
  ],
  ['id missing', request({ id: undefined }), 'signature-wrong'],
  ['id twice', request({ id: [id, id] }), 'signature-wrong'],
  ['another id', request({ id: id.replace('5', '6') }), 'signature-wrong'],
  ['id with the time in it', request({ id: `${id}.${now}`, signature: right }), 'signature-wrong'],
  ['one byte of the body changed', request({ body: body.replace('created', 'creatde') }), 'signature-wrong'],
  ['one byte more', request({ body: `${body}\n` }), 'signature-wrong'],
  ['body read and written again', request({ body: JSON.stringify(JSON.parse(body)) }), 'signature-wrong'],
  ['empty body', request({ body: '', signature: signMlflow(secret, id, now, '') }), 'ok'],
  [
    'body that is no text',
    request({ body: Uint8Array.of(0xff, 0), signature: signMlflow(secret, id, now, Uint8Array.of(0xff, 0)) }),
    'ok',
  ],
];
for (const [name, given, expected] of rows)
  test(`signature: ${name} -> ${expected}`, () => {
    const verified = verifyMlflow(['old', secret], given);
    assert.equal(verified.ok ? 'ok' : verified.why, expected);
  });

test('signature: every length from 0 to 1000 but the right one is refused', () => {
  const long = right.padEnd(1_001, '0');
  for (let length = 0; length <= 1_000; length++) {
    const verified = verifyMlflow([secret], request({ signature: long.slice(0, length) }));
    assert.equal(verified.ok, length === right.length, `length ${length}`);
  }
});

test('signature: an empty secret, or none, verifies nothing', () => {
  const given = request({ signature: signMlflow('', id, now, body) });
  assert.equal(verifyMlflow([''], given).ok, false);
  assert.equal(verifyMlflow([], given).ok, false);
});
