import type { InputBlock, ModalView, PlainTextElement, PlainTextOption } from '@slack/types';
import { z } from 'zod';
import type { Filled, Form, FormChoice, FormField, FormValues } from '../../core/form.ts';
import { cutEnd, shown } from './shown.ts';

/** What Slack takes: https://docs.slack.dev/reference/block-kit, views and composition objects. */
const most = {
  blocks: 100,
  title: 24,
  label: 200,
  hint: 2_000,
  option: 75,
  value: 150,
  options: 100,
  input: 3_000,
  metadata: 3_000,
  note: 3_000,
};

/** What comes back with a form besides what is filled in. */
export interface FormOrigin {
  /** Where it was asked for; `null`: nowhere in particular, and the form asks for a place. */
  channel: string | null;
  responseUrl: string | null;
  /** How often it was made anew. */
  turn: number;
}

export interface ReadForm extends Filled {
  id: string;
  /** Of the view, for `views.update`. */
  view: string;
  hash: string;
  origin: FormOrigin;
  /** Chosen by the person where the form asked for it. */
  place: string | null;
  /** The block of each field. */
  blocks: ReadonlyMap<string, string>;
}

const placeField = 'place';

/**
 * A form as a modal. Blocks have other ids in every turn: Slack keeps what was in a field for as long as its id stays, whatever the
 * field is filled in with (github.com/slackapi/bolt-js/issues/290). What is chosen in a field that refreshes the rest stays.
 */
export function renderForm(form: Form, origin: FormOrigin): ModalView {
  const blocks = form.fields.map(field => inputOf(field, origin.turn));
  const place = origin.channel === null ? [placeInput()] : [];
  const note = form.note ? [{ type: 'context' as const, elements: [text(form.note, most.note)] }] : [];
  return {
    type: 'modal',
    callback_id: form.id,
    title: text(form.title, most.title),
    submit: text(form.submit, most.title),
    close: text('Cancel', most.title),
    blocks: [...blocks.slice(0, most.blocks - place.length - note.length), ...place, ...note],
    private_metadata: metadataOf(form.state, origin),
  };
}

/** The choices of a field that is searched, as Slack wants them in answer to `block_suggestion`. */
export function renderChoices(choices: readonly FormChoice[]): { options: PlainTextOption[] } {
  return { options: choices.filter(fits).slice(0, most.options).map(optionOf) };
}

const entrySchema = z.object({
  value: z.string().nullish(),
  selected_option: z.object({ value: z.string() }).nullish(),
  selected_conversation: z.string().nullish(),
});
const viewSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9]+$/),
  hash: z.string().max(100),
  callback_id: z.string(),
  private_metadata: z.string(),
  state: z.object({ values: z.record(z.string(), z.record(z.string(), entrySchema)) }),
});
const metadataSchema = z.object({
  state: z.string(),
  channel: z.string().nullable(),
  responseUrl: z.string().nullable(),
  turn: z.int(),
});

/** Reads a view out of a payload; `null` where it is none of ours. */
export function readForm(payload: unknown): ReadForm | null {
  const view = viewSchema.safeParse(payload);
  if (!view.success) return null;
  const metadata = metadataSchema.safeParse(jsonOf(view.data.private_metadata));
  if (!metadata.success) return null;
  const { state, ...origin } = metadata.data;
  const values: FormValues = {};
  const blocks = new Map<string, string>();
  let place: string | null = null;
  for (const [block, entries] of Object.entries(view.data.state.values))
    for (const [field, entry] of Object.entries(entries)) {
      blocks.set(field, block);
      if (field === placeField) place = entry.selected_conversation ?? null;
      const value = entry.value ?? entry.selected_option?.value;
      if (value) values[field] = value;
    }
  const { id: viewId, hash, callback_id: id } = view.data;
  return { id, view: viewId, hash, state, origin, values, place, blocks };
}

