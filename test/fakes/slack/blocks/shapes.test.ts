import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { markup, section, words } from '../fixture.ts';
import {
  actions,
  asking,
  button,
  cell,
  chart,
  counting,
  divider,
  image,
  inMessage,
  input,
  inView,
  type Json,
  menu,
  modal,
  option,
  pie,
  preformatted,
  refusals,
  rich,
  richSection,
  series,
  table,
  times,
  typing,
  x,
} from './samples.ts';
import { checkMessageBlocks } from './surfaces.ts';

const options = [option(1), option(2)];
const option_groups = [{ label: words('g'), options }];
const text = { type: 'text', text: 'a' };
const dividers = times(20, () => divider);
const people = { type: 'multi_users_select', action_id: 'a' };
const unknown = (type: string) => new RegExp(`unsupported type: ${type} \\[json-pointer:/`);

type Row<T> = [name: string, good: T, bad: T, problem: RegExp];
const message: Row<Json[]>[] = [
  [
    'unknown block',
    [divider],
    [{ type: 'billboard' }],
    /unsupported type: billboard \[json-pointer:\/blocks\/0\/type\]/,
  ],
  ['block that is not rolled out', [divider], [{ type: 'carousel', elements: [] }], unknown('carousel')],
  ['unknown element', [actions(button())], [actions(button({ type: 'knob' }))], unknown('knob')],
  ['input in a message', [section('a')], [typing()], unknown('input')],
  [
    'text field in actions',
    [actions(button())],
    [actions({ type: 'plain_text_input' })],
    unknown('plain_text_input'),
  ],
  [
    'multi menu in actions',
    [{ ...section('a'), accessory: people }],
    [actions(people)],
    unknown('multi_users_select'),
  ],
  [
    'markup in a header',
    [{ type: 'header', text: words('h') }],
    [{ type: 'header', text: markup('h') }],
    unknown('mrkdwn'),
  ],
  ['section that says nothing', [section('a')], [{ type: 'section' }], /missing required field: text/],
  [
    'empty text',
    [section('a')],
    [section('')],
    /more than 0 characters \[json-pointer:\/blocks\/0\/text\/text\]/,
  ],
  [
    'bare text',
    [section('a')],
    [{ type: 'section', text: 'a' }],
    /must provide an object \[json-pointer:\/blocks\/0\/text\]/,
  ],
  [
    'property too many',
    [divider],
    [{ ...divider, text: 'a' }],
    /invalid additional property: text \[json-pointer:\/blocks\/0\]/,
  ],
  [
    'property of every object',
    [divider],
    [{ ...divider, constructor: 'a' }],
    /additional property: constructor/,
  ],
  ['picture without words', [image()], [image({ alt_text: undefined })], /missing required field: alt_text/],
  [
    'picture nobody can fetch',
    [image()],
    [image({ image_url: 'http://10.0.0.1/a.png' })],
    /downloading image failed/,
  ],
  [
    'action_id twice',
    [actions(button(), button({ action_id: 'b' }))],
    [actions(button(), button())],
    /`action_id` "go" already exists \[json-pointer:\/blocks\/0\/elements\/1\/action_id\]/,
  ],
  [
    'action_id twice, in two blocks',
    [actions(button()), actions(button())],
    [actions(button(), button())],
    /exists/,
  ],
  [
    'block_id twice',
    [{ ...divider, block_id: 'a' }, divider],
    times(2, () => ({ ...divider, block_id: 'a' })),
    /`block_id` "a" already exists \[json-pointer:\/blocks\/1\/block_id\]/,
  ],
  [
    'initial option of another value',
    [menu({ options, initial_option: option(2) })],
    [menu({ options, initial_option: option(3) })],
    /must exactly match/,
  ],
  [
    'initial option of another text',
    [menu({ options, initial_option: option(2) })],
    [menu({ options, initial_option: option(2, { text: words('p') }) })],
    /must exactly match/,
  ],
  [
    'initial option out of a group',
    [menu({ option_groups, initial_option: option(2) })],
    [menu({ option_groups, initial_option: option(3) })],
    /must exactly match/,
  ],
  ['options and groups', [menu({ options })], [menu({ options, option_groups })], /only one of/],
  ['neither options nor groups', [menu({ options })], [menu({})], /missing required field: options/],
  ['no options', [menu({ options })], [menu({ options: [] })], /no fewer than 1 items allowed/],
  [
    'style of a button',
    [actions(button({ style: 'danger' }))],
    [actions(button({ style: 'default' }))],
    /must be one of: primary, danger/,
  ],
  [
    'two tables',
    [table([[cell()]]), divider],
    [table([[cell()]]), table([[cell()]])],
    /only_one_table_allowed/,
  ],
  ['empty cell', [table([[cell(' ')]])], [table([[cell('')]])], /more than 0 characters/],
  ['part of rich text', [rich('a')], [richSection({ type: 'bold', text: 'a' })], unknown('bold')],
  [
    'mention in preformatted text',
    [preformatted(text)],
    [preformatted({ type: 'user', user_id: 'U1' })],
    unknown('user'),
  ],
  [
    'much text in many blocks',
    [...dividers, rich(x(11_200))],
    [...dividers, rich(x(11_201))],
    /msg_blocks_too_long/,
  ],
  [
    'chart short of a category',
    [chart([series('a', 2)], 2)],
    [chart([series('a', 1)], 2)],
    /match the categories/,
  ],
  [
    'name twice in a chart',
    [chart([series('a'), series('b')])],
    [chart([series('a'), series('a')])],
    /unique/,
  ],
  ['pie of nothing', [pie({ label: 's', value: 1 })], [pie({ label: 's', value: 0 })], /greater than 0/],
];

