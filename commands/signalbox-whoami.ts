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
  async run(_values, { actor, role, policy }) {
    const person = actor.kind === 'slack' ? policy.people.find(one => one.slack === actor.id) : undefined;
    const teams = person?.teams ?? [];
    const rows = [
      { label: 'Identity', value: [{ code: actorKey(actor) }] },
      { label: 'Role', value: [role] },
      ...(teams.length > 0 ? [{ label: 'Teams', value: [teams.join(', ')] }] : []),
    ];
    const data = { actor: { kind: actor.kind, id: actor.id, name: actor.name }, role, teams };
    const name = person?.name ?? actor.name;
    return { ok: true, reply: reply(`You are ${name}.`, [{ kind: 'fields', rows }], { data }) };
  },
});
