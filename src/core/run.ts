import { type Actor, actorKey, type Place } from './actor.ts';
import type { Alert } from './alerts/alert-keys.ts';
import { failureOf } from './failures/failure-of.ts';
import { counted, formatDuration, secondsBetween } from './format.ts';
import type { Compare, MetricKeys } from './metric-keys.ts';
import type { ParameterValue, Priority } from './project.ts';
import type { PreemptionRule, Room } from './scheduler/world.ts';
import type { Trigger } from './secret.ts';

/**
 * The life of a run:
 * `requested -> (awaiting-approval) -> queued -> starting -> running -> succeeded | failed | cancelled | timed-out`;
 * `preempted` leads back to `queued`, and so does `lost` while attempts are left, else to `failed`. From `starting` it goes back to
 * `queued` where a machine that was never heard of again had not taken the attempt.
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
  starting: ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'timed-out', 'preempted', 'lost'],
  running: ['succeeded', 'failed', 'cancelled', 'timed-out', 'preempted', 'lost'],
  preempted: ['queued', 'cancelled'],
  lost: ['queued', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
  'timed-out': [],
} as const satisfies Record<RunState, readonly RunState[]>;

export const failureClasses = [
  'code-error',
  'out-of-memory',
  'missing',
  'disk-full',
  'start-error',
  'output-missing',
  'node-lost',
  'time-limit',
  'stopped-by-rule',
  'killed',
] as const;
export type FailureClass = (typeof failureClasses)[number];

/** Why a machine is told to stop an attempt. */
export const stopReasons = ['cancel', 'time-limit', 'preempt'] as const;
export type StopReason = (typeof stopReasons)[number];

/** Why an attempt is being stopped by Signalbox; a reason further left overrules one further right. */
export const stoppingReasons = ['cancel', 'rule', 'time-limit', 'preempt'] as const;
export type StoppingReason = (typeof stoppingReasons)[number];

/** A machine ends an attempt for good alike, whoever wants it. */
export function stopOnMachine(stopping: StoppingReason | null): StopReason | null {
  return stopping === 'rule' ? 'cancel' : stopping;
}

/** Stops members of sweeps that have no hope. */
export const earlyStopper: Actor = { kind: 'system', id: 'early-stop', name: 'early stopping' };

/** `Run.taken` of an attempt that a machine began without a word: its agent is from before there was one. */
const takenBefore = '';

/**
 * `lease`: a person holds accelerators, and nothing is trained. `serve`: a version of a model answers requests until it is not wanted.
 * `evaluate`: a version of a model is measured for a promotion.
 */
export const runKinds = ['train', 'lease', 'serve', 'evaluate'] as const;
export type RunKind = (typeof runKinds)[number];

/** What no time limit ends has this one, in seconds. */
export const endlessS = 10 * 365 * 86_400;

/** The version that a run serves. */
export interface ServedVersion {
  model: string;
  environment: string;
  version: number;
  /** By which it came there. */
  promotion: number;
  /** Name, digest (`sha256:...`) and length of the artifact. */
  output: string;
  sha256: string;
  bytes: number;
  /** The path that answers 2xx once it can serve. */
  ready: string;
}

/** The version that a run evaluates. */
export interface EvaluatedVersion extends Omit<ServedVersion, 'ready'> {
  /** Digest of what its numbers depend on: those of an earlier run with the same one are these. */
  key: string;
}

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
  /** Where it waits first. */
  pool: string;
  /** Where it may go, in the order in which it is tried; absent in runs from before there was a choice. */
  pools?: string[];
  /** As asked for; `timeLimitOf` a run has what was granted since. */
  timeLimitS: number;
  graceS: number;
  maxAttempts: number;
  note: string;
  primaryMetric: string | null;
  /** Which way its metrics get better, and their units, as the project said; absent where it said nothing. */
  metrics?: MetricKeys;
  /** Rules over what it reports; none when absent. */
  alerts?: Alert[];
  /** What it is held against; absent where the project left that open. */
  compare?: Compare;
  /** The pull request that it is a run of, and the branch that goes to. Absent in runs from before this was kept. */
  pull?: { repo: number; number: number; base: string };
  /** The sweep that it is a member of, and its place there from 1 on. */
  sweep?: { number: number; member: number };
  /** Run that this one repeats. */
  retryOf: number | null;
  /** What set it off. */
  trigger: Trigger;
  /** Names of the secrets that it may see; never a value. */
  secrets: string[];
  /** Patterns of the files that it is to put out; none when absent. */
  outputs?: string[] | undefined;
  /** Patterns of the files in its source whose digests are recorded; none when absent. */
  inputs?: string[] | undefined;
  /** Of a run of kind `serve`. */
  serves?: ServedVersion | undefined;
  /** Of a run of kind `evaluate`. */
  evaluates?: EvaluatedVersion | undefined;
}

export interface Failure {
  class: FailureClass;
  /** One sentence for people. */
  message: string;
  /** The end of the log. */
  lines: string[];
}

/** Another run took its place. */
export interface Preemption {
  run: number;
  rule: PreemptionRule;
  /** One sentence that names both. */
  reason: string;
}

