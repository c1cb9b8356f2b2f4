import type { FileProblem } from '../core/file-problem.ts';
import type { Policy } from '../core/policy.ts';
import {
  longestRepositoryFile,
  type RepositoryFile,
  repositoryFileProblems,
  repositoryFileSchema,
} from '../core/repository-file.ts';
import { cronProblem } from './cron.ts';
import { readYaml } from './yaml-file.ts';

/**
 * Reads the text of a `.signalbox.yml`: what it says, or all that is wrong with it. `own`: the projects that the repository may speak of.
 * Nothing of what is read needs to be trusted.
 */
export function readRepositoryFile(
  text: string,
  policy: Pick<Policy, 'projects' | 'environments' | 'models' | 'targets' | 'teams'>,
  own: readonly string[],
): { ok: true; value: RepositoryFile } | { ok: false; problems: [FileProblem, ...FileProblem[]] } {
  if (text.length > longestRepositoryFile) {
    const reason = `It has more than ${longestRepositoryFile} characters.`;
    return { ok: false, problems: [{ line: 1, column: 1, word: 'the file', reason }] };
  }
  return readYaml(text, repositoryFileSchema, file => [
    ...repositoryFileProblems(file, policy, own, cronProblem),
  ]);
}
