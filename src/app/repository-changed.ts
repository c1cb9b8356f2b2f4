import type { Actor, GitHubPlace, Place } from '../core/actor.ts';
import { fault, faultLine } from '../core/errors.ts';
import type { FileProblem } from '../core/file-problem.ts';
import { brokenFileReply } from '../core/file-reply.ts';
import { githubSource, sourceOn } from '../core/github-source.ts';
import { isBranchFor, isMergeFor, isQueueBranch, mergeKey, mergeRules } from '../core/merge-rules.ts';
import type {
  Log,
  PullRequestsPort,
  RepositoryStore,
  Resolved,
  RunStore,
  SourcePort,
} from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { PullRequest, RepositoryEvent, RepositoryRef } from '../core/repository-event.ts';
import {
  asTheRepositorySays,
  type RepositoryFile,
  type Rule,
  repositoryFileName,
  ruleWish,
} from '../core/repository-file.ts';
import type { Run } from '../core/run.ts';
import { requestRun } from '../core/run-request.ts';
import { sightBy } from '../core/secret.ts';
import { fileProposed } from './file-proposed.ts';
import { fileAt, type ReadRepositoryFile } from './repository-files.ts';

export interface RepositoryPorts {
  repositories: RepositoryStore;
  pullRequests: PullRequestsPort;
  source: Pick<SourcePort, 'pin' | 'resolve' | 'file' | 'changed' | 'standing'>;
  runs: Pick<RunStore, 'get' | 'create' | 'change' | 'showAt'>;
  readFile: ReadRepositoryFile;
  log: Log;
}

/** Not all of GitHub's servers know of a commit when they tell of it. */
const soonMs = 10 * 60_000;

/**
 * Something happened in a repository. It may be told again, in another order and by several deliveries: what comes of it carries the commit
 * in its key. Throws where GitHub cannot be asked, so that the delivery is tried again.
 */
export async function repositoryChanged(
  event: RepositoryEvent,
  policy: Policy,
  ports: RepositoryPorts,
  now: Date,
): Promise<void> {
  // 1. Whose is it. One that signalbox.yml does not name may nothing.
  const { repo } = event;
  const own = await projectsOf(repo, policy, ports.repositories);
  if (own.length === 0) {
    ports.log.info({ repo: repo.id, installation: repo.installation }, 'a repository that no project names');
    return;
  }

  // 2. What was pushed where, for whoever comments later.
  if (event.type === 'proposed' || event.type === 'retargeted') {
    const { at, pull } = event;
    if (event.type === 'proposed') {
      const { before } = event;
      const push = { at, before, after: pull.head.sha, forced: null, sight: event.looked ?? false };
      await ports.repositories.pushed({ ...push, repo: repo.id, pull: pull.number, branch: null });
    }
    const source = sourceOf(repo);
    const base = heldOf(await baseOf(source, pull, ports));
    if (base === null || !(await keep(source, pull.head.sha, ports))) {
      const what = base === null ? `branch ${pull.base.branch}` : `commit ${pull.head.sha}`;
      // What was pushed by force since is gone for good.
      const is = await ports.pullRequests.get(repo, pull.number);
      const isOver = is?.head.sha !== pull.head.sha || is.isOpen === false;
      return isOver
        ? ports.log.info({ repo: repo.id, what }, 'a proposal is over')
        : missed(what, event, ports, now);
    }
    const place = pullPlace(repo, pull, event.by);
    return await fileProposed({ source, base, pull, place, at }, policy, own, ports);
  }
  if (event.type === 'grouped') return await groupTried(event, policy, own, ports);
  if (event.type === 'pushed') {
    const { at, before, after, forced, branch } = event;
    if (forced)
      await ports.repositories.pushed({ at, before, after, forced, repo: repo.id, pull: null, branch });
    if (event.isDefault) await ports.repositories.lookSoon(repo.id);
    return await came({ sha: after, branch, before, pull: null }, event, own, policy, ports, now);
  }

  // 3. Nobody waits any more for what was asked for on it.
  await stopRuns(event, policy, ports, now);

  // 4. What it brought.
  const { merged: sha, pull } = event;
  if (sha === null) return;
  await came({ sha, branch: pull.base.branch, before: null, pull }, event, own, policy, ports, now);
}

/** The projects of signalbox.yml whose code is in a repository. */
export async function projectsOf(
  repo: RepositoryRef,
  policy: Pick<Policy, 'projects'>,
  repositories: Pick<RepositoryStore, 'seen'>,
): Promise<string[]> {
  const sources = Object.entries(policy.projects).flatMap(([name, project]) => {
    const source = githubSource(project.source);
    return source ? [{ name, source }] : [];
  });
  if (sources.length === 0) return [];
  const meant = await repositories.seen(
    repo,
    sources.map(one => one.source),
  );
  return sources.filter(one => meant.includes(one.source)).map(one => one.name);
}

interface Came {
  sha: string;
  branch: string;
  /** Of a push: what the branch was before; null: it is new. */
  before: string | null;
  /** By whose merge it came, where that is known already. */
  pull: PullRequest | null;
}

