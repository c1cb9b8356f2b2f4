import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signSlack, verifySlack } from '../../../src/adapters/slack/signature.ts';
import type { RawRequest } from '../../../src/core/edge.ts';

const secret = '8f742231b10e8888abcd99yyyzzz85a5';
const now = 1_531_420_618;
const body =
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
const published = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';

function request(given: {
  at?: number;
  timestamp?: string | string[] | undefined;
  signature?: string | string[] | undefined;
  body?: string | Uint8Array;
}): RawRequest {
  const bytes = typeof given.body === 'object' ? given.body : Buffer.from(given.body ?? body);
  return {
    headers: {
      'x-slack-request-timestamp': 'timestamp' in given ? given.timestamp : String(now),
      'x-slack-signature': 'signature' in given ? given.signature : published,
    },
    body: bytes,
    receivedAt: new Date((given.at ?? now) * 1000),
  };
}

/** Signed correctly for another time than the one in which it comes. */
const timed = (timestamp: string) =>
  request({ timestamp, signature: signSlack(secret, Number(timestamp), body) });

const rows: [name: string, request: RawRequest, expected: string][] = [
  ["Slack's own published example", request({}), 'ok'],
  ['300 s old', timed(String(now - 300)), 'ok'],
  ['300 s ahead', timed(String(now + 300)), 'ok'],
  ['301 s old', timed(String(now - 301)), 'timestamp-off'],
  ['301 s ahead', timed(String(now + 301)), 'timestamp-off'],
  ['300.5 s old', request({ at: now + 300.5 }), 'timestamp-off'],
  ['one day ahead', timed(String(now + 86_400)), 'timestamp-off'],
  ['one day old', timed(String(now - 86_400)), 'timestamp-off'],
  ['timestamp NaN', request({ timestamp: 'NaN' }), 'timestamp-unreadable'],
  ['timestamp empty', request({ timestamp: '' }), 'timestamp-unreadable'],
  ['timestamp negative', request({ timestamp: `-${now}` }), 'timestamp-unreadable'],
  ['timestamp in milliseconds', timed(`${now}000`), 'timestamp-unreadable'],
  ['timestamp with an exponent', request({ timestamp: '1.531420618e9' }), 'timestamp-unreadable'],
  ['timestamp with a space', request({ timestamp: ` ${now}` }), 'timestamp-unreadable'],
  ['timestamp Infinity', request({ timestamp: 'Infinity' }), 'timestamp-unreadable'],
  ['timestamp missing', request({ timestamp: undefined }), 'no-timestamp'],
  ['timestamp twice', request({ timestamp: [String(now), String(now)] }), 'no-timestamp'],
  ['a clock that is not a time', request({ at: Number.NaN }), 'timestamp-off'],
  ['signature missing', request({ signature: undefined }), 'no-signature'],
  ['signature twice', request({ signature: [published, published] }), 'no-signature'],
  ['signature not hex', request({ signature: `v0=${'z'.repeat(64)}` }), 'signature-wrong'],
  ['signature in capitals', request({ signature: published.toUpperCase() }), 'signature-wrong'],
  ['signature of another version', request({ signature: published.replace('v0', 'v1') }), 'signature-wrong'],
  ['signature with a newline', request({ signature: `${published}\n` }), 'signature-wrong'],
  ['signature of another secret', request({ signature: signSlack('other', now, body) }), 'signature-wrong'],
  ['one byte of the body changed', request({ body: body.replace('foobar', 'foobaz') }), 'signature-wrong'],
  ['one byte more', request({ body: `${body}\n` }), 'signature-wrong'],
  ['body read and written again', request({ body: new URLSearchParams(body).toString() }), 'ok'],
  [
    'body read and written again where that changes it',
    request({ body: 'a=%7e', signature: signSlack(secret, now, String(new URLSearchParams('a=%7e'))) }),
    'signature-wrong',
  ],
  ['empty body', request({ body: '', signature: signSlack(secret, now, '') }), 'ok'],
  [
    'body that is no text',
    request({
      body: Uint8Array.of(0xff, 0x00, 0xfe),
      signature: signSlack(secret, now, Uint8Array.of(0xff, 0x00, 0xfe)),
    }),
    'ok',
  ],
];

for (const [name, given, expected] of rows) {
  test(`signature: ${name} -> ${expected}`, () => {
    const verified = verifySlack(secret, given);
    assert.equal(verified.ok ? 'ok' : verified.why, expected);
  });
}

test('signature: every length from 0 to 1000 but the right one is refused', () => {
  const long = published.padEnd(1001, '0');
  for (let length = 0; length <= 1000; length++) {
    const verified = verifySlack(secret, request({ signature: long.slice(0, length) }));
    assert.equal(verified.ok, length === published.length, `length ${length}`);
  }
});

test('signature: an empty secret verifies nothing', () => {
  assert.equal(verifySlack('', request({ signature: signSlack('', now, body) })).ok, false);
});
