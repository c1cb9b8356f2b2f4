import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { type Inline, type ReplyBlock, reply } from '../src/core/reply.ts';
import { moreSentence, namesOf } from '../src/core/rights.ts';

/** Who Signalbox takes the asker for, and what that allows. */
export const signalboxWhoami = defineCommand({
  path: ['signalbox', 'whoami'],
  summary: 'See who you are here and what you may do.',
  access: 'none',
  arguments: [],
  flags: [],
  examples: ['signalbox whoami'],
  needs: [],
  async run(_values, { actor, role, person, rights }) {
    const { name, teams, from, accounts } = person;
    const others = accounts.filter(one => one !== actorKey(actor));
    const rows = [
      { label: 'Identity', value: [{ code: actorKey(actor) }] },
      ...(others.length > 0 ? [{ label: 'Also', value: others.map(code => ({ code })) }] : []),
      {
        label: 'Role',
        value: [
          role,
          ...(actor.breakglass
            ? [`, under breakglass ${actor.breakglass}`]
            : by(actor.kind === 'slack' ? (from.role ?? 'defaultRole') : null)),
        ],
      },
      ...(teams.length > 0 ? [{ label: 'Teams', value: teamsBy(teams, from.teams) }] : []),
    ];
    const { may, more } = rights();
    const data = {
      actor: { kind: actor.kind, id: actor.id, name: actor.name },
      role,
      teams,
      from,
      accounts,
      may: may.map(command => command.path.join(' ')),
    };
    const blocks: ReplyBlock[] = [
      { kind: 'fields', rows: [...rows, { label: 'You may', value: namesOf(may) }] },
      ...more.map(group => ({ kind: 'context' as const, text: moreSentence(group) })),
    ];
    return { ok: true, reply: reply(`You are ${name}.`, blocks, { data }) };
  },
});

/** What says so: the file, its default, or a group. */
function by(source: string | null | undefined): Inline[] {
  return source ? [', by ', { code: source }] : [];
}

function teamsBy(teams: readonly string[], from: Readonly<Record<string, string>>): Inline[] {
  return teams.flatMap((team, i) => [i > 0 ? `; ${team}` : team, ...by(from[team])]);
}
