import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Signer } from '../../core/ports.ts';
import type { Db } from './database.ts';
import { instanceKey } from './instance-key.ts';

const signed = /^([A-Za-z0-9_-]{1,4000})\.[A-Za-z0-9_-]{43}$/;

/** HMAC-SHA256 with the key of the installation. */
export function signer(db: Db): Signer {
  const key = instanceKey(db);
  // Of the same key the tokens of attempts are made, which begin otherwise.
  const sign = async (text: string) => {
    const mac = createHmac('sha256', await key())
      .update(`signed:${text}`)
      .digest('base64url');
    return `${Buffer.from(text).toString('base64url')}.${mac}`;
  };

  return {
    sign,
    async read(value) {
      const encoded = signed.exec(value)?.[1];
      if (encoded === undefined) return null;
      const text = Buffer.from(encoded, 'base64url').toString();
      // The whole is compared: the last letter of what is encoded has bits that say nothing.
      const expected = Buffer.from(await sign(text));
      const given = Buffer.from(value);
      return expected.length === given.length && timingSafeEqual(expected, given) ? text : null;
    },
  };
}
