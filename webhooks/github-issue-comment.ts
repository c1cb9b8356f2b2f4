import { z } from 'zod';
import { type CommandLine, commandLines } from '../src/core/comment-lines.ts';
import { githubPlace, githubSender, repositorySchema, senderSchema } from '../src/core/github-sender.ts';
import { fieldsOf } from '../src/core/github-told.ts';
import type { Translation, WebhookDefinition } from '../src/core/webhook.ts';

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment */
const commentSchema = z.object({
  action: z.literal('created'),
  installation: z.object({ id: z.int() }),
  repository: repositorySchema,
  sender: senderSchema,
  issue: z.object({ number: z.int().positive(), pull_request: z.object({}).nullish() }),
  comment: z.object({
    id: z.int(),
    body: z.string().nullable(),
    created_at: z.iso.datetime({ offset: true }),
    user: senderSchema.nullable(),
    // Set where another app wrote it in somebody's name.
    performed_via_github_app: z.object({}).nullish(),
  }),
});

/** More in one comment is no conversation. */
const mostCommands = 10;

/** A comment that is new: each of its lines that begins with a command is one, of the person who wrote it. */
export const githubIssueComment = {
  name: 'github-issue-comment',
  source: 'github',
  kind: 'issue_comment',
  // Who edits or deletes what was said does not say it again.
  events: ['created'],
  translate(payload: unknown): Translation {
    const parsed = commentSchema.safeParse(payload);
    if (!parsed.success) return { kind: 'ignore', why: `not a new comment: ${fieldsOf(parsed.error)}` };
    const { sender, issue, comment } = parsed.data;
    const { user } = comment;
    if (!user) return { kind: 'ignore', why: 'a comment of nobody' };
    if (sender.type !== 'User' || user.type !== 'User' || comment.performed_via_github_app)
      return { kind: 'ignore', why: 'a comment of a program' };
    if (sender.id !== user.id) return { kind: 'ignore', why: 'a comment of somebody else' };
    const said = commandLines(comment.body ?? '');
    if (said.length === 0) return { kind: 'ignore', why: 'a comment without a command' };
    const pull = issue.pull_request !== undefined && issue.pull_request !== null;
    const at = githubPlace(parsed.data, { issue: issue.number, pull, user: user.login });
    const place = { ...at, comment: comment.id, saidAt: comment.created_at };
    const { actor, account } = githubSender(user);
    const placeOf = ({ line }: CommandLine) => (said.length > 1 ? { ...place, line } : place);
    const [next] = said.slice(mostCommands);
    const amount = said.length - mostCommands;
    return {
      kind: 'intents',
      ...{ place, account },
      ...(next ? { left: { amount, most: mostCommands, place: placeOf(next) } } : {}),
      intents: said.slice(0, mostCommands).map(one => ({
        key: `github:comment:${comment.id}:${one.line}`,
        actor,
        place: placeOf(one),
        wish: { kind: 'words', words: one.words },
      })),
    };
  },
} satisfies WebhookDefinition;
