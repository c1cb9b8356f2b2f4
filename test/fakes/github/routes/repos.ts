import { notFound, Refusal } from '../error.ts';
import { blob, branches, changes, git, gitOrNull, log, resolve } from '../git.ts';
import { type Answer, noCommit, paged, pageOf, type RepoCall, type Route } from '../route.ts';
import { commitShape, fileShape, gitCommitShape } from '../shapes/commit.ts';
import { pullShape } from '../shapes/pull.ts';
import { fullRepoShape, pageUrl, repoUrl } from '../shapes/repository.ts';
import { userShape } from '../shapes/user.ts';
import { iso, type Json, nodeId, type Role, roleOf } from '../world.ts';

/** How GitHub calls the newer roles by the old four words. */
const oldWord: Record<Role | 'none', string> = {
  admin: 'admin',
  maintain: 'write',
  write: 'write',
  triage: 'read',
  read: 'read',
  none: 'none',
};

function permission({ world, repo, params }: RepoCall) {
  const user = world.users.get((params.username ?? '').toLowerCase());
  if (!user || user.type === 'Organization') throw new Refusal(404, `${params.username} is not a user`);
  const role = roleOf(repo, user);
  const at = (least: Role[]) => least.some(one => one === role);
  const permissions = {
    admin: at(['admin']),
    maintain: at(['admin', 'maintain']),
    push: at(['admin', 'maintain', 'write']),
    triage: at(['admin', 'maintain', 'write', 'triage']),
    pull: role !== 'none',
  };
  const role_name = role === 'none' ? '' : role;
  return {
    body: {
      permission: oldWord[role],
      role_name,
      user: { ...userShape(world, user), permissions, role_name },
    },
  };
}

async function shaOf({ repo }: RepoCall, ref: string): Promise<string> {
  const sha = await resolve(repo.dir, ref);
  if (sha === null) throw noCommit(ref);
  return sha;
}

async function contents(call: RepoCall) {
  const { world, repo, params, query, accept } = call;
  const ref = query.get('ref') ?? repo.branch;
  const sha = await resolve(repo.dir, ref);
  if (sha === null) throw new Refusal(404, `No commit found for the ref ${ref}`);
  const path = (params.path ?? '').replace(/^\/|\/$/g, '');
  const type = path === '' ? 'tree' : await gitOrNull(repo.dir, ['cat-file', '-t', `${sha}:${path}`]);
  if (type === null) throw notFound();
  const entry = (name: string, full: string, id: string, kind: string, size: number): Json => {
    const url = `${repoUrl(world, repo)}/contents/${full}?ref=${encodeURIComponent(ref)}`;
    const html = `${pageUrl(world, repo)}/${kind === 'dir' ? 'tree' : 'blob'}/${ref}/${full}`;
    const object = `${repoUrl(world, repo)}/git/${kind === 'dir' ? 'trees' : 'blobs'}/${id}`;
    return {
      name,
      path: full,
      sha: id,
      size,
      url,
      html_url: html,
      git_url: object,
      download_url: kind === 'dir' ? null : `${pageUrl(world, repo)}/raw/${ref}/${full}`,
      type: kind,
      _links: { self: url, git: object, html },
    };
  };
  if (type === 'tree') {
    const said = await git(repo.dir, ['ls-tree', '--long', '-z', `${sha}:${path}`]);
    const body = said
      .split('\0')
      .filter(Boolean)
      .map(line => {
        const [, kind, id = '', size, name = ''] = /^\d+ (\w+) (\w+) +(\S+)\t(.*)$/s.exec(line) ?? [];
        const full = path === '' ? name : `${path}/${name}`;
        return entry(name, full, id, kind === 'tree' ? 'dir' : 'file', Number(size) || 0);
      });
    return { body };
  }
  const id = await git(repo.dir, ['rev-parse', `${sha}:${path}`]);
  const bytes = await blob(repo.dir, id);
  const size = bytes.length;
  if (/\braw\b/.test(accept))
    return {
      body: bytes.toString(),
      headers: { 'content-type': 'application/vnd.github.raw; charset=utf-8' },
    };
  // "1-100 MB: only the raw or object media types are supported."
  const big = size > 1024 * 1024;
  const content = big ? '' : wrapped(bytes.toString('base64'));
  const base = entry(path.split('/').at(-1) ?? '', path, id, 'file', size);
  return { body: { ...base, content, encoding: big ? 'none' : 'base64' } };
}

const wrapped = (text: string) => text.replace(/(.{60})/g, '$1\n');

