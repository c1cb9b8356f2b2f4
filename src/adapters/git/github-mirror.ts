import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import { type GitHubSource, githubSource } from '../../core/github-source.ts';
import type { Resolved, SourcePort } from '../../core/ports.ts';
import { fetchInto, holds, makeBare, pin, SourceError, unavailable, whyNotFetched } from './bare.ts';
import { fileIn } from './blob.ts';
import { withLock } from './lock.ts';
import { resolveRef } from './refs.ts';
import { git, gitStream } from './run-git.ts';

/** How one repository is reached, as it is called now. */
export interface Remote {
  url: string;
  /** Good for reading this one repository, for a while. */
  token: string;
}

/** `key`: the same for as long as the repository is. `open` asks GitHub, and throws in words for those who asked. Null: no such repository is known. */
export type GitHubRemotes = (source: GitHubSource) => Promise<Openable | null>;

interface Openable {
  key: string;
  /** `recent`: an answer of the last minutes will do, though the repository may have been moved since. */
  open(options?: { recent?: boolean }): Promise<Remote>;
}

type Mirrors = Pick<
  SourcePort,
  'resolve' | 'pin' | 'archive' | 'file' | 'standing' | 'changed' | 'isOnBranch'
>;

const fullCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** The default branch, as it was fetched last. */
const headRef = 'refs/signalbox/head';
const everything = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*', `+HEAD:${headRef}`];

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
    const reach = (recent: boolean) =>
      remote.open({ recent }).catch(cause => {
        throw new SourceError(cause instanceof Error ? cause.message : 'Reading it failed.', { cause });
      });
    const fetchBy = ({ url, token }: Remote, specs: string[]) =>
      fetchInto(mirror, url, specs, { origin: new URL(url).origin, token });
    const fetch = async (specs: string[]) => {
      const recent = await reach(true);
      const fetched = await fetchBy(recent, specs);
      if (fetched.ok || fetched.timedOut) return fetched;
      // It may have been moved, and its token taken back.
      const now = await reach(false);
      return isUnknownRef(fetched) && now.url === recent.url ? fetched : await fetchBy(now, specs);
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
        return isUnknownRef(fetched)
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
        const fetched = await fetch(everything);
        if (!fetched.ok) return unavailable(whyNotFetched(fetched));
        const resolved = await resolveRef(inMirror, ref, headRef);
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
      return await fileIn(inMirror, sha, path, reason => fail(source, reason));
    },
    async standing(source, sha) {
      const found = await open(source);
      if (!found) throw fail(source, 'The repository is not known any more.');
      const { inMirror, locked, fetch } = found;
      const head = async () => {
        const said = await git([...inMirror, 'rev-parse', '--verify', '--quiet', `${headRef}^{commit}`]);
        return said.ok && fullCommit.test(said.out) ? said.out : null;
      };
      const has = async (branch: string) =>
        (await git([...inMirror, 'merge-base', '--is-ancestor', sha, branch])).ok;
      const known = await head();
      // What a branch has, it keeps, but where it is forced.
      if (known !== null && (await has(known))) return { head: known, isInHead: true, branches: [] };
      return await locked(async () => {
        const fetched = await fetch(everything);
        if (!fetched.ok) throw fail(source, whyNotFetched(fetched));
        const now = await head();
        if (now === null) throw fail(source, 'Its default branch has no commit.');
        const listed = await git([
          ...inMirror,
          ...['for-each-ref', `--contains=${sha}`, '--format=%(refname:lstrip=2)', 'refs/heads'],
        ]);
        if (!listed.ok) throw fail(source, whyNotFetched(listed));
        return { head: now, isInHead: await has(now), branches: listed.out.split('\n').filter(Boolean) };
      });
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

function isUnknownRef({ said }: { said: string }): boolean {
  return /not our ref|no such remote ref|couldn't find remote ref/i.test(said);
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
