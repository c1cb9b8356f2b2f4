import type { ErrorCode, ErrorDetails } from './errors.ts';
import { formatMoney } from './money.ts';
import type { PlanSnapshot } from './ports.ts';
import { type Policy, typedDuration } from './project.ts';
import type { Run } from './run.ts';

/** How long a run may take in all for what may be spent on it: unasked, or by the word of an approver. */
export interface PaidTime {
  /** Infinite where nothing is paid, or nobody is asked. */
  seconds: number;
  money: number;
}

export function paidTime(
  run: Run,
  { working, held }: PlanSnapshot,
  { teams }: Pick<Policy, 'teams'>,
): PaidTime {
  const ask = Object.hasOwn(teams, run.spec.team) ? teams[run.spec.team]?.budget?.ask : undefined;
  const price = working.find(one => one.number === run.number)?.price ?? 0;
  const perS = (price * held.filter(row => row.run === run.number).length) / 3_600;
  const money = Math.max(ask ?? Number.POSITIVE_INFINITY, run.approval?.cost ?? 0);
  return { seconds: perS > 0 ? money / perS - run.spec.graceS : Number.POSITIVE_INFINITY, money };
}

/** What is answered where that is too short for an extension. */
export function tooDear(
  number: number,
  byS: number,
  { money }: PaidTime,
  currency: string,
): { ok: false; code: ErrorCode; details: ErrorDetails } {
  const details = { number, word: typedDuration(byS), limit: formatMoney(money, currency) };
  return { ok: false, code: 'TIME_TOO_DEAR', details };
}
