import { type Actor, actorKey, tokenActor } from '../core/actor.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { AuditLog, Log, TokenRefusals, TokenStore } from '../core/ports.ts';

/** Machines ask again and again: of each token one refusal of a kind is written down in this time. */
const quietMs = 60_000;
/** Tokens that are remembered to have been refused lately. */
const mostKept = 1_000;

export function tokenRefusals(deps: {
  audit: Pick<AuditLog, 'append'>;
  tokens: Pick<TokenStore, 'findRevoked'>;
  log: Log;
  clock: () => Date;
}): TokenRefusals {
  const { audit, tokens, log, clock } = deps;
  const lately = new Map<string, number>();

  async function record(actor: Actor, code: ErrorCode, more: Record<string, unknown>): Promise<void> {
    const now = clock();
    const subject = actorKey(actor);
    const key = `${subject} ${code}`;
    if (now.getTime() - (lately.get(key) ?? Number.NEGATIVE_INFINITY) < quietMs) return;
    if (lately.size >= mostKept) lately.clear();
    lately.set(key, now.getTime());
    const details = { code, ...more };
    await audit.append({ actor, action: 'token.refused', subject, outcome: 'refused', details }, now);
  }

  const failed = (err: unknown) => log.warn({ err }, 'a refused token was not written down');
  return {
    unknown(secret, place) {
      const look = async () => {
        const token = await tokens.findRevoked(secret);
        if (!token) return;
        await record(tokenActor(token), 'TOKEN_INVALID', { reason: 'It is revoked.', place });
      };
      look().catch(failed);
    },
    beyond(actor, word, place) {
      record(actor, 'TOKEN_SCOPE', { wanted: word, place }).catch(failed);
    },
  };
}
