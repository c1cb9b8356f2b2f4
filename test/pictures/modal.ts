import type { ModalView } from '@slack/types';
import { createElement as h, type ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { z } from 'zod';

/**
 * Modals and dialogs, drawn here: of an input, slack-blocks-to-jsx leaves out what is chosen and whether it may be left empty, and it
 * knows no errors. Everything that is drawn is in the markup, and nothing else is: it is the same on every machine.
 */
export interface ShownModal {
  view: ModalView;
  /** By block: what stands in a field by now, where it is not what the form came with. */
  filled?: Readonly<Record<string, string>>;
  /** By block: what Slack says under the field. */
  errors?: Readonly<Record<string, string>>;
  /** The block whose menu is open. */
  open?: string;
  /** What is in that menu, where Slack asks for it while somebody types. */
  found?: readonly object[];
}

const plain = z.object({ type: z.literal('plain_text'), text: z.string() });
const option = z.object({ text: plain, value: z.string(), description: plain.optional() });
const element = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['plain_text_input', 'number_input']), initial_value: z.string().optional() }),
  z.object({
    type: z.enum(['static_select', 'external_select', 'radio_buttons']),
    options: z.array(option).default([]),
    initial_option: option.optional(),
  }),
  z.object({ type: z.literal('conversations_select') }),
]);
const inputSchema = z.object({
  type: z.literal('input'),
  block_id: z.string(),
  label: plain,
  hint: plain.optional(),
  optional: z.boolean().default(false),
  element,
});
const noteSchema = z.object({ type: z.literal('context'), elements: z.array(plain) });
const viewSchema = z.object({
  title: plain,
  submit: plain,
  close: plain,
  blocks: z.array(z.discriminatedUnion('type', [inputSchema, noteSchema])),
});
const dialogSchema = z.object({
  title: plain,
  text: plain,
  confirm: plain,
  deny: plain,
  style: z.enum(['primary', 'danger']),
});
const confirmedSchema = z.object({ confirm: dialogSchema });

type Input = z.infer<typeof inputSchema>;
type Option = z.infer<typeof option>;

/** Where somebody stands who opens a form that asks for a place. */
const here = '# gpu-room';

/** A modal as its markup. Throws where it has a part that is not drawn here. */
export function modalHtml({ view, filled = {}, errors = {}, open, found }: ShownModal): string {
  const { title, submit, close, blocks } = viewSchema.parse(view);
  const searched = found && z.array(option).parse(found);
  const parts = blocks.map((block, key) => {
    if (block.type === 'context')
      return h('div', { key, className: 'note' }, ...block.elements.map(({ text }) => text));
    const { block_id } = block;
    const rows = open === block_id && 'options' in block.element ? (searched ?? block.element.options) : [];
    return inputPart(block, { key, filled: filled[block_id], error: errors[block_id], rows });
  });
  return framed(title.text, parts, [button(close.text, ''), button(submit.text, 'primary')]);
}

/** What Slack asks before the button with a question is pressed. Takes the blocks of a message, of which one has such a button. */
export function dialogHtml(blocks: readonly object[]): string {
  const elements = blocks.flatMap(block => ('elements' in block ? block.elements : []));
  const asked = z
    .array(z.unknown())
    .parse(elements)
    .flatMap(one => confirmedSchema.safeParse(one).data ?? []);
  const [
    {
      confirm: { title, text, confirm, deny, style },
    },
  ] = z.tuple([confirmedSchema]).parse(asked);
  return framed(
    title.text,
    [h('p', { key: 0 }, text.text)],
    [button(deny.text, ''), button(confirm.text, style)],
  );
}

function framed(title: string, parts: ReactNode[], buttons: ReactNode[]): string {
  return renderToStaticMarkup(
    h(
      'div',
      { className: 'modal' },
      h('header', null, h('b', null, title), h('span', { className: 'close' }, '✕')),
      h('main', null, parts),
      h('footer', null, ...buttons),
    ),
  );
}

interface Look {
  key: number;
  filled: string | undefined;
  error: string | undefined;
  /** Of its open menu; none: it is closed. */
  rows: readonly Option[];
}

function inputPart(
  { label, hint, optional, element: asked }: Input,
  { key, filled, error, rows }: Look,
): ReactNode {
  return h(
    'div',
    { key, className: `input ${error ? 'wrong' : ''}`.trim() },
    h('label', null, label.text, optional ? h('span', { className: 'quiet' }, ' (optional)') : null),
    control(asked, filled),
    rows.length > 0 ? menu(rows) : null,
    error ? h('div', { className: 'error' }, error) : null,
    hint ? h('div', { className: 'hint' }, hint.text) : null,
  );
}

function control(asked: Input['element'], filled: string | undefined): ReactNode {
  switch (asked.type) {
    case 'plain_text_input':
    case 'number_input':
      return h('div', { className: 'control' }, filled ?? asked.initial_value ?? '\u00a0');
    case 'radio_buttons':
      return asked.options.map(({ text, value }) => {
        const isChosen = value === (filled ?? asked.initial_option?.value);
        return h('div', { key: value, className: `radio ${isChosen ? 'chosen' : ''}`.trim() }, text.text);
      });
    case 'conversations_select':
      return h('div', { className: 'control select' }, here);
    default: {
      const chosen = filled === undefined ? asked.initial_option?.text.text : labelOf(asked.options, filled);
      const shown = chosen ?? h('span', { className: 'quiet' }, 'Select an option');
      return h('div', { className: 'control select' }, shown);
    }
  }
}

/** What was found by searching is in no list. */
function labelOf(options: readonly Option[], value: string): string {
  return options.find(one => one.value === value)?.text.text ?? value;
}

function menu(options: readonly Option[]): ReactNode {
  const rows = options.map(({ text, value, description }) =>
    h('div', { key: value }, text.text, description ? h('small', null, description.text) : null),
  );
  return h('div', { className: 'menu' }, rows);
}

function button(label: string, style: string): ReactNode {
  return h('span', { key: label, className: `button ${style}`.trim() }, label);
}
