import type { RawTextElement, RichTextBlock, TableBlock } from '@slack/types';
import type { ReplyBlock } from '../../core/reply.ts';
import { cutEnd, shown } from './shown.ts';

type Table = ReplyBlock & { kind: 'table' };

const most = { rows: 100, columns: 20, cell: 200 };

/** Slack's own table, which a phone scrolls sideways where preformatted text would wrap. One a message is allowed. */
export function slackTable(table: Table): TableBlock | null {
  const columns = table.columns.slice(0, most.columns);
  if (columns.length === 0) return null;
  const left = table.rows.length - (most.rows - 1);
  const kept = left > 0 ? table.rows.slice(0, most.rows - 2) : table.rows;
  const rows = kept.map(row => columns.map((_, index) => cell(row[index])));
  if (left > 0) rows.push(columns.map((_, index) => cell(index === 0 ? `and ${left + 1} more` : '')));
  return {
    type: 'table',
    column_settings: columns.map(column => ({ align: column.align ?? 'left' })),
    rows: [columns.map(column => heading(column.title)), ...rows],
  };
}

/** The same as text in columns. */
export function textTable({ columns, rows }: Table): string {
  const lines = [columns.map(column => column.title), ...rows].map(row =>
    columns.map((_, index) => flat(row[index])),
  );
  const widths = columns.map((_, index) => Math.max(...lines.map(line => line[index]?.length ?? 0)));
  return lines
    .map(line =>
      line
        .map((text, index) =>
          columns[index]?.align === 'right'
            ? text.padStart(widths[index] ?? 0)
            : text.padEnd(widths[index] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cell(text: string | undefined): RawTextElement {
  // Slack refuses an empty cell.
  return { type: 'raw_text', text: flat(text) || '–' };
}

function heading(title: string): RichTextBlock {
  const text = { type: 'text', text: flat(title) || '–', style: { bold: true } } as const;
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [text] }] };
}

function flat(text = ''): string {
  return cutEnd(shown(text).replace(/\s+/g, ' ').trim(), most.cell);
}
