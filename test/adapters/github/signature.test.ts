import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { signGitHub, verifyGitHub } from '../../../src/adapters/github/signature.ts';

// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
const secret = "It's a Secret to Everybody";
const body = 'Hello, World!';
const published = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
const sha1 = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;

const rows: [name: string, headers: Record<string, string | string[]>, body: string | Uint8Array, string][] =
  [
    ["GitHub's own published example", { 'x-hub-signature-256': published }, body, 'ok'],
    [
      'with the SHA-1 signature beside it',
      { 'x-hub-signature-256': published, 'x-hub-signature': 'x' },
      body,
      'ok',
    ],
    ['missing', {}, body, 'no-signature'],
    ['SHA-1 only', { 'x-hub-signature': sha1 }, body, 'no-signature'],
    ['SHA-1 in the place of the other', { 'x-hub-signature-256': sha1 }, body, 'signature-wrong'],
    ['twice', { 'x-hub-signature-256': [published, published] }, body, 'no-signature'],
    ['empty', { 'x-hub-signature-256': '' }, body, 'signature-wrong'],
    ['not hex', { 'x-hub-signature-256': `sha256=${'z'.repeat(64)}` }, body, 'signature-wrong'],
    ['in capitals', { 'x-hub-signature-256': published.toUpperCase() }, body, 'signature-wrong'],
    ['without its prefix', { 'x-hub-signature-256': published.slice(7) }, body, 'signature-wrong'],
    ['of another hash', { 'x-hub-signature-256': published.replace('256', '512') }, body, 'signature-wrong'],
    ['with a newline', { 'x-hub-signature-256': `${published}\n` }, body, 'signature-wrong'],
    ['one byte off', { 'x-hub-signature-256': published.replace(/7$/, '8') }, body, 'signature-wrong'],
    [
      'of nothing but noughts',
      { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
      body,
      'signature-wrong',
    ],
    ['of another secret', { 'x-hub-signature-256': signGitHub('other', body) }, body, 'signature-wrong'],
    [
      'one byte of the body changed',
      { 'x-hub-signature-256': published },
      'Hello, World?',
      'signature-wrong',
    ],
    ['one byte more', { 'x-hub-signature-256': published }, `${body}\n`, 'signature-wrong'],
    [
      'body read and written again',
      { 'x-hub-signature-256': signGitHub(secret, '{ "a": 1 }') },
      JSON.stringify({ a: 1 }),
      'signature-wrong',
    ],
    ['empty body', { 'x-hub-signature-256': signGitHub(secret, '') }, '', 'ok'],
    [
      'body that is no text',
      { 'x-hub-signature-256': signGitHub(secret, Uint8Array.of(0xff, 0, 0xfe)) },
      Uint8Array.of(0xff, 0, 0xfe),
      'ok',
    ],
  ];

const bytes = (given: string | Uint8Array) => (typeof given === 'string' ? Buffer.from(given) : given);

for (const [name, headers, given, expected] of rows)
  test(`signature: ${name} -> ${expected}`, () => {
    const verified = verifyGitHub([secret], { headers, body: bytes(given) });
    assert.equal(verified.ok ? 'ok' : verified.why, expected);
  });

const rotations: [name: string, secrets: string[], ok: boolean][] = [
  ['the new one of two', [secret, 'old'], true],
  ['the old one of two', ['new', secret], true],
  ['none of two', ['new', 'old'], false],
  ['no secret at all', [], false],
  ['both joined by their comma', [`${secret},old`], false],
];
for (const [name, secrets, ok] of rotations)
  test(`signature: ${name} -> ${ok}`, () => {
    const verified = verifyGitHub(secrets, {
      headers: { 'x-hub-signature-256': published },
      body: bytes(body),
    });
    assert.equal(verified.ok, ok);
  });

test('signature: every length from 0 to 1000 but the right one is refused', () => {
  const long = published.padEnd(1001, '0');
  for (let length = 0; length <= 1000; length++) {
    const headers = { 'x-hub-signature-256': long.slice(0, length) };
    const verified = verifyGitHub([secret], { headers, body: bytes(body) });
    assert.equal(verified.ok, length === published.length, `length ${length}`);
  }
});

test('signature: an empty secret verifies nothing', () => {
  const headers = { 'x-hub-signature-256': `sha256=${createHmac('sha256', '').update(body).digest('hex')}` };
  assert.equal(verifyGitHub([''], { headers, body: bytes(body) }).ok, false);
});