/** `base...head`, each a ref or `owner:ref` of a fork. */
async function compare(call: RepoCall) {
  const { world, repo, params, query, url } = call;
  const [left = '', right] = (params.basehead ?? '').split('...');
  if (right === undefined) throw notFound();
  const [base, head] = [await sideOf(call, left), await sideOf(call, right)];
  const common = await gitOrNull(repo.dir, ['merge-base', base, head]);
  if (common === null) throw new Refusal(404, `No common ancestor between ${left} and ${right}.`);
  const [behind = '0', ahead = '0'] = (
    await git(repo.dir, ['rev-list', '--left-right', '--count', `${base}...${head}`])
  ).split('\t');
  const status =
    ahead === '0' ? (behind === '0' ? 'identical' : 'behind') : behind === '0' ? 'ahead' : 'diverged';
  const commits = await log(repo.dir, ['--reverse', `${base}..${head}`]);
  const { items, headers } = pageOf(query, url, commits);
  const one = async (sha: string) => {
    const [found] = await log(repo.dir, ['-1', sha]);
    return found ? commitShape(world, repo, found) : null;
  };
  const page = `${pageUrl(world, repo)}/compare/${left}...${right}`;
  const files = await changes(repo.dir, common, head);
  return {
    body: {
      url: `${repoUrl(world, repo)}/compare/${left}...${right}`,
      html_url: page,
      permalink_url: page,
      diff_url: `${page}.diff`,
      patch_url: `${page}.patch`,
      base_commit: await one(base),
      merge_base_commit: await one(common),
      status,
      ahead_by: Number(ahead),
      behind_by: Number(behind),
      total_commits: commits.length,
      commits: items.map(commit => commitShape(world, repo, commit)),
      files: files.slice(0, 300).map(file => fileShape(world, repo, head, file)),
    },
    headers,
  };
}

async function sideOf({ world, repo }: RepoCall, side: string): Promise<string> {
  const [owner, ref] = side.includes(':') ? side.split(/:(.*)/s) : [null, side];
  const where =
    owner === null
      ? repo
      : [...world.repos.values()].find(
          one =>
            one.owner.login.toLowerCase() === owner?.toLowerCase() &&
            (one === repo || one.parent === repo || repo.parent === one),
        );
  const sha = where && (await resolve(where.dir, ref ?? ''));
  if (!sha) throw notFound();
  if (where !== repo) await git(repo.dir, ['fetch', '-q', where.dir, sha]);
  return sha;
}

const refShape = ({ world, repo }: RepoCall, ref: string, sha: string): Json => ({
  ref,
  node_id: nodeId('Ref', ref),
  url: `${repoUrl(world, repo)}/git/${ref}`,
  object: { type: 'commit', sha, url: `${repoUrl(world, repo)}/git/commits/${sha}` },
});

/** Pages go by cursor: `after` is the last that was shown. */
function activity(call: RepoCall): Answer {
  const { world, repo, query, url } = call;
  const size = Math.min(100, Math.max(1, Number(query.get('per_page')) || 30));
  const after = query.get('after');
  const ref = query.get('ref');
  const list = repo.activity
    .toReversed()
    .filter(one => ref === null || one.ref === ref || one.ref === `refs/heads/${ref}`)
    .filter(one => after === null || one.id < Number(after));
  const shown = list.slice(0, size);
  const next = new URL(url);
  next.searchParams.set('after', String(shown.at(-1)?.id));
  return {
    body: shown.map(({ id, before, after, ref, type, by, at }) => ({
      ...{ id, node_id: nodeId('PSH', id), before, after, ref },
      timestamp: iso(at),
      activity_type: type,
      actor: userShape(world, by),
    })),
    headers: shown.length < list.length ? { link: `<${next}>; rel="next"` } : {},
  };
}

const reads = ['contents:read'];

