import {
  axisTitle,
  type Chart,
  type Curve,
  curvesOf,
  curveWords,
  type Grid,
  gridOf,
} from '../../core/chart.ts';
import { shown } from './markdown.ts';

const most = { points: 60, title: 60, curves: 4 };
/** Numbers are written without an exponent, which Mermaid's grammar does not know; beyond these they would be rows of noughts. */
const sizes = { least: 1e-12, most: 1e15 };

/**
 * The run's line first. Of Okabe and Ito's colours, which every kind of colour blindness tells apart, those that stand out on both a
 * white and a dark page; the grey is lighter than the rest, so that it lies behind even without any colour.
 */
const runColours = [
  { colour: '#0072B2', name: 'Blue' },
  { colour: '#D55E00', name: 'Red' },
  { colour: '#009E73', name: 'Green' },
];
const baselineColour = { colour: '#8C8C8C', name: 'Grey' };

interface Line {
  curve: Grid['curves'][number];
  colour: string;
  /** What people call it. */
  colourName: string;
}

/**
 * A chart in the language of Mermaid's XY chart, with what its lines are in words (it draws neither names nor dashes). Null where it cannot
 * draw it: a single point, numbers that it cannot write, or none.
 */
export function mermaidChart(chart: Chart): { source: string; words: string[] } | null {
  const grid = evenGrid(chart);
  if (!grid) return null;
  const lines = coloured(grid.curves.slice(0, most.curves));
  const all = lines.flatMap(({ curve }) => curve.ys);
  if (![...all, ...grid.xs].every(isWritable)) return null;
  const [low, high] = range(all);
  if (!isWritable(low) || !isWritable(high)) return null;
  const from = grid.xs[0] ?? 0;
  const to = grid.xs.at(-1) ?? 0;
  // What is drawn later lies in front.
  const drawn = lines.toReversed();
  const palette = drawn.map(({ colour }) => colour).join(', ');
  const source = [
    `%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "${palette}"}}}}%%`,
    'xychart-beta',
    `  title "${mermaidText(chart.title)}"`,
    `  x-axis "${mermaidText(chart.xTitle)}" ${decimal(from)} --> ${decimal(to)}`,
    `  y-axis "${mermaidText(axisTitle(chart))}" ${decimal(low)} --> ${decimal(high)}`,
    ...drawn.map(({ curve }) => `  line "${mermaidText(curve.name)}" [${curve.ys.map(decimal).join(', ')}]`),
  ].join('\n');
  return { source, words: lines.map(line => lineWords(line, lines, chart)) };
}

function coloured(curves: Grid['curves']): Line[] {
  let runs = 0;
  return curves.map(curve => {
    const { colour, name } =
      curve.role === 'run' ? (runColours[runs++ % runColours.length] ?? baselineColour) : baselineColour;
    return { curve, colour, colourName: name };
  });
}

/** `Blue, ending higher: #42, last 0.95 at step 100`: where it ends tells two lines apart for who sees no colours. */
function lineWords({ curve, colourName }: Line, lines: readonly Line[], chart: Chart): string {
  const others = lines.filter(line => line.curve !== curve).map(line => line.curve.ys.at(-1) ?? 0);
  const end = curve.ys.at(-1) ?? 0;
  const place = placeOf(end, others);
  const carried = curve.carried ? ' (drawn level where it has no points)' : '';
  return `${colourName}${place}: ${curve.name}, ${curveWords(curve, chart)}${carried}`;
}

function placeOf(end: number, others: readonly number[]): string {
  if (others.length === 0) return '';
  if (others.every(other => end > other)) return ', ending highest';
  return others.every(other => end < other) ? ', ending lowest' : '';
}

/** The curves in words, for where they cannot be drawn. */
export function chartWords(chart: Chart): string[] {
  return curvesOf(chart).map((curve: Curve) => `${curve.name}: ${curveWords(curve, chart)}`);
}

/**
 * Mermaid walks its axis by adding up, and where rounding takes it past the end it leaves the last point out. So only as many points are
 * taken as come out of that walk.
 */
function evenGrid(chart: Chart): Grid | null {
  for (let amount = most.points; amount >= 2; amount--) {
    const grid = gridOf(chart, amount);
    if (!grid || grid.xs.length < 2) return null;
    if (walk(grid.xs[0] ?? 0, grid.xs.at(-1) ?? 0, grid.xs.length) === grid.xs.length) return grid;
  }
  return null;
}

function walk(from: number, to: number, amount: number): number {
  const step = (to - from) / (amount - 1);
  let steps = 0;
  for (let x = from; x <= to && steps <= amount; x += step) steps++;
  return steps;
}

/** A little more than the values need; around a single value room on both sides. */
function range(values: readonly number[]): [low: number, high: number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const room = low === high ? Math.abs(low) / 10 || 1 : (high - low) / 20;
  return [low - room, high + room];
}

function isWritable(value: number): boolean {
  const size = Math.abs(value);
  return size === 0 || (size >= sizes.least && size <= sizes.most);
}

/** With at most six digits that count below a thousand, as the grammar has numbers: `-0.00012`, never `-1.2e-4`. */
function decimal(value: number): string {
  const short = Number(value.toPrecision(Math.abs(value) < 1e6 ? 6 : 12));
  const [digits = '0', exponent] = String(short).split('e');
  if (exponent === undefined) return digits;
  return short.toFixed(Math.min(100, Math.max(0, -Number(exponent)) + (digits.split('.')[1]?.length ?? 0)));
}

/** Inside quotes only what can end neither them, nor the line, nor the block of code, and means nothing to Mermaid, to HTML or to KaTeX. */
export function mermaidText(text: string): string {
  const clean = shown(text)
    .replace(/\s+/g, ' ')
    .replace(/[^\p{L}\p{M}\p{N}\p{Extended_Pictographic} #()*+,./:=@_%-]/gu, '·')
    .replace(/%{2,}/g, '%')
    .trim();
  const characters = [...clean];
  const cut = characters.length > most.title ? `${characters.slice(0, most.title - 1).join('')}…` : clean;
  return cut || '–';
}
