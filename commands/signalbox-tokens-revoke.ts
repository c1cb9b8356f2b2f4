import { notOnGitHub } from '../src/core/access.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { nearest } from '../src/core/nearest.ts';
import type { Token } from '../src/core/ports.ts';
import { reply } from '../src/core/reply.ts';

/** Whoever holds the token may do nothing more. It cannot be undone; a new one is made where its secret can be shown once. */
export const signalboxTokensRevoke = defineCommand({
  path: ['signalbox', 'tokens', 'revoke'],
  summary: 'Revoke a token of the API.',
  access: 'operator',
  places: notOnGitHub,
  scope: 'admin',
  arguments: [{ name: 'token', kind: 'word', summary: 'Its id, or its name.', required: true }],
  flags: [],
  examples: ['signalbox tokens revoke ci'],
  needs: ['tokens'],
  async run({ token: word }, { actor, now }, { tokens }) {
    const all = await tokens.list();
    const byId = all.find(one => one.id === word);
    const named = all.filter(one => one.name === word);
    const live = named.filter(one => one.revokedAt === null);
    if (!byId && live.length > 1) {
      const details = { word, count: live.length, allowed: live.map(one => one.id) };
      return { ok: false, code: 'TOKEN_AMBIGUOUS', details };
    }
    const found = byId ?? live[0] ?? named[0];
    if (!found) {
      const allowed = [...new Set(all.filter(one => one.revokedAt === null).map(one => one.name))];
      const details = { word, allowed, nearest: nearest(word, allowed), example: 'signalbox tokens' };
      return { ok: false, code: 'TOKEN_UNKNOWN', details };
    }
    await tokens.revoke(found.id, now, actor);
    return revoked(found);
  },
});

function revoked({ id, name }: Token): Outcome {
  const title = `The token ${name} is revoked.`;
  const text = ['Whoever holds it is refused from now on: ', { code: id }];
  return { ok: true, reply: reply(title, [{ kind: 'text', text }], { data: { id, name, revoked: true } }) };
}
