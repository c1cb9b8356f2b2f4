import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest } from '../../core/edge.ts';
import type { WebhookRefusal } from '../../core/webhook.ts';

/** Seconds by which a request's time may differ from ours, either way. */
const allowedSkewS = 300;
const form = /^v1,[A-Za-z0-9+/]{43}=$/;
/** In place of a signature that is none, so that comparing it takes no less time. */
const none = Buffer.alloc(32);

type Refusal = Exclude<WebhookRefusal, 'unreadable' | 'conflict'>;

/**
 * Whether the raw bytes were signed with one of the secrets within five minutes of `receivedAt`:
 * `v1,base64(HMAC-SHA256(secret, "<delivery id>.<timestamp>.<body>"))` (https://mlflow.org/docs/latest/ml/webhooks/). The same work whatever
 * the signature says. Never throws.
 */
export function verifyMlflow(
  secrets: readonly string[],
  { headers, body, receivedAt }: RawRequest,
): { ok: true } | { ok: false; why: Refusal } {
  const {
    'x-mlflow-timestamp': timestamp,
    'x-mlflow-delivery-id': id,
    'x-mlflow-signature': signature,
  } = headers;
  if (typeof timestamp !== 'string') return { ok: false, why: 'no-timestamp' };
  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, why: 'timestamp-unreadable' };
  const skewS = Math.abs(receivedAt.getTime() / 1_000 - Number(timestamp));
  if (!(skewS <= allowedSkewS)) return { ok: false, why: 'timestamp-off' };
  if (typeof signature !== 'string') return { ok: false, why: 'no-signature' };
  const isFormed = form.test(signature) && typeof id === 'string';
  const given = isFormed ? Buffer.from(signature.slice('v1,'.length), 'base64') : none;
  let matches = false;
  for (const secret of secrets)
    if (secret !== '' && timingSafeEqual(given, digest(secret, String(id), timestamp, body))) matches = true;
  // Of a last digit only some bits count: one signature has one writing.
  const isPlain = isFormed && given.toString('base64') === signature.slice('v1,'.length);
  return matches && isPlain ? { ok: true } : { ok: false, why: 'signature-wrong' };
}

/** The signature that MLflow would send. `timestamp` in seconds since 1970. */
export function signMlflow(secret: string, id: string, timestamp: number, body: string | Uint8Array): string {
  return `v1,${digest(secret, id, String(timestamp), body).toString('base64')}`;
}

function digest(secret: string, id: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest();
}
