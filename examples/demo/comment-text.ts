import { sparklines } from '../../src/core/sparkline.ts';
import { aligned } from './as-text.ts';

/** Of GitHub's Markdown what Signalbox writes, as a terminal can show it: tables in columns, curves as block characters, folded parts closed. */
export function commentText(markdown: string): string {
  return markdown
    .replace(/```mermaid\n(.*?)```/gs, (_, source: string) => curves(source))
    .replace(/<details><summary>(.*?)<\/summary>.*?<\/details>/gs, '▸ $1')
    .replace(/<!--.*?-->|<\/?(?:b|sub)>|^#+ |\u2060|`/gm, '')
    .replace(/\\([^a-z0-9\s])/gi, '$1')
    .replace(/(?:^\|.*\|$\n?)+/gm, table)
    .replace(/&(amp|lt|gt|vert);/g, (_, name: string) => signs[name] ?? '')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

const signs: Record<string, string> = { amp: '&', lt: '<', gt: '>', vert: '|' };

function table(lines: string): string {
  const rows = lines.trim().split('\n');
  const cells = rows.filter(row => !/^[|\s:-]+$/.test(row)).map(row => row.slice(2, -2).split(' | '));
  return `${aligned(cells).join('\n')}\n`;
}

/** The lines of a chart in Mermaid's language, on one scale, the front one first. */
function curves(source: string): string {
  const title = /title "(.*)"/.exec(source)?.[1] ?? '';
  const lines = [...source.matchAll(/line "(.*)" \[(.*)\]/g)].reverse();
  const series = lines.map(([, name = '', values = '']) => ({
    name,
    role: 'run' as const,
    points: values.split(', ').map((y, x) => ({ x, y: Number(y) })),
  }));
  const longest = Math.max(0, ...series.map(({ points }) => points.length));
  const drawn = sparklines({ series, better: null }, longest);
  return [title, ...aligned(drawn.map(({ name, line }) => [`  ${name}`, line]))].join('\n');
}
