import { actorKey } from './actor.ts';
import { alertRows } from './alerts/alert-reply.ts';
import type { Chart } from './chart.ts';
import { failureKinds } from './failures/failure-kinds.ts';
import { cleanLine, counted, formatDuration, secondsBetween } from './format.ts';
import { leaseBlocks, leaseEnded, leaseTitle } from './lease-reply.ts';
import { leftOutSentences } from './metric-points.ts';
import { typedMoney } from './money.ts';
import { type Stall, stallOf } from './pace.ts';
import type { MetricSummary, Reported, RunShare } from './ports.ts';
import { type Inline, type Reply, type ReplyAction, type ReplyBlock, reply, type Tone } from './reply.ts';
import {
  earlyStopper,
  isEnd,
  isLease,
  isOnMachine,
  isServing,
  type Preemption,
  type Run,
  type RunState,
  timeLimitOf,
} from './run.ts';
import { actionsOf } from './run-actions.ts';
import {
  hasAllSteps,
  lastMetrics,
  lastValue,
  primaryMetric,
  progressOf,
  shownParameters,
  stallTitle,
  usualSteps,
} from './run-facts.ts';
import { type RunResult, resultParts } from './run-result-reply.ts';

export interface RunFacts {
  metrics: readonly MetricSummary[];
  /** Where what the run made lies, once it has ended; null where that is not known. */
  output: string | null;
  /** What else is known of what it reports; absent where nobody looked. */
  reported?: Reported;
  /** For a lease: what it holds. */
  shares?: readonly RunShare[];
  /** Where it is shown beside what it is held against. */
  result?: RunResult | undefined;
  /** The versions that it made and that may be promoted. */
  versions?: readonly { model: string; number: number }[];
  /** The curve of its primary metric: drawn when it has ended, as one line while it goes on. */
  chart?: Chart | null;
  spark?: string | undefined;
}

/** How much of a log is shown: its last words where the run is one message among others, more in the thread. */
const shownLines = { run: 5, thread: 12 };
const shownLineLength = 200;

type Row = { label: string; value: Inline[] };

const verbs: Record<RunState, string> = {
  requested: 'is requested',
  'awaiting-approval': 'waits for approval',
  queued: 'is queued',
  starting: 'is starting',
  running: 'is running',
  preempted: 'was stopped for another run',
  lost: 'was lost by its machine',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
  'timed-out': 'ran out of time',
};

const tones: Record<RunState, Tone> = {
  requested: 'waiting',
  'awaiting-approval': 'waiting',
  queued: 'waiting',
  starting: 'working',
  running: 'working',
  preempted: 'warning',
  lost: 'warning',
  succeeded: 'success',
  failed: 'failure',
  cancelled: 'info',
  'timed-out': 'failure',
};

/**
 * What people see as a run's one message, edited in place: everything that is true of it now. What changes comes first (why it waits or
 * failed, how far it is, what it measured), what was asked for below. `ahead`: runs before it in its queue.
 */
export function runReply(run: Run, facts: RunFacts & { ahead: number }, now: Date): Reply {
  const { metrics, output, ahead, shares = [], reported } = facts;
  if (isLease(run)) {
    const rest = leaseBlocks(run, shares, requestRows(run));
    const why = isWaiting(run) ? [{ kind: 'text' as const, text: [waitingSentence(run, ahead)] }] : [];
    const blocks = [...why, ...failureBlocks(run, shownLines.run), ...rest];
    return reply(titleOf(run), blocks, { audience: 'place', tone: tones[run.state] });
  }
  const stall = stalled(run, facts, now);
  const progress = progressOf(run, metrics, now, stall ? null : reported?.pace);
  const result = facts.result && resultParts(run, metrics, facts.result);
  const blocks: ReplyBlock[] = [
    ...(run.preemptedBy ? [{ kind: 'text' as const, text: preemptedSentence(run, run.preemptedBy) }] : []),
    ...(isWaiting(run) ? [{ kind: 'text' as const, text: [waitingSentence(run, ahead)] }] : []),
    ...failureBlocks(run, shownLines.run),
    ...(stall ? [{ kind: 'text' as const, text: stalledSentence(stall) }] : []),
    ...(progress && !isEnd(run.state) ? [progress] : []),
    ...(result?.measured ?? []),
    ...fields([
      ...(result?.rows ?? lastMetrics(run, metrics)),
      ...sparkRow(run, facts.spark),
      ...(reported ? leftOutSentences(reported.leftOut) : []).map(what => ({
        label: 'Left out',
        value: [what],
      })),
      ...(reported ? alertRows(run, metrics, reported) : []),
      ...timeRow(run, now),
      ...(progress && isEnd(run.state) && run.state !== 'succeeded'
        ? [{ label: 'Reached', value: [progress.label] }]
        : []),
      ...stopRow(run),
      ...(output !== null && isEnd(run.state) ? [{ label: 'Output', value: [{ code: output }] }] : []),
      ...(run.mlflow ? [{ label: 'MLflow', value: [{ link: run.mlflow, text: 'Its run in MLflow' }] }] : []),
      ...(result ? requestRows(run) : []),
    ]),
    ...fields(result ? [] : requestRows(run)),
    ...(result?.below ?? []),
    { kind: 'actions', actions: actionsOf(run, facts.versions) },
  ];
  const title = `${titleOf(run)}${result?.headline ?? ''}`;
  return reply(title, blocks, { audience: 'place', tone: stall ? 'warning' : tones[run.state] });
}

