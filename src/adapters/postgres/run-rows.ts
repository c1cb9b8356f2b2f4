import { type Selectable, sql } from 'kysely';
import { actorKey, hasMessages } from '../../core/actor.ts';
import type { AuditEntry } from '../../core/ports.ts';
import { priorities } from '../../core/project.ts';
import type { Reply } from '../../core/reply.ts';
import {
  isEnd,
  isOnMachine,
  type Run,
  type RunEvent,
  type RunSpec,
  type Transition,
} from '../../core/run.ts';
import { preemptedReply } from '../../core/run-reply.ts';
import { appendAudits } from './audit.ts';
import { json, type Tables, type Tx } from './database.ts';
import { showSummaries } from './heads.ts';
import { release } from './served.ts';

export function runOf(row: Selectable<Tables['runs']>): Run {
  return {
    number: row.number,
    // A run from before there were secrets says neither.
    spec: { ...row.spec, trigger: row.spec.trigger ?? 'command', secrets: row.spec.secrets ?? [] },
    state: row.state,
    priority: priorities[row.priority] ?? 'normal',
    requestedBy: row.requested_by,
    place: row.place,
    pool: row.pool,
    attempt: row.attempt,
    preemptions: row.preemptions,
    taken: row.taken,
    preemptedBy: row.preempted_by,
    extraS: row.extra_s,
    stopping: row.stopping,
    stoppedBy: row.stopped_by,
    waiting: row.waiting,
    approval: approvalOf(row),
    exitCode: row.exit_code,
    failure: row.failure,
    mlflow: row.mlflow,
    createdAt: row.created_at,
    queuedAt: row.queued_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  };
}

function approvalOf({
  approved,
  approved_by: by,
  approved_at: at,
}: Selectable<Tables['runs']>): Run['approval'] {
  return approved !== null && by && at ? { cost: Number(approved), by, at } : null;
}

/** Whether the planner would decide otherwise. */
function isPlannedAnew(before: Run, after: Run): boolean {
  return (
    before.state !== after.state ||
    before.priority !== after.priority ||
    before.approval?.cost !== after.approval?.cost
  );
}

function stagedAnew(changes: readonly Change[]): Run[] {
  return changes
    .filter(({ before, after }) => before.state !== after.run.state)
    .map(({ after }) => after.run);
}

export interface Change {
  before: Run;
  after: Extract<Transition, { ok: true }>;
}

/**
 * Stores what transitions made: the runs, their events, their accelerators given back, their surfaces wanted, the wish for planning, and
 * the audit rows; in as many statements for a thousand as for one. The caller holds the runs' row locks. `own`: they are a plan's starts,
 * which that plan has seen already.
 */
export async function storeTransitions(tx: Tx, changes: readonly Change[], own = false): Promise<void> {
  if (changes.length === 0) return;
  const runs = changes.map(({ after }) => after.run);
  const numbers = runs.map(run => run.number);
  await updateRuns(tx, runs);
  await addEvents(
    tx,
    changes.flatMap(({ after: { run, events } }) => events.map(event => ({ run: run.number, event }))),
  );
  const begun = changes.filter(({ before, after }) => after.run.attempt !== before.attempt);
  await addAttempts(
    tx,
    begun.map(({ after }) => after.run),
  );
  await addCandidates(
    tx,
    changes.flatMap(({ before, after: { run } }) => (before.state === run.state ? [] : [run])),
  );
  await showRuns(tx, numbers);
  for (const { before, after } of changes) await addMessages(tx, before, after);
  if (!own && changes.some(({ before, after }) => isPlannedAnew(before, after.run))) await wantPlan(tx);
  else await showHomes(tx);
  await showSummaries(tx, stagedAnew(changes));
  // After the planner's row: whoever gives back holds it, so that no two wait for each other over the rows of teams.
  await release(tx, changes.flatMap(leftBy));
  await appendAudits(tx, changes.flatMap(auditOf));
}

export async function storeTransition(tx: Tx, before: Run, after: Change['after']): Promise<void> {
  await storeTransitions(tx, [{ before, after }]);
}

function auditOf({ before, after: { run, events } }: Change): { entry: AuditEntry; at: Date }[] {
  const last = events.at(-1);
  if (!last) return [];
  const said = {
    ...(last.type === 'stopping' && run.preemptedBy ? { preemptedBy: run.preemptedBy } : {}),
    ...(last.type === 'approved' ? { cost: run.approval?.cost } : {}),
  };
  const details = { from: before.state, to: run.state, attempt: run.attempt, reason: last.reason, ...said };
  const { actor, at, type } = last;
  const entry = {
    actor,
    action: `run.${type}`,
    subject: `run:${run.number}`,
    outcome: 'done' as const,
    details,
  };
  return [{ entry, at }];
}

/** When a run has let go of what it held. */
function leftBy({ before, after: { run, events } }: Change): { run: number; at: Date }[] {
  const last = events.at(-1);
  return last && isOnMachine(before.state) && !isOnMachine(run.state)
    ? [{ run: run.number, at: last.at }]
    : [];
}

/** A success with outputs may be a version of a model: looked at by whichever worker comes first. */
async function addCandidates(tx: Tx, runs: readonly Run[]): Promise<void> {
  const made = runs.filter(({ state, spec }) => state === 'succeeded' && (spec.outputs ?? []).length > 0);
  if (made.length === 0) return;
  await tx
    .insertInto('model_candidates')
    .values(made.map(({ number }) => ({ run: number })))
    .onConflict(conflict => conflict.column('run').doNothing())
    .execute();
}

