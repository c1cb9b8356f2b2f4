import { isRecord } from '../args.ts';
import { chartBlock } from './chart.ts';
import {
  all,
  anything,
  boolean,
  type Check,
  list,
  number,
  object,
  oneOf,
  type Scope,
  type Surface,
  say,
  string,
  typed,
} from './check.ts';
import { elementAt, smallImage } from './elements.ts';
import { anyText, imageUrl, plainText } from './objects.ts';
import { richText } from './rich-text.ts';

/* Blocks. Limits: https://docs.slack.dev/reference/block-kit/blocks and @slack/types 3.2.0. */

const base = { type: anything, block_id: string(255) };

const section = all(
  object({
    ...base,
    text: anyText(3000),
    fields: list(anyText(2000), 10),
    accessory: elementAt('accessory'),
    expand: boolean,
  }),
  (value, at, scope) => {
    if (isRecord(value) && value.text === undefined && value.fields === undefined)
      say(scope, 'missing required field: text', at);
  },
);

/** No two elements of one block answer to the same name. */
const namesOnce: Check = (value, at, scope) => {
  if (!isRecord(value) || !Array.isArray(value.elements)) return;
  const seen = new Set<unknown>();
  for (const [index, element] of value.elements.entries()) {
    if (!isRecord(element) || element.action_id === undefined) continue;
    if (seen.has(element.action_id))
      say(
        scope,
        `\`action_id\` "${String(element.action_id)}" already exists`,
        `${at}/elements/${index}/action_id`,
      );
    seen.add(element.action_id);
  }
};

const small = typed(
  new Map<string, Check>([
    ['image', smallImage],
    ['plain_text', anyText(3000)],
    ['mrkdwn', anyText(3000)],
  ]),
);

const cell = typed(
  new Map<string, Check>([
    ['raw_text', object({ type: anything, text: string(10_000) }, ['text'])],
    ['raw_number', object({ type: anything, text: string(10_000), value: number }, ['text', 'value'])],
    ['rich_text', richText],
  ]),
);
const column = object({ align: oneOf('left', 'center', 'right'), is_wrapped: boolean });

const input = object(
  {
    ...base,
    label: plainText(2000),
    hint: plainText(2000),
    optional: boolean,
    element: elementAt('input'),
    dispatch_action: boolean,
  },
  ['label', 'element'],
);

const everywhere: Surface[] = ['message', 'modal', 'home'];
const blocks: [type: string, surfaces: Surface[], check: Check][] = [
  ['section', everywhere, section],
  ['divider', everywhere, object(base)],
  ['header', everywhere, object({ ...base, text: plainText(150), level: number }, ['text'])],
  ['context', everywhere, object({ ...base, elements: list(small, 10) }, ['elements'])],
  [
    'actions',
    everywhere,
    all(object({ ...base, elements: list(elementAt('actions'), 25) }, ['elements']), namesOnce),
  ],
  [
    'image',
    everywhere,
    object({ ...base, image_url: imageUrl, alt_text: string(2000), title: plainText(2000) }, [
      'image_url',
      'alt_text',
    ]),
  ],
  ['rich_text', everywhere, richText],
  ['input', ['modal', 'home'], input],
  ['markdown', ['message'], object({ ...base, text: string(12_000) }, ['text'])],
  [
    'table',
    ['message'],
    object({ ...base, rows: list(list(cell, 20), 100), column_settings: list(column, 20) }, ['rows']),
  ],
];
const known = new Map(
  everywhere.map(surface => {
    const here = blocks.filter(([, surfaces]) => surfaces.includes(surface));
    return [surface, new Map(here.map(([type, , check]) => [type, check]))] as const;
  }),
);

const block = typed((scope: Scope) => {
  const types = known.get(scope.surface) ?? new Map<string, Check>();
  return scope.charts ? new Map([...types, ['data_visualization', chartBlock]]) : types;
});

/** A surface's whole list of blocks: 50 in a message, 100 in a view, each `block_id` once. */
export const blockList: Check = (value, at, scope) => {
  list(block, scope.surface === 'message' ? 50 : 100, 0)(value, at, scope);
  if (!Array.isArray(value)) return;
  const seen = new Set<unknown>();
  for (const [index, each] of value.entries()) {
    if (!isRecord(each) || each.block_id === undefined) continue;
    if (seen.has(each.block_id))
      say(scope, `\`block_id\` "${String(each.block_id)}" already exists`, `${at}/${index}/block_id`);
    seen.add(each.block_id);
  }
};
