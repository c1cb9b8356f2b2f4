import type { ErrorDetails } from './errors.ts';
import type { RunCosts, SweepStore } from './ports.ts';
import type { Sweep, SweepMember } from './sweep.ts';
import type { SweepCost } from './sweep-reply.ts';

export type FoundSweep =
  | { ok: true; sweep: Sweep }
  | { ok: false; code: 'SWEEP_NOT_FOUND'; details: ErrorDetails };

/** `S3` is sweep 3; a number is a run's. */
export function sweepNumber(work: number | string): number | null {
  return typeof work === 'string' ? Number(work.slice(1)) : null;
}

/** The sweep of that number, or the error that says which numbers there are. */
export async function findSweep(
  number: number,
  sweeps: Pick<SweepStore, 'get' | 'newestNumber'>,
): Promise<FoundSweep> {
  const sweep = await sweeps.get(number);
  if (sweep) return { ok: true, sweep };
  const newest = await sweeps.newestNumber();
  const example = 'train --help';
  return { ok: false, code: 'SWEEP_NOT_FOUND', details: { word: number, newest, example } };
}

/** What all its members have cost so far. */
export async function sweepCost(
  members: readonly SweepMember[],
  costs: RunCosts,
  currency: string,
  now: Date,
): Promise<SweepCost> {
  const total = { hours: 0, money: 0, currency };
  for (const { run } of members) {
    const { hours, money } = await costs.of(run.number, now);
    total.hours += hours;
    total.money += money;
  }
  return total;
}
