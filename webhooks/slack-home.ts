import { z } from 'zod';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

const slackId = z.string().regex(/^[A-Za-z0-9]+$/);

/** https://docs.slack.dev/reference/events/app_home_opened */
const openedSchema = z.object({
  team_id: slackId,
  // In a shared channel the event may be another workspace's; the context is the one for which the app is told.
  context_team_id: slackId.nullish(),
  event: z.object({
    type: z.literal('app_home_opened'),
    user: slackId,
    tab: z.literal('home'),
    // What was shown there until now; nothing at first.
    view: z.unknown().optional(),
  }),
});

/** Somebody looks at Signalbox's Home: from now on it is kept true for them. */
export const slackHome = {
  name: 'slack-home',
  source: 'slack',
  kind: 'event',
  events: ['app_home_opened'],
  translate(payload: unknown): Translation {
    const parsed = openedSchema.safeParse(payload);
    if (!parsed.success) {
      const fields = parsed.error.issues.map(issue => issue.path.join('.')).join(', ');
      return { kind: 'ignore', why: `not an opened Home: ${fields}` };
    }
    const { team_id: team, context_team_id: context, event } = parsed.data;
    // The channel of a Home is whoever it is for.
    const place = { kind: 'slack' as const, team: context ?? team, channel: event.user, user: event.user };
    return { kind: 'home', place, isEmpty: event.view === undefined || event.view === null };
  },
} satisfies WebhookDefinition;
