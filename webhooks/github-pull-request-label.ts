import { z } from 'zod';
import { githubPlace, githubSender, repositorySchema, senderSchema } from '../src/core/github-sender.ts';
import { fieldsOf, pullSchema } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
const labelSchema = z.object({
  action: z.literal('labeled'),
  installation: z.object({ id: z.int() }),
  repository: repositorySchema,
  sender: senderSchema,
  label: z.object({ name: z.string().min(1) }),
  pull_request: pullSchema,
});

/** A label was put on a pull request: it may ask for a promotion. */
export const githubPullRequestLabel = {
  name: 'github-pull-request-label',
  source: 'github',
  kind: 'pull_request',
  // Who takes it off takes nothing back: the promotion has a message of its own.
  events: ['labeled'],
  translate(payload: unknown, deliveryId: string): Translation {
    const parsed = labelSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a label: ${fieldsOf(parsed.error)}` };
    const { sender, label, pull_request: pull } = parsed.data;
    if (sender.type !== 'User') return { kind: 'ignore', why: 'a label of a program' };
    const place = githubPlace(parsed.data, { issue: pull.number, pull: true, user: sender.login });
    return {
      kind: 'promote',
      key: `github:${deliveryId}`,
      place,
      ...githubSender(sender),
      of: { label: label.name, pull },
    };
  },
} satisfies WebhookDefinition;
