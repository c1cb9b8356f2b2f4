import { defineCommand } from '../src/core/command.ts';
import { teamsOf } from '../src/core/lease.ts';
import { nearest } from '../src/core/nearest.ts';
import { usageReply } from '../src/core/usage-reply.ts';

const usualSinceS = 7 * 86_400;
const mostRows = 12;

/** What was asked for and held, and what it cost. */
export const gpuUsage = defineCommand({
  path: ['gpu', 'usage'],
  summary: 'See who held how much, and what it cost.',
  access: 'viewer',
  arguments: [],
  flags: [
    { name: 'team', kind: 'word', summary: 'Only of this team.' },
    { name: 'since', kind: 'duration', summary: 'In how long; 7d otherwise.' },
  ],
  examples: ['gpu usage', 'gpu usage --team research --since 30d'],
  needs: ['usage'],
  async run({ team, since: sinceS = usualSinceS }, { policy, now }, { usage }) {
    const teams = teamsOf(policy);
    if (team !== undefined && !teams.includes(team)) {
      const details = { word: team, name: '--team', allowed: teams, nearest: nearest(team, teams) };
      return { ok: false, code: 'VALUE_INVALID', details };
    }
    const since = new Date(now.getTime() - sinceS * 1_000);
    const rows = await usage.between({ since, until: now, team, limit: mostRows });
    return { ok: true, reply: usageReply(rows, { sinceS, team, currency: policy.currency }) };
  },
});
