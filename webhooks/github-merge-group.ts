import { z } from 'zod';
import { branchOf, commitSchema, fieldsOf, toldBy, toldSchema } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#merge_group */
const eventSchema = z.discriminatedUnion('action', [
  z.object({
    ...toldSchema.shape,
    action: z.literal('checks_requested'),
    merge_group: z.object({
      head_sha: commitSchema,
      base_sha: commitSchema,
      base_ref: z.string(),
      head_commit: z.object({
        timestamp: z.iso.datetime({ offset: true }).transform(text => new Date(text)),
      }),
    }),
  }),
  z.object({ action: z.literal('destroyed') }),
]);

/**
 * A merge queue tries what would come of several pull requests, and waits for the checks that its branch requires. Nothing is trained for it:
 * what it merges is told like every other merge, and its own branches (`isQueueBranch`) are nobody's.
 */
export const githubMergeGroup = {
  name: 'github-merge-group',
  source: 'github',
  kind: 'merge_group',
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a merge group: ${fieldsOf(parsed.error)}` };
    if (parsed.data.action === 'destroyed') return { kind: 'ignore', why: 'a merge group is gone' };
    const { head_sha: sha, base_sha: onto, base_ref, head_commit } = parsed.data.merge_group;
    const branch = branchOf(base_ref);
    if (sha === null || onto === null || branch === null)
      return { kind: 'ignore', why: 'a merge group of nothing' };
    const told = { ...toldBy(parsed.data), at: head_commit.timestamp, sha, onto, branch };
    return { kind: 'repository', event: { type: 'grouped', ...told } };
  },
} satisfies WebhookDefinition;
