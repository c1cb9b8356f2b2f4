import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { reply } from '../src/core/reply.ts';

/** Who Signalbox takes the asker for, and what that allows. */
export const signalboxWhoami = defineCommand({
  path: ['signalbox', 'whoami'],
  summary: 'See who you are here and what you may do.',
  access: 'none',
  arguments: [],
  flags: [],
  examples: ['signalbox whoami'],
  needs: [],
  async run(_values, { actor, role, person }) {
    const { name, teams, accounts } = person;
    const others = accounts.filter(one => one !== actorKey(actor));
    const rows = [
      { label: 'Identity', value: [{ code: actorKey(actor) }] },
      ...(others.length > 0 ? [{ label: 'Also', value: others.map(code => ({ code })) }] : []),
      {
        label: 'Role',
        value: [role, ...(actor.breakglass ? [`, under breakglass ${actor.breakglass}`] : [])],
      },
      ...(teams.length > 0 ? [{ label: 'Teams', value: [teams.join(', ')] }] : []),
    ];
    const data = { actor: { kind: actor.kind, id: actor.id, name: actor.name }, role, teams, accounts };
    return { ok: true, reply: reply(`You are ${name}.`, [{ kind: 'fields', rows }], { data }) };
  },
});
