import type { FileProblem } from '../core/file-problem.ts';
import type { SourcePort } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import { longestRepositoryFile, type RepositoryFile, repositoryFileName } from '../core/repository-file.ts';

export type RepositoryFileRead =
  | { ok: true; value: RepositoryFile }
  | { ok: false; problems: readonly FileProblem[] };
export type ReadRepositoryFile = (text: string, policy: Policy, own: readonly string[]) => RepositoryFileRead;

export interface FilePorts {
  source: Pick<SourcePort, 'file'>;
  readFile: ReadRepositoryFile;
}

/** What files were found to say under a policy: the same text says the same as long as that stands. */
const known = new WeakMap<Policy, Map<string, RepositoryFileRead>>();
const mostKnown = 200;

/** What `.signalbox.yml` says at a commit that is kept; null: there is none. `own`: the projects that it may speak of. */
export async function fileAt(
  source: string,
  sha: string,
  policy: Policy,
  own: readonly string[],
  { source: sources, readFile }: FilePorts,
): Promise<RepositoryFileRead | null> {
  const file = await sources.file(source, sha, repositoryFileName);
  if (!file) return null;
  if (!file.isPlain) return unreadable('It is a link or a folder, and must be a plain file.');
  if (file.size > longestRepositoryFile)
    return unreadable(`It has more than ${longestRepositoryFile} bytes.`);
  const key = [file.id, ...own].join(' ');
  const reads = known.get(policy) ?? new Map<string, RepositoryFileRead>();
  known.set(policy, reads);
  const before = reads.get(key);
  if (before) return before;
  const read = readFile(await file.text(), policy, own);
  const [oldest] = reads.keys();
  if (reads.size >= mostKnown && oldest !== undefined) reads.delete(oldest);
  reads.set(key, read);
  return read;
}

function unreadable(reason: string): RepositoryFileRead {
  return { ok: false, problems: [{ line: 1, column: 1, word: 'the file', reason }] };
}
