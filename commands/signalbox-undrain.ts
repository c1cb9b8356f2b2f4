import { defineCommand } from '../src/core/command.ts';
import { freezeItem, freezesIn, unknownPool } from '../src/core/freeze.ts';
import { freezeJson } from '../src/core/freeze-json.ts';
import { reply } from '../src/core/reply.ts';

/** Ends what `signalbox drain` began. */
export const signalboxUndrain = defineCommand({
  path: ['signalbox', 'undrain'],
  summary: 'Let runs start again in a pool that was drained.',
  access: 'operator',
  scope: 'admin',
  arguments: [{ name: 'pool', kind: 'word', summary: 'The pool.', required: true }],
  flags: [],
  examples: ['signalbox undrain local'],
  needs: ['freezes'],
  async run({ pool }, { actor, policy, key, now }, { freezes }) {
    const scope = { kind: 'pool', name: pool } as const;
    const lifted = await freezes.lift({ key, kind: 'drain', scope, by: actor, at: now });
    // What signalbox.yml has no longer may still be drained; a slip is neither.
    const unknown = lifted ? null : unknownPool(pool, policy, named => `signalbox undrain ${named}`);
    if (unknown) return unknown;
    const title = lifted ? `Pool ${pool} is no longer drained.` : `Pool ${pool} is not being drained.`;
    const left = freezesIn(await freezes.standing(), scope);
    const blocks = left.length > 0 ? [{ kind: 'list' as const, items: left.map(freezeItem) }] : [];
    const data = { lifted: lifted ? freezeJson(lifted) : null, left: left.map(freezeJson) };
    return { ok: true, reply: reply(title, blocks, { data }) };
  },
});
