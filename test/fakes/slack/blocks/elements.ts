import { isRecord } from '../args.ts';
import {
  all,
  anything,
  boolean,
  type Check,
  integer,
  list,
  object,
  oneOf,
  pattern,
  say,
  string,
  typed,
} from './check.ts';
import {
  confirm,
  imageUrl,
  initialIsAnOption,
  link,
  optionGroup,
  optionsOrGroups,
  overflowOption,
  plainOption,
  plainText,
  richOption,
} from './objects.ts';
import { richText } from './rich-text.ts';

/* Block elements. Limits: https://docs.slack.dev/reference/block-kit/block-elements and @slack/types 3.2.0. */

const actionable = { type: anything, action_id: string(255) };
const chosen = { ...actionable, confirm, focus_on_load: boolean };
const menu = { ...chosen, placeholder: plainText(150) };
const several = { ...menu, max_selected_items: integer(1, 100) };
const id = string(255);
const dispatchConfig = object({
  trigger_actions_on: list(oneOf('on_enter_pressed', 'on_character_entered'), 2),
});
const typing = {
  ...actionable,
  placeholder: plainText(150),
  focus_on_load: boolean,
  dispatch_action_config: dispatchConfig,
};
const choices = { options: list(plainOption, 100), option_groups: list(optionGroup, 100) };
const filter = object({
  include: list(oneOf('im', 'mpim', 'private', 'public'), 4),
  exclude_external_shared_channels: boolean,
  exclude_bot_users: boolean,
});
const conversation = { default_to_current_conversation: boolean, filter };

const button = object(
  {
    ...actionable,
    text: plainText(75),
    url: link,
    value: string(2000),
    style: oneOf('primary', 'danger'),
    confirm,
    accessibility_label: string(75),
  },
  ['text'],
);
const staticSelect = all(
  object({ ...menu, ...choices, initial_option: plainOption }),
  optionsOrGroups,
  initialIsAnOption,
);
const multiStaticSelect = all(
  object({ ...several, ...choices, initial_options: list(plainOption, 100) }),
  optionsOrGroups,
  initialIsAnOption,
);
const checkboxes = all(
  object({ ...chosen, options: list(richOption, 10), initial_options: list(richOption, 10) }, ['options']),
  initialIsAnOption,
);
const radioButtons = all(
  object({ ...chosen, options: list(richOption, 10), initial_option: richOption }, ['options']),
  initialIsAnOption,
);

/** A least and a most in their order, and a first value between them. */
function ordered(least: string, most: string, size: (value: unknown) => number): Check {
  return (value, at, scope) => {
    if (!isRecord(value)) return;
    const from = value[least] === undefined ? -Infinity : Number(value[least]);
    const to = value[most] === undefined ? Infinity : Number(value[most]);
    if (from > to) say(scope, `${least} must be less than or equal to ${most}`, `${at}/${least}`);
    if (value.initial_value === undefined) return;
    const first = size(value.initial_value);
    if (!(first <= to && (first >= from || first === 0)))
      say(scope, `must be between ${least} and ${most}`, `${at}/initial_value`);
  };
}

const decimal = pattern(/^-?\d+(\.\d+)?$/, 'number');
const textInput = all(
  object({
    ...typing,
    initial_value: string(3000, 0),
    multiline: boolean,
    min_length: integer(0, 3000),
    max_length: integer(1, 3000),
  }),
  ordered('min_length', 'max_length', value => String(value).length),
);
const numberInput = all(
  object(
    {
      ...typing,
      is_decimal_allowed: boolean,
      initial_value: decimal,
      min_value: decimal,
      max_value: decimal,
    },
    ['is_decimal_allowed'],
  ),
  ordered('min_value', 'max_value', Number),
  (value, at, scope) => {
    if (!isRecord(value) || value.is_decimal_allowed !== false) return;
    for (const name of ['initial_value', 'min_value', 'max_value'])
      if (String(value[name] ?? '').includes('.')) say(scope, 'must be an integer', `${at}/${name}`);
  },
);
const day = pattern(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'date');
const time = pattern(/^([01]\d|2[0-3]):[0-5]\d$/, 'time');

/** Where an element may stand: in `actions`, beside a section, in `input`. */
type Spot = 'actions' | 'accessory' | 'input';
const everywhere: Spot[] = ['actions', 'accessory', 'input'];

const elements: [type: string, spots: Spot[], check: Check][] = [
  ['button', ['actions', 'accessory'], button],
  [
    'overflow',
    ['actions', 'accessory'],
    object({ ...actionable, confirm, options: list(overflowOption, 5) }, ['options']),
  ],
  [
    'image',
    ['accessory'],
    object({ type: anything, image_url: imageUrl, alt_text: string(2000) }, ['image_url', 'alt_text']),
  ],
  ['static_select', everywhere, staticSelect],
  ['multi_static_select', ['accessory', 'input'], multiStaticSelect],
  [
    'external_select',
    everywhere,
    object({ ...menu, initial_option: plainOption, min_query_length: integer(0, 3000) }),
  ],
  [
    'multi_external_select',
    ['accessory', 'input'],
    object({ ...several, initial_options: list(plainOption, 100), min_query_length: integer(0, 3000) }),
  ],
  ['users_select', everywhere, object({ ...menu, initial_user: id })],
  ['multi_users_select', ['accessory', 'input'], object({ ...several, initial_users: list(id, 100) })],
  [
    'conversations_select',
    everywhere,
    object({ ...menu, ...conversation, initial_conversation: id, response_url_enabled: boolean }),
  ],
  [
    'multi_conversations_select',
    ['accessory', 'input'],
    object({ ...several, ...conversation, initial_conversations: list(id, 100) }),
  ],
  ['channels_select', everywhere, object({ ...menu, initial_channel: id, response_url_enabled: boolean })],
  ['multi_channels_select', ['accessory', 'input'], object({ ...several, initial_channels: list(id, 100) })],
  ['checkboxes', everywhere, checkboxes],
  ['radio_buttons', everywhere, radioButtons],
  ['datepicker', everywhere, object({ ...menu, initial_date: day })],
  ['timepicker', everywhere, object({ ...menu, initial_time: time, timezone: string(255) })],
  [
    'datetimepicker',
    ['actions', 'input'],
    object({ ...chosen, initial_date_time: integer(1_000_000_000, 9_999_999_999) }),
  ],
  ['plain_text_input', ['input'], textInput],
  ['number_input', ['input'], numberInput],
  ['email_text_input', ['input'], object({ ...typing, initial_value: string(3000, 0) })],
  ['url_text_input', ['input'], object({ ...typing, initial_value: link })],
  ['rich_text_input', ['input'], object({ ...typing, initial_value: richText })],
  [
    'file_input',
    ['input'],
    object({ ...actionable, filetypes: list(string(255), 100), max_files: integer(1, 10) }),
  ],
];

/** Any element that may stand at this spot. */
export function elementAt(spot: Spot): Check {
  return typed(
    new Map(elements.filter(([, spots]) => spots.includes(spot)).map(([type, , check]) => [type, check])),
  );
}

/** A picture among small print. */
export const smallImage: Check = object({ type: anything, image_url: imageUrl, alt_text: string(2000) }, [
  'image_url',
  'alt_text',
]);
