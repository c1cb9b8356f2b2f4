import { wordsOf } from '../../core/button.ts';
import type { Chart } from '../../core/chart.ts';
import { type Inline, plain, type Reply, type ReplyBlock, type Tone } from '../../core/reply.ts';
import {
  codeBlock,
  codeSpan,
  cutEnd,
  cutStart,
  escapeAttribute,
  escapeHtml,
  escapeMarkdown,
  link,
  shownLines,
} from './markdown.ts';
import { chartWords, mermaidChart } from './mermaid.ts';

/** What GitHub takes in one comment or summary is 65,536 characters, and what people read is less. */
const most = { text: 60_000, title: 250, code: 8_000, rows: 100, items: 100, cell: 200 };
/** A longer block of code is folded away. */
const openLines = 12;
const barCells = 20;

const tones: Record<Tone, string> = {
  info: 'ℹ️',
  waiting: '⏳',
  working: '⚙️',
  success: '✅',
  warning: '⚠️',
  failure: '❌',
};

/** A reply as GitHub Markdown, its title first. Only what is written here is markup: all text of the reply is shown as it is. */
export function renderComment(reply: Reply): string {
  return fitting(
    [`#### ${tones[reply.tone]} ${escapeMarkdown(cutEnd(reply.title, most.title))}`],
    reply.blocks,
  );
}

/** The same without its title, for where that has a field of its own. */
export function renderSummary({ blocks }: Pick<Reply, 'blocks'>): string {
  return fitting([], blocks);
}

function fitting(above: string[], blocks: readonly ReplyBlock[]): string {
  const parts = [...above];
  let size = parts.join('').length;
  for (const [index, block] of blocks.entries()) {
    const part = partOf(block);
    if (part === '') continue;
    size += part.length + 2;
    if (size > most.text) {
      const left = blocks.length - index;
      parts.push(`_${left} more ${left === 1 ? 'part is' : 'parts are'} not shown here._`);
      break;
    }
    parts.push(part);
  }
  return parts.join('\n\n');
}

function partOf(block: ReplyBlock): string {
  switch (block.kind) {
    case 'text':
      return inlines(block.text);
    case 'heading':
      return `##### ${escapeMarkdown(block.text)}`;
    case 'context':
      return plain(block.text).trim() === '' ? '' : `<sub>${inlines(block.text)}</sub>`;
    case 'fields':
      return block.rows.map(row => `- <b>${escapeMarkdown(row.label)}:</b> ${inlines(row.value)}`).join('\n');
    case 'list':
      return list(block.items);
    case 'progress':
      return progress(block);
    case 'code':
      return code(block.text);
    case 'table':
      return table(block);
    case 'chart':
      return chart(block);
    case 'details':
      return details(block);
    case 'actions': {
      const said = block.actions.map(action => codeSpan(`/${wordsOf(action)}`));
      return said.length > 0 ? `<sub>To say here: ${said.join(' · ')}</sub>` : '';
    }
    case 'form':
      return '';
  }
}

function inlines(parts: readonly Inline[]): string {
  return parts.map(inline).join('').trim();
}

function inline(part: Inline): string {
  if (typeof part === 'string') return escapeMarkdown(part);
  if ('bold' in part) return `<b>${escapeMarkdown(part.bold)}</b>`;
  if ('code' in part) return codeSpan(part.code);
  if ('command' in part) return codeSpan(`/${part.command}`);
  if ('link' in part) return link(part.link, part.text);
  // Nobody is called by it: who asked reads the conversation anyway.
  if ('person' in part) return `<b>${escapeMarkdown(part.name)}</b>`;
  return escapeMarkdown(plain([part]));
}

function list(items: readonly Inline[][]): string {
  const shown = items.slice(0, most.items).map(item => `- ${inlines(item)}`);
  const left = items.length - most.items;
  return [...shown, ...(left > 0 ? [`- and ${left} more`] : [])].join('\n');
}

function progress({ done, total, label }: ReplyBlock & { kind: 'progress' }): string {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) || 0 : 0;
  const full = Math.floor(part * barCells);
  const bar = '█'.repeat(full) + '░'.repeat(barCells - full);
  return `${bar} ${Math.floor(part * 100)} %${label ? ` · ${escapeMarkdown(label)}` : ''}`;
}

/** Of a long text the end is kept: the reason is in the last lines. */
function code(text: string): string {
  const lines = cutStart(shownLines(text), most.code);
  const block = codeBlock(lines);
  const amount = lines.split('\n').length;
  if (amount <= openLines) return block;
  return `<details><summary>${amount} lines</summary>\n\n${block}\n\n</details>`;
}

/** Folded away. Markdown is read inside only behind an empty line. */
function details({ title, blocks }: ReplyBlock & { kind: 'details' }): string {
  const parts = blocks.map(partOf).filter(part => part !== '');
  if (parts.length === 0) return '';
  const summary = escapeHtml(cutEnd(title, most.title));
  return `<details><summary>${summary}</summary>\n\n${parts.join('\n\n')}\n\n</details>`;
}

/** Drawn by GitHub where it can, else shown as a picture where there is one; in words in any case. */
function chart(block: Chart): string {
  const drawn = mermaidChart(block);
  const items = (drawn?.words ?? chartWords(block)).map(line => `- ${escapeMarkdown(line)}`).join('\n');
  if (items === '') return '';
  if (drawn) return `\`\`\`mermaid\n${drawn.source}\n\`\`\`\n\n${items}`;
  const title = `<b>${escapeMarkdown(cutEnd(block.title, most.title))}</b>`;
  return `${picture(block) || title}\n\n${items}`;
}

/** In the reader's theme. */
function picture({ title, pictures }: Chart): string {
  if (!pictures) return '';
  const [light, dark] = [pictures.light, pictures.dark].map(address => attribute(address));
  if (!light || !dark) return '';
  const source = `<source media="(prefers-color-scheme: dark)" srcset="${dark}">`;
  return `<picture>${source}<img src="${light}" width="640" alt="${escapeAttribute(title)}"></picture>`;
}

function attribute(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? escapeAttribute(url.href) : null;
}

function table({ columns, rows }: ReplyBlock & { kind: 'table' }): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cell = (text: string) => escapeMarkdown(cutEnd(text, most.cell));
  const left = rows.length - most.rows;
  return [
    line(columns.map(column => cell(column.title))),
    line(columns.map(({ align }) => (align === 'right' ? '---:' : '---'))),
    ...rows.slice(0, most.rows).map(row => line(columns.map((_, i) => cell(row[i] ?? '')))),
    ...(left > 0 ? [`\n_and ${left} more_`] : []),
  ].join('\n');
}
