import { type Selectable, sql } from 'kysely';
import { actorKey } from '../../core/actor.ts';
import { priorities } from '../../core/project.ts';
import { isEnd, isOnMachine, type Run, type RunEvent, type Transition } from '../../core/run.ts';
import { appendAudit } from './audit.ts';
import { json, type Tables, type Tx } from './database.ts';

export function runOf(row: Selectable<Tables['runs']>): Run {
  return {
    number: row.number,
    // A run from before there were secrets says neither.
    spec: { ...row.spec, trigger: row.spec.trigger ?? 'command', secrets: row.spec.secrets ?? [] },
    state: row.state,
    priority: priorities[row.priority] ?? 'normal',
    requestedBy: row.requested_by,
    place: row.place,
    attempt: row.attempt,
    extraS: row.extra_s,
    stopping: row.stopping,
    stoppedBy: row.stopped_by,
    waiting: row.waiting,
    approval: approvalOf(row),
    exitCode: row.exit_code,
    failure: row.failure,
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

/**
 * Stores what a transition made: the run, its events, its accelerators given back, its surfaces wanted, the wish for planning, and the
 * audit row. The caller holds the run's row lock.
 */
export async function storeTransition(
  tx: Tx,
  before: Run,
  after: Extract<Transition, { ok: true }>,
): Promise<void> {
  const { run, events } = after;
  await tx
    .updateTable('runs')
    .set({
      state: run.state,
      priority: priorities.indexOf(run.priority),
      approved: run.approval?.cost ?? null,
      approved_by: run.approval && json({ ...run.approval.by, breakglass: undefined }),
      approved_at: run.approval?.at ?? null,
      attempt: run.attempt,
      extra_s: run.extraS,
      stopping: run.stopping,
      stopped_by: run.stoppedBy && json(run.stoppedBy),
      waiting: run.waiting && json(run.waiting),
      exit_code: run.exitCode,
      failure: run.failure && json(run.failure),
      queued_at: run.queuedAt,
      started_at: run.startedAt,
      ended_at: run.endedAt,
    })
    .where('number', '=', run.number)
    .execute();
  await addEvents(tx, run.number, events);
  if (run.attempt !== before.attempt)
    await tx.insertInto('attempts').values({ run: run.number, attempt: run.attempt }).execute();
  if (isOnMachine(before.state) && !isOnMachine(run.state)) await release(tx, run.number);
  await showRun(tx, run.number);
  if (isEnd(run.state)) await addSurface(tx, `run:${run.number}:ended`, 'ended', run);
  if (isPlannedAnew(before, run)) await wantPlan(tx);
  else await showHomes(tx);
  const last = events.at(-1);
  if (!last) return;
  const said = last.type === 'approved' ? { cost: run.approval?.cost } : {};
  const details = { from: before.state, to: run.state, attempt: run.attempt, reason: last.reason, ...said };
  await appendAudit(
    tx,
    { actor: last.actor, action: `run.${last.type}`, subject: `run:${run.number}`, outcome: 'done', details },
    last.at,
  );
}

/** Whether the planner would decide otherwise. */
function isPlannedAnew(before: Run, after: Run): boolean {
  return (
    before.state !== after.state ||
    before.priority !== after.priority ||
    before.approval?.cost !== after.approval?.cost
  );
}

export async function addEvents(tx: Tx, number: number, events: RunEvent[]): Promise<void> {
  for (const event of events) {
    await sql`
      insert into run_events (run, seq, type, from_state, to_state, actor, reason, attempt, at)
      select ${number}, coalesce(max(seq), 0) + 1, ${event.type}, ${event.from}, ${event.to}, ${json(event.actor)}::jsonb, ${event.reason},
        ${event.attempt}::int, ${event.at}::timestamptz
      from run_events where run = ${number}`.execute(tx);
  }
}

/** A message for this run in the place it was asked in, where that place has messages. */
export async function addSurface(
  tx: Tx,
  key: string,
  kind: 'run' | 'ended' | 'warning',
  run: Pick<Run, 'number' | 'place'>,
): Promise<void> {
  if (run.place.kind !== 'slack') return;
  await tx
    .insertInto('surfaces')
    .values({ key, kind, run: run.number, place: json(run.place) })
    .onConflict(conflict => conflict.column('key').doNothing())
    .execute();
}

/** The run's messages no longer show what is true. */
export async function showRun(tx: Tx, number: number): Promise<void> {
  await tx
    .updateTable('surfaces')
    .set({ wanted_seq: sql`wanted_seq + 1` })
    .where('run', '=', number)
    .where('kind', '=', 'run')
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

async function release(tx: Tx, number: number): Promise<void> {
  await tx
    .updateTable('allocations')
    .set({ released_at: sql<Date>`now()` })
    .where('run', '=', number)
    .where('released_at', 'is', null)
    .execute();
}

export function requesterOf(run: Pick<Run, 'requestedBy'>): string {
  return actorKey(run.requestedBy);
}