/** How long it has made no step, where that is longer than it should be. */
function stalled(run: Run, { metrics, reported }: RunFacts, now: Date): Stall | null {
  if (!reported || hasAllSteps(run, metrics, now)) return null;
  return stallOf(run, reported.pace, reported.heardSince, now);
}

function stalledSentence(stall: Stall): Inline[] {
  return [{ bold: `${stallTitle(stall)}:` }, ` ${usualSteps(stall)}.`];
}

/** The message in the run's thread when it has come to a halt, which tells the person who asked; null where it has not. */
export function stalledReply(run: Run, facts: RunFacts, now: Date): Reply | null {
  const stall = stalled(run, facts, now);
  if (!stall) return null;
  const { number, spec } = run;
  const text = [
    person(run),
    `: ${usualSteps(stall)}. It goes on until it ends or its time is over; its message says when it makes steps again.`,
  ];
  return reply(
    `#${number} ${spec.project}: ${stallTitle(stall).toLowerCase()}`,
    [
      { kind: 'text', text },
      { kind: 'text', text: ['To see what it said last: ', { command: `train logs ${number}` }] },
    ],
    { audience: 'place', tone: 'warning' },
  );
}

/** How the primary metric went so far, while it goes on. */
function sparkRow({ spec, state }: Run, spark: string | undefined): Row[] {
  if (!spark || !isOnMachine(state)) return [];
  return [{ label: `Curve of ${spec.primaryMetric}`, value: [spark] }];
}

/** The message in the run's thread when it has ended, which tells the person who asked. */
export function endedReply(run: Run, { metrics, output, chart }: RunFacts): Reply {
  if (isLease(run)) return leaseEnded(run, titleOf(run), tones[run.state]);
  const took = run.startedAt && run.endedAt ? secondsBetween(run.startedAt, run.endedAt) : null;
  const after = took === null ? '' : ` after ${formatDuration(took)}`;
  const best = primaryMetric(run, metrics);
  const measured = best ? `, last ${best.name} ${lastValue(best)}` : '';
  const title = `${titleOf(run)}${after}${measured}`;
  const blocks: ReplyBlock[] =
    run.state === 'succeeded'
      ? [
          { kind: 'text', text: [person(run), ...outputSentence(output)] },
          ...fields(lastMetrics(run, metrics)),
        ]
      : [
          ...(run.failure
            ? failureBlocks(run, shownLines.thread, [person(run), ' '])
            : [{ kind: 'text' as const, text: [person(run), stopSentence(run)] }]),
        ];
  if (chart) blocks.push({ kind: 'chart', ...chart });
  blocks.push({ kind: 'actions', actions: actionsOf(run) });
  return reply(title, blocks, { audience: 'place', tone: tones[run.state] });
}