const day = (initial_date: string) => asking(input({ type: 'datepicker', initial_date }));
const view: Row<Json>[] = [
  [
    'input without submit',
    asking(typing()),
    { ...asking(typing()), submit: undefined },
    /must define `submit` to use an `input` block in modals \[json-pointer:\/view\/blocks\/0\/input\]/,
  ],
  [
    'title of a Home',
    { type: 'home', blocks: [] },
    { type: 'home', blocks: [], title: words('a') },
    /property: title/,
  ],
  ['modal without title', modal(), modal({ title: undefined }), /missing required field: title/],
  ['table in a modal', asking(section('a')), asking(table([[cell()]])), unknown('table')],
  [
    'two that want the focus',
    asking(typing({ focus_on_load: true })),
    asking(typing({ focus_on_load: true }), typing({ focus_on_load: true })),
    /focus_on_load/,
  ],
  ['button in an input', asking(typing()), asking(input(button())), unknown('button')],
  [
    'number with letters',
    asking(counting({ initial_value: '12' })),
    asking(counting({ initial_value: '1e5' })),
    /valid number/,
  ],
  [
    'number with a point',
    asking(counting({ is_decimal_allowed: true, initial_value: '1.5' })),
    asking(counting({ initial_value: '1.5' })),
    /must be an integer/,
  ],
  [
    'number above its most',
    asking(counting({ max_value: '12', initial_value: '12' })),
    asking(counting({ max_value: '12', initial_value: '13' })),
    /between min_value and max_value/,
  ],
  [
    'least above most',
    asking(counting({ min_value: '9', max_value: '9' })),
    asking(counting({ min_value: '10', max_value: '9' })),
    /less than or equal/,
  ],
  ['day', day('2026-01-31'), day('2026-1-31'), /must be a valid date/],
  [
    'more than 250 KB',
    asking(...times(80, () => section(x(3000)))),
    asking(...times(84, () => section(x(3000)))),
    /view_too_large/,
  ],
];

describe('Block Kit: what is near and good, and what is refused', () => {
  for (const [name, good, bad, problem] of message)
    test(name, () => {
      assert.deepEqual(inMessage(good), []);
      assert.match(inMessage(bad).join('\n'), problem);
    });
  for (const [name, good, bad, problem] of view)
    test(name, () => {
      assert.deepEqual(inView(good), []);
      assert.match(inView(bad).join('\n'), problem);
    });
  test('charts are taken only where they are rolled out', () => {
    assert.deepEqual(inMessage([chart([series('a')])], true), []);
    assert.deepEqual(inMessage([chart([series('a')])], false), [
      'invalid_blocks',
      '[ERROR] unsupported type: data_visualization [json-pointer:/blocks/0/type]',
    ]);
  });
  test('two charts a message, and not three', () => {
    const one = chart([series('a')]);
    assert.deepEqual(inMessage([one, one]), []);
    assert.match(inMessage([one, one, one]).join('\n'), /no more than 2 data_visualization/);
  });
  test('blocks that are no list', () => {
    assert.deepEqual(
      refusals(() => checkMessageBlocks('[]', true)),
      ['invalid_blocks_format'],
    );
  });
  test('a long section is refused in the very words of Slack', () => {
    assert.deepEqual(inMessage([section(x(3001))]), [
      'invalid_blocks',
      '[ERROR] failed to match all allowed schemas [json-pointer:/blocks/0/text]',
      '[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]',
    ]);
  });
});
