import type { CommitCheck } from './check.ts';
import type { FileProblem } from './file-problem.ts';
import { cleanLine, counted } from './format.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from './reply.ts';
import { repositoryFileName } from './repository-file.ts';

const shownProblems = 20;
const shownWords = 12;
const shownLine = 500;
/** GitHub takes no more in one call. */
const mostAnnotations = 50;

/** Where what is said of a file is true: in a proposal, or on a branch already. */
export type FileAt = { kind: 'proposed'; sha: string } | { kind: 'merged'; sha: string; branch: string };

/** What is said at the pull request that brings a file with problems. */
export function brokenFileReply(problems: readonly FileProblem[], at: FileAt): Reply {
  const where = at.kind === 'merged' ? `on ${at.branch}` : 'of this pull request';
  const what =
    at.kind === 'merged'
      ? 'Until it is corrected there, what is merged starts nothing, and nothing is trained at pull requests into it.'
      : 'Correct it and push: nothing of it counts before it is merged, and with problems it would start nothing then.';
  return reply(
    `${repositoryFileName} ${where} has ${counted(problems.length, 'problem')}`,
    [...problemBlocks(problems), { kind: 'text', text: [what] }, atCommit(at.sha)],
    { audience: 'place', tone: 'failure' },
  );
}

/** The same once it is mended. `left`: the pull request leaves the file alone now. */
export function mendedFileReply(sha: string, left: boolean): Reply {
  const title = left
    ? `This pull request leaves ${repositoryFileName} as it is`
    : `${repositoryFileName} of this pull request is fine now`;
  const text = left ? 'What it brought before is gone.' : 'It counts once it is merged.';
  return reply(title, [{ kind: 'text', text: [text] }, atCommit(sha)], {
    audience: 'place',
    tone: 'success',
  });
}

/** The check of a proposed file, at its commit. */
export function fileCheck(
  sha: string,
  problems: readonly FileProblem[],
): { check: CommitCheck; content: Reply } {
  const isFine = problems.length === 0;
  const content = isFine
    ? reply('It is fine', [{ kind: 'text', text: ['It counts once it is merged.'] }], { tone: 'success' })
    : reply(counted(problems.length, 'problem'), problemBlocks(problems), { tone: 'failure' });
  return {
    content,
    check: {
      name: repositoryFileName,
      sha,
      status: 'completed',
      conclusion: isFine ? 'success' : 'failure',
      annotations: problems.slice(0, mostAnnotations).map(problem => ({
        path: repositoryFileName,
        line: problem.line,
        message: cleanLine(`Column ${problem.column}: ${sentenceOf(problem)}`, shownLine),
      })),
      buttons: [],
      runs: [],
    },
  };
}

function problemBlocks(problems: readonly FileProblem[]): ReplyBlock[] {
  const left = problems.length - shownProblems;
  const items = problems.slice(0, shownProblems).map((problem): Inline[] => {
    const { line, column } = problem;
    return [{ bold: `Line ${line}, column ${column}:` }, ` ${cleanLine(sentenceOf(problem), shownLine)}`];
  });
  return [{ kind: 'list', items: [...items, ...(left > 0 ? [[`and ${left} more`]] : [])] }];
}

function sentenceOf({ word, reason, nearest, allowed = [] }: FileProblem): string {
  const more = allowed.length > shownWords ? ', ...' : '';
  const may = allowed.length > 0 ? ` It may be ${allowed.slice(0, shownWords).join(', ')}${more}.` : '';
  return `${word}: ${reason}${nearest ? ` Did you mean ${nearest}?` : ''}${may}`;
}

function atCommit(sha: string): ReplyBlock {
  return { kind: 'context', text: ['At ', { code: sha.slice(0, 7) }, '.'] };
}
