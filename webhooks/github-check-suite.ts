import { z } from 'zod';
import { githubPlace, githubSender, repositorySchema, senderSchema } from '../src/core/github-sender.ts';
import { commitSchema, fieldsOf } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite */
const suiteSchema = z.object({
  action: z.literal('rerequested'),
  installation: z.object({ id: z.int() }),
  repository: repositorySchema,
  sender: senderSchema,
  check_suite: z.object({ head_sha: commitSchema }),
});

/** "Re-run all checks" of a commit. GitHub tells it of the whole alone, and names no check run. */
export const githubCheckSuite = {
  name: 'github-check-suite',
  source: 'github',
  kind: 'check_suite',
  events: ['rerequested'],
  translate(payload: unknown, deliveryId: string): Translation {
    const parsed = suiteSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not all checks again: ${fieldsOf(parsed.error)}` };
    const { sender, check_suite } = parsed.data;
    if (sender.type !== 'User') return { kind: 'ignore', why: 'a press of a program' };
    if (check_suite.head_sha === null) return { kind: 'ignore', why: 'the checks of nothing' };
    // At which pull request is said by what was asked for there.
    const place = githubPlace(parsed.data, { issue: 0, pull: false, user: sender.login });
    return {
      kind: 'repeat',
      key: `github:${deliveryId}`,
      place,
      ...githubSender(sender),
      sha: check_suite.head_sha,
    };
  },
} satisfies WebhookDefinition;
