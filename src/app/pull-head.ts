import { decide, denied } from '../core/access.ts';
import type { GitHubPlace } from '../core/actor.ts';
import type { ErrorCode, ErrorDetails } from '../core/errors.ts';
import type { FileProblem } from '../core/file-problem.ts';
import { githubSource } from '../core/github-source.ts';
import { commitToApprove, type HeadPush, headFor, isApproved, isPushedSince } from '../core/head-for.ts';
import { isBranchFor, mergeRules } from '../core/merge-rules.ts';
import type { PullHeads } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { asTheRepositorySays, repositoryFileName, spokenRules } from '../core/repository-file.ts';
import { baseOf, projectsOf, type RepositoryPorts, sourceOf } from './repository-changed.ts';
import { fileAt } from './repository-files.ts';

type Ports = Pick<RepositoryPorts, 'repositories' | 'pullRequests' | 'source' | 'readFile'>;

/** What a command at a pull request is about: its head, as whoever said it saw it, and what the base branch says of the projects there. */
export function pullHeads(ports: Ports): PullHeads {
  return {
    async at(place, said, policy) {
      // 1. Whose repository is it, and what does it stand at.
      const found = await lookAt(place, policy, ports);
      if (!found.ok) return found;
      const { repo, own, pull, pushes, isFork } = found;
      const head = pull.head.sha;

      // 2. Which commit is meant.
      const confirm = { name: head };
      if (isFork && !isApproved(head, await ports.repositories.approvals(repo.id, place.issue), pushes))
        return failed('FORK_UNAPPROVED', { ...confirm, example: `train approve ${head}` });
      let sha = head;
      if (said !== null) {
        if (!namesHead(said, head, pushes)) return failed('HEAD_OTHER', { word: said, ...confirm });
      } else {
        const saidAt = new Date(place.saidAt ?? Number.NaN);
        const seen = headFor(head, saidAt, pushes, pull.openedAt);
        // Of a fork nothing but the head was approved.
        if (!seen.ok || (isFork && seen.sha !== head)) return failed('HEAD_UNSURE', confirm);
        sha = seen.sha;
      }

      // 3. What the base branch says now, never the proposal.
      const source = sourceOf(repo);
      const tip = await baseOf(source, pull, ports);
      const kept = tip.ok ? await ports.source.pin(source, sha) : tip;
      if (!tip.ok || !kept.ok) {
        const missing = tip.ok ? `commit ${sha}` : `branch ${pull.base.branch}`;
        const reason = !kept.ok && kept.code === 'unavailable' ? kept.reason : `GitHub has no ${missing}.`;
        return failed('SOURCE_UNAVAILABLE', { project: place.name, reason });
      }
      const read = await fileAt(source, tip.sha, policy, own, ports);
      if (read && !read.ok) return invalidFile(read.problems, 'of the base branch');
      const file = read ? read.value : { projects: {}, rules: {} };
      const projects = Object.fromEntries(
        Object.entries(policy.projects)
          .filter(([name]) => own.includes(name))
          .map(([name, project]) => [name, asTheRepositorySays(project, name, file)]),
      );
      const rules = spokenRules(file);
      const { head: from, base } = pull;
      const where = { branch: from.branch, base: base.branch, source };
      return { ok: true, sha, ...where, policy: { ...policy, projects }, rules };
    },
    async commit({ project: name, source, sha, proposed }, policy) {
      const said = githubSource(source);
      const repo = said && (await ports.repositories.find(said));
      const own = repo ? await projectsOf(repo, policy, ports.repositories) : [];
      const project = policy.projects[name];
      if (!project || !own.includes(name)) return { ok: true, policy };
      // 1. Whose word counts there.
      const { head, isInHead, branches } = await ports.source.standing(source, sha);
      const main = isInHead ? null : await fileAt(source, head, policy, own, ports);
      const isTrusted =
        isInHead ||
        (!proposed &&
          main?.ok === true &&
          mergeRules(main.value).some(([, , on]) => branches.some(branch => isBranchFor(on, branch))));
      // 2. What it says.
      const read = isTrusted ? await fileAt(source, sha, policy, own, ports) : main;
      if (read && !read.ok)
        return invalidFile(read.problems, isTrusted ? `at ${sha.slice(0, 7)}` : 'of the default branch');
      if (!read) return { ok: true, policy };
      const projects = { ...policy.projects, [name]: asTheRepositorySays(project, name, read.value) };
      return { ok: true, policy: { ...policy, projects } };
    },
    async approve({ place, said, key, by, role }, policy) {
      const found = await lookAt(place, policy, ports);
      if (!found.ok) return found;
      const { repo, own, pull, pushes } = found;
      const needs = own.some(name => policy.projects[name]?.forks === 'approver') ? 'approver' : 'trainer';
      const allowed = decide({ role, needs });
      if (!allowed.ok) return denied('train approve', allowed);
      const { sha } = pull.head;
      const at = new Date(place.saidAt ?? Number.NaN);
      // What was pushed after they looked is not what they looked at.
      const isSeen = !isPushedSince(at, sha, pushes) && namesHead(said, sha, pushes);
      if (!isSeen || Number.isNaN(at.getTime())) return failed('HEAD_OTHER', { word: said, name: sha });
      await ports.repositories.approve({ key, repo: repo.id, pull: pull.number, sha, by, at });
      return { ok: true, sha };
    },
  };
}

async function lookAt(place: GitHubPlace, policy: Policy, ports: Ports) {
  const repo = { id: place.repo, name: place.name, installation: place.installation };
  const own = await projectsOf(repo, policy, ports.repositories);
  if (own.length === 0) return failed('REPOSITORY_UNKNOWN', { word: place.name });
  const pull = await ports.pullRequests.get(repo, place.issue);
  if (!pull) return failed('PULL_UNKNOWN', { word: `#${place.issue}` });
  const isFork = pull.head.repo !== repo.id;
  const branch = isFork ? null : pull.head.branch;
  const pushes = await ports.repositories.pushes(repo.id, place.issue, branch);
  return { ok: true as const, repo, own, pull, pushes, isFork };
}

/** `where`: on which branch, or at which commit. */
function invalidFile(problems: readonly FileProblem[], where: string) {
  const [first] = problems;
  const at = `${repositoryFileName}:${first?.line}:${first?.column} ${where}`;
  const { word, reason, nearest } = first ?? {};
  return failed('REPOSITORY_FILE_INVALID', { where: at, word, reason, nearest });
}

function namesHead(said: string, head: string, pushes: readonly HeadPush[]): boolean {
  return /^[\da-f]{7,40}$/i.test(said) && commitToApprove(said.toLowerCase(), head, pushes).ok;
}

function failed(code: ErrorCode, details: ErrorDetails) {
  return { ok: false as const, code, details };
}
