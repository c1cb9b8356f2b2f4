import { defineCommand } from '../src/core/command.ts';
import { capital } from '../src/core/format.ts';
import { freezeItem, readScope, scopeName } from '../src/core/freeze.ts';
import { freezeJson } from '../src/core/freeze-json.ts';
import { reply } from '../src/core/reply.ts';

/** Nothing starts any more in a pool, of a project, or at all; what runs goes on, and requests are taken. */
export const signalboxFreeze = defineCommand({
  path: ['signalbox', 'freeze'],
  summary: 'Let nothing start: in a pool, of a project, or at all.',
  access: 'operator',
  scope: 'admin',
  arguments: [],
  flags: [
    { name: 'pool', kind: 'word', summary: 'Only in this pool.' },
    { name: 'project', kind: 'word', summary: 'Only of this project.' },
    { name: 'why', kind: 'text', summary: 'What those who wait are told.', required: true },
  ],
  examples: ['signalbox freeze --why "new driver"', 'signalbox freeze --pool local --why "new driver"'],
  needs: ['freezes'],
  async run({ pool, project, why }, { actor, place, policy, key, now }, { freezes }) {
    const read = readScope(
      { pool, project },
      policy,
      named => `signalbox freeze ${named} --why "new driver"`,
    );
    if (!read.ok) return read;
    const { scope } = read;
    const wish = { key, kind: 'freeze', scope, why, by: actor, place, at: now } as const;
    const { freeze, made } = await freezes.freeze(wish);
    const name = capital(scopeName(scope));
    const title = made
      ? `${name} is frozen: nothing ${scope.kind === 'all' ? 'starts' : 'starts there'}.`
      : `${name} is frozen already.`;
    const others = (await freezes.standing()).filter(one => one.kind === 'freeze' && one.id !== freeze.id);
    const lift = scope.kind === 'all' ? '' : ` --${scope.kind} ${scope.name}`;
    const blocks = [
      { kind: 'list' as const, items: [freeze, ...others].map(freezeItem) },
      {
        kind: 'text' as const,
        text: [
          'What runs goes on, and requests wait in their queue until ',
          { command: `signalbox unfreeze${lift}` },
          '.',
        ],
      },
    ];
    return {
      ok: true,
      reply: reply(title, blocks, { tone: 'warning', data: { made, ...freezeJson(freeze) } }),
    };
  },
});
