import { z } from 'zod';
import type { SlackBody } from './body.ts';
import { openPrefix } from './buttons.ts';
import { unescapeMrkdwn } from './escape.ts';
import { type ReadForm, readForm } from './form.ts';

/** What somebody does with a form, as Slack tells it. */
export type FormAct =
  /** `text`: of the message from which it is asked for, or what its button says. */
  | { kind: 'open'; id: string; trigger: string; text: string | null }
  | { kind: 'suggest'; field: string; query: string; form: ReadForm }
  | { kind: 'choose'; form: ReadForm }
  | { kind: 'submit'; form: ReadForm };

const commandSchema = z.object({ command: z.string(), text: z.string().default(''), trigger_id: z.string() });

/** https://docs.slack.dev/reference/interaction-payloads */
const payloadSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('shortcut'), callback_id: z.string(), trigger_id: z.string() }),
  z.object({
    type: z.literal('message_action'),
    callback_id: z.string(),
    trigger_id: z.string(),
    message: z.object({ text: z.string().catch('') }),
  }),
  z.object({
    type: z.literal('block_suggestion'),
    action_id: z.string(),
    value: z.string().default(''),
    view: z.unknown(),
  }),
  z.object({
    type: z.literal('block_actions'),
    // Absent on a message.
    view: z.unknown().optional(),
    trigger_id: z.string().optional(),
    actions: z.array(z.object({ action_id: z.string(), value: z.string().optional() })).default([]),
  }),
  z.object({ type: z.literal('view_submission'), view: z.unknown() }),
]);

/** A message shortcut is called like the form's own with this behind it. */
export const fromMessage = '_from_message';

/**
 * Tells whether a delivery is about a form: a command without words, a shortcut, or something done in a modal. `null`: it is not.
 * Whether there is such a form is not known here.
 */
export function readFormAct({ kind, payload }: Extract<SlackBody, { type: 'delivery' }>): FormAct | null {
  if (kind === 'event') return null;
  if (kind === 'command') {
    if (typeof payload.text === 'string' && payload.text.trim() !== '') return null;
    const said = commandSchema.safeParse(payload).data;
    return said ? { kind: 'open', id: said.command.slice(1), trigger: said.trigger_id, text: null } : null;
  }
  const parsed = payloadSchema.safeParse(payload);
  if (!parsed.success) return null;
  const said = parsed.data;
  if (said.type === 'shortcut')
    return { kind: 'open', id: said.callback_id, trigger: said.trigger_id, text: null };
  if (said.type === 'message_action') {
    if (!said.callback_id.endsWith(fromMessage)) return null;
    const id = said.callback_id.slice(0, -fromMessage.length);
    return { kind: 'open', id, trigger: said.trigger_id, text: unescapeMrkdwn(said.message.text) };
  }
  if (said.type === 'block_actions') {
    const opened = said.actions.find(one => one.action_id.startsWith(openPrefix));
    if (opened && said.trigger_id && (said.view === undefined || isHome(said.view)))
      return {
        kind: 'open',
        id: opened.action_id.slice(openPrefix.length),
        trigger: said.trigger_id,
        text: opened.value ?? null,
      };
  }
  const form = readForm(said.view);
  if (!form) return null;
  switch (said.type) {
    case 'block_suggestion':
      return { kind: 'suggest', field: said.action_id, query: said.value, form };
    case 'block_actions':
      return { kind: 'choose', form };
    case 'view_submission':
      return { kind: 'submit', form };
  }
}

function isHome(view: unknown): boolean {
  return z.object({ type: z.literal('home') }).safeParse(view).success;
}
