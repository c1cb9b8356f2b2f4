import type {
  KnownBlock,
  RichTextBlock,
  RichTextBlockElement,
  RichTextElement,
  RichTextSection,
} from '@slack/types';
import { type Inline, plain, type Reply, type ReplyBlock, type Tone } from '../../core/reply.ts';
import { type ButtonValue, slackButtons } from './buttons.ts';
import { chartLimits, chartNotes, chartTable, type DataVisualizationBlock, slackChart } from './chart.ts';
import { escapeMrkdwn } from './escape.ts';
import { cutEnd, cutStart, shown, shownLines } from './shown.ts';
import { slackTable, textTable } from './tables.ts';

/** What Slack takes in one message. `bytes` is ours: Slack refuses blocks that are together somewhat above 12,000 characters. */
const most = { blocks: 50, title: 150, text: 3000, code: 2900, items: 50, bytes: 10_000 };

export type SlackBlock = KnownBlock | DataVisualizationBlock;

/** With these a bar, its percentage and a usual label are one line on a phone. */
const barCells = 10;

const tones: Record<Tone, { name: string; sign: string }> = {
  info: { name: 'information_source', sign: 'ℹ️' },
  waiting: { name: 'hourglass_flowing_sand', sign: '⏳' },
  working: { name: 'gear', sign: '⚙️' },
  success: { name: 'white_check_mark', sign: '✅' },
  warning: { name: 'warning', sign: '⚠️' },
  failure: { name: 'x', sign: '❌' },
};

interface Around {
  /** What a button brings back when it is pressed; without it there are none. */
  buttonValue?: ButtonValue;
  /** Charts are Slack's own, where the workspace knows them; else tables. */
  charts?: 'native' | 'table';
  /** The channel where it was asked, of a message that is shown to the person alone instead. */
  askedIn?: string;
}

/**
 * A reply as Block Kit. All of it is `rich_text`, `raw_text` and `plain_text`, which Slack shows as they are: no name, metric or log line
 * can become a mention, a link or formatting. `text` is what notifications show: the title alone, escaped. Buttons come last.
 */
export function renderSlack(reply: Reply, around: Around = {}): { text: string; blocks: SlackBlock[] } {
  const { name, sign } = tones[reply.tone];
  const { buttonValue, askedIn, charts = 'table' } = around;
  const title = cutEnd(shown(reply.title), most.title);
  const head = richText([section([{ type: 'emoji', name }, ...words(` ${title}`, { bold: true })])]);
  const above = askedIn === undefined ? [head] : [head, richText([elsewhere(askedIn)])];
  const actions = reply.blocks.flatMap(block => (block.kind === 'actions' ? block.actions : []));
  const buttons = buttonValue ? slackButtons(actions, buttonValue) : [];
  const rest = reply.blocks.filter(block => block.kind !== 'actions');
  const drawn = charts === 'native' ? withCharts(rest) : withTables(rest);
  return { text: escapeMrkdwn(`${sign} ${title}`), blocks: [...fitting(above, drawn, buttons), ...buttons] };
}

type Part = ReplyBlock | DataVisualizationBlock;

/** Each chart as Slack's own with its values in words below, as far as Slack takes them. */
function withCharts(blocks: ReplyBlock[]): Part[] {
  let charts = 0;
  return blocks.flatMap((block): Part[] => {
    if (block.kind !== 'chart') return [block];
    const made = charts < chartLimits.charts ? slackChart(block) : null;
    if (!made) return withTables([block]);
    charts++;
    return [made, chartNotes(block)];
  });
}

function withTables(blocks: ReplyBlock[]): ReplyBlock[] {
  return blocks.flatMap(block => {
    if (block.kind !== 'chart') return [block];
    const table = chartTable(block);
    return table.rows.length > 0 ? [table] : [];
  });
}

/** Only what is a channel has a name to show. */
function elsewhere(askedIn: string): RichTextSection {
  const where: RichTextElement[] = /^[CG]/.test(askedIn)
    ? [{ type: 'channel', channel_id: askedIn }]
    : words('a conversation of yours', { italic: true });
  const before = words('You asked for it in ', { italic: true });
  return section([...before, ...where, ...words(', where Signalbox cannot post.', { italic: true })]);
}

/** As many blocks as Slack takes beside `others`, and a word about those that it does not. */
function fitting(above: KnownBlock[], rest: Part[], others: KnownBlock[]): SlackBlock[] {
  const blocks: SlackBlock[] = [...above];
  const mostBlocks = most.blocks - others.length;
  let bytes = [...blocks, ...others].reduce((sum, block) => sum + size(block), 0);
  let tables = 0;
  for (const [index, block] of rest.entries()) {
    const made = madeOf(block, () => tables++ === 0);
    if (made === null) continue;
    bytes += size(made);
    if (bytes > most.bytes || blocks.length >= mostBlocks - 1) {
      const left = rest.length - index;
      return [
        ...blocks,
        richText([note(`${left} more ${left === 1 ? 'part is' : 'parts are'} not shown here.`)]),
      ];
    }
    blocks.push(made);
  }
  return blocks;
}

