import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve as resolvePath } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import { githubSource } from '../../core/github-source.ts';
import type { Log, Resolved, SourceFile, SourcePort } from '../../core/ports.ts';
import {
  fetchInto,
  holds,
  isFolder,
  makeBare,
  pin,
  SourceError,
  unavailable,
  whyNotFetched,
} from './bare.ts';
import { fileIn, fileOf } from './blob.ts';
import { type GitHubRemotes, githubMirrors } from './github-mirror.ts';
import { withLock } from './lock.ts';
import { snapshotFolder, snapshotPath } from './plain-folder.ts';
import { resolveRef } from './refs.ts';
import { git, gitStream } from './run-git.ts';

const pinned = /^(?:[0-9a-f]{40}|[0-9a-f]{64}|sha256:[0-9a-f]{64})$/;

/**
 * The sources of projects: folders in a Git repository, other folders, and URLs of Git repositories. Nothing of a source is ever run: what
 * is archived comes from bare repositories of our own in `cacheDir`, not touched by a repository's configuration, hooks or filters.
 * Relative folders count from `baseDir`.
 */
export function createGitSource(options: {
  cacheDir: string;
  baseDir?: string;
  log: Log;
  /** Absent: repositories on GitHub are not to be had. */
  github?: GitHubRemotes;
}): SourcePort {
  const { cacheDir, log } = options;
  const onGitHub = githubMirrors(cacheDir, options.github ?? (async () => null));
  const snapshots = join(cacheDir, 'snapshots');
  const place = (source: string) =>
    isUrl(source) ? { url: source } : { folder: resolvePath(options.baseDir ?? '.', source) };

  async function resolve(source: string, ref: string): Promise<Resolved> {
    if (githubSource(source)) return onGitHub.resolve(source, ref);
    const { url, folder } = place(source);
    if (url !== undefined) return resolveUrl(url, ref);
    if (!(await isFolder(folder))) return unavailable(`The folder ${folder} does not exist.`);
    const repository = await repositoryOf(folder);
    if (repository) {
      const inGit = ['-C', folder];
      const resolved = await resolveRef(inGit, ref);
      if (resolved.ok && (await holds(inGit, treeOf(resolved.sha, repository.prefix)))) return resolved;
      // What was never committed is a plain folder, wherever it lies; a ref that somebody named must be one.
      if (ref !== 'HEAD') return resolved.ok ? unavailable(`The folder is not in ${ref}.`) : resolved;
      if (!resolved.ok && resolved.code !== 'unknown') return resolved;
      log.info({ source }, 'the folder is not committed; its content is taken as it is');
    } else if (ref !== 'HEAD') return { ok: false, code: 'unknown', refs: ['HEAD'] };
    return { ok: true, sha: await snapshotFolder(folder, snapshots) };
  }

  async function resolveUrl(url: string, ref: string): Promise<Resolved> {
    const mirror = mirrorOf(url);
    const inMirror = [`--git-dir=${mirror}`];
    return withLock(await lockOf(mirror), async () => {
      await makeBare(mirror);
      const isCommit = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
      // A commit that is known needs no network.
      const known = isCommit ? await resolveRef(inMirror, ref) : null;
      if (known?.ok) return pin(inMirror, known);
      const specs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
      if (ref === 'HEAD') specs.push('+HEAD:refs/signalbox/head');
      const fetched = await fetchInto(mirror, url, specs);
      if (!fetched.ok) return unavailable(whyNotFetched(fetched));
      return pin(inMirror, await resolveRef(inMirror, ref, 'refs/signalbox/head'));
    });
  }

  async function archive(source: string, sha: string): Promise<AsyncIterable<Uint8Array>> {
    const fail = (reason: string) =>
      new SignalboxError('SOURCE_UNAVAILABLE', { project: shown(source), reason });
    if (!pinned.test(sha)) throw fail('It was pinned to something that is no commit.');
    if (sha.startsWith('sha256:')) {
      const snapshot = snapshotPath(snapshots, sha);
      if (!(await isFolder(snapshot))) throw fail('The copy of the folder is no longer kept.');
      return gitStream('tar', ['-c', '-f', '-', '-C', snapshot, '.']);
    }
    if (githubSource(source)) return onGitHub.archive(source, sha);
    const { url, folder } = place(source);
    const repository = url === undefined ? await repositoryOf(folder) : null;
    if (url === undefined && !repository) throw fail('Its folder is no longer in a Git repository.');
    const bare = repository ? await borrowObjects(repository.objects) : mirrorOf(url ?? '');
    const tree = treeOf(sha, repository?.prefix ?? '');
    if (!(await holds([`--git-dir=${bare}`], tree))) throw fail(`The commit ${sha} is no longer there.`);
    return gitStream('git', [`--git-dir=${bare}`, 'archive', '--format=tar', tree]);
  }

  async function file(source: string, sha: string, path: string): Promise<SourceFile | null> {
    if (githubSource(source)) return onGitHub.file(source, sha, path);
    const fail = (reason: string) =>
      new SignalboxError('SOURCE_UNAVAILABLE', { project: shown(source), reason });
    if (!pinned.test(sha)) throw fail('It was pinned to something that is no commit.');
    if (sha.startsWith('sha256:')) return fileOf(snapshotPath(snapshots, sha), path, fail);
    const { url, folder } = place(source);
    if (url !== undefined) return fileIn([`--git-dir=${mirrorOf(url)}`], sha, path, fail);
    const repository = await repositoryOf(folder);
    if (!repository) throw fail('Its folder is no longer in a Git repository.');
    const bare = await borrowObjects(repository.objects);
    return fileIn([`--git-dir=${bare}`], treeOf(sha, repository.prefix), path, fail);
  }

  /** A bare repository of ours that reads the objects of somebody's. */
  async function borrowObjects(objects: string): Promise<string> {
    const bare = join(cacheDir, `${hashOf(objects)}.borrowed`);
    await withLock(await lockOf(bare), async () => {
      await makeBare(bare);
      await writeFile(join(bare, 'objects', 'info', 'alternates'), `${objects}\n`);
    });
    return bare;
  }

  function mirrorOf(url: string): string {
    return join(cacheDir, `${hashOf(url)}.git`);
  }

  async function lockOf(repository: string): Promise<string> {
    await mkdir(cacheDir, { recursive: true });
    return `${repository}.lock`;
  }

  const failed = (source: string) => (err: unknown) => {
    log.warn({ source: shown(source), err }, 'a source could not be read');
    return unavailable(err instanceof SourceError ? err.message : 'Reading it failed.', err);
  };
  return {
    archive,
    resolve: (source, ref) => resolve(source, ref).catch(failed(source)),
    pin: (source, sha) => onGitHub.pin(source, sha).catch(failed(source)),
    file,
    standing: onGitHub.standing,
    changed: onGitHub.changed,
    isOnBranch: onGitHub.isOnBranch,
  };
}

/** The repository around a folder; null: there is none, or no git on this machine. */
async function repositoryOf(folder: string): Promise<{ prefix: string; objects: string } | null> {
  const ask = ['rev-parse', '--path-format=absolute', '--show-prefix', '--git-path', 'objects'];
  const found = await git(['-C', folder, ...ask]);
  if (!found.ok) return null;
  const [prefix = '', objects = ''] = found.out.split('\n');
  return { prefix: prefix.replace(/\/$/, ''), objects };
}

function treeOf(sha: string, prefix: string): string {
  return prefix === '' ? sha : `${sha}:${prefix}`;
}

/** `https://...`, `file:///...`, or `git@host:path`. */
function isUrl(source: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(source) || /^[\w.-]+@[\w.-]+:[^:]/.test(source);
}

/** A source without the password that a URL may hold. */
function shown(source: string): string {
  return source.replace(/\/\/[^/@\s]*@/, '//');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
