import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RawRequest } from '../../core/edge.ts';
import type { WebhookRefusal } from '../../core/webhook.ts';

/** Seconds by which a request's time may differ from ours, either way. */
const allowedSkewS = 300;

/** Why a request is not from Slack. For the log only: whoever sent it learns nothing. */
type Refusal = Exclude<WebhookRefusal, 'unreadable' | 'conflict'>;

/**
 * Whether the raw bytes were signed with the secret within five minutes of `receivedAt`. Never throws. See Slack's "Verifying requests
 * from Slack": `v0=HMAC-SHA256(secret, "v0:<timestamp>:<body>")`.
 */
export function verifySlack(secret: string, request: RawRequest): { ok: true } | { ok: false; why: Refusal } {
  const timestamp = request.headers['x-slack-request-timestamp'];
  const signature = request.headers['x-slack-signature'];
  if (typeof timestamp !== 'string') return { ok: false, why: 'no-timestamp' };
  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, why: 'timestamp-unreadable' };
  const skewS = Math.abs(request.receivedAt.getTime() / 1000 - Number(timestamp));
  if (!(skewS <= allowedSkewS)) return { ok: false, why: 'timestamp-off' };
  if (typeof signature !== 'string') return { ok: false, why: 'no-signature' };
  if (secret === '' || !/^v0=[0-9a-f]{64}$/.test(signature)) return { ok: false, why: 'signature-wrong' };
  const given = Buffer.from(signature.slice(3), 'hex');
  return timingSafeEqual(given, digest(secret, timestamp, request.body))
    ? { ok: true }
    : { ok: false, why: 'signature-wrong' };
}

/** The signature that Slack would send. `timestamp` in seconds since 1970. */
export function signSlack(secret: string, timestamp: number, body: string | Uint8Array): string {
  return `v0=${digest(secret, String(timestamp), body).toString('hex')}`;
}

function digest(secret: string, timestamp: string, body: string | Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`v0:${timestamp}:`).update(body).digest();
}
