import { invalid, notFound, Refusal } from '../error.ts';
import { isAncestor, mergeCommit, rebased, refAt, setRef, squashCommit } from '../git.ts';
import { pullShape, pullTitle, reviewShape } from '../shapes/pull.ts';
import { type Parts, tell } from '../tell.ts';
import { type Issue, type Json, type Pull, type Repo, type Review, roleOf, type User } from '../world.ts';
import { newIssue, tellChange } from './issues.ts';
import { keepHead, refMoved } from './push.ts';

export interface NewPull {
  head: { repo: Repo; ref: string };
  base: string;
  title: string;
  body?: string | null;
  draft?: boolean;
}

export async function openPull(
  parts: Parts,
  repo: Repo,
  by: User,
  { head, base, title, body, draft = false }: NewPull,
): Promise<Issue> {
  const sha = await refAt(head.repo.dir, `refs/heads/${head.ref}`);
  const baseSha = await refAt(repo.dir, `refs/heads/${base}`);
  if (sha === null) throw invalid('PullRequest', 'head', 'invalid');
  if (baseSha === null) throw invalid('PullRequest', 'base', 'invalid');
  const pull: Pull = {
    head: { repo: head.repo, owner: head.repo.owner, ref: head.ref, sha },
    base: { ref: base, sha: baseSha },
    draft,
    merged: null,
    mergeable: null,
    testMerge: null,
    reviews: [],
  };
  const twin = [...repo.issues.values()].some(
    one =>
      one.state === 'open' &&
      one.pull?.head.repo === head.repo &&
      one.pull.head.ref === head.ref &&
      one.pull.base.ref === base,
  );
  if (twin) {
    const label = `${head.repo.owner.login}:${head.ref}`;
    throw invalid('PullRequest', '', 'custom', `A pull request already exists for ${label}.`);
  }
  await keepHead(repo, repo.issues.size + 1, pull);
  if (await isAncestor(repo.dir, sha, baseSha))
    throw invalid('PullRequest', '', 'custom', `No commits between ${base} and ${head.ref}`);
  const issue = newIssue(parts, repo, by, { title, body });
  issue.pull = pull;
  await tellChange(parts, repo, issue, 'opened', by);
  return issue;
}

/** GitHub tries the merge after somebody looked; `refs/pull/N/merge` is what came out. */
export async function tryMerge({ world }: Parts, repo: Repo, issue: Issue, pull: Pull): Promise<void> {
  const by = { user: world.bot, at: world.clock.now() };
  const base = (await refAt(repo.dir, `refs/heads/${pull.base.ref}`)) ?? pull.base.sha;
  const message = `Merge ${pull.head.sha} into ${base}`;
  pull.testMerge = await mergeCommit(repo.dir, by, base, pull.head.sha, message);
  pull.mergeable = pull.testMerge !== null;
  if (pull.testMerge) await setRef(repo.dir, `refs/pull/${issue.number}/merge`, pull.testMerge);
}

export type Method = 'merge' | 'squash' | 'rebase';

export interface Merge {
  method?: Method;
  /** Only while the head is this. */
  sha?: string;
  title?: string;
  message?: string;
}

