import { denied, hasRank } from '../src/core/access.ts';
import { actorKey } from '../src/core/actor.ts';
import { defineCommand } from '../src/core/command.ts';
import { reply } from '../src/core/reply.ts';

/** Takes an account out of a person's; what it may do then is what its place allows. */
export const signalboxUnlink = defineCommand({
  path: ['signalbox', 'unlink'],
  summary: 'Part an account from your others.',
  access: 'none',
  own: true,
  arguments: [{ name: 'account', kind: 'word', summary: 'As whoami shows it; this one otherwise.' }],
  flags: [],
  examples: ['signalbox unlink', 'signalbox unlink slack:T0123/U0456'],
  needs: ['links'],
  async run(values, { actor, person, role, now }, { links }) {
    const account = values.account ?? actorKey(actor);
    if (!person.accounts.includes(account) && !hasRank(role, 'operator')) {
      const reason = `${account} is none of your accounts, and yours is not the role operator.`;
      const todo = 'See your accounts with signalbox whoami, or ask an operator.';
      return denied(`signalbox unlink ${account}`, { ok: false, reason, todo });
    }
    const was = await links.unlink(account, actor, now);
    const title = was ? `${account} stands by itself now.` : `${account} was linked with no other account.`;
    return { ok: true, reply: reply(title, [], { data: { account, unlinked: was } }) };
  },
});