/** A commit came to a branch: one run for each rule that is for it. What came of it is written down, so that nobody looks for it again. */
async function came(
  what: Came,
  event: RepositoryEvent,
  own: readonly string[],
  policy: Policy,
  ports: RepositoryPorts,
  now: Date,
): Promise<void> {
  if (isQueueBranch(what.branch)) return;
  const { sha, branch } = what;
  const { pull } = await startRuns(what, event, own, policy, ports, now);
  // GitHub may know of a merge only some time after the push: who looks does so long after.
  const settled = pull !== null || event.looked === true;
  const arrival = { repo: event.repo.id, branch, sha, pull: pull?.number ?? null, settled };
  await ports.repositories.arrive(arrival);
}

/** By whose merge it came, as far as it was asked. */
async function startRuns(
  { sha, branch, before, pull: known }: Came,
  event: RepositoryEvent,
  own: readonly string[],
  policy: Policy,
  ports: RepositoryPorts,
  now: Date,
): Promise<{ pull: PullRequest | null }> {
  const { repo, by } = event;
  const { log } = ports;
  const nothing = { pull: known };
  const source = sourceOf(repo);

  // 1. What the branch says now: what came is its own, and no proposal any more.
  if (!(await keep(source, sha, ports))) {
    missed(`commit ${sha}`, event, ports, now);
    return nothing;
  }
  const read = await fileAt(source, sha, policy, own, ports);
  if (read === null) return nothing;
  if (!read.ok) {
    log.warn({ repo: repo.id, sha, problems: read.problems.length }, '.signalbox.yml is not valid');
    return await tellBroken({ sha, branch, before, pull: known }, event, read.problems, ports);
  }
  const file = read.value;
  const rules = mergeRules(file).filter(([, , on]) => isBranchFor(on, branch));
  if (rules.length === 0) return nothing;

  // 2. What it is: the same whichever delivery tells it.
  const pull = known ?? (await ports.pullRequests.mergedBy(repo, sha));
  const asksPaths = rules.some(([, , on]) => on.paths !== undefined);
  const paths = asksPaths ? await pathsOf(source, { sha, before, pull }, ports) : null;
  const merge = { branch, paths, labels: pull?.labels ?? null };

  // 3. One run each.
  const actor: Actor = { kind: 'github', id: by.toLowerCase(), name: by };
  const place = placeOf(repo, pull, by);
  for (const [name, rule] of rules.filter(([, , on]) => isMergeFor(on, merge))) {
    const requested = request(rule, branch, file, policy);
    if (!requested.ok) {
      const said = faultLine(fault(requested.code, requested.details));
      log.warn({ repo: repo.id, sha, rule: name, said }, 'a rule asks for what cannot be');
      continue;
    }
    const { project } = rule;
    const spec = { ...requested.spec, source, sha, ...sightBy('merge', project, policy.projects) };
    const wish = { spec, priority: requested.priority, requestedBy: actor, place, at: now };
    const { run, created } = await ports.runs.create({ key: mergeKey(repo.id, name, sha), ...wish });
    if (created) log.info({ repo: repo.id, sha, rule: name, run: run.number }, 'a merge started a run');
    // The push was told before GitHub knew by which pull request it came.
    else if (pull && run.place.kind === 'http') await ports.runs.showAt(run.number, place);
  }
  return { pull };
}

/** As a run has it: this very repository, whatever it is called. */
export function sourceOf({ id, name }: RepositoryRef): string {
  return sourceOn(`${name.toLowerCase()}#${id}`);
}

/** Where people look for it. What was pushed without a pull request has no such place. */
function placeOf(repo: RepositoryRef, pull: PullRequest | null, user: string): Place {
  return pull ? pullPlace(repo, pull, user) : { kind: 'http' };
}

function pullPlace(repo: RepositoryRef, pull: Pick<PullRequest, 'number'>, user: string): GitHubPlace {
  const { id, name, installation } = repo;
  return { kind: 'github', installation, repo: id, name, issue: pull.number, pull: true, user };
}

/** What a rule asks for, of a branch. */
export function request(rule: Rule, branch: string, file: RepositoryFile, policy: Policy) {
  const { project } = rule;
  const known = policy.projects[project];
  const projects = known ? { ...policy.projects, [project]: asTheRepositorySays(known, project, file) } : {};
  return requestRun({ ...ruleWish(rule), ref: branch }, { ...policy, projects });
}

/** A merge queue that requires the check waits for it here too. Where nothing was asked for, it lets the group through. */
async function groupTried(
  { repo, by, at, sha, onto }: RepositoryEvent & { type: 'grouped' },
  policy: Policy,
  own: readonly string[],
  ports: RepositoryPorts,
): Promise<void> {
  const source = sourceOf(repo);
  if (!(await keep(source, onto, ports)) || (await fileAt(source, onto, policy, own, ports)) === null) return;
  const nothing = { problems: null, buttons: [], isSummed: true, comment: null };
  await ports.repositories.found({ place: commitPlace(repo, by), sha, at, ...nothing });
}

