import path from 'node:path';
import * as issues from './acts/issues.ts';
import * as pulls from './acts/pulls.ts';
import { refMoved } from './acts/push.ts';
import { commit, git, initBare, mergeCommit, refAt, setRef } from './git.ts';
import { webhookCheckShape } from './shapes/check.ts';
import { repoShape } from './shapes/repository.ts';
import { userShape } from './shapes/user.ts';
import { type Parts, tell } from './tell.ts';
import {
  type Comment,
  fullName,
  type Installation,
  type Issue,
  type Pull,
  type Repo,
  type Review,
  type Role,
} from './world.ts';

export interface RepoOptions {
  files?: Record<string, string | Uint8Array>;
  branch?: string;
  private?: boolean;
  /** The owner is made where nobody has that name yet. Default: an organisation. */
  ownerType?: 'User' | 'Organization';
  roles?: Record<string, Role>;
  /** Whether the app is installed there. Default: yes. */
  installed?: boolean;
}

export interface Push {
  by: string;
  files?: Record<string, string | Uint8Array | null>;
  /** Default: the default branch. A branch that is not there begins at the default branch. */
  branch?: string;
  message?: string;
  /** Where the commit goes on from, another than the branch's tip: a push by force. */
  onto?: string;
}

export async function makeRepo(
  parts: Parts,
  owner: Repo['owner'],
  name: string,
  options: RepoOptions & { parent?: Repo },
): Promise<Repo> {
  const { world } = parts;
  const id = world.id();
  const now = world.clock.now();
  const repo: Repo = {
    id,
    owner,
    name,
    private: options.private ?? false,
    archived: false,
    parent: options.parent ?? null,
    branch: options.branch ?? 'main',
    dir: path.join(world.folder, `${id}.git`),
    createdAt: now,
    pushedAt: now,
    roles: new Map(),
    issues: new Map(),
    comments: new Map(),
    checks: new Map(),
    statuses: [],
    deployments: new Map(),
    labels: new Map(),
    activity: [],
  };
  await initBare(repo.dir, repo.branch);
  for (const [login, role] of Object.entries(options.roles ?? {})) repo.roles.set(world.user(login).id, role);
  world.repos.set(id, repo);
  return repo;
}

interface Reach {
  install(repo: Repo): Installation;
  exclude(repo: Repo): Promise<void>;
}