/** Why a run waits, in one sentence with numbers. `cost`: what somebody is asked to approve. */
export interface Waiting {
  code: string;
  sentence: string;
  cost?: number | undefined;
  /** Where others were stopped for it. */
  room?: Room;
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
  /** Where it waits or is at work now. */
  pool: string;
  /** 0 before the first start. */
  attempt: number;
  /** Attempts that gave way to another run or were taken back from a machine; they use up none of those that it has. */
  preemptions: number;
  /** The word by which a machine took the attempt: from then on only that machine says how it ends. Null: none has. */
  taken: string | null;
  /** For whom its last attempt was stopped; null where it was not, or is at work again. */
  preemptedBy: Preemption | null;
  /** Seconds granted beyond the time limit that was asked for. */
  extraS: number;
  /** Set while an attempt is being stopped. */
  stopping: StoppingReason | null;
  /** Who asked for the stop. */
  stoppedBy: Actor | null;
  /** Why it waits, in one sentence with numbers; null when it does not wait. */
  waiting: Waiting | null;
  /** The most that it may cost by somebody's word; null: nobody was asked. */
  approval: Approval | null;
  exitCode: number | null;
  /** Of a run that goes on: the rule by which it is being stopped. */
  failure: Failure | null;
  /** Where people see the run in MLflow that its metrics are read from; absent: nobody has found one. */
  mlflow?: string | null;
  createdAt: Date;
  queuedAt: Date | null;
  startedAt: Date | null;
  endedAt: Date | null;
}

/** States that a change leads to; the others are where a run begins. */
type ReachedState = Exclude<RunState, 'requested' | 'awaiting-approval'>;

