import { notOnGitHub } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { elevationItem, elevationJson } from '../src/core/elevation-reply.ts';
import { reply } from '../src/core/reply.ts';

const most = 50;

/** Emergencies that last, and those that nobody has looked at yet. */
export const signalboxBreakglassList = defineCommand({
  path: ['signalbox', 'breakglass', 'list'],
  summary: 'See who is an operator for a while, and what nobody has reviewed yet.',
  access: 'trainer',
  places: notOnGitHub,
  arguments: [],
  flags: [],
  examples: ['signalbox breakglass list'],
  needs: ['elevations'],
  async run(_values, { now }, { elevations }) {
    const found = await elevations.unreviewed(most);
    const data = { elevations: found.map(one => elevationJson(one, now)) };
    if (found.length === 0)
      return { ok: true, reply: reply('No breakglass is open or to be reviewed.', [], { data }) };
    const open = data.elevations.filter(one => one.open).length;
    const title = `${found.length === 1 ? '1 is' : `${found.length} are`} not reviewed, ${open} of them open:`;
    const items = found.map(one => elevationItem(one, now));
    return { ok: true, reply: reply(title, [{ kind: 'list', items }], { data }) };
  },
});
