import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type Sealed, sealsWith } from '../../../src/adapters/postgres/seal.ts';

const [old, next, other] = [randomBytes(32), randomBytes(32), randomBytes(32)];
const secret = 'xoxb-a-token-of-a-bot';
const owner = 'slack:T1';
const sealed = sealsWith([old]).seal(secret, owner);

const bytesWith = (change: (bytes: Buffer) => void): Sealed => {
  const bytes = Buffer.from(sealed.bytes);
  change(bytes);
  return { ...sealed, bytes };
};
const flipped = (at: number) =>
  bytesWith(bytes => {
    const index = at < 0 ? bytes.length + at : at;
    bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  });

type Row = [name: string, keys: Uint8Array[], given: Sealed, owner: string, says: RegExp | null];
const rows: Row[] = [
  ['the key that sealed', [old], sealed, owner, null],
  ['a new key before it', [next, old], sealed, owner, null],
  ['a new key behind it', [old, next], sealed, owner, null],
  ['only another key', [other], sealed, owner, /encrypted with the key [0-9a-f]{16}, which/],
  ['no key', [], sealed, owner, /SIGNALBOX_SECRET_KEY does not hold/],
  [
    'another key under its id',
    [other],
    { ...sealed, keyId: sealsWith([other]).seal('', '').keyId },
    owner,
    /auth/,
  ],
  ['the nonce changed', [old], flipped(0), owner, /auth/],
  ['the ciphertext changed', [old], flipped(14), owner, /auth/],
  ['the tag changed', [old], flipped(-1), owner, /auth/],
  ['a byte less', [old], { ...sealed, bytes: sealed.bytes.subarray(0, -1) }, owner, /auth/],
  ['a byte more', [old], { ...sealed, bytes: Buffer.concat([sealed.bytes, Buffer.of(0)]) }, owner, /auth/],
  ['nothing', [old], { ...sealed, bytes: Buffer.alloc(0) }, owner, /too short/],
  ['a tag without a nonce', [old], { ...sealed, bytes: sealed.bytes.subarray(0, 27) }, owner, /too short/],
  ['another owner', [old], sealed, 'slack:T2', /auth/],
];

for (const [name, keys, given, whose, says] of rows) {
  test(`seal: ${name} ${says ? 'opens nothing' : 'opens it'}`, () => {
    const open = () => sealsWith(keys).open(given, whose);
    if (!says) return assert.equal(open(), secret);
    assert.throws(
      open,
      err => err instanceof Error && says.test(err.message) && !err.message.includes(secret),
    );
  });
}

test('seal: the same secret never looks the same, and none of it is seen', () => {
  const again = sealsWith([old]).seal(secret, owner);
  assert.equal(again.keyId, sealed.keyId);
  assert.notDeepEqual(again.bytes, sealed.bytes);
  assert.ok(!sealed.bytes.includes(Buffer.from('xoxb')));
});

test('seal: the first of several keys seals', () => {
  const both = sealsWith([next, old]).seal(secret, owner);
  assert.equal(sealsWith([next]).open(both, owner), secret);
  assert.throws(() => sealsWith([old]).open(both, owner), /SIGNALBOX_SECRET_KEY/);
});

test('seal: an empty secret and one in any script come back', () => {
  for (const text of ['', 'ключ 鍵 🔑'])
    assert.equal(sealsWith([old]).open(sealsWith([old]).seal(text, owner), owner), text);
});