export interface RunEvent {
  type: 'requested' | 'stopping' | 'warned' | 'extended' | 'approved' | 'bumped' | ReachedState;
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
  /** `pool`: where, if not where it waits. */
  | { type: 'start'; actor: Actor; reason: string; pool?: string }
  /** Its machine has not taken it, and is refused it from now on. */
  | { type: 'withdraw'; actor: Actor; reason: string }
  | { type: 'running'; attempt: number; at: Date }
  | { type: 'exited'; attempt: number; exit: Exit }
  | { type: 'lost'; attempt: number; reason: string }
  /** `by`: for whom, where it is preempted. */
  | { type: 'stop'; actor: Actor; why: StoppingReason; reason: string; by?: Omit<Preemption, 'reason'> }
  /** A rule over what it reports holds, and warns. */
  | { type: 'warn'; attempt: number; reason: string }
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

export function isServing({ spec }: Pick<Run, 'spec'>): boolean {
  return spec.kind === 'serve';
}

export function isTraining({ spec }: Pick<Run, 'spec'>): boolean {
  return (spec.kind ?? 'train') === 'train';
}

export function isEvaluation({ spec }: Pick<Run, 'spec'>): boolean {
  return spec.kind === 'evaluate';
}

/** The cost that a run waits for somebody to approve; null: it waits for nobody. */
export function askedCost({ waiting }: Pick<Run, 'waiting'>): number | null {
  const asks = waiting?.code === 'needs-approval' || waiting?.code === 'over-budget';
  return asks ? (waiting.cost ?? null) : null;
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
      // What is on a machine comes back only by the word of that machine, or by being taken back.
      if (isOnMachine(run.state) || !canMove(run.state, 'queued')) return { ok: false, code: 'stale' };
      return { ok: true, run: move(run, 'queued', change.reason, { queuedAt: now }, change.actor), events };
    }
    case 'start': {
      if (run.state !== 'queued') return { ok: false, code: 'stale' };
      const fresh = {
        pool: change.pool ?? run.pool,
        attempt: run.attempt + 1,
        taken: null,
        preemptedBy: null,
        waiting: null,
        startedAt: null,
        exitCode: null,
        failure: null,
      };
      return { ok: true, run: move(run, 'starting', change.reason, fresh, change.actor), events };
    }
    case 'withdraw': {
      if (run.state !== 'starting' || run.taken !== null) return { ok: false, code: 'stale' };
      return { ok: true, run: withdrawn(run, change, move, now), events };
    }
    case 'running': {
      if (run.state !== 'starting' || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      const begun = { startedAt: change.at, taken: run.taken ?? takenBefore };
      return { ok: true, run: move(run, 'running', 'The command started.', begun), events };
    }
    case 'exited': {
      if (!isOnMachine(run.state) || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      return { ok: true, run: ended(run, change.exit, move, now), events };
    }
    case 'lost': {
      if (!isOnMachine(run.state) || change.attempt !== run.attempt) return { ok: false, code: 'stale' };
      return {
        ok: true,
        run: afterLoss(move(run, 'lost', change.reason, { preemptedBy: null }), change.reason, move, now),
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
      if (run.stopping && stoppingReasons.indexOf(run.stopping) <= stoppingReasons.indexOf(change.why))
        return { ok: false, code: 'stale' };
      const preemptedBy = change.by ? { ...change.by, reason: change.reason } : run.preemptedBy;
      const failure: Failure | null =
        change.why === 'rule' ? { class: 'stopped-by-rule', message: change.reason, lines: [] } : null;
      const stopping: Run = { ...run, stopping: change.why, stoppedBy: change.actor, preemptedBy, failure };
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
    case 'warn': {
      if (run.state !== 'running' || run.stopping || change.attempt !== run.attempt)
        return { ok: false, code: 'stale' };
      events.push(staying(run, 'warned', actor, change.reason, now));
      return { ok: true, run, events };
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
  return {
    endedAt: now,
    stopping: null,
    waiting: null,
    preemptedBy: null,
    ...(stoppedBy ? { stoppedBy } : {}),
  };
}

function ended(run: Run, exit: Exit, move: Move, now: Date): Run {
  const end: Partial<Run> = { ...endOf(exit.at), exitCode: exit.code, failure: null };
  // What Signalbox ended says nothing by its exit code, or by what the machine made of that.
  if (isLease(run) && (exit.stopped === 'time-limit' || (exit.stopped === 'cancel' && isGivenBack(run))))
    return move(
      run,
      'succeeded',
      exit.stopped === 'cancel' ? 'The lease was released.' : 'The lease ended.',
      end,
    );
  if (exit.stopped !== null && isRuledOut(run))
    return move(run, 'failed', run.failure.message, {
      ...end,
      failure: { ...run.failure, lines: exit.lines },
    });
  if (exit.stopped === 'cancel') return move(run, 'cancelled', 'It was stopped on request.', end);
  if (exit.stopped === 'time-limit') {
    const message = outOfTime(run, exit);
    return move(run, 'timed-out', message, {
      ...end,
      failure: { class: 'time-limit', message, lines: exit.lines },
    });
  }
  if (exit.stopped === 'preempt') {
    const reason = run.preemptedBy?.reason ?? 'It was stopped for another run.';
    const preempted = move(run, 'preempted', reason, { preemptions: run.preemptions + 1 });
    if (run.stopping === 'cancel') return cancelledBetween(preempted, move, exit.at, exit);
    return again(preempted, 'It waits to go on from its checkpoint.', move, now);
  }
  if (exit.failure)
    return move(run, 'failed', exit.failure.message, {
      ...end,
      failure: { ...exit.failure, lines: exit.lines },
    });
  // A command that ended by itself with 0 before the signal reached it has succeeded, whoever wanted it stopped.
  if (exit.code === 0) return move(run, 'succeeded', 'The command ended with exit code 0.', end);
  const failure: Failure = { ...failureOf(exit, run.number), lines: exit.lines };
  return move(run, 'failed', failure.message, { ...end, failure });
}

/** Whether a rule over what it reports has ended it. */
function isRuledOut(run: Run): run is Run & { failure: Failure } {
  return run.stopping === 'rule' && run.failure !== null;
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

/** As the machine never began it, it has lost neither an attempt nor its place in the queue. */
function withdrawn(run: Run, change: { actor: Actor; reason: string }, move: Move, now: Date): Run {
  if (run.stopping === 'cancel') return cancelledBetween(run, move, now);
  const rest = { ...betweenAttempts, preemptions: run.preemptions + 1 };
  return move(run, 'queued', `${change.reason} ${countSentence({ ...run, ...rest })}`, rest, change.actor);
}

const betweenAttempts = {
  startedAt: null,
  stopping: null,
  stoppedBy: null,
  taken: null,
  failure: null,
} as const;

/** After an attempt that ended through no fault of the command. */
function again(run: Run, sentence: string, move: Move, now: Date): Run {
  return move(run, 'queued', `${sentence} ${countSentence(run)}`, { ...betweenAttempts, queuedAt: now });
}

/** `Attempt 2 is over, with 0 of 3 failures.` */
function countSentence(run: Run): string {
  return `Attempt ${run.attempt} is over, with ${lostAttempts(run)} of ${counted(run.spec.maxAttempts, 'failure')}.`;
}

/** Of a run between two attempts: those that count against the most that it may have. */
function lostAttempts({ attempt, preemptions }: Run): number {
  return attempt - preemptions;
}

function cancelledBetween(run: Run, move: Move, at: Date, exit?: Exit): Run {
  const end = { ...endOf(at), exitCode: exit?.code ?? null };
  return move(run, 'cancelled', 'It was to be stopped on request and does not start again.', end);
}

function afterLoss(run: Run, reason: string, move: Move, now: Date): Run {
  if (run.stopping === 'cancel') return cancelledBetween(run, move, now);
  if (isRuledOut(run)) return move(run, 'failed', run.failure.message, { ...endOf(now), exitCode: null });
  const failures = lostAttempts(run);
  const most = run.spec.maxAttempts;
  if (failures < most) return again(run, 'It waits to start again from its checkpoint.', move, now);
  const gaveWay = run.preemptions > 0 ? `, beside ${times(run.preemptions)} that it gave way` : '';
  const message = `${reason} It had ${failures} of ${most} attempts${gaveWay}.`;
  return move(run, 'failed', message, {
    ...endOf(now),
    exitCode: null,
    failure: { class: 'node-lost', message, lines: [] },
  });
}

/** `once`, `3 times` */
function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
