import { git, isAncestor, log, refAt, setRef, zeros } from '../git.ts';
import { pushedCommitShape } from '../shapes/commit.ts';
import { fullPullShape } from '../shapes/pull.ts';
import { pageUrl, pushRepoShape } from '../shapes/repository.ts';
import { type Parts, tell } from '../tell.ts';
import type { Activity, Issue, Pull, Repo, User } from '../world.ts';

/** "The commits array includes a maximum of 2048 commits." */
const mostCommits = 2048;

/** A ref has moved (`null`: was not, or is no more): pull requests follow, and the app hears of it. */
export async function refMoved(
  parts: Parts,
  repo: Repo,
  by: User,
  ref: string,
  before: string | null,
  after: string | null,
  merge: 'pr_merge' | null = null,
): Promise<void> {
  const { world } = parts;
  const forced = before !== null && after !== null && !(await isAncestor(repo.dir, before, after));
  if (ref.startsWith('refs/heads/'))
    repo.activity.push({
      ...{ id: world.id(), ref, by, at: world.clock.now(), before: before ?? zeros, after: after ?? zeros },
      type: merge ?? typeOf(before, after, forced),
    });
  repo.pushedAt = world.clock.now();
  const created = before === null;
  const known = created ? await others(repo, ref) : [`^${before}`];
  const fresh = after === null ? [] : await log(repo.dir, [`-${mostCommits}`, '--reverse', after, ...known]);
  const commits = await Promise.all(fresh.map(one => pushedCommitShape(world, repo, one)));
  const tip = after === null ? undefined : (await log(repo.dir, ['-1', after]))[0];
  const page = pageUrl(world, repo);
  tell(parts, repo, {
    event: 'push',
    by,
    repository: pushRepoShape(world, repo),
    more: {
      ref,
      before: before ?? zeros,
      after: after ?? zeros,
      created,
      deleted: after === null,
      forced,
      base_ref: null,
      compare: created ? `${page}/compare/${ref}` : `${page}/compare/${before}...${after ?? zeros}`,
      commits,
      head_commit: tip ? await pushedCommitShape(world, repo, tip) : null,
      pusher: { name: by.login, email: null },
    },
  });
  if (after === null || !ref.startsWith('refs/heads/')) return;
  await pullsFollow(parts, repo, by, ref.slice('refs/heads/'.length), after);
}

function typeOf(before: string | null, after: string | null, forced: boolean): Activity['type'] {
  if (before === null) return 'branch_creation';
  if (after === null) return 'branch_deletion';
  return forced ? 'force_push' : 'push';
}

async function others(repo: Repo, ref: string): Promise<string[]> {
  const said = await git(repo.dir, ['for-each-ref', '--format=%(refname)', 'refs/heads']);
  return said
    .split('\n')
    .filter(name => name !== '' && name !== ref)
    .map(name => `^${name}`);
}

async function pullsFollow(parts: Parts, repo: Repo, by: User, branch: string, after: string): Promise<void> {
  const { world } = parts;
  for (const target of world.repos.values())
    for (const issue of target.issues.values()) {
      const { pull } = issue;
      if (!pull || issue.state !== 'open') continue;
      // The base that it names stays where it was until the head moves.
      if (target === repo && pull.base.ref === branch) pull.mergeable = null;
      if (pull.head.repo === repo && pull.head.ref === branch)
        await headMoved(parts, target, by, issue, pull, after);
    }
}

async function headMoved(
  parts: Parts,
  repo: Repo,
  by: User,
  issue: Issue,
  pull: Pull,
  after: string,
): Promise<void> {
  const before = pull.head.sha;
  if (before === after) return;
  pull.head.sha = after;
  pull.base.sha = (await refAt(repo.dir, `refs/heads/${pull.base.ref}`)) ?? pull.base.sha;
  pull.mergeable = null;
  issue.updatedAt = parts.world.clock.now();
  await keepHead(repo, issue.number, pull);
  const pull_request = await fullPullShape(parts.world, repo, issue, pull);
  tell(parts, repo, {
    event: 'pull_request',
    action: 'synchronize',
    by,
    more: { number: issue.number, before, after, pull_request },
  });
}

/** `refs/pull/N/head`: what the pull request has, in the repository that it is for. */
export async function keepHead(repo: Repo, number: number, { head }: Pull): Promise<void> {
  if (head.repo && head.repo !== repo && (await refAt(repo.dir, head.sha)) === null)
    await git(repo.dir, ['fetch', '-q', head.repo.dir, `refs/heads/${head.ref}`]);
  await setRef(repo.dir, `refs/pull/${number}/head`, head.sha);
}
