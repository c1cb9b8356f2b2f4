import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { SignalboxError } from '../../core/errors.ts';
import type { Token } from '../../core/ports.ts';
import type { ApiPorts } from './deps.ts';

export const idempotencyHeader = {
  'Idempotency-Key': 'Up to 200 visible characters, unique per wish: the same key never has two effects.',
};

/**
 * The key of the intent behind a request. `repeated`: the same request came with the same key before. Throws `IDEMPOTENCY_CONFLICT` where
 * the key stands for another request, and `BODY_INVALID` where it is no key.
 */
export async function intentKey(
  headers: IncomingHttpHeaders,
  token: Token,
  request: unknown,
  ports: Pick<ApiPorts, 'idempotency' | 'id'>,
): Promise<{ key: string; repeated: boolean }> {
  const given = headers['idempotency-key'];
  if (given === undefined) return { key: `http:${token.id}:${ports.id()}`, repeated: false };
  if (typeof given !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(given))
    throw new SignalboxError('BODY_INVALID', {
      word: 'Idempotency-Key',
      reason: 'It must be 1 to 200 visible characters.',
    });
  const digest = createHash('sha256').update(canonical(request)).digest('hex');
  const known = await ports.idempotency.check(token.id, given, digest);
  if (known === 'conflict') throw new SignalboxError('IDEMPOTENCY_CONFLICT', { word: given });
  return { key: `http:${token.id}:${given}`, repeated: known === 'same' };
}

/** JSON with the names of objects in order: the same request written otherwise is the same request. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
