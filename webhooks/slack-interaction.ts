import { z } from 'zod';
import type { Actor, Place } from '../src/core/actor.ts';
import { readButton, wordsOf } from '../src/core/button.ts';
import { fault } from '../src/core/errors.ts';
import type { Signed, Translation, WebhookDefinition } from '../src/core/webhook.ts';

// An actor's id joins two of these with `/`, so neither may hold one.
const slackId = z.string().regex(/^[A-Za-z0-9]+$/);

const pressed = {
  type: z.literal('block_actions'),
  // Absent where the app was installed on a whole organisation and spoken to in none of its workspaces.
  team: z.object({ id: slackId }).nullish(),
  user: z.object({
    id: slackId,
    team_id: slackId.optional(),
    username: z.string().optional(),
    name: z.string().optional(),
  }),
  actions: z.array(z.object({ type: z.literal('button'), value: z.string() })).length(1),
};

/** A press of a button on a message: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload */
const pressSchema = z.object({
  ...pressed,
  channel: z.object({ id: slackId }),
  container: z.object({
    type: z.literal('message'),
    message_ts: z.string(),
    thread_ts: z.string().optional(),
  }),
  message: z.object({ thread_ts: z.string().optional() }).nullish(),
  // Whoever calls it makes sure that it is Slack's.
  response_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .catch(undefined),
});

/** The same on somebody's Home, which is in no channel and has no address for an answer. */
const homePressSchema = z.object({
  ...pressed,
  container: z.object({ type: z.literal('view') }),
  view: z.object({ type: z.literal('home') }),
});

/** A press of a button is what its words would be, typed by the one who pressed it. */
export const slackInteraction: WebhookDefinition = {
  name: 'slack-interaction',
  source: 'slack',
  kind: 'interaction',
  translate(payload: unknown, deliveryId: string): Translation | Signed {
    const parsed = readPress(payload);
    if (!parsed.success) {
      const fields = parsed.error.issues.map(issue => issue.path.join('.')).join(', ');
      return { kind: 'ignore', why: `not a press of a button: ${fields}` };
    }
    const { team, user, channel, actions, thread, responseUrl } = parsed.data;
    const teamId = team?.id ?? user.team_id;
    if (teamId === undefined) return { kind: 'ignore', why: 'not a press of a button: team' };
    const name = user.username || user.name || user.id;
    const actor: Actor = { kind: 'slack', id: `${teamId}/${user.id}`, name };
    const place: Place = {
      kind: 'slack',
      team: teamId,
      channel,
      user: user.id,
      ...(thread ? { thread } : {}),
      ...(responseUrl ? { responseUrl } : {}),
    };
    const key = `slack:${deliveryId}`;
    return {
      kind: 'signed',
      value: actions[0]?.value ?? '',
      read(text) {
        const button = text === null ? null : readButton(text);
        if (button?.team !== teamId || button.channel !== channel)
          return {
            kind: 'refuse',
            key,
            actor,
            place,
            fault: fault('BUTTON_INVALID', { example: 'train list' }, '/'),
          };
        return {
          kind: 'intent',
          intent: { key, actor, place, wish: { kind: 'words', words: wordsOf(button) } },
        };
      },
    };
  },
};

function readPress(payload: unknown) {
  const home = homePressSchema.safeParse(payload);
  if (home.success) {
    const { team, user, actions } = home.data;
    // Whose Home it is stands for the channel.
    const nowhere = { thread: undefined, responseUrl: undefined };
    return { success: true as const, data: { team, user, actions, channel: user.id, ...nowhere } };
  }
  const parsed = pressSchema.safeParse(payload);
  if (!parsed.success) return parsed;
  const { team, user, channel, container, message, actions, response_url: responseUrl } = parsed.data;
  // The first message of a thread is not in it.
  const { message_ts: ts, thread_ts: threadTs = message?.thread_ts } = container;
  const thread = threadTs === ts ? undefined : threadTs;
  return { success: true as const, data: { team, user, actions, channel: channel.id, thread, responseUrl } };
}
