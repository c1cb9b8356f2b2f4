import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import { type GitHubSource, githubSource } from '../../core/github-source.ts';
import type { Resolved, SourcePort } from '../../core/ports.ts';
import { fetchInto, holds, makeBare, pin, unavailable, whyNotFetched } from './bare.ts';
import { withLock } from './lock.ts';
import { resolveRef } from './refs.ts';
import { git, gitStream } from './run-git.ts';

/** How one repository is reached, as it is called now. */
export interface Remote {
  url: string;
  /** Good for reading this one repository, for a while. */
  token: string;
}

/** `key`: the same for as long as the repository is. `open` asks GitHub. Null: no such repository is known. */
export type GitHubRemotes = (
  source: GitHubSource,
) => Promise<{ key: string; open(): Promise<Remote> } | null>;

type Mirrors = Pick<SourcePort, 'resolve' | 'pin' | 'archive' | 'file' | 'changed' | 'isOnBranch'>;

const fullCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const largestFile = 1024 * 1024;

/**
 * Repositories on GitHub, each as a bare one of our own. GitHub gives out every commit of a repository and of its forks by its number alone;
 * what is asked for by a name, or by somebody's own word, must be in a branch or a tag, and only `pin` takes others.
 */
export function githubMirrors(cacheDir: string, remotes: GitHubRemotes): Mirrors {
  const fail = (source: string, reason: string) =>
    new SignalboxError('SOURCE_UNAVAILABLE', { project: source, reason });

  async function open(source: string) {
    const said = githubSource(source);
    const remote = said && (await remotes(said));
    if (!remote) return null;
    await mkdir(cacheDir, { recursive: true });
    const mirror = join(
      cacheDir,
      `${createHash('sha256').update(remote.key).digest('hex').slice(0, 32)}.git`,
    );
    const locked = <T>(work: () => Promise<T>) =>
      withLock(`${mirror}.lock`, async () => {
        await makeBare(mirror);
        return await work();
      });
    const fetch = async (specs: string[]) => {
      const { url, token } = await remote.open();
      return await fetchInto(mirror, url, specs, { origin: new URL(url).origin, token });
    };
    return { inMirror: [`--git-dir=${mirror}`], locked, fetch };
  }

  const unknown = () =>
    unavailable('No repository of that name is known, or the GitHub App is not installed there.');

  async function pinned(source: string, sha: string): Promise<Resolved> {
    if (!fullCommit.test(sha)) return { ok: false, code: 'unknown', refs: [] };
    const found = await open(source);
    if (!found) return unknown();
    const { inMirror, locked, fetch } = found;
    return await locked(async () => {
      const resolved: Resolved = { ok: true, sha };
      if (await isCommit(inMirror, sha)) return await pin(inMirror, resolved);
      const fetched = await fetch([`+${sha}:refs/signalbox/pins/${sha}`]);
      if (!fetched.ok)
        return /not our ref|no such remote ref|couldn't find remote ref/i.test(fetched.said)
          ? { ok: false, code: 'unknown', refs: [] }
          : unavailable(whyNotFetched(fetched));
      return (await isCommit(inMirror, sha)) ? resolved : { ok: false, code: 'unknown', refs: [] };
    });
  }

  /** Of a commit that is kept, or can be had again. */
  async function kept(source: string, sha: string): Promise<string[]> {
    const found = await open(source);
    if (!found) throw fail(source, 'The repository is not known any more.');
    if (await isCommit(found.inMirror, sha)) return found.inMirror;
    const again = await pinned(source, sha);
    if (!again.ok)
      throw fail(
        source,
        again.code === 'unavailable' ? again.reason : `The commit ${sha} is no longer there.`,
      );
    return found.inMirror;
  }

  return {
    pin: pinned,
    async resolve(source, ref) {
      const found = await open(source);
      if (!found) return unknown();
      const { inMirror, locked, fetch } = found;
      return await locked(async () => {
        if (fullCommit.test(ref) && (await isInBranch(inMirror, ref)))
          return await pin(inMirror, { ok: true, sha: ref });
        const specs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
        if (ref === 'HEAD') specs.push('+HEAD:refs/signalbox/head');
        const fetched = await fetch(specs);
        if (!fetched.ok) return unavailable(whyNotFetched(fetched));
        const resolved = await resolveRef(inMirror, ref, 'refs/signalbox/head');
        if (!resolved.ok || ref === 'HEAD' || (await isInBranch(inMirror, resolved.sha)))
          return await pin(inMirror, resolved);
        return { ok: false, code: 'unknown', refs: [] };
      });
    },
    async archive(source, sha) {
      const inMirror = await kept(source, sha);
      return gitStream('git', [...inMirror, 'archive', '--format=tar', sha]);
    },
    async file(source, sha, path) {
      const inMirror = await kept(source, sha);
      // A link would lead anywhere, also out of the repository.
      const listed = await git([...inMirror, 'ls-tree', '-z', '-l', sha, '--', path]);
      if (!listed.ok) throw fail(source, whyNotFetched(listed));
      const [, size] = /^100(?:644|755) blob [0-9a-f]+ +(\d+)\t/.exec(listed.out) ?? [];
      if (size === undefined) return null;
      if (Number(size) > largestFile) throw fail(source, `${path} has more than ${largestFile} bytes.`);
      const read = await git([...inMirror, 'cat-file', 'blob', `${sha}:${path}`]);
      if (!read.ok) throw fail(source, whyNotFetched(read));
      return read.out;
    },
    async isOnBranch(source, sha, branch) {
      if (!fullCommit.test(sha) || !githubSource(source)) return false;
      const inMirror = await kept(source, sha);
      const ref = `refs/heads/${branch}`;
      if (!(await holds(inMirror, ref))) {
        const found = await open(source);
        const fetched = await found?.locked(() => found.fetch([`+${ref}:${ref}`]));
        if (!fetched?.ok) return false;
      }
      return (await git([...inMirror, 'merge-base', '--is-ancestor', sha, ref])).ok;
    },
    async changed(source, from, to, since) {
      const inMirror = await kept(source, to);
      if (from !== null) await kept(source, from);
      const names = ['-r', '-z', '--name-only'];
      const listed =
        from === null
          ? await git([...inMirror, 'ls-tree', ...names, '--full-tree', to])
          : await git([
              ...inMirror,
              'diff',
              '-z',
              '--name-only',
              '--no-renames',
              since === 'fork' ? `${from}...${to}` : `${from}..${to}`,
              '--',
            ]);
      if (!listed.ok) throw fail(source, whyNotFetched(listed));
      return listed.out.split('\0').filter(Boolean);
    },
  };
}

async function isCommit(inMirror: string[], sha: string): Promise<boolean> {
  return await holds(inMirror, `${sha}^{commit}`);
}

/** Whether a branch or a tag has it, as far as was fetched. */
async function isInBranch(inMirror: string[], sha: string): Promise<boolean> {
  if (!(await isCommit(inMirror, sha))) return false;
  const found = await git([
    ...inMirror,
    'for-each-ref',
    '--count=1',
    `--contains=${sha}`,
    'refs/heads',
    'refs/tags',
  ]);
  return found.ok && found.out !== '';
}
