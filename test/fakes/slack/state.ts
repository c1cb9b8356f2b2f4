import { isRecord } from './args.ts';

/** What somebody filled in: by `block_id` and `action_id`, an option by its value. `null` empties a field. */
export type Filled = Record<string, Record<string, unknown>>;

type Part = Record<string, unknown>;

/** An option that was not offered with the view: those of external menus. */
interface Option {
  text: { type: string; text: string; emoji?: boolean };
  value: string;
}

const single: Record<string, [initial: string, entry: string]> = {
  plain_text_input: ['initial_value', 'value'],
  number_input: ['initial_value', 'value'],
  email_text_input: ['initial_value', 'value'],
  url_text_input: ['initial_value', 'value'],
  rich_text_input: ['initial_value', 'rich_text_value'],
  datepicker: ['initial_date', 'selected_date'],
  timepicker: ['initial_time', 'selected_time'],
  datetimepicker: ['initial_date_time', 'selected_date_time'],
  users_select: ['initial_user', 'selected_user'],
  conversations_select: ['initial_conversation', 'selected_conversation'],
  channels_select: ['initial_channel', 'selected_channel'],
  multi_users_select: ['initial_users', 'selected_users'],
  multi_conversations_select: ['initial_conversations', 'selected_conversations'],
  multi_channels_select: ['initial_channels', 'selected_channels'],
  static_select: ['initial_option', 'selected_option'],
  external_select: ['initial_option', 'selected_option'],
  radio_buttons: ['initial_option', 'selected_option'],
  multi_static_select: ['initial_options', 'selected_options'],
  multi_external_select: ['initial_options', 'selected_options'],
  checkboxes: ['initial_options', 'selected_options'],
  file_input: ['initial_files', 'files'],
};

/** Elements of a block that answer to a name. */
export function elementsOf(block: Part): Part[] {
  const some = [block.accessory, block.element, ...(Array.isArray(block.elements) ? block.elements : [])];
  return some.filter(isRecord).filter(({ action_id }) => typeof action_id === 'string');
}

/** The option of an element that has this value, as it was offered; an external menu takes a whole option. */
export function optionOf(element: Part, value: unknown): unknown {
  if (isRecord(value)) return value;
  const groups = Array.isArray(element.option_groups) ? element.option_groups.filter(isRecord) : [];
  const offered = [element.options, ...groups.map(({ options }) => options)].flat().filter(isRecord);
  const found = offered.find(option => option.value === value);
  if (found) return found;
  if (!String(element.type).includes('external'))
    throw new Error(`${String(element.action_id)} offers no option ${String(value)}.`);
  const text = String(value);
  return { text: { type: 'plain_text', text }, value: text } satisfies Option;
}

/**
 * `state.values` as Slack sends it. Throws what Slack's own client does not let through: an empty field that is not optional, a text
 * that is too long, an option that is not there, a field that is not there.
 */
export function stateOf(blocks: Part[], filled: Filled): Record<string, Record<string, unknown>> {
  const state: Record<string, Record<string, unknown>> = {};
  for (const [block, fields] of Object.entries(filled)) {
    const there = blocks.find(({ block_id }) => block_id === block);
    const names = there ? elementsOf(there).map(({ action_id }) => action_id) : [];
    const missing = Object.keys(fields).find(name => !names.includes(name));
    if (!there || missing) throw new Error(`The view has no field ${block}/${missing ?? ''}.`);
  }
  for (const block of blocks)
    for (const element of elementsOf(block)) {
      const [initial, name] = single[String(element.type)] ?? [];
      if (!initial || !name) continue;
      const given = filled[String(block.block_id)]?.[String(element.action_id)];
      const value = given === undefined ? (element[initial] ?? empty(name)) : entryOf(element, name, given);
      if (block.type === 'input' && block.optional !== true && isEmpty(value))
        throw new Error(`${String(block.block_id)} is empty and not optional.`);
      checkEntry(element, value);
      state[String(block.block_id)] = {
        ...state[String(block.block_id)],
        [String(element.action_id)]: { type: element.type, [name]: value },
      };
    }
  return state;
}

function entryOf(element: Part, name: string, given: unknown): unknown {
  if (given === null) return empty(name);
  if (name === 'selected_option') return optionOf(element, given);
  if (name === 'selected_options' && Array.isArray(given))
    return given.map(value => optionOf(element, value));
  return given;
}

const empty = (name: string) => (/s$/.test(name) ? [] : null);
const isEmpty = (value: unknown) =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0);

function checkEntry(element: Part, value: unknown): void {
  if (typeof value !== 'string' || value === '') return;
  const name = String(element.action_id);
  if (element.type === 'plain_text_input') {
    if (value.length > Number(element.max_length ?? 3000)) throw new Error(`${name} is too long.`);
    if (value.length < Number(element.min_length ?? 0)) throw new Error(`${name} is too short.`);
  }
  if (element.type !== 'number_input') return;
  const number = Number(value);
  const whole = element.is_decimal_allowed === true || Number.isInteger(number);
  const least = Number(element.min_value ?? -Infinity);
  const most = Number(element.max_value ?? Infinity);
  if (!whole || !(number >= least && number <= most)) throw new Error(`${name} takes no ${value}.`);
}
