import { decide, denied } from './access.ts';
import type { CommandContext, Outcome } from './command.ts';
import { findSweep } from './find-sweep.ts';
import { counted } from './format.ts';
import type { RunStore, SweepStore } from './ports.ts';
import { reply } from './reply.ts';
import { isEnd } from './run.ts';

/**
 * Stops all of a sweep that waits or works. That it is to be stopped is stored first: what this does not come to is seen to by whoever
 * tends sweeps.
 */
export async function stopSweep(
  number: number,
  { actor, role, isSelf, now }: Pick<CommandContext, 'actor' | 'role' | 'isSelf' | 'now'>,
  { runs, sweeps }: { runs: Pick<RunStore, 'change'>; sweeps: SweepStore },
): Promise<Outcome> {
  const found = await findSweep(number, sweeps);
  if (!found.ok) return found;
  const { requestedBy } = found.sweep;
  const owner = { name: requestedBy.name, isSelf: isSelf(requestedBy) };
  const access = decide({ role, needs: 'trainer', owner });
  if (!access.ok) return denied(`train cancel S${number}`, access);
  const members = await sweeps.members(found.sweep);
  const open = members.filter(({ run }) => !isEnd(run.state)).map(({ run }) => run.number);
  // To the one who stopped it, a repeat is told the same as the first time.
  const byThem = found.sweep.cancelledBy && isSelf(found.sweep.cancelledBy);
  if (open.length === 0 && !byThem)
    return {
      ok: false,
      code: 'SWEEP_ALREADY_ENDED',
      details: { number, example: `train status S${number}` },
    };
  await sweeps.cancel(number, actor);
  const reason = `${actor.name} asked to stop sweep S${number}.`;
  for (const run of open) await runs.change(run, { type: 'stop', actor, why: 'cancel', reason }, now, actor);
  const title =
    open.length === 0
      ? `Sweep S${number} is stopped.`
      : `Sweep S${number} is being stopped: ${counted(open.length, 'run')} of it waited or worked.`;
  return { ok: true, reply: reply(title, [], { data: { sweep: number, stopped: open } }) };
}