async function updateRuns(tx: Tx, runs: readonly Run[]): Promise<void> {
  const rows = runs.map(run => ({
    number: run.number,
    state: run.state,
    priority: priorities.indexOf(run.priority),
    approved: run.approval?.cost ?? null,
    approved_by: run.approval && { ...run.approval.by, breakglass: undefined },
    approved_at: run.approval?.at ?? null,
    pool: run.pool,
    attempt: run.attempt,
    preemptions: run.preemptions,
    taken: run.taken,
    preempted_by: run.preemptedBy,
    extra_s: run.extraS,
    stopping: run.stopping,
    stopped_by: run.stoppedBy,
    waiting: run.waiting,
    exit_code: run.exitCode,
    failure: run.failure,
    queued_at: run.queuedAt,
    started_at: run.startedAt,
    ended_at: run.endedAt,
  }));
  await sql`
    update runs set state = r.state, priority = r.priority, approved = r.approved, approved_by = r.approved_by,
      approved_at = r.approved_at, pool = r.pool, attempt = r.attempt, preemptions = r.preemptions, taken = r.taken,
      preempted_by = r.preempted_by, extra_s = r.extra_s, stopping = r.stopping, stopped_by = r.stopped_by, waiting = r.waiting,
      exit_code = r.exit_code, failure = r.failure, queued_at = r.queued_at, started_at = r.started_at, ended_at = r.ended_at
    from jsonb_to_recordset(${json(rows)}::jsonb) as r (number bigint, state text, priority smallint, approved numeric, approved_by jsonb,
      approved_at timestamptz, pool text, attempt int, preemptions int, taken text,
      preempted_by jsonb, extra_s int, stopping text, stopped_by jsonb, waiting jsonb, exit_code int, failure jsonb,
      queued_at timestamptz, started_at timestamptz, ended_at timestamptz)
    where runs.number = r.number`.execute(tx);
}

/** In the order in which they are given. */
export async function addEvents(tx: Tx, all: readonly { run: number; event: RunEvent }[]): Promise<void> {
  if (all.length === 0) return;
  const rows = all.map(({ run, event }) => ({ run, ...event }));
  await sql`
    insert into run_events (run, seq, type, from_state, to_state, actor, reason, attempt, at)
    select e.run, coalesce((select max(seq) from run_events as known where known.run = e.run), 0)
        + row_number() over (partition by e.run order by e.turn),
      e.type, e."from", e."to", e.actor, e.reason, e.attempt, e.at
    from rows from (jsonb_to_recordset(${json(rows)}::jsonb) as
      (run bigint, type text, "from" text, "to" text, actor jsonb, reason text, attempt int, at timestamptz))
      with ordinality as e (run, type, "from", "to", actor, reason, attempt, at, turn)`.execute(tx);
}

async function addAttempts(tx: Tx, runs: readonly Run[]): Promise<void> {
  if (runs.length === 0) return;
  const rows = runs.map(({ number, attempt, pool }) => ({ run: number, attempt, pool }));
  await tx.insertInto('attempts').values(rows).execute();
}

const shownBySweep: readonly string[] = ['run', 'check', 'ended', 'preempted'];

/** A message for this run in the place it was asked in, where that place has messages. */
export async function addSurface(
  tx: Tx,
  key: string,
  kind: 'run' | 'check' | 'ended' | 'preempted' | 'stalled' | 'alert' | 'warning',
  run: Pick<Run, 'number' | 'place'> & { spec?: Pick<RunSpec, 'sweep'> },
  content: Reply | null = null,
): Promise<void> {
  if (!hasMessages(run.place)) return;
  // The sweep's one message shows these of its members; what else there is to say belongs in its thread.
  const sweep = run.spec?.sweep?.number ?? null;
  if (sweep !== null && shownBySweep.includes(kind)) return;
  // There are no threads on GitHub: the run's own comment says it.
  if (run.place.kind === 'github' && kind !== 'run' && kind !== 'check') return;
  await tx
    .insertInto('surfaces')
    .values({ key, kind, run: run.number, sweep, place: json(run.place), content: content && json(content) })
    .onConflict(conflict => conflict.column('key').doNothing())
    .execute();
}

/** What is said once in the run's thread. */
async function addMessages(tx: Tx, before: Run, { run, events }: Change['after']): Promise<void> {
  if (isEnd(run.state)) await addSurface(tx, `run:${run.number}:ended`, 'ended', run);
  if (run.state === 'queued' && events.some(event => event.to === 'preempted'))
    await addSurface(
      tx,
      `run:${run.number}:preempted:${before.attempt}`,
      'preempted',
      run,
      preemptedReply(run),
    );
}

/** The runs' messages no longer show what is true. */
export async function showRuns(tx: Tx, numbers: readonly number[]): Promise<void> {
  await tx
    .updateTable('surfaces')
    .set({ wanted_seq: sql`wanted_seq + 1` })
    .where('run', 'in', numbers)
    .where('kind', 'in', ['run', 'check'])
    .execute();
}

/** Asks for a new plan, since what it stands on changed; whoever plans next answers all wishes so far. Homes show the same things. */
export async function wantPlan(tx: Tx): Promise<void> {
  await tx
    .updateTable('planner')
    .set({ wanted_seq: sql`wanted_seq + 1`, changed_seq: sql`changed_seq + 1` })
    .where('id', '=', 1)
    .execute();
}

/**
 * Homes no longer show what is true. It is one number for all of them, which the sweep compares: a change writes no row for every person
 * who has one open.
 */
export async function showHomes(tx: Tx): Promise<void> {
  await tx.updateTable('planner').set({ changed_seq: sql`changed_seq + 1` }).where('id', '=', 1).execute();
}

export function requesterOf(run: Pick<Run, 'requestedBy'>): string {
  return actorKey(run.requestedBy);
}
