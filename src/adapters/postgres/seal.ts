import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { SignalboxError } from '../../core/errors.ts';

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** A secret as it is stored: nonce, ciphertext and tag in one, and which key it needs. */
export interface Sealed {
  keyId: string;
  bytes: Buffer;
}

export interface Seals {
  /** `owner` is whose secret it is; opened for another, it is refused. */
  seal(secret: string, owner: string): Sealed;
  /** Throws `SECRET_KEY_MISSING` where no key fits, and an error without words of the secret where anything was changed. */
  open(sealed: Sealed, owner: string): string;
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits and the owner as associated data. The first key seals, all of them open: a
 * new key is put first, and the old one stays until nothing needs it.
 */
export function sealsWith(keys: readonly Uint8Array[]): Seals {
  const known = new Map(keys.map(key => [keyId(key), key]));
  return {
    seal(secret, owner) {
      const key = keys[0];
      if (!key) throw new Error('there is no key to seal with');
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, key, nonce).setAAD(Buffer.from(owner));
      const bytes = Buffer.concat([nonce, sealing.update(secret), sealing.final(), sealing.getAuthTag()]);
      return { keyId: keyId(key), bytes };
    },
    open(sealed, owner) {
      const key = known.get(sealed.keyId);
      if (!key) throw new SignalboxError('SECRET_KEY_MISSING', { word: sealed.keyId });
      const { bytes } = sealed;
      if (bytes.length < nonceBytes + tagBytes) throw new Error('a sealed secret is too short');
      // Without the length, a tag cut to four bytes would be taken.
      const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(-tagBytes));
      const secret = [opening.update(bytes.subarray(nonceBytes, -tagBytes)), opening.final()];
      return Buffer.concat(secret).toString();
    },
  };
}

/** Names a key without telling anything of it. */
function keyId(key: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from('signalbox-key:'), key])).slice(0, 16);
}
