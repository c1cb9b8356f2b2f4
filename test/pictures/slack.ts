import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { KnownBlock, RawTextElement, RichTextBlock } from '@slack/types';
import { type ComponentProps, createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { Message } from 'slack-blocks-to-jsx';
import type { DataVisualizationBlock } from '../../src/adapters/slack/chart.ts';
import { renderHome } from '../../src/adapters/slack/home.ts';
import { renderSlack, type SlackBlock } from '../../src/adapters/slack/render.ts';
import type { ReplyAction } from '../../src/core/reply.ts';
import { chartHtml } from './chart.ts';
import type { Shown } from './replies.ts';

/** How a picture is looked at. */
export interface Look {
  /** Pixels. */
  width: number;
  theme: 'light' | 'dark';
  /** Name of the channel, shown above a message where it is given. */
  channel?: string;
}

/** The blocks of a reply, with its buttons. */
export function drawn({ reply, askedIn, isHome, charts = 'native' }: Shown): SlackBlock[] {
  const buttonValue = ({ action, run }: ReplyAction) => `${action} ${run}`;
  if (isHome) return renderHome(reply, buttonValue).blocks;
  return renderSlack(reply, { buttonValue, charts, ...(askedIn ? { askedIn } : {}) }).blocks;
}

type Drawable = ComponentProps<typeof Message>['blocks'];

const people = [
  { id: 'U1', name: 'octocat' },
  { id: 'U2', name: 'hubot' },
  { id: 'U3', name: 'monalisa' },
  { id: 'U4', name: 'operator' },
];
const channels = [{ id: 'C1', name: 'gpu-room' }];
const narrow = 500;

/** A whole page. Everything that it needs is inside. */
export function pageHtml(inside: string, { width, theme, channel }: Look): string {
  return `<!doctype html>
<html lang="en" data-theme="${theme}">
<meta charset="utf-8">
<style>${libraryStyle()}${file('slack.css')}</style>
<body style="width: ${width}px" class="${width < narrow ? 'narrow' : ''} ${channel ? 'framed' : ''}">
${channel ? `<div class="channel"># ${channel}</div>` : ''}
${inside}</body></html>
`;
}

/** One message of Signalbox, or somebody's Home, as Slack's clients show it. */
export function shownHtml(shown: Shown, theme: Look['theme']): string {
  const { reply, now, isHome } = shown;
  const blocks = messageHtml(drawn(shown), { theme, now });
  if (isHome) return `<div class="home">${blocks}</div>`;
  const clock = now.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' });
  return `${reply.audience === 'sender' ? '<div class="only-you">Only visible to you</div>' : ''}
<div class="message">
<img alt="" src="data:image/svg+xml;base64,${Buffer.from(file('avatar.svg')).toString('base64')}">
<div><header><b>Signalbox</b><i>APP</i><time>${clock}</time></header>
${blocks}</div></div>`;
}

/** The blocks alone. The same on every machine: no clock, time zone or font is in it. */
export function messageHtml(blocks: SlackBlock[], look: Pick<Look, 'theme'> & Pick<Shown, 'now'>): string {
  const parts: (KnownBlock[] | DataVisualizationBlock)[] = [];
  for (const block of blocks) {
    const last = parts.at(-1);
    if (block.type === 'data_visualization') parts.push(block);
    else if (Array.isArray(last)) last.push(block);
    else parts.push([block]);
  }
  return parts.map(part => (Array.isArray(part) ? knownHtml(part, look) : chartHtml(part))).join('');
}

function knownHtml(blocks: KnownBlock[], { theme, now }: Pick<Look, 'theme'> & Pick<Shown, 'now'>): string {
  const message = createElement(Message, {
    blocks: blocks.map(literalCells) as Drawable,
    theme,
    name: 'Signalbox',
    logo: '',
    withoutWrapper: true,
    data: { users: people, channels },
    hooks: { date: ({ timestamp }) => moment(new Date(Number(timestamp) * 1_000), now) },
  });
  return renderToStaticMarkup(message);
}

/** `{date_short_pretty} {time}`, the one format that is used. */
function moment(at: Date, now: Date): string {
  const day = at.toISOString().slice(0, 10);
  const today = now.toISOString().startsWith(day);
  const date = { month: 'short', day: 'numeric', year: 'numeric', timeZone: 'UTC' } as const;
  const time = at.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' });
  return `${today ? 'Today' : at.toLocaleDateString('en-US', date)} ${time}`;
}

/** The library reads `raw_text` as mrkdwn (`#1` vanishes, `*a*` gets bold), where Slack shows it as it is. */
function literalCells(block: KnownBlock): KnownBlock {
  if (block.type !== 'table') return block;
  const rows = block.rows.map(row => row.map(cell => (cell.type === 'raw_text' ? literal(cell) : cell)));
  return { ...block, rows };
}

function literal({ text }: RawTextElement): RichTextBlock {
  return {
    type: 'rich_text',
    elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }],
  };
}

function file(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}

function libraryStyle(): string {
  return readFileSync(createRequire(import.meta.url).resolve('slack-blocks-to-jsx/dist/style.css'), 'utf8');
}
