import { groupPlace } from '../core/groups.ts';
import type { GroupsPort } from '../core/ports.ts';
import type { GitHub } from './github.ts';
import type { Slack } from './slack.ts';

/** The groups of all places. */
export function openGroups(
  slack: Pick<Slack, 'groupMembers'>,
  github: Pick<GitHub, 'teamMembers'>,
): GroupsPort {
  return {
    members: async name => {
      const place = groupPlace(name);
      if (place.kind === 'slack') return await slack.groupMembers(place.team, place.group);
      return await github.teamMembers(place.org, place.team);
    },
  };
}
