import type { ActionsBlock, Button, ConfirmationDialog, PlainTextElement } from '@slack/types';
import type { ReplyAction } from '../../core/reply.ts';
import { cutEnd, shown } from './shown.ts';

/** What comes back when a button is pressed. */
export type ButtonValue = (action: ReplyAction) => string;

/** What Slack takes. */
const most = { buttons: 25, label: 75, title: 100, text: 300, answer: 30 };

/** What a button is called that opens the form of the command named after it. */
export const openPrefix = 'open:';

/** Buttons in one row, or none. */
export function slackButtons(actions: readonly ReplyAction[], buttonValue: ButtonValue): ActionsBlock[] {
  if (actions.length === 0) return [];
  return [
    { type: 'actions', elements: actions.slice(0, most.buttons).map(one => button(one, buttonValue(one))) },
  ];
}

/** The button that opens a form. It is the one that people come for. */
export function slackFormButton({ form, label }: { form: string; label: string }): ActionsBlock {
  const element: Button = {
    type: 'button',
    action_id: `${openPrefix}${form}`,
    text: text(label, most.label),
    style: 'primary',
  };
  return { type: 'actions', elements: [element] };
}

function button(one: ReplyAction, value: string): Button {
  return {
    type: 'button',
    // Slack wants them to differ within a block.
    action_id: actionId(one),
    text: text(one.label, most.label),
    value,
    ...(one.confirm ? { confirm: confirmation(one.confirm) } : {}),
  };
}

/** What needs more words than a press has opens a form. */
function actionId({ action, run, version }: ReplyAction): string {
  if (action === 'promotion-reject') return `${openPrefix}model reject`;
  if (action === 'promotion-rollback') return `${openPrefix}model rollback`;
  return [action, run, ...(version ? [version.model] : [])].join(':');
}

/** Red where it is asked, and not before: most who see the button do not want it pressed. */
function confirmation(asked: NonNullable<ReplyAction['confirm']>): ConfirmationDialog {
  return {
    title: text(asked.title, most.title),
    text: text(asked.text, most.text),
    confirm: text(asked.yes, most.answer),
    deny: text(asked.no, most.answer),
    style: 'danger',
  };
}

function text(words: string, limit: number): PlainTextElement {
  // Otherwise `:name:` would become a picture.
  return { type: 'plain_text', text: cutEnd(shown(words), limit), emoji: false };
}