/** Merges, tells of the push and of the pull request, and gives the commit that the base now is at. */
export async function mergePull(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  pull: Pull,
  by: User,
  { method = 'merge', sha, title, message }: Merge = {},
): Promise<string> {
  if (issue.state !== 'open' || pull.draft) throw new Refusal(405, 'Pull Request is not mergeable');
  if (sha !== undefined && sha !== pull.head.sha)
    throw new Refusal(409, 'Head branch was modified. Review and try the merge again.');
  const ref = `refs/heads/${pull.base.ref}`;
  const before = await refAt(repo.dir, ref);
  if (before === null) throw new Refusal(405, 'Pull Request is not mergeable');
  const signed = { user: by, at: parts.world.clock.now() };
  const words = {
    merge: `${title ?? pullTitle(repo, issue, pull)}\n\n${message ?? issue.title}`,
    squash: `${title ?? `${issue.title} (#${issue.number})`}\n\n${message ?? ''}`.trimEnd(),
  };
  const head = pull.head.sha;
  const made =
    method === 'merge'
      ? await mergeCommit(repo.dir, signed, before, head, words.merge)
      : method === 'squash'
        ? await squashCommit(repo.dir, signed, before, head, words.squash)
        : await rebased(repo.dir, signed, before, head);
  if (made === null) throw new Refusal(405, 'Pull Request is not mergeable');
  const now = parts.world.clock.now();
  issue.state = 'closed';
  issue.closed = { at: now, by };
  issue.updatedAt = now;
  pull.merged = { at: now, by, commit: made };
  await setRef(repo.dir, ref, made);
  await refMoved(parts, repo, by, ref, before, made, 'pr_merge');
  await tellChange(parts, repo, issue, 'closed', by);
  return made;
}

/** Closed without a merge, or open again. */
export async function setState(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  by: User,
  state: Issue['state'],
): Promise<void> {
  if (issue.state === state) return;
  if (issue.pull?.merged) throw invalid('PullRequest', 'state', 'invalid');
  const now = parts.world.clock.now();
  issue.state = state;
  issue.closed = state === 'closed' ? { at: now, by } : null;
  issue.updatedAt = now;
  await tellChange(parts, repo, issue, state === 'closed' ? 'closed' : 'reopened', by);
}

export interface Edit {
  title?: string;
  body?: string | null;
  /** Another branch to merge into. */
  base?: string;
}

/** Tells what was there before; nothing where nothing has changed. */
export async function edit(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  by: User,
  { title = issue.title, body = issue.body, base }: Edit,
): Promise<void> {
  const changed: Json = {};
  if (title !== issue.title) changed.title = { from: issue.title };
  if (body !== issue.body) changed.body = { from: issue.body ?? '' };
  const { pull } = issue;
  if (pull && base !== undefined && base !== pull.base.ref) {
    const sha = await refAt(repo.dir, `refs/heads/${base}`);
    if (sha === null) throw invalid('PullRequest', 'base', 'invalid');
    changed.base = { ref: { from: pull.base.ref }, sha: { from: pull.base.sha } };
    Object.assign(pull, { base: { ref: base, sha }, mergeable: null, testMerge: null });
  }
  if (Object.keys(changed).length === 0) return;
  Object.assign(issue, { title, body, updatedAt: parts.world.clock.now() });
  await tellChange(parts, repo, issue, 'edited', by, { changes: changed });
}

export async function markReady(parts: Parts, repo: Repo, issue: Issue, pull: Pull, by: User): Promise<void> {
  if (!pull.draft) return;
  pull.draft = false;
  issue.updatedAt = parts.world.clock.now();
  await tellChange(parts, repo, issue, 'ready_for_review', by);
}

export interface NewReview {
  state: Exclude<Review['state'], 'DISMISSED'>;
  body: string;
  /** Whether it says something at lines of the code. */
  atLines?: boolean;
}

/** A review of the head as it is. Refuses what GitHub refuses. */
export async function review(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  pull: Pull,
  user: User,
  { state, body, atLines = false }: NewReview,
): Promise<Review> {
  if (roleOf(repo, user) === 'none') throw notFound();
  if (user === issue.user && state !== 'COMMENTED')
    throw new Refusal(422, 'Unprocessable Entity', {
      errors: [`Can not ${state === 'APPROVED' ? 'approve' : 'request changes on'} your own pull request`],
    });
  if (state !== 'APPROVED' && body === '' && !atLines)
    throw new Refusal(422, 'Unprocessable Entity', { errors: ['Body can not be blank'] });
  const { world } = parts;
  const made = { state, body, id: world.id(), user, commit: pull.head.sha, at: world.clock.now() };
  pull.reviews.push(made);
  tellReview(parts, repo, issue, pull, made, 'submitted', user);
  return made;
}

/** Its words; what it decided stays. */
export async function editReview(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  pull: Pull,
  made: Review,
  body: string,
): Promise<void> {
  const { body: from } = made;
  made.body = body;
  tellReview(parts, repo, issue, pull, made, 'edited', made.user, { changes: { body: { from } } });
}

/** By whoever may write there. */
export async function dismissReview(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  pull: Pull,
  made: Review,
  by: User,
): Promise<void> {
  if (!['admin', 'maintain', 'write'].includes(roleOf(repo, by))) throw new Refusal(403, 'Forbidden');
  if (made.state !== 'APPROVED' && made.state !== 'CHANGES_REQUESTED')
    throw new Refusal(422, 'Unprocessable Entity', {
      errors: [`Can not dismiss a ${made.state.toLowerCase()} pull request review`],
    });
  made.state = 'DISMISSED';
  tellReview(parts, repo, issue, pull, made, 'dismissed', by);
}

function tellReview(
  parts: Parts,
  repo: Repo,
  issue: Issue,
  pull: Pull,
  made: Review,
  action: string,
  by: User,
  more: Json = {},
): void {
  const { world } = parts;
  const shape = reviewShape(world, repo, issue, made);
  tell(parts, repo, {
    event: 'pull_request_review',
    action,
    by,
    more: {
      ...more,
      review: { ...shape, state: made.state.toLowerCase() },
      pull_request: pullShape(world, repo, issue, pull),
    },
  });
}
