import { type Actor, actorKey, type Place } from './actor.ts';
import { formatDuration, secondsBetween } from './format.ts';
import type { ParameterValue, Priority } from './project.ts';
import type { Trigger } from './secret.ts';

/**
 * The life of a run:
 * `requested -> (awaiting-approval) -> queued -> starting -> running -> succeeded | failed | cancelled | timed-out`;
 * `preempted` and `lost` lead back to `queued` while attempts are left, else to `failed`.
 */
export const runStates = [
  'requested',
  'awaiting-approval',
  'queued',
  'starting',
  'running',
  'preempted',
  'lost',
  'succeeded',
  'failed',
  'cancelled',
  'timed-out',
] as const;
export type RunState = (typeof runStates)[number];

export const endStates = [
  'succeeded',
  'failed',
  'cancelled',
  'timed-out',
] as const satisfies readonly RunState[];
export type EndState = (typeof endStates)[number];

/** Every arrow of the life above. A test holds the transitions below to it. */
export const legalMoves = {
  requested: ['awaiting-approval', 'queued', 'cancelled'],
  'awaiting-approval': ['queued', 'cancelled'],
  queued: ['starting', 'cancelled'],
  starting: ['running', 'succeeded', 'failed', 'cancelled', 'timed-out', 'preempted', 'lost'],
  running: ['succeeded', 'failed', 'cancelled', 'timed-out', 'preempted', 'lost'],
  preempted: ['queued', 'failed', 'cancelled'],
  lost: ['queued', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
  'timed-out': [],
} as const satisfies Record<RunState, readonly RunState[]>;

export const failureClasses = [
  'code-error',
  'out-of-memory',
  'start-error',
  'node-lost',
  'time-limit',
  'killed',
] as const;
export type FailureClass = (typeof failureClasses)[number];

/** Why an attempt is being stopped by Signalbox; a reason further left overrules one further right. */
export const stopReasons = ['cancel', 'time-limit', 'preempt'] as const;
export type StopReason = (typeof stopReasons)[number];

/** `lease`: a person holds accelerators, and nothing is trained. */
export const runKinds = ['train', 'lease'] as const;
export type RunKind = (typeof runKinds)[number];

/** What was asked for, pinned when it was asked: what was approved is what runs. Never changes. */
export interface RunSpec {
  /** `train` when absent. */
  kind?: RunKind;
  project: string;
  team: string;
  source: string;
  ref: string;
  /** Commit, or `sha256:...` of the content where the project is not in a Git repository. */
  sha: string;
  /** The command with the parameters filled in: argv, or one string for `/bin/sh -c` when `shell`. */
  command: string[];
  shell: boolean;
  environment: Record<string, string>;
  parameters: Record<string, ParameterValue>;
  /** Accelerators; 0 means one CPU slot. */
  gpus: number;
  /** Wanted accelerator model (matched as a case-insensitive part of its name), or any. */
  gpuModel: string | null;
  pool: string;
  /** As asked for; `timeLimitOf` a run has what was granted since. */
  timeLimitS: number;
  graceS: number;
  maxAttempts: number;
  note: string;
  primaryMetric: string | null;
  /** Run that this one repeats. */
  retryOf: number | null;
  /** What set it off. */
  trigger: Trigger;
  /** Names of the secrets that it may see; never a value. */
  secrets: string[];
}

export interface Failure {
  class: FailureClass;
  /** One sentence for people. */
  message: string;
  /** The end of the log. */
  lines: string[];
}

/** Why a run waits, in one sentence with numbers. `cost`: what somebody is asked to approve. */
export interface Waiting {
  code: string;
  sentence: string;
  cost?: number | undefined;
}

export interface Approval {
  /** In the currency of the policy. */
  cost: number;
  by: Actor;
  at: Date;
}

export interface Run {
  number: number;
  spec: RunSpec;
  state: RunState;
  priority: Priority;
  requestedBy: Actor;
  place: Place;
  /** 0 before the first start. */
  attempt: number;
  /** Seconds granted beyond the time limit that was asked for. */
  extraS: number;
  /** Set while an attempt is being stopped. */
  stopping: StopReason | null;
  /** Who asked for the stop. */
  stoppedBy: Actor | null;
  /** Why it waits, in one sentence with numbers; null when it does not wait. */
  waiting: Waiting | null;
  /** The most that it may cost by somebody's word; null: nobody was asked. */
  approval: Approval | null;
  exitCode: number | null;
  failure: Failure | null;
  createdAt: Date;
  queuedAt: Date | null;
  startedAt: Date | null;
  endedAt: Date | null;
}

/** States that a change leads to; the others are where a run begins. */
type ReachedState = Exclude<RunState, 'requested' | 'awaiting-approval'>;

export interface RunEvent {
  type: 'requested' | 'stopping' | 'extended' | 'approved' | 'bumped' | ReachedState;
  from: RunState;
  to: RunState;
  actor: Actor;
  /** One sentence. */
  reason: string;
  at: Date;
  attempt: number;
}

/** What an engine saw of the end of an attempt. `stopped` says that Signalbox ended it, and why. */
export interface Exit {
  code: number | null;
  signal: string | null;
  stopped: StopReason | null;
  /** Set when the command never ran or the machine knows better than the exit code. */
  failure: Pick<Failure, 'class' | 'message'> | null;
  lines: string[];
  at: Date;
}

export type RunChange =
  | { type: 'queue'; actor: Actor; reason: string }
  | { type: 'start'; actor: Actor; reason: string }
  | { type: 'running'; attempt: number; at: Date }
  | { type: 'exited'; attempt: number; exit: Exit }
  | { type: 'lost'; attempt: number; reason: string }
  | { type: 'stop'; actor: Actor; why: StopReason; reason: string }
  /** More time. `key`: of the wish, which counts once however often it arrives. `mostS`: what the whole may come to; null: any. */
  | { type: 'extend'; actor: Actor; key: string; byS: number; mostS: number | null }
  /** It may cost so much. */
  | { type: 'approve'; actor: Actor; cost: number; sentence: string }
  | { type: 'bump'; actor: Actor; priority: Priority };

export type Transition =
  | { ok: true; run: Run; events: RunEvent[] }
  /**
   * None of these changes anything. `stale`: it speaks of another attempt, of what is already so or cannot be now; `ended`: the run is
   * over; `too-much`: more than may be granted.
   */
  | { ok: false; code: 'stale' | 'ended' | 'too-much' };

export function isEnd(state: RunState): state is EndState {
  return (endStates as readonly RunState[]).includes(state);
}

export function isLease({ spec }: Pick<Run, 'spec'>): boolean {
  return spec.kind === 'lease';
}

/** What people are told of at once; all else about a run is how far it is. */
export function stageOf({ state, stopping }: Run): string {
  return stopping ? `${state} ${stopping}` : state;
}

/** Whether an attempt exists or may exist on a machine. */
export function isOnMachine(state: RunState): boolean {
  return state === 'starting' || state === 'running';
}

/** Seconds that each attempt may take, with all extensions. */
export function timeLimitOf({ spec, extraS }: Pick<Run, 'spec' | 'extraS'>): number {
  return spec.timeLimitS + extraS;
}

/**
 * The only way in which a run changes: the run as it is and what happened, to the run as it becomes and what to record.
 * Repeating a change, or a change from an earlier attempt, answers `stale` and is harmless.
 */
export function transition(run: Run, change: RunChange, now: Date, actor: Actor): Transition {
  if (isEnd(run.state)) return { ok: false, code: 'ended' };
  const { events, move } = recorder(now, actor);
  switch (change.type) {
    case 'queue': {
      if (!canMove(run.state, 'queued')) return { ok: false, code: 'stale' };
      return { ok: true, run: move(run, 'queued', change.reason, { queuedAt: now }, change.actor), events };
    }
    case 'start': {
      if (run.state !== 'queued') return { ok: false, code: 'stale' };
      const fresh = {
        attempt: run.attempt + 1,
        waiting: null,
        startedAt: null,
        exitCode: null,
        failure: null,
      };
      return { ok: true, run: move(run, 'starting', change.reason, fresh, change.actor), events };
    }
    case 'running': {
      if (run.state !== 'starting' || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      return {
        ok: true,
        run: move(run, 'running', 'The command started.', { startedAt: change.at }),
        events,
      };
    }
    case 'exited': {
      if (!isOnMachine(run.state) || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      return { ok: true, run: ended(run, change.exit, move, now), events };
    }
    case 'lost': {
      if (!isOnMachine(run.state) || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      return {
        ok: true,
        run: backToQueue(move(run, 'lost', change.reason, {}), 'node-lost', change.reason, move, now),
        events,
      };
    }
    case 'stop': {
      if (!isOnMachine(run.state)) {
        // Only an attempt has a time limit or holds what another run needs.
        if (change.why !== 'cancel') return { ok: false, code: 'stale' };
        const cancelled = endOf(now, change.actor);
        return { ok: true, run: move(run, 'cancelled', change.reason, cancelled, change.actor), events };
      }
      if (run.stopping && stopReasons.indexOf(run.stopping) <= stopReasons.indexOf(change.why))
        return { ok: false, code: 'stale' };
      const stopping: Run = { ...run, stopping: change.why, stoppedBy: change.actor };
      events.push({
        type: 'stopping',
        from: run.state,
        to: run.state,
        actor: change.actor,
        reason: change.reason,
        at: now,
        attempt: run.attempt,
      });
      return { ok: true, run: stopping, events };
    }
    case 'extend': {
      // What waits has used none of its time, and what is being stopped can no longer be saved.
      if (!isOnMachine(run.state) || run.stopping) return { ok: false, code: 'stale' };
      const extended: Run = { ...run, extraS: run.extraS + change.byS };
      const limitS = timeLimitOf(extended);
      if (change.mostS !== null && limitS > change.mostS) return { ok: false, code: 'too-much' };
      events.push({
        type: 'extended',
        from: run.state,
        to: run.state,
        actor: change.actor,
        reason: `${change.actor.name} gave it ${formatDuration(change.byS)} more, ${formatDuration(limitS)} in all.`,
        at: now,
        attempt: run.attempt,
      });
      return { ok: true, run: extended, events };
    }
    case 'approve': {
      if (isOnMachine(run.state) || (run.approval && run.approval.cost >= change.cost))
        return { ok: false, code: 'stale' };
      const { actor: by, cost } = change;
      // Why it waited is no longer true; the next plan says what is.
      const approved: Run = { ...run, approval: { cost, by, at: now }, waiting: null };
      events.push(staying(run, 'approved', by, change.sentence, now));
      return { ok: true, run: approved, events };
    }
    case 'bump': {
      if (run.priority === change.priority) return { ok: false, code: 'stale' };
      const reason = `${change.actor.name} changed its priority from ${run.priority} to ${change.priority}.`;
      events.push(staying(run, 'bumped', change.actor, reason, now));
      return { ok: true, run: { ...run, priority: change.priority }, events };
    }
  }
}

/** What happened to a run that stays in its state. */
function staying(run: Run, type: RunEvent['type'], actor: Actor, reason: string, at: Date): RunEvent {
  return { type, from: run.state, to: run.state, actor, reason, at, attempt: run.attempt };
}

type Move = (run: Run, to: ReachedState, reason: string, changes: Partial<Run>, by?: Actor) => Run;

function canMove(from: RunState, to: RunState): boolean {
  return (legalMoves[from] as readonly RunState[]).includes(to);
}

function recorder(now: Date, actor: Actor): { events: RunEvent[]; move: Move } {
  const events: RunEvent[] = [];
  const move: Move = (run, to, reason, changes, by = actor) => {
    const next: Run = { ...run, ...changes, state: to };
    events.push({ type: to, from: run.state, to, actor: by, reason, at: now, attempt: next.attempt });
    return next;
  };
  return { events, move };
}

function endOf(now: Date, stoppedBy: Actor | null = null): Partial<Run> {
  return { endedAt: now, stopping: null, waiting: null, ...(stoppedBy ? { stoppedBy } : {}) };
}

function ended(run: Run, exit: Exit, move: Move, now: Date): Run {
  const end: Partial<Run> = { ...endOf(exit.at), exitCode: exit.code };
  // What Signalbox ended says nothing by its exit code, or by what the machine made of that.
  if (isLease(run) && (exit.stopped === 'time-limit' || (exit.stopped === 'cancel' && isGivenBack(run))))
    return move(
      run,
      'succeeded',
      exit.stopped === 'cancel' ? 'The lease was released.' : 'The lease ended.',
      end,
    );
  if (exit.stopped === 'cancel') return move(run, 'cancelled', 'It was stopped on request.', end);
  if (exit.stopped === 'time-limit') {
    const message = outOfTime(run, exit);
    return move(run, 'timed-out', message, {
      ...end,
      failure: { class: 'time-limit', message, lines: exit.lines },
    });
  }
  if (exit.stopped === 'preempt') {
    const reason = 'It was stopped for another run.';
    return backToQueue(move(run, 'preempted', reason, {}), 'killed', reason, move, now, exit);
  }
  if (exit.failure)
    return move(run, 'failed', exit.failure.message, {
      ...end,
      failure: { ...exit.failure, lines: exit.lines },
    });
  // A command that ended by itself with 0 before the signal reached it has succeeded, whoever wanted it stopped.
  if (exit.code === 0) return move(run, 'succeeded', 'The command ended with exit code 0.', end);
  const message = endingOf(exit);
  const failure: Failure = {
    class: exit.code === null ? 'killed' : 'code-error',
    message,
    lines: exit.lines,
  };
  return move(run, 'failed', message, { ...end, failure });
}

/** Whether whoever holds a lease has let go of it themselves. */
function isGivenBack({ stoppedBy, requestedBy }: Run): boolean {
  return stoppedBy !== null && actorKey(stoppedBy) === actorKey(requestedBy);
}

/** By how much a clock may have been set while a run went on, in seconds. */
const clockSlackS = 5;

/** An extension that its machine did not hear of in time has not helped it. */
function outOfTime(run: Run, exit: Exit): string {
  const limitS = timeLimitOf(run);
  const ranS = run.startedAt ? secondsBetween(run.startedAt, exit.at) : limitS;
  if (run.extraS > 0 && ranS < limitS - clockSlackS)
    return `It was stopped after ${formatDuration(Math.round(ranS))}: its machine did not hear in time that it may take ${formatDuration(limitS)}.`;
  return `It ran longer than its time limit of ${formatDuration(limitS)} and was stopped.`;
}

function endingOf(exit: Exit): string {
  if (exit.signal) return `The command was ended by ${exit.signal}.`;
  return exit.code === null
    ? 'The command ended, and how is not known.'
    : `The command ended with exit code ${exit.code}.`;
}

/** After an attempt that ended through no fault of the command. */
function backToQueue(
  run: Run,
  failureClass: FailureClass,
  reason: string,
  move: Move,
  now: Date,
  exit?: Exit,
): Run {
  const end: Partial<Run> = { ...endOf(exit?.at ?? now), exitCode: exit?.code ?? null };
  if (run.stopping === 'cancel')
    return move(run, 'cancelled', 'It was to be stopped on request and does not start again.', end);
  const { attempt } = run;
  const most = run.spec.maxAttempts;
  if (attempt < most) {
    const sentence = `Attempt ${attempt} of ${most} is over; it waits to start again from its checkpoint.`;
    return move(run, 'queued', sentence, { queuedAt: now, startedAt: null, stopping: null, stoppedBy: null });
  }
  const message = `${reason} It had ${attempt} of ${most} attempts.`;
  return move(run, 'failed', message, {
    ...end,
    failure: { class: failureClass, message, lines: exit?.lines ?? [] },
  });
}
