import { notOnGitHub } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import type { Token } from '../src/core/ports.ts';
import { type Inline, reply } from '../src/core/reply.ts';

/** The API's tokens, without their secrets, which nobody has but their owners. */
export const signalboxTokens = defineCommand({
  path: ['signalbox', 'tokens'],
  summary: 'See the tokens of the API.',
  access: 'operator',
  places: notOnGitHub,
  scope: 'admin',
  arguments: [],
  flags: [],
  examples: ['signalbox tokens'],
  needs: ['tokens'],
  async run(_values, _context, { tokens }) {
    const found = await tokens.list();
    const data = {
      tokens: found.map(({ id, name, scopes, pool, createdAt, lastUsedAt, revokedAt }) => ({
        ...{ id, name, scopes, pool },
        createdAt: createdAt.toISOString(),
        lastUsedAt: lastUsedAt?.toISOString() ?? null,
        revokedAt: revokedAt?.toISOString() ?? null,
      })),
    };
    if (found.length === 0) return { ok: true, reply: reply('There are no tokens.', [], { data }) };
    const title = found.length === 1 ? 'One token:' : `${found.length} tokens:`;
    return { ok: true, reply: reply(title, [{ kind: 'list', items: found.map(item) }], { data }) };
  },
});

function item({ id, name, scopes, pool, createdAt, lastUsedAt, revokedAt }: Token): Inline[] {
  return [
    { bold: name },
    ' ',
    { code: id },
    `: ${scopes.join(', ')}${pool === null ? '' : `, pool ${pool}`}; made `,
    { at: createdAt },
    ...(lastUsedAt ? ['; last used ', { at: lastUsedAt }] : ['; never used']),
    ...(revokedAt ? ['; ', { bold: 'revoked' }, ' ', { at: revokedAt }] : []),
  ];
}
