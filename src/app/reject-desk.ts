import { readButton } from '../core/button.ts';
import { fault } from '../core/errors.ts';
import type { Form, FormDesk } from '../core/form.ts';
import type { PromotionStore, Signer } from '../core/ports.ts';
import { promotionName, promotionTitle } from '../core/promotion/promotion-reply.ts';

export interface RejectDeskDeps {
  signer: Pick<Signer, 'read'>;
  promotions: Pick<PromotionStore, 'get' | 'pressed'>;
}

const id = 'model reject';

/** Asks why, where somebody presses Reject. Whether they may is decided when it is sent, as for everything that is pressed. */
export function rejectDesk({ signer, promotions }: RejectDeskDeps): FormDesk {
  return {
    example: 'model reject P12 --reason "..."',
    async open({ place }, text) {
      const said = text === null ? null : await signer.read(text);
      const button = said === null ? null : readButton(said);
      const isHere =
        place.kind === 'slack' && button?.team === place.team && button.channel === place.channel;
      const pressed =
        button?.id !== undefined && isHere && button.action === 'promotion-reject'
          ? await promotions.pressed(button.id, place)
          : null;
      const promotion = pressed && (await promotions.get(pressed.promotion));
      if (!promotion || button?.id === undefined)
        return { ok: false, fault: fault('BUTTON_INVALID', { example: 'model list' }, '/') };
      return { ok: true, form: formOf(button.id, promotionName(promotion), promotionTitle(promotion)) };
    },
    choose: async (_asker, { state }) => formOf(state, '', ''),
    suggest: async () => [],
    async submit(_asker, { state, values }) {
      const reason = values.reason?.trim() ?? '';
      if (reason === '')
        return { kind: 'wrong', errors: { reason: 'It needs a reason that others can read.' } };
      return { kind: 'accepted', values: { promotion: state, reason } };
    },
  };
}

function formOf(state: string, name: string, note: string): Form {
  return {
    id,
    title: `Reject ${name}`.trim(),
    submit: 'Reject',
    fields: [
      {
        ...{ name: 'reason', label: 'Why', kind: 'text', optional: false },
        hint: 'Everybody sees it in the message.',
      },
    ],
    ...(note === '' ? {} : { note }),
    state,
  };
}
