import { createHash } from 'node:crypto';
import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { SourceFile } from '../../core/ports.ts';
import { git } from './run-git.ts';

const largestFile = 1024 * 1024;

/**
 * What stands under a name in a commit or tree; null: nothing. `inGit`: how git finds the repository. `fail` throws with the reason, also
 * where something is read that is no plain file or larger than 1 MiB.
 */
export async function fileIn(
  inGit: string[],
  tree: string,
  path: string,
  fail: (reason: string) => Error,
): Promise<SourceFile | null> {
  // A name is no pattern here.
  const listed = await git([...inGit, '--literal-pathspecs', 'ls-tree', '-z', '-l', tree, '--', path]);
  if (!listed.ok) throw fail(listed.said);
  const [, mode = '', id, size] =
    /^(\d{6}) (?:blob|tree|commit) ([0-9a-f]+) +(\d+|-)\t/.exec(listed.out) ?? [];
  if (id === undefined) return null;
  const isPlain = /^100(?:644|755)$/.test(mode);
  return {
    id,
    isPlain,
    size: Number(size) || 0,
    async text() {
      if (!isPlain || Number(size) > largestFile) throw fail(`${path} is not to be read.`);
      const read = await git([...inGit, 'cat-file', 'blob', id]);
      if (!read.ok) throw fail(read.said);
      return read.out;
    },
  };
}

/** The same of a folder that was copied and does not change. */
export async function fileOf(
  folder: string,
  path: string,
  fail: (reason: string) => Error,
): Promise<SourceFile | null> {
  const file = join(folder, path);
  const found = await lstat(file).catch(() => null);
  if (!found) return null;
  // Through a folder that is a link, too.
  const [root, real] = await Promise.all([realpath(folder), realpath(file).catch(() => '')]);
  const isPlain = found.isFile() && real.startsWith(root + sep);
  const id = createHash('sha1').update(`${folder} ${path}`).digest('hex');
  return {
    id,
    isPlain,
    size: found.size,
    async text() {
      if (!isPlain || found.size > largestFile) throw fail(`${path} is not to be read.`);
      return await readFile(real, 'utf8');
    },
  };
}
