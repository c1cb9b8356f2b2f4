import { denied, mayChange } from '../src/core/access.ts';
import { actorKey } from '../src/core/actor.ts';
import { defineCommand, type Outcome } from '../src/core/command.ts';
import { findRun } from '../src/core/find-run.ts';
import { reply } from '../src/core/reply.ts';
import { isEnd, type Run } from '../src/core/run.ts';
import { runJson } from '../src/core/run-json.ts';
import { titleOf } from '../src/core/run-reply.ts';

/** Stops a run: at once where it waits, with SIGTERM and its grace period where it works. Stopping it twice is harmless. */
export const trainCancel = defineCommand({
  path: ['train', 'cancel'],
  summary: 'Stop a run.',
  access: 'trainer',
  own: true,
  arguments: [{ name: 'run', kind: 'run', summary: "The run's number.", required: true }],
  flags: [],
  examples: ['train cancel 42'],
  needs: ['runs'],
  async run(values, { actor, role, isSelf, now }, { runs }) {
    const found = await findRun(values.run, runs);
    if (!found.ok) return found;
    const access = mayChange(found.run, isSelf(found.run.requestedBy), role);
    if (!access.ok) return denied(`train cancel ${values.run}`, access);
    const stop = { type: 'stop', actor, why: 'cancel', reason: `${actor.name} asked to stop it.` } as const;
    const changed = await runs.change(values.run, stop, now, actor);
    if (changed.ok) return stopped(changed.run);

    // It was being stopped already, or has ended. To the one who stopped it, a repeat is told the same as the first time.
    const again = await findRun(values.run, runs);
    if (!again.ok) return again;
    const { run } = again;
    const byThem = run.state === 'cancelled' && run.stoppedBy && actorKey(run.stoppedBy) === actorKey(actor);
    return isEnd(run.state) && !byThem ? alreadyEnded(run) : stopped(run);
  },
});

function stopped(run: Run): Outcome {
  const grace = run.stopping ? ` It has ${run.spec.graceS} s to save its work.` : '';
  return { ok: true, reply: reply(`Run ${titleOf(run)}.${grace}`, [], { data: runJson(run) }) };
}

function alreadyEnded(run: Run): Outcome {
  const { number, state } = run;
  const example = `train retry ${number}`;
  return { ok: false, code: 'RUN_ALREADY_ENDED', details: { word: number, number, state, example } };
}
