import { z } from 'zod';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

const slackId = z.string().regex(/^[A-Z0-9]+$/);

/** https://docs.slack.dev/reference/events/subteam_members_changed */
const membersSchema = z.object({
  type: z.literal('subteam_members_changed'),
  subteam_id: slackId,
  // With the event's own workspace; in an organisation the message around it may name another one.
  team_id: slackId.optional(),
  removed_users: z.array(slackId).default([]),
});

/** https://docs.slack.dev/reference/events/subteam_updated: also where a group is disabled. */
const updatedSchema = z.object({
  type: z.literal('subteam_updated'),
  subteam: z.object({ id: slackId, team_id: slackId.optional() }),
});

const eventSchema = z.object({
  team_id: slackId,
  event: z.discriminatedUnion('type', [membersSchema, updatedSchema]),
});

/** A user group is not as it was: whoever is taken out of it loses at once what it gave. */
export const slackGroup = {
  name: 'slack-group',
  source: 'slack',
  kind: 'event',
  events: ['subteam_members_changed', 'subteam_updated'],
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) {
      const fields = parsed.error.issues.map(issue => issue.path.join('.')).join(', ');
      return { kind: 'ignore', why: `not a changed user group: ${fields}` };
    }
    const { team_id, event } = parsed.data;
    if (event.type === 'subteam_updated') {
      const { id, team_id: team = team_id } = event.subteam;
      return { kind: 'group', change: { group: `slack:${team}/${id}`, removed: [] } };
    }
    const { team_id: team = team_id, subteam_id, removed_users } = event;
    const removed = removed_users.map(user => `slack:${team}/${user}`);
    return { kind: 'group', change: { group: `slack:${team}/${subteam_id}`, removed } };
  },
} satisfies WebhookDefinition;