export const repoRoutes: Route[] = [
  {
    name: 'GET /repos/{owner}/{repo}',
    needs: ['metadata:read'],
    run: { repo: ({ world, repo }) => ({ body: fullRepoShape(world, repo) }) },
  },
  {
    name: 'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
    needs: ['metadata:read'],
    run: { repo: permission },
  },
  { name: 'GET /repos/{owner}/{repo}/contents/{path}', needs: reads, run: { repo: contents } },
  { name: 'GET /repos/{owner}/{repo}/compare/{basehead}', needs: reads, run: { repo: compare } },
  { name: 'GET /repos/{owner}/{repo}/activity', needs: reads, run: { repo: activity } },
  {
    name: 'GET /repos/{owner}/{repo}/commits',
    needs: reads,
    run: {
      repo: async call => {
        const ref = call.query.get('sha') ?? call.repo.branch;
        const sha = await resolve(call.repo.dir, ref);
        if (sha === null) throw notFound();
        const path = call.query.get('path');
        const list = await log(call.repo.dir, path ? [sha, `--follow=${path}`] : [sha]);
        return paged(call, list, commit => commitShape(call.world, call.repo, commit));
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/commits/{ref}',
    needs: reads,
    run: {
      repo: async call => {
        const { world, repo, params, accept } = call;
        const sha = await shaOf(call, params.ref ?? '');
        if (/\bsha\b/.test(accept))
          return { body: sha, headers: { 'content-type': 'application/vnd.github.sha; charset=utf-8' } };
        const [commit] = await log(repo.dir, ['-1', sha]);
        if (!commit) throw noCommit(sha);
        const files = await changes(repo.dir, commit.parents[0] ?? null, sha);
        const additions = files.reduce((sum, { added }) => sum + added, 0);
        const deletions = files.reduce((sum, { deleted }) => sum + deleted, 0);
        return {
          body: {
            ...commitShape(world, repo, commit),
            stats: { additions, deletions, total: additions + deletions },
            files: files.map(file => fileShape(world, repo, sha, file)),
          },
        };
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls',
    needs: ['pull_requests:read', 'contents:read'],
    run: {
      repo: async call => {
        const { world, repo } = call;
        const sha = await shaOf(call, call.params.commit_sha ?? '');
        const found = [];
        for (const issue of repo.issues.values()) {
          const { pull } = issue;
          if (!pull) continue;
          const of = await git(repo.dir, ['rev-list', pull.head.sha, `^${pull.base.sha}`]);
          if (pull.merged?.commit === sha || of.split('\n').includes(sha)) found.push({ issue, pull });
        }
        return paged(call, found, ({ issue, pull }) => pullShape(world, repo, issue, pull));
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/git/commits/{commit_sha}',
    needs: reads,
    run: {
      repo: async ({ world, repo, params }) => {
        const sha = params.commit_sha ?? '';
        if (!/^[0-9a-f]{40}$/.test(sha)) throw notFound();
        const found = (await log(repo.dir, ['-1', sha]).catch(() => []))[0];
        if (!found) throw notFound();
        return { body: gitCommitShape(world, repo, found) };
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/git/ref/{ref}',
    needs: reads,
    run: {
      repo: async call => {
        const ref = `refs/${call.params.ref}`;
        const sha = await gitOrNull(call.repo.dir, ['rev-parse', '--verify', '--quiet', ref]);
        if (!sha || !/^refs\/(heads|tags|pull)\/./.test(ref)) throw notFound();
        return { body: refShape(call, ref, sha) };
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/git/matching-refs/{ref}',
    needs: reads,
    run: {
      repo: async call => {
        const all = await branches(call.repo.dir);
        const start = `refs/${call.params.ref}`;
        const found = [...all].filter(([name]) => name.startsWith(start));
        return paged(call, found, ([name, sha]) => refShape(call, name, sha));
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/branches',
    needs: reads,
    run: {
      repo: async call => {
        const url = repoUrl(call.world, call.repo);
        const heads = [...(await branches(call.repo.dir))].filter(([ref]) => ref.startsWith('refs/heads/'));
        return paged(call, heads, ([ref, sha]) => ({
          name: ref.slice('refs/heads/'.length),
          commit: { sha, url: `${url}/commits/${sha}` },
          protected: false,
        }));
      },
    },
  },
  {
    name: 'GET /repos/{owner}/{repo}/branches/{branch}',
    needs: reads,
    run: {
      repo: async ({ world, repo, params }) => {
        const name = params.branch ?? '';
        const [commit] = await log(repo.dir, ['-1', `refs/heads/${name}`]).catch(() => []);
        if (!commit) throw new Refusal(404, 'Branch not found');
        const self = `${repoUrl(world, repo)}/branches/${name}`;
        return {
          body: {
            name,
            commit: commitShape(world, repo, commit),
            _links: { self, html: `${pageUrl(world, repo)}/tree/${name}` },
            protected: false,
            protection: {
              enabled: false,
              required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] },
            },
            protection_url: `${self}/protection`,
          },
        };
      },
    },
  },
];

/** Where a former name leads, by the id that never changes. */
export function movedTo(origin: string, id: number, rest: string): string {
  return `${origin}/api/v3/repositories/${id}${rest}`;
}
