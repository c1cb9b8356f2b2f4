import { groupPlace } from '../core/groups.ts';
import { type GroupsPort, GroupUnreadable } from '../core/ports.ts';
import type { Slack } from './slack.ts';

/** The groups of every place that is configured. */
export function openGroups(slack: Pick<Slack, 'groupMembers'>): GroupsPort {
  return {
    members: async name => {
      const place = groupPlace(name);
      if (place.kind === 'slack') return await slack.groupMembers(place.team, place.group);
      throw new GroupUnreadable('GitHub is not configured.', 0);
    },
  };
}