/** The message in the run's thread when another run has taken its place, which tells the person who asked. */
export function preemptedReply(run: Run): Reply {
  const { number, spec, preemptedBy } = run;
  const by = preemptedBy ? ` for #${preemptedBy.run} (${preemptedBy.rule})` : '';
  const why = preemptedBy?.reason ?? 'It was stopped for another run.';
  const text = [
    person(run),
    `: ${why} It waits for its turn and goes on from its checkpoint. This uses up none of its ${counted(spec.maxAttempts, 'attempt')}.`,
  ];
  const actions: ReplyAction[] = [{ action: 'why', run: number, label: 'Why?' }];
  return reply(
    `#${number} ${spec.project} was preempted${by}`,
    [
      { kind: 'text', text },
      { kind: 'actions', actions },
    ],
    { audience: 'place', tone: tones.preempted },
  );
}

/** While it makes room, and until it is at work again. */
function preemptedSentence(run: Run, { rule, reason }: Preemption): Inline[] {
  const is = isOnMachine(run.state) ? 'It makes room' : 'It made room';
  const left = isOnMachine(run.state) ? ` It has ${formatDuration(run.spec.graceS)} to save its work.` : '';
  return [{ bold: `${is} (${rule}).` }, ` ${reason}${left}`];
}

/** `#42 digits is running` */
export function titleOf(run: Run): string {
  if (isLease(run)) return leaseTitle(run, verbs[run.state]);
  const { serves } = run.spec;
  if (serves) {
    const does = run.state === 'running' && !run.stopping ? 'is at work' : verbs[run.state];
    return `#${run.number} ${nameOf(run)} ${does}`;
  }
  const ended =
    run.state === 'failed' && run.failure?.class === 'stopped-by-rule'
      ? 'was stopped by a rule'
      : verbs[run.state];
  const verb = run.stopping && isOnMachine(run.state) ? stopVerb(run) : ended;
  return `#${run.number} ${nameOf(run)} ${verb}`;
}

/** What a run is of: its project, or a version of a model and what for. */
export function nameOf({ spec: { project, serves, evaluates } }: Pick<Run, 'spec'>): string {
  if (serves) return `${serves.model} ${serves.version} in ${serves.environment}`;
  if (!evaluates) return project;
  return `evaluation of ${evaluates.model} ${evaluates.version} for P${evaluates.promotion}`;
}

function stopVerb({ stopping }: Run): string {
  if (stopping === 'rule') return 'is being stopped by a rule';
  return stopping === 'preempt' ? 'is making room for another run' : 'is being stopped';
}

/** What was asked for. */
function requestRows(run: Run): Row[] {
  const { parameters, retryOf, note, sweep } = run.spec;
  const { short, ref } = codeOf(run);
  return [
    ...(note === '' ? [] : [{ label: 'Note', value: [note] }]),
    ...(isLease(run)
      ? [{ label: 'Team', value: [run.spec.team] }]
      : [{ label: 'Code', value: [{ code: short }, ref] }]),
    ...(isLease(run)
      ? []
      : shownParameters(parameters).map(value => ({ label: 'Parameters', value: [value] }))),
    ...(isLease(run) && !isWaiting(run)
      ? []
      : [{ label: isWaiting(run) ? 'Needs' : 'On', value: [resourcesOf(run)] }]),
    ...(run.priority === 'normal' ? [] : [{ label: 'Priority', value: [run.priority] }]),
    ...approvalRow(run),
    { label: 'Asked by', value: [person(run), ', ', { at: run.createdAt }] },
    ...(run.attempt > 1 || run.preemptions > 0 ? [{ label: 'Attempt', value: [attemptsOf(run)] }] : []),
    ...(sweep ? [{ label: 'Of sweep', value: [`S${sweep.number}`] }] : []),
    ...(retryOf === null ? [] : [{ label: 'Repeats', value: [`#${retryOf}`] }]),
  ];
}

/** `2 of at most 3`, or `4 (2 of them made room and do not count) of at most 3` */
function attemptsOf({ attempt, preemptions, spec: { maxAttempts } }: Run): string {
  if (preemptions === 0) return `${attempt} of at most ${maxAttempts}`;
  return `${attempt} (${preemptions} made room and ${preemptions === 1 ? 'does' : 'do'} not count) of at most ${maxAttempts}`;
}

function approvalRow({ approval }: Run): Row[] {
  if (!approval) return [];
  const { cost, by } = approval;
  return [
    {
      label: 'Approved',
      value: [typedMoney(cost), ' at most, by ', { person: actorKey(by), name: by.name }],
    },
  ];
}

