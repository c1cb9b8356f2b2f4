import { z } from 'zod';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

// An actor's id joins two of these with `/`, so neither may hold one.
const slackId = z.string().regex(/^[A-Za-z0-9]+$/);

/** https://docs.slack.dev/interactivity/implementing-slash-commands */
const commandSchema = z.object({
  team_id: slackId,
  channel_id: slackId,
  user_id: slackId,
  user_name: z.string().default(''),
  command: z.string().regex(/^\/\S+$/),
  text: z.string().default(''),
  // Whoever calls it makes sure that it is Slack's.
  response_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .catch(undefined),
});

/** A slash command: `/train digits -p lr=0.1` becomes the words `train digits -p lr=0.1` of the person who sent it. */
export const slackCommand: WebhookDefinition = {
  name: 'slack-command',
  source: 'slack',
  kind: 'command',
  translate(payload: unknown, deliveryId: string): Translation {
    const parsed = commandSchema.safeParse(payload);
    if (!parsed.success) {
      const fields = parsed.error.issues.map(issue => issue.path.join('.')).join(', ');
      return { kind: 'ignore', why: `not a slash command: ${fields}` };
    }
    const { team_id: team, channel_id: channel, user_id: user, user_name: name, ...said } = parsed.data;
    return {
      kind: 'intent',
      intent: {
        key: `slack:${deliveryId}`,
        actor: { kind: 'slack', id: `${team}/${user}`, name: name || user },
        place: {
          kind: 'slack',
          team,
          channel,
          user,
          ...(said.response_url ? { responseUrl: said.response_url } : {}),
        },
        wish: { kind: 'words', words: `${said.command.slice(1)} ${asTyped(said.text)}`.trim() },
      },
    };
  },
};

/** Undoes what Slack does to text on its way: entities, and mentions, channels and links in `<...>`. One pass: what it yields is not read again. */
function asTyped(text: string): string {
  return text.replace(/<([^<>]*)>|&(?:amp|lt|gt);/g, (match, token: string | undefined) =>
    token === undefined ? entity(match) : tokenAsTyped(token),
  );
}

function tokenAsTyped(token: string): string {
  const bar = token.indexOf('|');
  const target = bar < 0 ? token : token.slice(0, bar);
  const label = plainEntities(bar < 0 ? '' : token.slice(bar + 1));
  const sign = target[0];
  if (sign === '@' || sign === '#') return `${sign}${label || target.slice(1)}`;
  if (sign === '!') return label || `@${target.slice(1)}`;
  return label || plainEntities(target);
}

function plainEntities(text: string): string {
  return text.replace(/&(?:amp|lt|gt);/g, entity);
}

function entity(match: string): string {
  if (match === '&lt;') return '<';
  return match === '&gt;' ? '>' : '&';
}
