import { notOnGitHub } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { elevationItem, elevationJson } from '../src/core/elevation-reply.ts';
import { reply } from '../src/core/reply.ts';

/** Ends one's own emergency before its time. */
export const signalboxBreakglassEnd = defineCommand({
  path: ['signalbox', 'breakglass', 'end'],
  summary: 'Be no operator any more, before the time is over.',
  access: 'trainer',
  places: notOnGitHub,
  arguments: [],
  flags: [],
  examples: ['signalbox breakglass end'],
  needs: ['elevations'],
  async run(_values, { actor, person, key, now }, { elevations }) {
    const ended = await elevations.end({ key, actor, accounts: person.accounts, at: now });
    if (!ended)
      return { ok: true, reply: reply('You have no breakglass open.', [], { data: { ended: null } }) };
    const title = `${actor.name} is no longer an operator.`;
    const blocks = [{ kind: 'text' as const, text: elevationItem(ended, now) }];
    const data = { ended: elevationJson(ended, now) };
    return { ok: true, reply: reply(title, blocks, { audience: 'place', data }) };
  },
});
