import { isMetricName, metricLimits } from './metric-points.ts';
import type { MetricPoint } from './ports.ts';

/** Enough of a name to see that it is too long. */
const shownName = 200;

interface LineMetrics {
  /** Also those whose value is not finite: they are not kept, but worth a word. */
  points: MetricPoint[];
  /** The line named no step, so that the counter was used for it. */
  counted: boolean;
}

const nothing: LineMetrics = { points: [], counted: false };

/**
 * The metrics in one line of a log: a JSON object such as `{"step": 10, "loss": 0.3}`, of which the numbers at the top become points, or
 * `metric loss=0.3 step=10`. Points stand at `step`, else at `epoch`, else at `counter`. What Python prints for numbers that are not
 * finite (`NaN`, `Infinity`, `-Infinity`, also as strings) is understood. What
 * has a name that no metric may have is passed over, but where the line `isMeant` for metrics alone.
 */
export function metricLine(line: string, counter: number, isMeant = false): LineMetrics {
  const text = line.trim();
  if (text.startsWith('{') && text.endsWith('}')) return pointsOf(jsonFields(text), counter, isMeant);
  if (/^metric\s/.test(text)) return pointsOf(wordFields(text), counter, isMeant);
  return nothing;
}

type Fields = [name: string, value: number][];

function pointsOf(fields: Fields, counter: number, isMeant: boolean): LineMetrics {
  const known = fields
    .filter(([name]) => isMeant || isMetricName(name))
    .slice(0, metricLimits.names)
    .map(([name, value]): Fields[number] => [name.slice(0, shownName), value]);
  if (known.length === 0) return nothing;
  const named = stepIn(known, 'step') ?? stepIn(known, 'epoch');
  const step = named ?? counter;
  const counted = named === null ? { counted: true as const } : {};
  return {
    points: known.map(([name, value]) => ({ name, step, value, ...counted })),
    counted: named === null,
  };
}

function stepIn(fields: Fields, wanted: string): number | null {
  const value = fields.find(([name]) => name === wanted)?.[1];
  return value !== undefined && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function jsonFields(text: string): Fields {
  const object = parsed(text) ?? parsed(quoteNotFinite(text));
  if (!object) return [];
  return Object.entries(object).flatMap(([name, value]): Fields => {
    if (typeof value === 'number') return [[name, value]];
    return typeof value === 'string' && notFinite.test(value) ? [[name, Number.NaN]] : [];
  });
}

const notFinite = /^[+-]?(?:nan|inf|infinity)$/i;

function parsed(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : null;
  } catch {
    return null;
  }
}

/** Makes strings of the bare words that Python's `json` prints and JSON does not know; words inside strings stay as they are. */
export function quoteNotFinite(text: string): string {
  // A string without an end matches up to the end of the text, so that no part of it is read twice.
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)|-?\bInfinity\b|\bNaN\b/g, word =>
    word.startsWith('"') ? word : `"${word}"`,
  );
}

function wordFields(text: string): Fields {
  const fields: Fields = [];
  for (const word of text.split(/\s+/).slice(1)) {
    const equals = word.indexOf('=');
    const value = word.slice(equals + 1);
    if (equals < 1 || value === '') return [];
    if (notFinite.test(value)) fields.push([word.slice(0, equals), Number.NaN]);
    else if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value))
      fields.push([word.slice(0, equals), Number(value)]);
    else return [];
  }
  return fields;
}
