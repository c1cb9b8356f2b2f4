import { defineCommand } from '../src/core/command.ts';
import { capital } from '../src/core/format.ts';
import { type FreezeScope, freezeItem, freezesIn, readScope, scopeName } from '../src/core/freeze.ts';
import { freezeJson } from '../src/core/freeze-json.ts';
import { reply } from '../src/core/reply.ts';

/** Ends what `signalbox freeze` began, by the same words. */
export const signalboxUnfreeze = defineCommand({
  path: ['signalbox', 'unfreeze'],
  summary: 'Let start again what was frozen.',
  access: 'operator',
  scope: 'admin',
  arguments: [],
  flags: [
    { name: 'pool', kind: 'word', summary: 'The pool that was frozen.' },
    { name: 'project', kind: 'word', summary: 'The project that was frozen.' },
  ],
  examples: ['signalbox unfreeze', 'signalbox unfreeze --pool local'],
  needs: ['freezes'],
  async run({ pool, project }, { actor, policy, key, now }, { freezes }) {
    const read = readScope({ pool, project }, policy, named => `signalbox unfreeze ${named}`);
    const scope = read.ok ? read.scope : goneScope(pool, project);
    const lifted = scope && (await freezes.lift({ key, kind: 'freeze', scope, by: actor, at: now }));
    // What signalbox.yml has no longer may still be frozen; a slip is neither.
    if (!lifted && !read.ok) return read;
    const standing = await freezes.standing();
    const holding = scope ? freezesIn(standing, scope) : [];
    const left = standing.filter(one => one.kind === 'freeze' || holding.includes(one));
    const name = capital(scope ? scopeName(scope) : '');
    const title = lifted ? `${name} is no longer frozen.` : `${name} is not frozen.`;
    const blocks = left.length > 0 ? [{ kind: 'list' as const, items: left.map(freezeItem) }] : [];
    const data = { lifted: lifted ? freezeJson(lifted) : null, left: left.map(freezeJson) };
    return { ok: true, reply: reply(title, blocks, { data }) };
  },
});

function goneScope(pool: string | undefined, project: string | undefined): FreezeScope | null {
  if (pool !== undefined) return project === undefined ? { kind: 'pool', name: pool } : null;
  return project === undefined ? null : { kind: 'project', name: project };
}
