import type { GitHubPlace } from '../core/actor.ts';
import { brokenFileReply, mendedFileReply } from '../core/file-reply.ts';
import type { RepositoryStore, SourcePort } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';
import type { PullRequest } from '../core/repository-event.ts';
import { repositoryFileName, ruleButtons } from '../core/repository-file.ts';
import { type FilePorts, fileAt } from './repository-files.ts';

interface Ports extends FilePorts {
  repositories: Pick<RepositoryStore, 'found'>;
  source: Pick<SourcePort, 'file' | 'changed'>;
}

interface Proposed {
  source: string;
  /** The commit that its base branch is at. */
  base: string;
  pull: PullRequest;
  place: GitHubPlace;
  at: Date;
}

/**
 * A pull request has another head. Where it changes `.signalbox.yml`, whoever wrote that is told what is wrong with it. It is only read, also
 * that of a fork. Both commits must be kept. With a file in the base branch, the head has a check that sums up what is asked for there.
 */
export async function fileProposed(
  { source, base, pull, place, at }: Proposed,
  policy: Policy,
  own: readonly string[],
  ports: Ports,
): Promise<void> {
  const { head } = pull;
  const [before, now] = await Promise.all([
    fileAt(source, base, policy, own, ports),
    (await isChanged(source, base, head.sha, ports))
      ? fileAt(source, head.sha, policy, own, ports)
      : undefined,
  ]);
  const problems = now === undefined ? null : now === null || now.ok ? [] : now.problems;
  const isBroken = problems !== null && problems.length > 0;
  const content = isBroken
    ? brokenFileReply(problems, { kind: 'proposed', sha: head.sha })
    : mendedFileReply(head.sha, problems === null);
  await ports.repositories.found({
    ...{ place, sha: head.sha, at, problems },
    buttons: before?.ok ? ruleButtons(before.value) : [],
    isSummed: before !== null,
    comment: { content, isChange: !isBroken },
  });
}

async function isChanged(source: string, base: string, head: string, ports: Ports): Promise<boolean> {
  const [before, now] = await Promise.all(
    [base, head].map(one => ports.source.file(source, one, repositoryFileName)),
  );
  if (before?.id === now?.id && before?.isPlain === now?.isPlain) return false;
  // The base may have moved on since. Where the two have nothing in common, all of it is a change.
  const paths = await ports.source.changed(source, base, head, 'fork').catch(() => null);
  return paths === null || paths.includes(repositoryFileName);
}
