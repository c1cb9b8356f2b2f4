import { type CheckConclusion, type CommitCheck, conclusions } from './check.ts';
import { mostMarkedRuns } from './check-mark.ts';
import type { FileProblem } from './file-problem.ts';
import { counted } from './format.ts';
import { type Inline, type Reply, reply } from './reply.ts';
import { type RuleButton, repositoryFileName } from './repository-file.ts';
import { isEnd, isOnMachine, type Run } from './run.ts';
import { titleOf } from './run-reply.ts';

/** A commit that is or was the head of a pull request, as far as it was looked at. */
export interface ProposedHead {
  pull: number;
  /** What is wrong with the `.signalbox.yml` that it proposes; null: it proposes none. */
  problems: readonly FileProblem[] | null;
  /** Those of the rules that its base branch has. */
  buttons: readonly RuleButton[];
}

/** The name that branch protection can ask for. It never changes. */
const summaryName = 'signalbox';

/** From the worst on: the first that a run has come to says how all went. */
const order: readonly CheckConclusion[] = ['failure', 'timed_out', 'cancelled', 'success'];

/**
 * One check for all that was asked for at a commit: of each project its newest run counts. Without one it is neutral, which branch
 * protection lets through.
 */
export function headSummary(
  sha: string,
  head: Pick<ProposedHead, 'problems' | 'buttons'> | null,
  runs: readonly Run[],
): { check: CommitCheck; content: Reply } {
  const newest = newestOfEach(runs);
  const problems = head?.problems ?? [];
  const { status, conclusion } = stateOf(newest, problems.length > 0);
  const broken = `${repositoryFileName} has ${counted(problems.length, 'problem')}`;
  const said = newest.map(titleOf);
  const titles = [...(problems.length > 0 ? [broken] : []), ...said];
  const items: Inline[][] = [
    ...(problems.length > 0 ? [[`${broken}. Its own check shows where.`]] : []),
    ...said.map(text => [text]),
  ];
  const older = runs.length - newest.length;
  const content = reply(titles.join(', ') || 'Nothing was asked for', [
    items.length > 0
      ? { kind: 'list', items }
      : {
          kind: 'text',
          text: ['No run of this commit was asked for. To ask for one, say ', { command: 'train' }, ' here.'],
        },
    ...(older > 0
      ? [
          {
            kind: 'context' as const,
            text: [`Of each project its newest run counts; ${counted(older, 'older run')} not.`],
          },
        ]
      : []),
  ]);
  return {
    content,
    check: {
      name: summaryName,
      sha,
      status,
      conclusion,
      annotations: [],
      buttons: [...(head?.buttons ?? [])],
      runs: endedAt(runs).map(run => run.number),
    },
  };
}

/** Of the runs of a commit those that are repeated with it: of each project the newest, where it has ended. The newest first. */
export function endedAt(runs: readonly Run[]): Run[] {
  return newestOfEach(runs)
    .filter(run => isEnd(run.state))
    .slice(0, mostMarkedRuns);
}

function stateOf(newest: readonly Run[], isBroken: boolean): Pick<CommitCheck, 'status' | 'conclusion'> {
  // Whatever the runs come to, it stays so.
  if (isBroken) return { status: 'completed', conclusion: 'failure' };
  if (newest.some(run => isOnMachine(run.state))) return { status: 'in_progress', conclusion: null };
  if (newest.some(run => !isEnd(run.state))) return { status: 'queued', conclusion: null };
  const reached = newest.map(run => conclusions[run.state]);
  return { status: 'completed', conclusion: order.find(one => reached.includes(one)) ?? 'neutral' };
}

function newestOfEach(runs: readonly Run[]): Run[] {
  const byProject = new Map<string, Run>();
  for (const run of runs) {
    const known = byProject.get(run.spec.project);
    if (!known || known.number < run.number) byProject.set(run.spec.project, run);
  }
  return [...byProject.values()].sort((a, b) => b.number - a.number);
}
