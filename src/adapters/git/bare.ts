import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resolved } from '../../core/ports.ts';
import { type Credential, type GitResult, git } from './run-git.ts';

/** Appears whole or not at all. What a commit says of archives (`export-ignore`, `export-subst`) is left aside: a run gets all files. */
export async function makeBare(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const draft = await mkdtemp(`${path}.draft-`);
  const made = await git(['init', '--quiet', '--bare', '--template=', draft]);
  if (!made.ok) throw new Error(`git init failed: ${made.said}`);
  await mkdir(join(draft, 'info'), { recursive: true });
  await mkdir(join(draft, 'objects', 'info'), { recursive: true });
  await writeFile(join(draft, 'info', 'attributes'), '* -export-ignore -export-subst\n');
  await rename(draft, path).finally(() => rm(draft, { recursive: true, force: true }));
}

/** To be called under the mirror's lock: lock files of a git that was killed are then nobody's. */
export async function fetchInto(
  mirror: string,
  url: string,
  specs: string[],
  credential: Credential | null = null,
): Promise<GitResult> {
  const options = ['--quiet', '--prune', '--no-tags', '--no-write-fetch-head'];
  const fetching = () => git([`--git-dir=${mirror}`, 'fetch', ...options, '--', url, ...specs], credential);
  const fetched = await fetching();
  if (fetched.ok || !/\.lock': File exists/.test(fetched.said)) return fetched;
  const names = await readdir(mirror, { recursive: true });
  for (const name of names.filter(one => one.endsWith('.lock')))
    await rm(join(mirror, name), { force: true });
  return fetching();
}

/** Keeps a commit that runs were promised, also when its branch is rewritten. */
export async function pin(repository: string[], resolved: Resolved): Promise<Resolved> {
  if (resolved.ok)
    await git([...repository, 'update-ref', `refs/signalbox/pins/${resolved.sha}`, resolved.sha]);
  return resolved;
}

export async function holds(repository: string[], tree: string): Promise<boolean> {
  const type = await git([...repository, 'cat-file', '-t', tree]);
  return type.ok && (type.out === 'tree' || type.out === 'commit');
}

export function whyNotFetched(failed: Extract<GitResult, { ok: false }>): string {
  if (failed.missing) return 'There is no git on the machine where Signalbox runs.';
  if (failed.timedOut) return 'Its server did not answer within a minute.';
  return `git could not fetch it: ${failed.said.replace(/\.$/, '')}.`;
}

export function unavailable(reason: string, cause?: unknown): Resolved {
  return { ok: false, code: 'unavailable', reason, ...(cause === undefined ? {} : { cause }) };
}

/** Why a source cannot be read, in words for those who asked. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
}
