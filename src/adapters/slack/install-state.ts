import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';

/** How long somebody may take to read what Slack asks. */
export const stateLifeS = 600;

/** What goes to Slack and comes back with whoever agreed: proof that they began here, in this browser, a short while ago. */
export interface InstallState {
  make(now: Date): string;
  /** `held` is what the browser kept. */
  check(state: string, held: string, now: Date): 'ok' | 'forged' | 'old' | 'other-browser';
}

/** Signed with a key of its own, derived from `secret` (RFC 5869). */
export function installState(secret: string): InstallState {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'signalbox slack install', 32));
  const sign = (text: string) => createHmac('sha256', key).update(text).digest();

  return {
    make(now) {
      const text = `${Math.floor(now.getTime() / 1000)}.${randomBytes(16).toString('base64url')}`;
      return `${text}.${sign(text).toString('base64url')}`;
    },
    check(state, held, now) {
      const parts = /^((\d{1,12})\.[\w-]{22})\.([\w-]{43})$/.exec(state);
      const [, text = '', madeS = '', mac = ''] = parts ?? [];
      if (!parts || !same(Buffer.from(mac, 'base64url'), sign(text))) return 'forged';
      const ageS = now.getTime() / 1000 - Number(madeS);
      if (ageS < -60 || ageS > stateLifeS) return 'old';
      // Else somebody could have another person finish what they began.
      return same(Buffer.from(held), Buffer.from(state)) ? 'ok' : 'other-browser';
    },
  };
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
