import assert from 'node:assert/strict';
import { SlackError } from '../error.ts';
import { markup, words } from '../fixture.ts';
import { checkMessageBlocks, checkView } from './surfaces.ts';

/* Small blocks for tests, good as they are. */

export type Json = Record<string, unknown>;
export const x = (length: number): string => 'x'.repeat(length);
export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

export const divider: Json = { type: 'divider' };
export const button = (more: Json = {}): Json => ({
  type: 'button',
  action_id: 'go',
  text: words('Go'),
  ...more,
});
export const option = (index: number | string, more: Json = {}): Json => ({
  text: words('o'),
  value: `${index}`,
  ...more,
});
export const actions = (...elements: Json[]): Json => ({ type: 'actions', elements });
export const menu = (more: Json): Json => actions({ type: 'static_select', action_id: 'menu', ...more });
export const confirm = (more: Json): Json => actions(button({ confirm: { text: words('Sure?'), ...more } }));
export const context = (...elements: Json[]): Json => ({ type: 'context', elements });
export const input = (element: Json, more: Json = {}): Json => ({
  type: 'input',
  label: words('Label'),
  element,
  ...more,
});
export const typing = (more: Json = {}): Json =>
  input({ type: 'plain_text_input', action_id: 'text', ...more });
export const counting = (more: Json): Json =>
  input({ type: 'number_input', is_decimal_allowed: false, ...more });
export const image = (more: Json = {}): Json => ({
  type: 'image',
  image_url: 'https://example.com/a.png',
  alt_text: 'a',
  ...more,
});
export const richSection = (...elements: Json[]): Json => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_section', elements }],
});
export const rich = (text: string): Json => richSection({ type: 'text', text });
export const preformatted = (...elements: Json[]): Json => ({
  type: 'rich_text',
  elements: [{ type: 'rich_text_preformatted', elements }],
});
export const cell = (text = 'c'): Json => ({ type: 'raw_text', text });
export const table = (rows: Json[][], more: Json = {}): Json => ({ type: 'table', rows, ...more });
export const fields = (...texts: string[]): Json => ({ type: 'section', fields: texts.map(markup) });
export const series = (name: string, count = 1): Json => ({
  name,
  data: times(count, index => ({ label: `l${index}`, value: index })),
});
export const chart = (all: Json[], count = 1, more: Json = {}): Json => ({
  type: 'data_visualization',
  title: 'Loss',
  chart: { type: 'line', series: all, axis_config: { categories: times(count, index => `l${index}`) } },
  ...more,
});
export const pie = (...segments: Json[]): Json => ({
  type: 'data_visualization',
  title: 'Use',
  chart: { type: 'pie', segments },
});
export const modal = (more: Json = {}): Json => ({
  type: 'modal',
  title: words('Train'),
  submit: words('Go'),
  blocks: [],
  ...more,
});
export const asking = (...blocks: Json[]): Json => modal({ blocks });

/** The code and the words of a refusal; empty for what is taken. */
export function refusals(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    assert.ok(error instanceof SlackError);
    const { response_metadata: said } = error.more as { response_metadata?: { messages: string[] } };
    return [error.code, ...(said?.messages ?? [])];
  }
}

export function inMessage(blocks: Json[], charts = true): string[] {
  return refusals(() => checkMessageBlocks(blocks, charts));
}

export function inView(view: Json): string[] {
  return refusals(() => checkView(view, view.type === 'home' ? 'home' : 'modal', true));
}

export type LimitRow = [
  name: string,
  most: number,
  unit: 'characters' | 'items' | RegExp,
  make: (count: number) => Json,
];

/** At the limit it is taken; one more is refused, in Slack's words. */
export function checkLimit(refused: (made: Json) => string[], [, most, unit, make]: LimitRow): void {
  assert.deepEqual(refused(make(most)), []);
  const said = refused(make(most + 1)).join('\n');
  if (unit === 'characters')
    assert.ok(said.includes(`must be less than ${most + 1} characters [json-pointer:/`), said);
  else if (unit === 'items')
    assert.ok(said.includes(`no more than ${most} items allowed [json-pointer:/`), said);
  else assert.match(said, unit);
}
