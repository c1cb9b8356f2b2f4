import { denied, mayChange } from './access.ts';
import { actorKey } from './actor.ts';
import type { CommandContext, Outcome } from './command.ts';
import { findRun } from './find-run.ts';
import { leaseRequestLine } from './lease.ts';
import type { RunStore } from './ports.ts';
import { reply } from './reply.ts';
import { isEnd, isLease, isOnMachine, type Run } from './run.ts';
import { runJson } from './run-json.ts';
import { titleOf } from './run-reply.ts';

/** Stops a run, or gives a lease back: at once where it waits, with SIGTERM and its grace period where it works. */
export async function stopRun(
  run: Run,
  words: string,
  { actor, role, isSelf, now }: Pick<CommandContext, 'actor' | 'role' | 'isSelf' | 'now'>,
  runs: Pick<RunStore, 'get' | 'newestNumber' | 'change'>,
): Promise<Outcome> {
  const access = mayChange(run, isSelf(run.requestedBy), role);
  if (!access.ok) return denied(words, access);
  const reason = isLease(run) ? `${actor.name} released it.` : `${actor.name} asked to stop it.`;
  const changed = await runs.change(run.number, { type: 'stop', actor, why: 'cancel', reason }, now, actor);
  if (changed.ok) return stopped(changed.run);

  // It was being stopped already, or has ended. To the one who stopped it, a repeat is told the same as the first time.
  const again = await findRun(run.number, runs);
  if (!again.ok) return again;
  const { state, stoppedBy } = again.run;
  const byThem = stoppedBy && actorKey(stoppedBy) === actorKey(actor);
  const asWanted = byThem && (state === 'cancelled' || (isLease(run) && state === 'succeeded'));
  return isEnd(state) && !asWanted ? alreadyEnded(again.run) : stopped(again.run);
}

function stopped(run: Run): Outcome {
  const works = isOnMachine(run.state) && run.stopping;
  const grace = works ? ` It has ${run.spec.graceS} s to save its work.` : '';
  const noun = isLease(run) ? 'Lease' : 'Run';
  return { ok: true, reply: reply(`${noun} ${titleOf(run)}.${grace}`, [], { data: runJson(run) }) };
}

function alreadyEnded(run: Run): Outcome {
  const { number, state } = run;
  const example = isLease(run) ? leaseRequestLine(run.spec) : `train retry ${number}`;
  return { ok: false, code: 'RUN_ALREADY_ENDED', details: { word: number, number, state, example } };
}