/** What no pull request brought has checks all the same, which have no need of one. */
function commitPlace(repo: RepositoryRef, user: string): GitHubPlace {
  return { ...pullPlace(repo, { number: 0 }, user), pull: false };
}

/**
 * A file with problems came to a branch that is somebody's base: told where people look, at its commit and at the pull request that brought
 * it. What comes later and leaves it as it is is not told of.
 */
async function tellBroken(
  { sha, branch, before, pull: known }: Came,
  event: RepositoryEvent,
  problems: readonly FileProblem[],
  ports: RepositoryPorts,
): Promise<{ pull: PullRequest | null }> {
  const { repo, by, at } = event;
  const pull = known ?? (await ports.pullRequests.mergedBy(repo, sha));
  if (!pull && !(event.type === 'pushed' && event.isDefault)) return { pull };
  const paths = await pathsOf(sourceOf(repo), { sha, before, pull }, ports);
  if (paths && !paths.includes(repositoryFileName)) return { pull };
  const place = pull ? pullPlace(repo, pull, by) : commitPlace(repo, by);
  const content = brokenFileReply(problems, { kind: 'merged', sha, branch });
  const comment = pull && { content, isChange: false };
  await ports.repositories.found({ place, sha, at, problems, buttons: [], isSummed: false, comment });
  return { pull };
}

/** The files that it touches; null: its origin is gone, as after a forced push, and it may be any. */
async function pathsOf(
  source: string,
  { sha, before, pull }: Pick<Came, 'sha' | 'before' | 'pull'>,
  ports: RepositoryPorts,
): Promise<string[] | null> {
  if (!pull) {
    if (before !== null && !(await keep(source, before, ports))) return null;
    return await ports.source.changed(source, before, sha, 'from');
  }
  const { base, head } = pull;
  if (!(await keep(source, base.sha, ports)) || !(await keep(source, head.sha, ports))) return null;
  return await ports.source.changed(source, base.sha, head.sha, 'fork');
}

/** It is gone. Throws where GitHub may have told of it before it gives it out, so that the delivery is tried again. */
function missed(
  what: string,
  { repo, at, looked }: RepositoryEvent,
  { log }: Pick<RepositoryPorts, 'log'>,
  now: Date,
): void {
  if (!looked && now.getTime() - at.getTime() < soonMs) throw new Error(`GitHub has no ${what} yet.`);
  log.warn({ repo: repo.id, what }, 'what GitHub told of is not there');
}

/** `false`: GitHub has no such commit. Throws where it cannot be asked. */
async function keep(
  source: string,
  sha: string,
  { source: sources }: Pick<RepositoryPorts, 'source'>,
): Promise<boolean> {
  return heldOf(await sources.pin(source, sha)) !== null;
}

/** Null: GitHub has no such thing. Throws where it cannot be asked. */
function heldOf(resolved: Resolved): string | null {
  if (resolved.ok) return resolved.sha;
  if (resolved.code === 'unavailable') throw new Error(resolved.reason, { cause: resolved.cause });
  return null;
}

/** Where the base branch is now: GitHub names the commit where it was when the pull request was opened or pushed to last. */
export async function baseOf(
  source: string,
  { base }: Pick<PullRequest, 'base'>,
  { source: sources }: { source: Pick<SourcePort, 'resolve'> },
): Promise<Resolved> {
  return await sources.resolve(source, `refs/heads/${base.branch}`);
}

/** Those that had been asked for on a pull request when it was closed. One that was opened again since is not closed. */
async function stopRuns(
  { repo, pull, by, at }: RepositoryEvent & { type: 'closed' },
  policy: Policy,
  { repositories, pullRequests, runs, log }: RepositoryPorts,
  now: Date,
): Promise<void> {
  const numbers = await repositories.openRuns(repo.id, pull.number);
  if (numbers.length === 0) return;
  const pushes = await repositories.pushes(repo.id, pull.number, null);
  if (pushes.some(push => push.before === null && push.at > at)) return;
  // Whoever opened it again may not have been heard.
  if ((await pullRequests.get(repo, pull.number))?.isOpen) return;
  const actor: Actor = { kind: 'github', id: by.toLowerCase(), name: by };
  const reason = `${by} closed the pull request.`;
  for (const number of numbers) {
    const run = await runs.get(number);
    const project = run && policy.projects[run.spec.project];
    if (!run || askedAt(run) > at || project?.cancelOnClose === false) continue;
    const stopped = await runs.change(number, { type: 'stop', actor, why: 'cancel', reason }, now, actor);
    if (stopped.ok) log.info({ run: number, pull: pull.number }, 'a closed pull request stopped a run');
  }
}

/** When somebody said it, however long after it was heard. */
function askedAt({ place, createdAt }: Run): Date {
  return place.kind === 'github' && place.saidAt !== undefined ? new Date(place.saidAt) : createdAt;
}
