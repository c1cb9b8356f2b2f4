import { failingLine } from './failures/failing-line.ts';
import { cleanLine } from './format.ts';
import type { RuleButton } from './repository-file.ts';
import { isEnd, isLease, isOnMachine, type Run, type RunState } from './run.ts';

export type CheckConclusion = 'success' | 'failure' | 'cancelled' | 'timed_out' | 'neutral';
/** What can be pressed on a check run. */
export type CheckButton = 'cancel' | 'rerun' | 'promote';

export interface CheckAnnotation {
  path: string;
  line: number;
  message: string;
}

/** What GitHub shows beside a commit. */
export type Check = RunCheck | CommitCheck;

/** What is said of a commit as a whole. */
export interface CommitCheck {
  name: string;
  sha: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: CheckConclusion | null;
  annotations: CheckAnnotation[];
  buttons: RuleButton[];
  /** Those that are repeated with it. */
  runs: number[];
}

/** A run beside the commit that it runs. */
export interface RunCheck {
  run: number;
  name: string;
  sha: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: CheckConclusion | null;
  startedAt: string | null;
  endedAt: string | null;
  /** The line that failed, where the log shows one. */
  annotation: CheckAnnotation | null;
  buttons: CheckButton[];
}

/** What the end of a run is on GitHub. */
export const conclusions: Partial<Record<RunState, CheckConclusion>> = {
  succeeded: 'success',
  failed: 'failure',
  cancelled: 'cancelled',
  'timed-out': 'timed_out',
};
const shownMessage = 500;

/** `isPromotable`: it made versions that can be promoted. Null where there is nothing to show it at: a run that was not asked for at a pull request, or a project that is not in Git. */
export function checkOf(run: Run, isPromotable = false): RunCheck | null {
  const { number, spec, state, place, startedAt, endedAt } = run;
  if (
    place.kind !== 'github' ||
    !place.pull ||
    isLease(run) ||
    !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(spec.sha)
  )
    return null;
  const ended = isEnd(state);
  return {
    run: number,
    // Two runs of one commit are two checks, so that neither hides the other.
    name: `${spec.project} (run ${number})`,
    sha: spec.sha,
    status: ended ? 'completed' : isOnMachine(state) ? 'in_progress' : 'queued',
    conclusion: conclusions[state] ?? null,
    startedAt: startedAt?.toISOString() ?? null,
    endedAt: endedAt?.toISOString() ?? null,
    annotation: ended ? annotationOf(run) : null,
    buttons: ended
      ? [...(isPromotable ? ['promote' as const] : []), 'rerun']
      : run.stopping
        ? []
        : ['cancel'],
  };
}

/** The innermost line of the project's own code in the traceback at the log's end. */
function annotationOf({ number, failure }: Run): RunCheck['annotation'] {
  const found = failure && failingLine(failure.lines, number);
  if (!found) return null;
  const { lines, message } = failure;
  const last = lines.findLast(line => line.trim() !== '')?.trim() ?? '';
  return {
    ...found,
    message: cleanLine(message.includes(last) ? message : `${message} ${last}`, shownMessage),
  };
}
