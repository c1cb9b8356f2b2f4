import type { SlackMessage } from './workspace.ts';

type Node = { [key: string]: unknown };

/** A Slack message as a terminal can show it: the words of its blocks, one line each. `names` are those of people by their ids. */
export function asText(message: SlackMessage, names: ReadonlyMap<string, string>): string {
  const lines = (message.blocks ?? []).flatMap(block => linesOf(block as Node));
  const text = (lines.length > 0 ? lines : [message.text ?? '']).join('\n').trimEnd();
  return text.replace(/@(U\w+)/g, (_, id) => `@${names.get(id) ?? id}`);
}

function linesOf(block: Node): string[] {
  if (block.type === 'divider') return ['--'];
  if (block.type === 'table') return rows(block.rows);
  if (block.type === 'actions') return [buttons(block.elements)];
  if (Array.isArray(block.fields)) return block.fields.map(words);
  return words(block).split('\n');
}

function buttons(elements: unknown): string {
  return Array.isArray(elements) ? elements.map(one => `[${words(one)}]`).join(' ') : '';
}

function rows(table: unknown): string[] {
  if (!Array.isArray(table)) return [];
  return aligned(table.map(row => (Array.isArray(row) ? row.map(words) : [])));
}

/** Rows of cells as lines with straight columns. */
export function aligned(cells: readonly string[][]): string[] {
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map(row => row[i]?.length ?? 0)));
  return cells.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

/** All words of a block, in order. */
function words(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(words).join('');
  if (typeof value !== 'object' || value === null) return '';
  const node = value as Node;
  if (node.type === 'user') return `@${String(node.user_id)}`;
  if (node.type === 'date') return String(node.fallback ?? '');
  if (node.type === 'emoji') return `:${String(node.name)}:`;
  if (node.type === 'rich_text_list' && Array.isArray(node.elements))
    return node.elements.map(item => `- ${words(item)}`).join('\n');
  if (node.type === 'rich_text')
    return Array.isArray(node.elements) ? node.elements.map(words).join('\n') : '';
  if (node.text !== undefined) return words(node.text);
  if (node.elements !== undefined) return words(node.elements);
  return '';
}