function madeOf(part: Part, isFirstTable: () => boolean): SlackBlock | null {
  if ('type' in part) return part;
  return part.kind === 'table' && isFirstTable() ? slackTable(part) : richBlock(part);
}

function size(block: SlackBlock): number {
  return Buffer.byteLength(JSON.stringify(block));
}

/** One part as Slack shows it; `null`: nothing of it is text. */
export function richBlock(block: ReplyBlock): RichTextBlock | null {
  const elements = partsOf(block).filter(part => part.elements.length > 0);
  return elements.length === 0 ? null : richText(elements);
}

function partsOf(block: ReplyBlock): RichTextBlockElement[] {
  switch (block.kind) {
    case 'text':
      return [section(block.text.flatMap(part => inline(part)))];
    case 'context':
      return [section(block.text.flatMap(part => inline(part, { italic: true })))];
    case 'fields':
      return [section(block.rows.flatMap(fieldRow))];
    case 'list':
      return list(block.items);
    case 'progress':
      return [section(progress(block))];
    case 'code':
      return code(block.text);
    case 'table':
      return code(textTable(block));
    case 'chart':
      return code(textTable(chartTable(block)));
    case 'details':
      return [section(words(block.title, { bold: true })), ...block.blocks.flatMap(partsOf)];
    case 'heading':
      return [section(words(block.text, { bold: true }))];
    case 'actions':
    case 'form':
      return [];
  }
}

type Style = { bold?: true; italic?: true; code?: true };

function fieldRow(row: { label: string; value: Inline[] }, index: number): RichTextElement[] {
  const start = index === 0 ? '' : '\n';
  return [...words(`${start}${row.label}: `, { bold: true }), ...row.value.flatMap(part => inline(part))];
}

function list(items: Inline[][]): RichTextBlockElement[] {
  const sections = items.slice(0, most.items).map(item => section(item.flatMap(part => inline(part))));
  const elements = sections.filter(item => item.elements.length > 0);
  const left = items.length - most.items;
  return [
    { type: 'rich_text_list', style: 'bullet', elements },
    ...(left > 0 ? [note(`and ${left} more`)] : []),
  ];
}

function progress({ done, total, label }: ReplyBlock & { kind: 'progress' }): RichTextElement[] {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) || 0 : 0;
  const full = Math.floor(part * barCells);
  const bar = '■'.repeat(full) + '□'.repeat(barCells - full);
  return [
    // Not as code, which Slack shows in red: a run that is well should not look like an alarm. These two squares are in every font.
    ...words(`${bar} ${Math.floor(part * 100)} %`),
    ...words(label && ` · ${label}`),
  ];
}

/** Of a long text the end is kept: the reason is in the last lines. */
function code(text: string): RichTextBlockElement[] {
  const clean = shownLines(text);
  if (clean === '') return [];
  const kept = cutStart(clean, most.code);
  const gone = clean.length - kept.length;
  return [
    ...(gone > 0 ? [note(`The last ${kept.length} of ${clean.length} characters:`)] : []),
    { type: 'rich_text_preformatted', elements: [{ type: 'text', text: kept }] },
  ];
}

function inline(part: Inline, style: Style = {}): RichTextElement[] {
  if (typeof part === 'string') return words(part, style);
  if ('bold' in part) return words(part.bold, { ...style, bold: true });
  if ('code' in part) return words(part.code, { ...style, code: true });
  if ('command' in part) return words(`/${part.command}`, { ...style, code: true });
  if ('link' in part) return link(part, style);
  if ('person' in part) return person(part, style);
  const timestamp = Math.floor(part.at.getTime() / 1000);
  return [
    {
      type: 'date',
      timestamp,
      format: '{date_short_pretty} {time}',
      fallback: plain([part]),
      ...styled(style),
    },
  ];
}

function link(part: { link: string; text: string }, style: Style): RichTextElement[] {
  if (!/^https?:\/\//i.test(part.link) || !URL.canParse(part.link) || part.link.length > most.text)
    return words(plain([part]), style);
  const text = cutEnd(shown(part.text), most.text);
  return [{ type: 'link', url: new URL(part.link).href, ...(text ? { text } : {}), ...styled(style) }];
}

/** Only a Slack identity (`U1`, `T1/U1` or `slack:T1/U1`) can be mentioned. */
function person(part: { person: string; name: string }, style: Style): RichTextElement[] {
  const user = /^(?:slack:)?(?:[A-Z0-9]+\/)?([UW][A-Z0-9]+)$/.exec(part.person)?.[1];
  return user === undefined ? words(part.name, style) : [{ type: 'user', user_id: user, ...styled(style) }];
}

function words(text: string, style: Style = {}): RichTextElement[] {
  const clean = cutEnd(shown(text), most.text);
  return clean === '' ? [] : [{ type: 'text', text: clean, ...styled(style) }];
}

function styled(style: Style): { style?: Style } {
  return Object.keys(style).length === 0 ? {} : { style };
}

function note(text: string): RichTextSection {
  return section(words(text, { italic: true }));
}

function section(elements: RichTextElement[]): RichTextSection {
  return { type: 'rich_text_section', elements };
}

function richText(elements: RichTextBlockElement[]): RichTextBlock {
  return { type: 'rich_text', elements };
}
