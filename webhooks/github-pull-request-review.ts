import { z } from 'zod';
import { cleanLine } from '../src/core/format.ts';
import { githubPlace, githubSender, repositorySchema, senderSchema } from '../src/core/github-sender.ts';
import { commitSchema, fieldsOf, pullSchema } from '../src/core/github-told.ts';
import type { PullReview } from '../src/core/promotion/review.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review */
const reviewSchema = z.object({
  action: z.enum(['submitted', 'dismissed']),
  installation: z.object({ id: z.int() }),
  repository: repositorySchema,
  sender: senderSchema,
  review: z.object({
    id: z.int(),
    user: senderSchema.nullable(),
    body: z.string().nullish(),
    state: z.string(),
    commit_id: commitSchema.nullish(),
    submitted_at: z.iso.datetime({ offset: true }),
  }),
  pull_request: pullSchema,
});

/** The other reviews only say something. */
const decisions: Record<string, PullReview['says']> = {
  approved: 'approve',
  changes_requested: 'reject',
  dismissed: 'withdraw',
};
const mostBody = 500;

/** A review that decides, or one that was dismissed: it may answer a promotion that was asked for at its pull request. */
export const githubPullRequestReview = {
  name: 'github-pull-request-review',
  source: 'github',
  kind: 'pull_request_review',
  // Who edits what was said does not decide anew.
  events: ['submitted', 'dismissed'],
  translate(payload: unknown): Translation {
    const parsed = reviewSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a review: ${fieldsOf(parsed.error)}` };
    const { action, sender, review, pull_request: pull } = parsed.data;
    const { user, submitted_at: saidAt } = review;
    const says = Object.hasOwn(decisions, review.state) ? decisions[review.state] : undefined;
    if (!says || (says === 'withdraw') !== (action === 'dismissed'))
      return { kind: 'ignore', why: 'a review that decides nothing' };
    if (!user) return { kind: 'ignore', why: 'a review of nobody' };
    if (user.type !== 'User') return { kind: 'ignore', why: 'a review of a program' };
    // Whoever may dismiss it is GitHub's to say.
    if (says !== 'withdraw' && sender.id !== user.id)
      return { kind: 'ignore', why: 'a review of somebody else' };
    const at = githubPlace(parsed.data, { issue: pull.number, pull: true, user: user.login });
    const place = { ...at, saidAt };
    return {
      kind: 'review',
      key: `github:review:${review.id}:${says}`,
      place,
      ...githubSender(says === 'withdraw' ? sender : user),
      review: {
        ...{ id: review.id, says, commit: review.commit_id ?? null, at: new Date(saidAt) },
        body: cleanLine((review.body ?? '').replace(/\s+/g, ' '), mostBody),
        head: pull.head.sha,
        merged: pull.mergedAs ?? null,
      },
    };
  },
} satisfies WebhookDefinition;
