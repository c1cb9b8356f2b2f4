import type { SlackMessage } from './workspace.ts';

type Node = { [key: string]: unknown };

/** A Slack message as a terminal can show it: the words of its blocks, one line each. */
export function asText(message: SlackMessage): string {
  const lines = (message.blocks ?? []).flatMap(block => linesOf(block as Node));
  return (lines.length > 0 ? lines : [message.text ?? '']).join('\n').trimEnd();
}

function linesOf(block: Node): string[] {
  if (block.type === 'divider') return ['--'];
  if (block.type === 'table') return rows(block.rows);
  if (Array.isArray(block.fields)) return block.fields.map(words);
  return words(block).split('\n');
}

function rows(table: unknown): string[] {
  return Array.isArray(table) ? table.map(row => (Array.isArray(row) ? row.map(words).join('   ') : '')) : [];
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
  if (node.type === 'rich_text')
    return Array.isArray(node.elements) ? node.elements.map(words).join('\n') : '';
  if (node.text !== undefined) return words(node.text);
  if (node.elements !== undefined) return words(node.elements);
  return '';
}
