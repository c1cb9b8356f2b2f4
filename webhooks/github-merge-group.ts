import { z } from 'zod';
import { fieldsOf } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#merge_group */
const eventSchema = z.object({
  action: z.string(),
  merge_group: z.object({ head_ref: z.string(), base_ref: z.string() }),
});

/**
 * A merge queue tries what would come of several pull requests. Nothing is trained for it: what it merges is told like every other merge,
 * and its own branches (`isQueueBranch`) are nobody's.
 */
export const githubMergeGroup = {
  name: 'github-merge-group',
  source: 'github',
  kind: 'merge_group',
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a merge group: ${fieldsOf(parsed.error)}` };
    return {
      kind: 'ignore',
      why: `a merge group is tried (${parsed.data.action}); its merge is told by itself`,
    };
  },
} satisfies WebhookDefinition;
