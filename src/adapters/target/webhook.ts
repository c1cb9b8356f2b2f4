import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { TargetHook } from '../../core/promotion/serving.ts';

const timeoutMs = 15_000;
const mostBytes = 64 * 1024;

const stateSchema = z.object({
  state: z.enum(['ready', 'starting', 'failed']),
  reason: z.string().max(2_000).default(''),
});
const answerSchema = z.object({ versions: z.record(z.string(), stateSchema) });

/**
 * Tells a target by a signed POST what is to serve, and hears whether it does. Signed as Standard Webhooks are
 * (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`. `environment`: where the secrets are, by name.
 */
export function webhookTarget(environment: Readonly<Record<string, string | undefined>>): TargetHook {
  return async ({ url, secret: name }, { id, now, body }) => {
    const secret = environment[name];
    if (!secret) return { ok: false, reason: `${name}, which signs what the target is told, is not set.` };
    const text = JSON.stringify(body);
    const timestamp = String(Math.floor(now.getTime() / 1_000));
    const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${text}`).digest('base64');
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/json',
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
          'idempotency-key': id,
        },
        body: text,
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const said = await readText(answer);
      if (!answer.ok) return { ok: false, reason: `The target answered ${answer.status}.` };
      if (said === null) return { ok: false, reason: 'The answer of the target is too long.' };
      const read = answerSchema.safeParse(jsonOf(said));
      if (!read.success)
        return { ok: false, reason: 'The answer of the target does not say which versions are ready.' };
      const states = Object.entries(read.data.versions).map(
        ([version, { state, reason }]) => [version, { state, said: reason }] as const,
      );
      return { ok: true, states: Object.fromEntries(states) };
    } catch {
      return { ok: false, reason: 'The target does not answer.' };
    }
  };
}

/** Null: it is too long, and the rest of it is not read. */
async function readText(answer: Response): Promise<string | null> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body ?? []) {
    length += piece.length;
    if (length > mostBytes) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
