import { z } from 'zod';
import { branchOf, commitSchema, fieldsOf, toldBy, toldSchema } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** Seconds in this event, text in all others. */
const pushedAt = z.union([
  z.int().transform(seconds => new Date(seconds * 1_000)),
  z.iso.datetime({ offset: true }).transform(text => new Date(text)),
]);

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#push */
const eventSchema = z.intersection(
  toldSchema,
  z.object({
    ref: z.string().startsWith('refs/'),
    before: commitSchema,
    after: commitSchema,
    forced: z.boolean().default(false),
    // The dates in commits are whatever their author wants.
    repository: z.object({ pushed_at: pushedAt, default_branch: z.string().nullish() }),
  }),
);

/** A branch is at another commit. */
export const githubPush = {
  name: 'github-push',
  source: 'github',
  kind: 'push',
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a push: ${fieldsOf(parsed.error)}` };
    const { ref, before, after, forced, repository } = parsed.data;
    const branch = branchOf(ref);
    if (branch === null) return { kind: 'ignore', why: 'a push to no branch' };
    if (after === null) return { kind: 'ignore', why: 'a branch is gone' };
    const at = repository.pushed_at;
    const isDefault = branch === repository.default_branch;
    const told = { ...toldBy(parsed.data), at, branch, isDefault, before, after, forced };
    return { kind: 'repository', event: { type: 'pushed', ...told } };
  },
} satisfies WebhookDefinition;
