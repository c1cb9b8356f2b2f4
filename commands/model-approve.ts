import { defineCommand } from '../src/core/command.ts';
import { answerPromotion } from '../src/core/promotion/answer-promotion.ts';

/** Says yes to a promotion, for what it is decided on now. Who may is decided at that moment, by the person behind the account. */
export const modelApprove = defineCommand({
  path: ['model', 'approve'],
  summary: 'Approve that a version comes to serve.',
  access: 'trainer',
  scope: 'admin',
  arguments: [{ name: 'promotion', kind: 'word', summary: 'Its name, such as P12.', required: true }],
  flags: [
    { name: 'reason', kind: 'text', summary: 'Why.' },
    {
      name: 'pass',
      kind: 'switch',
      summary: 'In an emergency, under breakglass: without the approvals that are missing.',
    },
  ],
  examples: ['model approve P12', 'model approve P12 --pass --reason "the old one answers nonsense"'],
  needs: ['models', 'promotions', 'promotionDesk', 'stepUp'],
  async run({ promotion, reason = '', pass }, context, ports) {
    if (pass && reason === '') {
      const example = `model approve ${promotion} --pass --reason "..."`;
      const details = {
        word: '--reason',
        reason: 'Approvals are passed for a reason that others can read.',
        example,
      };
      return { ok: false, code: 'ARGUMENT_MISSING', details };
    }
    return await answerPromotion(promotion, { says: 'approve', reason, pass: pass ?? false }, context, ports);
  },
});
