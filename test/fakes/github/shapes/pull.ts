import { changes, git, gitOrNull } from '../git.ts';
import {
  fullName,
  type Issue,
  iso,
  isoOrNull,
  type Json,
  nodeId,
  type Pull,
  type Repo,
  type Review,
  type World,
} from '../world.ts';
import { association, labelShape } from './issue.ts';
import { pageUrl, repoShape, repoUrl } from './repository.ts';
import { userShape } from './user.ts';

const merges = { allow_squash_merge: true, allow_merge_commit: true, allow_rebase_merge: true };

function side(world: World, repo: Repo | null, owner: Repo['owner'], ref: string, sha: string): Json {
  return {
    label: `${owner.login}:${ref}`,
    ref,
    sha,
    user: userShape(world, owner),
    repo: repo && { ...repoShape(world, repo), ...merges, delete_branch_on_merge: false },
  };
}

/** As lists have it. */
export function pullShape(world: World, repo: Repo, issue: Issue, pull: Pull): Json {
  const { number } = issue;
  const url = `${repoUrl(world, repo)}/pulls/${number}`;
  const issueUrl = `${repoUrl(world, repo)}/issues/${number}`;
  const page = `${pageUrl(world, repo)}/pull/${number}`;
  const links = {
    comments: `${issueUrl}/comments`,
    commits: `${url}/commits`,
    review_comments: `${url}/comments`,
    review_comment: `${repoUrl(world, repo)}/pulls/comments{/number}`,
    statuses: `${repoUrl(world, repo)}/statuses/${pull.head.sha}`,
  };
  const hrefs = { self: url, html: page, issue: issueUrl, ...links };
  return {
    url,
    id: issue.id,
    node_id: nodeId('PullRequest', issue.id),
    html_url: page,
    diff_url: `${page}.diff`,
    patch_url: `${page}.patch`,
    issue_url: issueUrl,
    number,
    state: issue.state,
    locked: false,
    title: issue.title,
    user: userShape(world, issue.user),
    body: issue.body,
    created_at: iso(issue.createdAt),
    updated_at: iso(issue.updatedAt),
    closed_at: isoOrNull(issue.closed?.at),
    merged_at: isoOrNull(pull.merged?.at),
    merge_commit_sha: pull.merged?.commit ?? pull.testMerge,
    assignee: null,
    assignees: [],
    requested_reviewers: [],
    requested_teams: [],
    labels: issue.labels.map(label => labelShape(world, repo, label)),
    milestone: null,
    draft: pull.draft,
    ...Object.fromEntries(Object.entries(links).map(([name, href]) => [`${name}_url`, href])),
    head: side(world, pull.head.repo, pull.head.owner, pull.head.ref, pull.head.sha),
    base: side(world, repo, repo.owner, pull.base.ref, pull.base.sha),
    _links: Object.fromEntries(Object.entries(hrefs).map(([name, href]) => [name, { href }])),
    author_association: association(repo, issue.user),
    auto_merge: null,
    active_lock_reason: null,
  };
}

/** As one alone has it, and webhooks. */
export async function fullPullShape(world: World, repo: Repo, issue: Issue, pull: Pull): Promise<Json> {
  const base = await baseOf(repo, pull);
  const files = await changes(repo.dir, base, pull.head.sha);
  const range = base === null ? pull.head.sha : `${base}..${pull.head.sha}`;
  const { merged, mergeable } = pull;
  return {
    ...pullShape(world, repo, issue, pull),
    merged: merged !== null,
    mergeable: merged ? null : mergeable,
    rebaseable: merged ? null : mergeable,
    mergeable_state: merged || mergeable === null ? 'unknown' : mergeable ? 'clean' : 'dirty',
    merged_by: merged && userShape(world, merged.by),
    comments: [...repo.comments.values()].filter(one => one.issue === issue.number).length,
    review_comments: 0,
    maintainer_can_modify: pull.head.repo !== repo,
    commits: Number(await git(repo.dir, ['rev-list', '--count', range])),
    additions: files.reduce((sum, { added }) => sum + added, 0),
    deletions: files.reduce((sum, { deleted }) => sum + deleted, 0),
    changed_files: files.length,
  };
}

/** Where the head left the base. */
export async function baseOf(repo: Repo, pull: Pull): Promise<string | null> {
  return await gitOrNull(repo.dir, ['merge-base', pull.base.sha, pull.head.sha]);
}

/** As webhooks have a review: its state in small letters. */
export function reviewShape(world: World, repo: Repo, issue: Issue, review: Review): Json {
  const page = `${pageUrl(world, repo)}/pull/${issue.number}`;
  const pull = `${repoUrl(world, repo)}/pulls/${issue.number}`;
  const html = `${page}#pullrequestreview-${review.id}`;
  return {
    id: review.id,
    node_id: nodeId('PullRequestReview', review.id),
    user: userShape(world, review.user),
    body: review.body,
    state: review.state,
    html_url: html,
    pull_request_url: pull,
    author_association: association(repo, review.user),
    _links: { html: { href: html }, pull_request: { href: pull } },
    submitted_at: iso(review.at),
    commit_id: review.commit,
  };
}

/** The few words about a pull request that a check run has. */
export function pullsOf(world: World, repo: Repo, sha: string): Json[] {
  const short = (one: Repo) => ({ id: one.id, url: repoUrl(world, one), name: one.name });
  // "Pushes to a branch in a forked repository are not detected and return an empty pull_requests array."
  return [...repo.issues.values()].flatMap(({ id, number, state, pull }) =>
    pull?.head.repo === repo && pull.head.sha === sha && state === 'open'
      ? [
          {
            url: `${repoUrl(world, repo)}/pulls/${number}`,
            id,
            number,
            head: { ref: pull.head.ref, sha, repo: short(repo) },
            base: { ref: pull.base.ref, sha: pull.base.sha, repo: short(repo) },
          },
        ]
      : [],
  );
}

export const pullTitle = (repo: Repo, issue: Issue, pull: Pull) =>
  `Merge pull request #${issue.number} from ${fullName(pull.head.repo ?? repo).split('/')[0]}/${pull.head.ref}`;
