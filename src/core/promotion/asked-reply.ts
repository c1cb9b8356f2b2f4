import type { Place } from '../actor.ts';
import { type Reply, reply } from '../reply.ts';
import type { Evidence } from './evidence.ts';
import type { Promotion } from './promotion.ts';
import { promotionName, promotionReply } from './promotion-reply.ts';

/** The answer to whoever asked for a promotion or a way back. Where it has a message of its own, that shows the rest. */
export function askedReply(
  promotion: Promotion,
  {
    created,
    superseded,
    ...facts
  }: { created: boolean; superseded: Promotion | null; evidence: Evidence | null; from: string | null },
  place: Place,
): Reply {
  const { title, blocks, data, tone } = promotionReply(promotion, { ...facts, button: null });
  const hasMessage = place.kind === 'slack' || place.kind === 'github';
  if (!created || !hasMessage) return reply(title, blocks, { tone, data });
  const what = superseded ? ` It takes the place of ${promotionName(superseded)}.` : '';
  // Where everybody reads everything, that message is answer enough.
  const shownByRun = place.kind === 'github';
  return reply(`${promotionName(promotion)} is asked for.${what}`, [], { data, shownByRun });
}