/** The commit in short, and in brackets what was asked for where that says more than `HEAD` or the commit again. */
export function codeOf({ spec: { ref, sha } }: Run): { short: string; ref: string } {
  const short = sha.replace(/^sha256:/, '').slice(0, 7);
  return { short, ref: ref === 'HEAD' || sha.startsWith(ref) ? '' : ` (${ref})` };
}

/** `2 a100 GPUs in pool lab`, `1 CPU slot in pool local` */
export function resourcesOf(run: Run): string {
  const { gpus, gpuModel } = run.spec;
  const things = gpus === 0 ? '1 CPU slot' : counted(gpus, gpuModel ? `${gpuModel} GPU` : 'GPU');
  return `${things} in pool ${run.pool}`;
}

function fields(rows: Row[]): ReplyBlock[] {
  return rows.length > 0 ? [{ kind: 'fields', rows }] : [];
}

function person(run: Run): Inline {
  return { person: actorKey(run.requestedBy), name: run.requestedBy.name };
}

function isWaiting(run: Run): boolean {
  return !isEnd(run.state) && !isOnMachine(run.state);
}

/** Why a run waits, as the planner said it last, else as the queue shows it. */
export function waitingSentence(run: Run, ahead: number): string {
  if (run.waiting) return run.waiting.sentence;
  if (ahead === 0) return 'It is the first in the queue and starts as soon as it is placed.';
  return `${counted(ahead, 'run')} ${ahead === 1 ? 'is' : 'are'} before it in the queue of pool ${run.pool}.`;
}

function timeRow(run: Run, now: Date): Row[] {
  const { startedAt, endedAt } = run;
  if (endedAt) {
    const took = startedAt ? [`${formatDuration(secondsBetween(startedAt, endedAt))}, ended `] : ['ended '];
    return [{ label: 'Time', value: [...took, { at: endedAt }] }];
  }
  if (!startedAt) return [];
  const limit = formatDuration(timeLimitOf(run));
  const since = formatDuration(Math.round(secondsBetween(startedAt, now)));
  if (isServing(run)) return [{ label: 'Time', value: [since] }];
  return [{ label: 'Time', value: [`${since} of at most ${limit}`] }];
}

/** The person or the rule that stopped it; for the rest, Signalbox says why elsewhere. */
function stopRow({ stoppedBy, spec }: Run): Row[] {
  if (stoppedBy?.id === earlyStopper.id && stoppedBy.kind === 'system' && spec.sweep)
    return [
      {
        label: 'Stopped by',
        value: ['the median rule, as ', { command: `train status S${spec.sweep.number}` }, ' says'],
      },
    ];
  if (!stoppedBy || stoppedBy.kind === 'system') return [];
  return [{ label: 'Stopped by', value: [{ person: actorKey(stoppedBy), name: stoppedBy.name }] }];
}

function stopSentence({ stoppedBy, requestedBy }: Run): string {
  if (!stoppedBy || stoppedBy.kind === 'system') return ', it has ended.';
  const own = actorKey(stoppedBy) === actorKey(requestedBy);
  return own ? ', it was stopped as you asked.' : `, it was stopped by ${stoppedBy.name}.`;
}

function outputSentence(output: string | null): Inline[] {
  return output === null ? [', it has ended.'] : [', its output is in ', { code: output }, '.'];
}

/** What stands in back quotes is code. */
function withCode(text: string): Inline[] {
  return text.split('`').map((part, i): Inline => (i % 2 === 1 ? { code: part } : part));
}

function failureBlocks(run: Run, most: number, before: Inline[] = []): ReplyBlock[] {
  if (!run.failure) return [];
  const { class: kind, message, lines } = run.failure;
  const { title, todo } = failureKinds[kind];
  const last = lines.slice(-most).map(line => cleanLine(line, shownLineLength));
  return [
    {
      kind: 'text',
      text: [...before, { bold: `${title}:` }, ` ${message}`],
    },
    ...(last.length > 0 ? [{ kind: 'code' as const, text: last.join('\n') }] : []),
    ...(isEnd(run.state) ? [{ kind: 'context' as const, text: withCode(todo) }] : []),
  ];
}
