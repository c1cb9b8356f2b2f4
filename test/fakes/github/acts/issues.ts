import { createHash } from 'node:crypto';
import { commentShape, labelShape, webhookIssueShape } from '../shapes/issue.ts';
import { fullPullShape } from '../shapes/pull.ts';
import { type Parts, tell } from '../tell.ts';
import type { Comment, Issue, Label, Reaction, Repo, User } from '../world.ts';

export function newIssue(
  { world }: Parts,
  repo: Repo,
  user: User,
  { title, body = null }: { title: string; body?: string | null },
): Issue {
  const number = repo.issues.size + 1;
  const now = world.clock.now();
  const issue: Issue = {
    id: world.id(),
    number,
    title,
    body,
    user,
    state: 'open',
    labels: [],
    createdAt: now,
    updatedAt: now,
    closed: null,
    reactions: [],
    pull: null,
  };
  repo.issues.set(number, issue);
  return issue;
}

export function tellIssue(parts: Parts, repo: Repo, issue: Issue, action: string, by: User, more = {}): void {
  const shape = webhookIssueShape(parts.world, repo, issue);
  tell(parts, repo, { event: 'issues', action, by, more: { issue: shape, ...more } });
}

/** Whatever has changed of an issue or a pull request, under the event that it has. */
export async function tellChange(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  action: string,
  by: User,
  more = {},
): Promise<void> {
  if (!issue.pull) return tellIssue(parts, repo, issue, action, by, more);
  const pull_request = await fullPullShape(parts.world, repo, issue, issue.pull);
  tell(parts, repo, {
    event: 'pull_request',
    action,
    by,
    more: { number: issue.number, pull_request, ...more },
  });
}

function tellComment(parts: Parts, repo: Repo, comment: Comment, action: string, by: User, more = {}): void {
  const issue = repo.issues.get(comment.issue);
  if (!issue) return;
  const shapes = {
    issue: webhookIssueShape(parts.world, repo, issue),
    comment: commentShape(parts.world, repo, comment),
  };
  tell(parts, repo, { event: 'issue_comment', action, by, more: { ...shapes, ...more } });
}

export function addComment(parts: Parts, repo: Repo, issue: Issue, user: User, body: string): Comment {
  const { world } = parts;
  const now = world.clock.now();
  const comment: Comment = {
    id: world.id(),
    issue: issue.number,
    user,
    body,
    createdAt: now,
    updatedAt: now,
    reactions: [],
    viaApp: user === world.bot,
  };
  repo.comments.set(comment.id, comment);
  issue.updatedAt = now;
  tellComment(parts, repo, comment, 'created', user);
  return comment;
}

export function editComment(parts: Parts, repo: Repo, comment: Comment, by: User, body: string): void {
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = parts.world.clock.now();
  if (from !== body) tellComment(parts, repo, comment, 'edited', by, { changes: { body: { from } } });
}

export function deleteComment(parts: Parts, repo: Repo, comment: Comment, by: User): void {
  repo.comments.delete(comment.id);
  tellComment(parts, repo, comment, 'deleted', by);
}

/** The reaction, and whether it is new: everybody has one of each kind. No webhook tells of it. */
export function react(
  { world }: Parts,
  on: { reactions: Reaction[] },
  user: User,
  content: string,
): { reaction: Reaction; fresh: boolean } {
  const known = on.reactions.find(one => one.user === user && one.content === content);
  if (known) return { reaction: known, fresh: false };
  const reaction = { id: world.id(), user, content, at: world.clock.now() };
  on.reactions.push(reaction);
  return { reaction, fresh: true };
}

function labelNamed({ world }: Parts, repo: Repo, name: string): Label {
  const known = repo.labels.get(name.toLowerCase());
  if (known) return known;
  const color = createHash('sha256').update(name).digest('hex').slice(0, 6);
  const label = { id: world.id(), name, color };
  repo.labels.set(name.toLowerCase(), label);
  return label;
}

export async function addLabel(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  by: User,
  name: string,
): Promise<void> {
  const label = labelNamed(parts, repo, name);
  if (issue.labels.includes(label)) return;
  issue.labels.push(label);
  await tellChange(parts, repo, issue, 'labeled', by, { label: labelShape(parts.world, repo, label) });
}

export async function removeLabel(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  by: User,
  name: string,
): Promise<boolean> {
  const label = issue.labels.find(one => one.name.toLowerCase() === name.toLowerCase());
  if (!label) return false;
  issue.labels = issue.labels.filter(one => one !== label);
  await tellChange(parts, repo, issue, 'unlabeled', by, { label: labelShape(parts.world, repo, label) });
  return true;
}
