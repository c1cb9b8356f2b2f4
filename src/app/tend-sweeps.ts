import { medianRule, medianStop } from '../core/early-stop.ts';
import { formatNumber } from '../core/format.ts';
import type { Log, RunStore, SweepStore, SweepWork, Wakeups } from '../core/ports.ts';
import { earlyStopper, isEnd } from '../core/run.ts';
import type { Sweep, SweepMember } from '../core/sweep.ts';

export interface TendSweepsPorts {
  sweeps: SweepWork & Pick<SweepStore, 'members'>;
  runs: Pick<RunStore, 'change'>;
  wakeups: Wakeups;
  log: Log;
}

const pageSize = 50;
/** Between two looks at one sweep, by whichever worker. */
const pauseMs = 2_000;

/**
 * Looks after every sweep that has not ended: shows what changed, finds hopeless members where that was asked for, stops what is to be
 * stopped, and tells the end. What is found is stored before it is done, so that whoever looks next goes on where another was killed; any
 * number of workers may look.
 */
export async function tendSweeps(ports: TendSweepsPorts, now: Date): Promise<void> {
  let after = 0;
  for (;;) {
    const page = await ports.sweeps.open(after, pageSize);
    for (const sweep of page) {
      try {
        await tend(sweep, ports, now);
      } catch (err) {
        ports.log.warn({ err, sweep: sweep.number }, 'a sweep could not be looked after');
      }
    }
    const last = page.at(-1);
    if (!last || page.length < pageSize) return;
    after = last.number;
  }
}

async function tend(sweep: Sweep, ports: TendSweepsPorts, now: Date): Promise<void> {
  const { sweeps, wakeups } = ports;
  const { number } = sweep;
  if (!(await sweeps.turn(number, pauseMs))) return;
  // 1. Who is hopeless now, by the rule that was asked for.
  await find(sweep, ports, now);
  // 2. What is to be stopped and is not yet.
  const members = await sweeps.members(sweep);
  for (const member of members) await stop(sweep, member, ports, now);
  // 3. The message, and the end.
  await sweeps.show(number);
  if (!members.every(({ run }) => isEnd(run.state))) return;
  const surfaces = await sweeps.end(number, now);
  wakeups.wake(surfaces.map(id => `surface:${id}` as const));
}

async function find(sweep: Sweep, { sweeps }: TendSweepsPorts, now: Date): Promise<void> {
  const { spec, cancelledBy } = sweep;
  if (spec.earlyStop === null || spec.better === null || cancelledBy) return;
  for (const { run, ...trial } of await sweeps.trials(sweep, medianRule.values)) {
    const found = medianStop(trial, spec.better);
    if (found) await sweeps.found(run, found, now);
  }
}

async function stop(
  sweep: Sweep,
  { run, stop: found }: SweepMember,
  { runs }: TendSweepsPorts,
  now: Date,
): Promise<void> {
  const { number, spec, cancelledBy } = sweep;
  if (isEnd(run.state) || run.stopping === 'cancel') return;
  if (cancelledBy) {
    const reason = `${cancelledBy.name} asked to stop sweep S${number}.`;
    await runs.change(
      run.number,
      { type: 'stop', actor: cancelledBy, why: 'cancel', reason },
      now,
      cancelledBy,
    );
  } else if (found) {
    const { step, value, median, completed } = found;
    const reason = `The median rule of sweep S${number} stopped it at step ${formatNumber(step)}: its best ${spec.metric} by then, ${formatNumber(value)}, is worse than ${formatNumber(median)}, the median of what ${completed} runs that succeeded had on average by then.`;
    const actor = earlyStopper;
    await runs.change(run.number, { type: 'stop', actor, why: 'cancel', reason }, now, actor);
  }
}
