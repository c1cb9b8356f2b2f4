import { submissionSchema } from '../src/core/form.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** A form that was sent and found good: its command, called with what was filled in. */
export const slackSubmission = {
  name: 'slack-submission',
  source: 'slack',
  kind: 'submission',
  translate(payload: unknown, deliveryId: string): Translation {
    const parsed = submissionSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: 'not a form that was sent' };
    const { command, actor, place, values } = parsed.data;
    const wish = { kind: 'call' as const, path: command, values };
    return { kind: 'intent', intent: { key: `slack:${deliveryId}`, actor, place, wish } };
  },
} satisfies WebhookDefinition;
