import { describe, test } from 'node:test';
import { markup, section, words } from '../fixture.ts';
import {
  actions,
  asking,
  button,
  cell,
  chart,
  checkLimit,
  confirm,
  context,
  divider,
  fields,
  image,
  inMessage,
  input,
  inView,
  type LimitRow,
  menu,
  modal,
  option,
  pie,
  rich,
  series,
  table,
  times,
  typing,
  x,
} from './samples.ts';

const link = (length: number) => `https://example.com/${x(length - 20)}`;
const one = { options: [option(1)] };
const group = { label: words('g'), ...one };
const tooLong = /^msg_blocks_too_long$/;

const message: LimitRow[] = [
  ['text of a section', 3000, 'characters', n => section(x(n))],
  ['fields of a section', 10, 'items', n => fields(...times(n, () => 'f'))],
  ['text of a field', 2000, 'characters', n => fields(x(n))],
  ['header', 150, 'characters', n => ({ type: 'header', text: words(x(n)) })],
  ['elements of actions', 25, 'items', n => actions(...times(n, at => button({ action_id: `a${at}` })))],
  ['elements of context', 10, 'items', n => context(...times(n, () => markup('c')))],
  ['text of a button', 75, 'characters', n => actions(button({ text: words(x(n)) }))],
  ['value of a button', 2000, 'characters', n => actions(button({ value: x(n) }))],
  ['url of a button', 3000, 'characters', n => actions(button({ url: link(n) }))],
  ['accessibility label', 75, 'characters', n => actions(button({ accessibility_label: x(n) }))],
  ['action_id', 255, 'characters', n => actions(button({ action_id: x(n) }))],
  ['block_id', 255, 'characters', n => ({ type: 'divider', block_id: x(n) })],
  ['options of a menu', 100, 'items', n => menu({ options: times(n, at => option(at)) })],
  ['text of an option', 75, 'characters', n => menu({ options: [option(1, { text: words(x(n)) })] })],
  ['value of an option', 150, 'characters', n => menu({ options: [option(x(n))] })],
  [
    'description of an option',
    75,
    'characters',
    n => menu({ options: [option(1, { description: words(x(n)) })] }),
  ],
  ['groups of options', 100, 'items', n => menu({ option_groups: times(n, () => group) })],
  [
    'options of a group',
    100,
    'items',
    n => menu({ option_groups: [{ ...group, options: times(n, option) }] }),
  ],
  ['label of a group', 75, 'characters', n => menu({ option_groups: [{ ...one, label: words(x(n)) }] })],
  ['placeholder', 150, 'characters', n => menu({ ...one, placeholder: words(x(n)) })],
  ['options of an overflow menu', 5, 'items', n => actions({ type: 'overflow', options: times(n, option) })],
  ['checkboxes', 10, 'items', n => actions({ type: 'checkboxes', options: times(n, option) })],
  ['radio buttons', 10, 'items', n => actions({ type: 'radio_buttons', options: times(n, option) })],
  ['title of a confirmation', 100, 'characters', n => confirm({ title: words(x(n)) })],
  ['text of a confirmation', 300, 'characters', n => confirm({ text: words(x(n)) })],
  ['yes of a confirmation', 30, 'characters', n => confirm({ confirm: words(x(n)) })],
  ['no of a confirmation', 30, 'characters', n => confirm({ deny: words(x(n)) })],
  ['alt text of a picture', 2000, 'characters', n => image({ alt_text: x(n) })],
  ['title of a picture', 2000, 'characters', n => image({ title: words(x(n)) })],
  ['markdown', 12_000, 'characters', n => ({ type: 'markdown', text: x(n) })],
  ['rows of a table', 100, 'items', n => table(times(n, () => [cell()]))],
  ['columns of a table', 20, 'items', n => table([times(n, () => cell())])],
  [
    'column settings',
    20,
    'items',
    n => table([[cell()]], { column_settings: times(n, () => ({ align: 'right' })) }),
  ],
  ['cells of a table together', 10_000, 'characters', n => table([[cell(x(5000)), cell(x(n - 5000))]])],
  ['title of a chart', 50, 'characters', n => chart([series('a')], 1, { title: x(n) })],
  ['series of a chart', 6, 'items', n => chart(times(n, at => series(`s${at}`)))],
  ['points of a series', 20, 'items', n => chart([series('a', n)], n)],
  ['name of a series', 20, 'characters', n => chart([series(x(n))])],
  ['segments of a pie', 6, 'items', n => pie(...times(n, at => ({ label: `s${at}`, value: 1 })))],
  ['the whole message', 13_200, tooLong, n => rich(x(n))],
  ['the whole message as Slack escapes it', 13_200 / 5, tooLong, n => rich('&'.repeat(n))],
];

describe('Block Kit in a message: at the limit it is taken, one more is refused', () => {
  for (const row of message) test(`${row[0]}: ${row[1]}`, () => checkLimit(made => inMessage([made]), row));
  const whole: LimitRow = ['', 50, 'items', n => ({ made: times(n, () => divider) })];
  test('blocks of a message: 50', () => checkLimit(({ made }) => inMessage(made as never), whole));
  const markdown = (n: number) => ({
    made: [6000, n - 6000].map(part => ({ type: 'markdown', text: x(part) })),
  });
  const all: LimitRow = ['', 12_000, 'characters', markdown];
  test('markdown blocks together: 12000', () => checkLimit(({ made }) => inMessage(made as never), all));
});

const plain = { type: 'plain_text_input' };

const view: LimitRow[] = [
  ['blocks of a modal', 100, 'items', n => asking(...times(n, () => divider))],
  ['blocks of a Home', 100, 'items', n => ({ type: 'home', blocks: times(n, () => divider) })],
  ['title of a modal', 24, 'characters', n => modal({ title: words(x(n)) })],
  ['submit of a modal', 24, 'characters', n => modal({ submit: words(x(n)) })],
  ['close of a modal', 24, 'characters', n => modal({ close: words(x(n)) })],
  ['private_metadata', 3000, 'characters', n => modal({ private_metadata: x(n) })],
  ['callback_id', 255, 'characters', n => modal({ callback_id: x(n) })],
  ['external_id', 255, 'characters', n => modal({ external_id: x(n) })],
  ['label of an input', 2000, 'characters', n => asking(input(plain, { label: words(x(n)) }))],
  ['hint of an input', 2000, 'characters', n => asking(input(plain, { hint: words(x(n)) }))],
  ['initial value of a text', 3000, 'characters', n => asking(typing({ initial_value: x(n) }))],
  ['max_length of a text', 3000, /less than or equal to 3000/, n => asking(typing({ max_length: n }))],
  [
    'initial value against max_length',
    5,
    /max_length/,
    n => asking(typing({ max_length: 5, initial_value: x(n) })),
  ],
];

describe('Block Kit in a view: at the limit it is taken, one more is refused', () => {
  for (const row of view) test(`${row[0]}: ${row[1]}`, () => checkLimit(inView, row));
});
