import { type Chart, curvesOf, curveWords } from '../../core/chart.ts';
import { type Inline, plain, type Reply, type ReplyBlock } from '../../core/reply.ts';
import { sparklines } from '../../core/sparkline.ts';

const barWidth = 30;
const sparkWidth = 30;
// Escape sequences and direction marks in names or logs must not steer a terminal; tabs and line breaks are harmless.
const steering = /[^\P{Cc}\t\n]|\p{Cf}/gu;

/** A command as it is typed into a terminal. */
export function commandLine(command: string): string {
  return command.startsWith('signalbox ') ? command : `signalbox ${command}`;
}

/** A reply as plain text for a terminal. */
export function renderTerminal(reply: Reply): string {
  // A chart that the reply is named for is not named again.
  const blocks = reply.blocks.map(block =>
    block.kind === 'chart' && reply.title === `${block.title}.` ? renderCurves(block) : renderBlock(block),
  );
  const parts = [reply.title, ...blocks].filter(part => part !== '');
  return `${parts.join('\n').replace(steering, '\ufffd')}\n`;
}

function renderBlock(block: ReplyBlock): string {
  switch (block.kind) {
    case 'text':
      return words(block.text);
    case 'context':
      return `  ${words(block.text)}`;
    case 'fields':
      return renderFields(block.rows);
    case 'table':
      return renderTable(block.columns, block.rows);
    case 'chart':
      return curvesOf(block).length === 0 ? '' : `  ${block.title}\n${renderCurves(block)}`;
    case 'code':
      return block.text
        .split('\n')
        .map(line => `  | ${line}`)
        .join('\n');
    case 'list':
      return block.items.map(item => `  - ${words(item)}`).join('\n');
    case 'progress': {
      const share = block.total > 0 ? Math.min(1, Math.max(0, block.done / block.total)) : 0;
      const filled = Math.round(share * barWidth);
      return `  [${'#'.repeat(filled)}${'.'.repeat(barWidth - filled)}] ${Math.round(share * 100)} %  ${block.label}`;
    }
    case 'details':
      return [`\n${block.title}`, ...block.blocks.map(renderBlock)].filter(part => part !== '').join('\n');
    case 'heading':
      return `\n${block.text}`;
    case 'actions':
    case 'form':
      return '';
  }
}

/** For each curve a line of block characters, all on one scale, and its values in words. */
function renderCurves(chart: Chart): string {
  const curves = curvesOf(chart);
  const lines = sparklines(chart, sparkWidth);
  const width = Math.max(...curves.map(({ name }) => [...name].length));
  return curves
    .map((curve, index) => {
      const gap = ' '.repeat(width - [...curve.name].length);
      return `  ${curve.name}${gap}  ${lines[index]?.line ?? ''}  ${curveWords(curve, chart)}`;
    })
    .join('\n');
}

function words(text: Inline[]): string {
  return plain(
    text.map(part =>
      typeof part === 'object' && 'command' in part ? { command: commandLine(part.command) } : part,
    ),
  );
}

function renderFields(rows: { label: string; value: Inline[] }[]): string {
  const width = Math.max(0, ...rows.map(row => row.label.length));
  return rows.map(row => `  ${row.label.padEnd(width)}  ${words(row.value)}`).join('\n');
}

function renderTable(columns: { title: string; align?: 'right' }[], rows: string[][]): string {
  const all = [columns.map(column => column.title), ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map(row => [...(row[i] ?? '')].length)));
  const line = (row: string[]) =>
    columns
      .map((column, i) => {
        const cell = row[i] ?? '';
        const gap = ' '.repeat(Math.max(0, (widths[i] ?? 0) - [...cell].length));
        return column.align === 'right' ? gap + cell : cell + gap;
      })
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}
