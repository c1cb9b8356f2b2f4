import { z } from 'zod';
import { commitSchema, fieldsOf, pullSchema, toldBy, toldSchema } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

const time = z.iso.datetime({ offset: true }).transform(text => new Date(text));

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request */
const eventSchema = z.intersection(
  toldSchema,
  z.discriminatedUnion('action', [
    z.object({
      action: z.literal('synchronize'),
      before: commitSchema,
      pull_request: z.intersection(pullSchema, z.object({ updated_at: time })),
    }),
    z.object({
      action: z.enum(['opened', 'reopened']),
      pull_request: z.intersection(pullSchema, z.object({ updated_at: time })),
    }),
    z.object({
      action: z.literal('edited'),
      // What it was before; there where it goes to another branch now.
      changes: z.object({ base: z.object({}).optional() }),
      pull_request: z.intersection(pullSchema, z.object({ updated_at: time })),
    }),
    z.object({
      action: z.literal('closed'),
      pull_request: z.intersection(
        pullSchema,
        z.object({ closed_at: time, merged: z.boolean(), merge_commit_sha: commitSchema.nullish() }),
      ),
    }),
  ]),
);

/** A pull request has another head or another base, or is at its end. */
export const githubPullRequest = {
  name: 'github-pull-request',
  source: 'github',
  kind: 'pull_request',
  events: ['opened', 'reopened', 'synchronize', 'edited', 'closed'],
  translate(payload: unknown): Translation {
    const parsed = eventSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a pull request: ${fieldsOf(parsed.error)}` };
    const told = toldBy(parsed.data);
    const { data } = parsed;
    if (data.action === 'closed') {
      const { closed_at: at, merged: isMerged, merge_commit_sha, ...pull } = data.pull_request;
      const merged = isMerged ? (merge_commit_sha ?? null) : null;
      return { kind: 'repository', event: { type: 'closed', ...told, at, pull, merged } };
    }
    const { updated_at: at, ...pull } = data.pull_request;
    if (data.action === 'edited')
      return data.changes.base
        ? { kind: 'repository', event: { type: 'retargeted', ...told, at, pull } }
        : { kind: 'ignore', why: 'a pull request with other words' };
    const before = data.action === 'synchronize' ? data.before : null;
    return { kind: 'repository', event: { type: 'proposed', ...told, at, pull, before } };
  },
} satisfies WebhookDefinition;
