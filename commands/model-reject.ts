import { defineCommand } from '../src/core/command.ts';
import { answerPromotion } from '../src/core/promotion/answer-promotion.ts';

/** Says no to a promotion, and why; it is over then. */
export const modelReject = defineCommand({
  path: ['model', 'reject'],
  summary: 'Reject that a version comes to serve.',
  access: 'trainer',
  scope: 'admin',
  arguments: [{ name: 'promotion', kind: 'word', summary: 'Its name, such as P12.', required: true }],
  flags: [{ name: 'reason', kind: 'text', summary: 'Why.', required: true }],
  examples: ['model reject P12 --reason "worse on rotated images"'],
  needs: ['models', 'promotions', 'promotionDesk', 'stepUp'],
  run: ({ promotion, reason }, context, ports) =>
    answerPromotion(promotion, { says: 'reject', reason }, context, ports),
});