/** What people do in a repository. Each is over when the app was told of it, unless deliveries are held. */
export function repoDeeds(parts: Parts, repo: Repo, reach: Reach) {
  const { world, out } = parts;
  const { user } = world;

  async function told<T>(deed: Promise<T> | T): Promise<T> {
    const done = await deed;
    await out.settled();
    return done;
  }

  function issueAt(number: number): Issue {
    const issue = repo.issues.get(number);
    if (!issue) throw new Error(`${fullName(repo)} has no #${number}.`);
    return issue;
  }

  function pullAt(number: number): { issue: Issue; pull: Pull } {
    const issue = issueAt(number);
    if (!issue.pull) throw new Error(`#${number} of ${fullName(repo)} is no pull request.`);
    return { issue, pull: issue.pull };
  }

  function commentAt(id: number): Comment {
    const comment = repo.comments.get(id);
    if (!comment) throw new Error(`${fullName(repo)} has no comment ${id}.`);
    return comment;
  }

  async function head(branch = repo.branch): Promise<string> {
    const sha = await refAt(repo.dir, `refs/heads/${branch}`);
    if (sha === null) throw new Error(`${fullName(repo)} has no branch ${branch}.`);
    return sha;
  }

  async function push({ by, files = {}, branch = repo.branch, message = 'Change', onto }: Push) {
    const ref = `refs/heads/${branch}`;
    const before = await refAt(repo.dir, ref);
    const parent = onto ?? before ?? (await refAt(repo.dir, `refs/heads/${repo.branch}`));
    const signed = { user: user(by), at: world.clock.now() };
    const sha = await commit(repo.dir, { by: signed, ref, message, parent, files });
    await refMoved(parts, repo, signed.user, ref, before, sha);
    return sha;
  }

  async function deleteBranch(by: string, branch: string): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const before = await head(branch);
    await git(repo.dir, ['update-ref', '-d', ref]);
    await refMoved(parts, repo, user(by), ref, before, null);
  }

  async function fork(by: string) {
    const made = await makeRepo(parts, user(by), repo.name, { parent: repo, branch: repo.branch });
    await git(made.dir, ['fetch', '-q', repo.dir, 'refs/heads/*:refs/heads/*']);
    return repoDeeds(parts, made, reach);
  }

  function move(by: string, owner: Repo['owner'], name: string): void {
    const from = { owner: repo.owner, name: repo.name };
    world.moved.set(fullName(repo).toLowerCase(), repo.id);
    Object.assign(repo, { owner, name });
    world.moved.delete(fullName(repo).toLowerCase());
    if (owner !== from.owner) {
      // The app stays only where the new owner has it too.
      const there = [...world.installations.values()].find(({ account }) => account === owner);
      for (const { repos } of world.installations.values()) repos.delete(repo.id);
      there?.repos.add(repo.id);
    }
    const transferred = {
      from: { [from.owner.type === 'User' ? 'user' : 'organization']: userShape(world, from.owner) },
    };
    const renamed = { repository: { name: { from: from.name } } };
    tell(parts, repo, {
      event: 'repository',
      action: owner === from.owner ? 'renamed' : 'transferred',
      by: user(by),
      more: { changes: owner === from.owner ? renamed : { owner: transferred } },
    });
  }

  function checkEvent(by: string, id: number, action: string, more = {}): void {
    const run = repo.checks.get(id);
    if (!run) throw new Error(`${fullName(repo)} has no check run ${id}.`);
    const check_run = webhookCheckShape(world, repo, run);
    tell(parts, repo, { event: 'check_run', action, by: user(by), more: { check_run, ...more } });
  }

  function rerunAll(by: string, sha: string): void {
    const run = [...repo.checks.values()].find(one => one.sha === sha);
    if (!run) throw new Error(`${fullName(repo)} has no checks at ${sha}.`);
    const { check_suite } = webhookCheckShape(world, repo, run);
    tell(parts, repo, { event: 'check_suite', action: 'rerequested', by: user(by), more: { check_suite } });
  }

  async function press(by: string, id: number, identifier: string, early: boolean): Promise<void> {
    const run = repo.checks.get(id);
    const shown =
      (early || run?.status === 'completed') && run?.actions.some(one => one.identifier === identifier);
    if (!shown) throw new Error(`The check run ${id} shows no button ${identifier}.`);
    checkEvent(by, id, 'requested_action', { requested_action: { identifier } });
  }

  /** The merge queue takes a pull request: what would be the base is built and asked about. */
  async function enqueue(by: string, number: number): Promise<string> {
    const { pull } = pullAt(number);
    const base = await head(pull.base.ref);
    const signed = { user: user(by), at: world.clock.now() };
    const made = await mergeCommit(repo.dir, signed, base, pull.head.sha, `Merge pull request #${number}`);
    if (made === null) throw new Error(`#${number} is in conflict with ${pull.base.ref}.`);
    const ref = `refs/heads/gh-readonly-queue/${pull.base.ref}/pr-${number}-${base}`;
    await setRef(repo.dir, ref, made);
    await refMoved(parts, repo, signed.user, ref, null, made);
    await tellGroup(by, 'checks_requested', ref, made, pull, base);
    return made;
  }

  /** The queue is done with it. */
  async function dequeue(
    by: string,
    number: number,
    sha: string,
    reason: 'merged' | 'invalidated' | 'dequeued',
  ) {
    const { pull } = pullAt(number);
    const base = await git(repo.dir, ['rev-parse', `${sha}^1`]);
    const ref = `refs/heads/gh-readonly-queue/${pull.base.ref}/pr-${number}-${base}`;
    await git(repo.dir, ['update-ref', '-d', ref]);
    await tellGroup(by, 'destroyed', ref, sha, pull, base, { reason });
  }

  async function tellGroup(
    by: string,
    action: string,
    head_ref: string,
    head_sha: string,
    pull: Pull,
    base_sha: string,
    more = {},
  ): Promise<void> {
    const tree_id = await git(repo.dir, ['rev-parse', `${head_sha}^{tree}`]);
    const message = await git(repo.dir, ['log', '-1', '--format=%B', head_sha]);
    const timestamp = await git(repo.dir, ['log', '-1', '--format=%cI', head_sha]);
    const person = { name: by, email: `${by}@users.noreply.github.com` };
    const head_commit = { id: head_sha, tree_id, message, timestamp, author: person, committer: person };
    const merge_group = {
      head_sha,
      head_ref,
      base_sha,
      base_ref: `refs/heads/${pull.base.ref}`,
      head_commit,
    };
    tell(parts, repo, { event: 'merge_group', action, by: user(by), more: { merge_group, ...more } });
  }

  return {
    id: repo.id,
    get name() {
      return fullName(repo);
    },
    get cloneUrl() {
      return `${world.origin()}/${fullName(repo)}.git`;
    },
    /** Where the app is installed for it; 0 where it is not. */
    get installation() {
      return [...world.installations.values()].find(({ repos }) => repos.has(repo.id))?.id ?? 0;
    },
    state: repo,
    head,
    /** Git in the bare repository. */
    git: (...args: string[]) => git(repo.dir, args),
    push: (given: Push) => told(push(given)),
    /** Another history than before: the branch goes on from its parent. */
    forcePush: async (given: Push & { branch: string }) =>
      told(
        push({
          ...given,
          onto: given.onto ?? (await git(repo.dir, ['rev-parse', `refs/heads/${given.branch}^`])),
        }),
      ),
    deleteBranch: (by: string, branch: string) => told(deleteBranch(by, branch)),
    /** Its number. `from`: a branch here, or of a fork. */
    open: async (given: {
      by: string;
      from: string | { fork: { state: Repo }; branch: string };
      into?: string;
      title?: string;
      body?: string;
      draft?: boolean;
    }) => {
      const from =
        typeof given.from === 'string'
          ? { repo, ref: given.from }
          : { repo: given.from.fork.state, ref: given.from.branch };
      const { into = repo.branch, title = from.ref, body, draft, by } = given;
      const issue = await told(
        pulls.openPull(parts, repo, user(by), { head: from, base: into, title, body, draft }),
      );
      return issue.number;
    },
    merge: (by: string, number: number, how: pulls.Merge = {}) => {
      const { issue, pull } = pullAt(number);
      return told(pulls.mergePull(parts, repo, issue, pull, user(by), how));
    },
    close: (by: string, number: number) =>
      told(pulls.setState(parts, repo, issueAt(number), user(by), 'closed')),
    reopen: (by: string, number: number) =>
      told(pulls.setState(parts, repo, issueAt(number), user(by), 'open')),
    /** Its title, its text, or the branch that it is for. */
    edit: (by: string, number: number, change: pulls.Edit) =>
      told(pulls.edit(parts, repo, issueAt(number), user(by), change)),
    /** A draft no more. */
    ready: (by: string, number: number) => {
      const { issue, pull } = pullAt(number);
      return told(pulls.markReady(parts, repo, issue, pull, user(by)));
    },
    /** Its number. */
    issue: async (by: string, title: string, body?: string) => {
      const issue = issues.newIssue(parts, repo, user(by), { title, body });
      issues.tellIssue(parts, repo, issue, 'opened', user(by));
      await out.settled();
      return issue.number;
    },
    /** The comment's id. */
    comment: async (by: string, number: number, body: string) =>
      (await told(issues.addComment(parts, repo, issueAt(number), user(by), body))).id,
    editComment: (by: string, id: number, body: string) =>
      told(issues.editComment(parts, repo, commentAt(id), user(by), body)),
    deleteComment: (by: string, id: number) =>
      told(issues.deleteComment(parts, repo, commentAt(id), user(by))),
    /** `atLines`: it says something at lines of the code, and need not say anything else. */
    review: (by: string, number: number, state: pulls.NewReview['state'], body = '', atLines = false) => {
      const { issue, pull } = pullAt(number);
      return told(pulls.review(parts, repo, issue, pull, user(by), { state, body, atLines }));
    },
    editReview: (number: number, made: Review, body: string) => {
      const { issue, pull } = pullAt(number);
      return told(pulls.editReview(parts, repo, issue, pull, made, body));
    },
    dismissReview: (by: string, number: number, made: Review) => {
      const { issue, pull } = pullAt(number);
      return told(pulls.dismissReview(parts, repo, issue, pull, made, user(by)));
    },
    label: (by: string, number: number, name: string) =>
      told(issues.addLabel(parts, repo, issueAt(number), user(by), name)),
    unlabel: (by: string, number: number, name: string) =>
      told(issues.removeLabel(parts, repo, issueAt(number), user(by), name)),
    fork,
    rename: (by: string, name: string) => told(move(by, repo.owner, name)),
    transfer: (by: string, owner: string, type: 'User' | 'Organization' = 'Organization') =>
      told(move(by, user(owner, type), repo.name)),
    /** `none` takes away what somebody was given. The app is not told, as it did not ask for `member`. */
    permit(login: string, role: Role | 'none') {
      if (role === 'none') repo.roles.delete(user(login).id);
      else repo.roles.set(user(login).id, role);
    },
    makePrivate(on: boolean) {
      repo.private = on;
    },
    archive(on: boolean) {
      repo.archived = on;
    },
    /** "Re-run" at a check run. */
    rerun: (by: string, id: number) => told(checkEvent(by, id, 'rerequested')),
    /** "Re-run all checks" of a commit: of the check runs themselves nothing is told. */
    rerunAll: (by: string, sha: string) => told(rerunAll(by, sha)),
    /**
     * One of a check run's own buttons: "displayed after the check run completes". `early`: on a page that showed it before the run began anew.
     */
    press: (by: string, id: number, identifier: string, { early = false } = {}) =>
      told(press(by, id, identifier, early)),
    enqueue: (by: string, number: number) => told(enqueue(by, number)),
    dequeue: (by: string, number: number, sha: string, reason: 'merged' | 'invalidated' | 'dequeued') =>
      told(dequeue(by, number, sha, reason)),
    install: async () => (await told(reach.install(repo))).id,
    /** The app is taken out of it. */
    exclude: () => reach.exclude(repo),
    /** Oldest first. */
    comments: (number: number) => [...repo.comments.values()].filter(({ issue }) => issue === number),
    checks: (sha?: string) => [...repo.checks.values()].filter(run => sha === undefined || run.sha === sha),
    pull: (number: number) => pullAt(number),
    shape: () => repoShape(world, repo),
  };
}
