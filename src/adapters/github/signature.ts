import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest } from '../../core/edge.ts';
import type { WebhookRefusal } from '../../core/webhook.ts';

const form = /^sha256=[0-9a-f]{64}$/;
/** In place of a signature that is none, so that its comparison takes as long as any other. */
const none = '0'.repeat(64);

/**
 * Whether the raw bytes were signed with one of the secrets (https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries).
 * The same work whatever the signature says, and however long it is. The older SHA-1 signature is not looked at. Never throws.
 */
export function verifyGitHub(
  secrets: readonly string[],
  { headers, body }: Pick<RawRequest, 'headers' | 'body'>,
): { ok: true } | { ok: false; why: WebhookRefusal } {
  const signature = headers['x-hub-signature-256'];
  if (typeof signature !== 'string') return { ok: false, why: 'no-signature' };
  const isFormed = form.test(signature);
  const given = Buffer.from(isFormed ? signature.slice('sha256='.length) : none, 'hex');
  let matches = false;
  // With every secret: which of them fits, nobody is to learn from the time.
  for (const secret of secrets)
    if (secret !== '' && timingSafeEqual(given, digest(secret, body))) matches = true;
  return matches && isFormed ? { ok: true } : { ok: false, why: 'signature-wrong' };
}

/** The signature that GitHub would send. */
export function signGitHub(secret: string, body: string | Uint8Array): string {
  return `sha256=${digest(secret, body).toString('hex')}`;
}

function digest(secret: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(body).digest();
}
