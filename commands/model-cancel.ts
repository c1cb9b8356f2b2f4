import { decide, denied } from '../src/core/access.ts';
import { defineCommand } from '../src/core/command.ts';
import { findPromotion, settled } from '../src/core/promotion/find-promotion.ts';
import { isMoving } from '../src/core/promotion/promotion.ts';
import {
  promotionJson,
  promotionName,
  promotionTitle,
  stateWords,
} from '../src/core/promotion/promotion-reply.ts';
import { reply } from '../src/core/reply.ts';

/** Takes back what was asked for, before its rollout begins. */
export const modelCancel = defineCommand({
  path: ['model', 'cancel'],
  summary: 'Take back a promotion that has not begun to serve.',
  access: 'trainer',
  own: true,
  arguments: [{ name: 'promotion', kind: 'word', summary: 'Its name, such as P12.', required: true }],
  flags: [{ name: 'reason', kind: 'text', summary: 'Why.' }],
  examples: ['model cancel P12'],
  needs: ['promotions'],
  async run({ promotion: word, reason }, { actor, place, role, isSelf, now }, { promotions }) {
    const found = await findPromotion(word, place, promotions);
    if (!found.ok) return found;
    const { number, requestedBy, model } = found.promotion;
    const name = promotionName(found.promotion);
    const mine = isSelf(requestedBy);
    const may = decide({ role, needs: mine ? 'trainer' : 'operator' });
    if (!may.ok) {
      const todo = `Ask ${requestedBy.name} or an operator.`;
      return denied('model cancel', {
        ...may,
        reason: `${name} was asked for by ${requestedBy.name}.`,
        todo,
      });
    }
    const said = `${actor.name} cancelled it${reason === undefined ? '.' : `: ${reason}`}`;
    const after = await promotions.change(number, { type: 'cancel', reason: said }, now, actor);
    const current = after.ok ? after.promotion : ((await promotions.get(number)) ?? found.promotion);
    if (isMoving(current.state)) {
      const example = `model rollback ${model} --environment ${current.environment} --reason "..."`;
      return { ok: false, code: 'PROMOTION_MOVING', details: { word: name, example } };
    }
    if (current.state !== 'cancelled') return settled(current, 'PROMOTION_OVER');
    const title = `${promotionTitle(current)} ${stateWords(current.state)}`;
    return { ok: true, reply: reply(title, [], { data: promotionJson(current, null) }) };
  },
});
