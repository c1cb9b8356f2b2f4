import type { Forecast, QuotaNow } from './forecast.ts';
import { capital, counted } from './format.ts';
import { formatMoney } from './money.ts';
import type { Inline, ReplyBlock } from './reply.ts';

type Row = { label: string; value: Inline[] };

/** What a forecast says: whether it starts and where, or why not and what would change that; then its cost and its team's share. */
export function forecastBlocks(
  { decision, cost, ahead, quota, asks }: Forecast,
  currency: string,
  asked: Row[] = [],
): ReplyBlock[] {
  const why = decision.type === 'start' ? decision.reason : decision.sentence;
  const rows: Row[] = [
    ...asked,
    ...(cost > 0 ? [{ label: 'Cost', value: [`${formatMoney(cost, currency)} at most`] }] : []),
    ...(asks ? [{ label: 'Approval', value: ['by an approver other than whoever asks for it'] }] : []),
    ...(quota ? [{ label: 'Quota', value: [quotaSentence(quota)] }] : []),
    ...(decision.type === 'hold' ? [{ label: 'Before it', value: [aheadSentence(ahead)] }] : []),
  ];
  return [
    { kind: 'text', text: [capital(why)] },
    ...(rows.length > 0 ? [{ kind: 'fields' as const, rows }] : []),
  ];
}

/** The same for programs. */
export function forecastJson({ decision, cost, ahead, quota, asks }: Forecast) {
  const how =
    decision.type === 'start'
      ? {
          startsNow: true,
          pool: decision.pool,
          flavor: decision.flavor,
          shares: decision.shares,
          reason: decision.reason,
        }
      : { startsNow: false, code: decision.code, reason: decision.sentence };
  return { ...how, cost, ahead, quota, needsApproval: asks };
}

export function aheadSentence(ahead: number): string {
  return ahead === 0
    ? 'no run that waits'
    : `${counted(ahead, 'run')} that ${ahead === 1 ? 'waits' : 'wait'}`;
}

/** `team vision has 6 of 8 a100 now, and 8 with it` */
export function quotaSentence({ team, flavor, held, withIt, quota, borrow }: QuotaNow): string {
  const borrowed = Math.max(0, withIt - quota);
  const limit = borrow === null ? '' : `, of at most ${borrow}`;
  const beyond = borrowed > 0 ? `: ${borrowed} borrowed${limit}` : '';
  return `team ${team} holds ${held} of its ${quota} ${flavor} now, and ${withIt} with it${beyond}`;
}