/** Answers a submission with what is wrong, at the fields; what has no field of its own is said at the first. */
export function renderErrors(
  errors: Readonly<Record<string, string>>,
  blocks: ReadForm['blocks'],
): { response_action: 'errors'; errors: Record<string, string> } {
  const [first = 'project'] = blocks.values();
  const said: Record<string, string> = {};
  for (const [field, sentence] of Object.entries(errors)) {
    const block = blocks.get(field) ?? first;
    said[block] = cutEnd(shown([said[block], sentence].filter(Boolean).join(' ')), most.hint);
  }
  return { response_action: 'errors', errors: said };
}

function inputOf(field: FormField, turn: number): InputBlock {
  const element = elementOf(field);
  // A text that is required cannot be empty, though one of the choices for which it stands may be.
  const isTyped = element.type === 'plain_text_input';
  return {
    type: 'input',
    block_id: field.refreshes ? field.name : `${turn}:${field.name}`,
    label: text(field.label, most.label),
    element,
    optional: field.optional ?? isTyped,
    ...(field.hint ? { hint: text(field.hint, most.hint) } : {}),
    ...(field.refreshes ? { dispatch_action: true } : {}),
  };
}

function elementOf(field: FormField): InputBlock['element'] {
  const { name: action_id, value } = field;
  const isLong = value !== undefined && value.length > most.input;
  const initial = value === undefined || isLong ? {} : { initial_value: value };
  switch (field.kind) {
    case 'integer':
      // Limits are not given: what is beyond them is told in the same words as everywhere.
      if (value === undefined || /^-?\d+$/.test(value))
        return { type: 'number_input', action_id, is_decimal_allowed: false, ...initial };
      return { type: 'plain_text_input', action_id, ...initial };
    // Slack's field for numbers does not take 3e-4.
    case 'number':
    case 'text':
      return { type: 'plain_text_input', action_id, ...initial };
    case 'switch': {
      const options = [plainOption('true'), plainOption('false')];
      const chosen = options.find(option => option.value === value);
      return {
        type: 'radio_buttons',
        action_id,
        options,
        ...(chosen ? { initial_option: chosen } : {}),
      };
    }
    case 'search': {
      const chosen = value === undefined ? [] : [{ value, label: value }].filter(fits).map(optionOf);
      return {
        type: 'external_select',
        action_id,
        min_query_length: 0,
        ...(chosen[0] ? { initial_option: chosen[0] } : {}),
      };
    }
    case 'choice':
      return choiceOf(field);
  }
}

/** A menu; where Slack could not show one of its choices, a field to type in. */
function choiceOf({ name: action_id, value, choices = [] }: FormField): InputBlock['element'] {
  if (choices.length === 0 || choices.length > most.options || !choices.every(fits))
    return { type: 'plain_text_input', action_id, ...(value ? { initial_value: value } : {}) };
  const options = choices.map(optionOf);
  const chosen = options.find(option => option.value === value);
  return { type: 'static_select', action_id, options, ...(chosen ? { initial_option: chosen } : {}) };
}

function placeInput(): InputBlock {
  return {
    type: 'input',
    block_id: placeField,
    label: text('Show the run in', most.label),
    hint: text('Left empty: only you see it.', most.hint),
    optional: true,
    element: {
      type: 'conversations_select',
      action_id: placeField,
      default_to_current_conversation: true,
      filter: { include: ['public', 'private'], exclude_bot_users: true },
    },
  };
}

function fits({ value, label }: FormChoice): boolean {
  return value !== '' && value.length <= most.value && label.trim() !== '';
}

function optionOf({ value, label, hint }: FormChoice): PlainTextOption {
  return {
    text: text(label, most.option),
    value,
    ...(hint ? { description: text(hint, most.option) } : {}),
  };
}

function plainOption(value: string): PlainTextOption {
  return optionOf({ value, label: value });
}

/** Names are shown as they are: nothing in them becomes an emoji. */
function text(words: string, limit: number): PlainTextElement {
  return { type: 'plain_text', text: cutEnd(shown(words), limit), emoji: false };
}

function metadataOf(state: string, origin: FormOrigin): string {
  const whole = JSON.stringify({ state, ...origin });
  return whole.length <= most.metadata ? whole : JSON.stringify({ state, ...origin, responseUrl: null });
}

function jsonOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
