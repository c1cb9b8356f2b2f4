import { lstat, readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { git } from './run-git.ts';

const largestFile = 1024 * 1024;

type Blob = { ok: true; text: string | null } | { ok: false; reason: string };

/** A plain file of a commit or tree; null: there is none such, or it is something else. `inGit`: how git finds the repository. */
export async function readBlob(inGit: string[], tree: string, path: string): Promise<Blob> {
  // A link would lead anywhere, also out of the repository. A name is no pattern here.
  const listed = await git([...inGit, '--literal-pathspecs', 'ls-tree', '-z', '-l', tree, '--', path]);
  if (!listed.ok) return { ok: false, reason: listed.said };
  const [, hash, size] = /^100(?:644|755) blob ([0-9a-f]+) +(\d+)\t/.exec(listed.out) ?? [];
  if (hash === undefined) return { ok: true, text: null };
  if (Number(size) > largestFile) return tooLarge(path);
  const read = await git([...inGit, 'cat-file', 'blob', hash]);
  return read.ok ? { ok: true, text: read.out } : { ok: false, reason: read.said };
}

/** The same of a folder that was copied. */
export async function readPlain(folder: string, path: string): Promise<Blob> {
  const file = join(folder, path);
  const found = await lstat(file).catch(() => null);
  if (!found?.isFile()) return { ok: true, text: null };
  // Through a folder that is a link.
  const [root, real] = await Promise.all([realpath(folder), realpath(file)]);
  if (!real.startsWith(root + sep)) return { ok: true, text: null };
  if (found.size > largestFile) return tooLarge(path);
  return { ok: true, text: await readFile(real, 'utf8') };
}

function tooLarge(path: string): Blob {
  return { ok: false, reason: `${path} has more than ${largestFile} bytes.` };
}
