/** How an axis goes: where its ticks stand, and what is written beside them. */
export interface Axis {
  kind: 'linear' | 'log';
  domain: [low: number, high: number];
  ticks: number[];
  labels: string[];
  /** Where values are long and close together, labels say by how much they are above this. */
  base: number | null;
}

/** A value axis is logarithmic where all values are above 0 and the largest is at least this many times the smallest. */
const logFrom = 1_000;
const longest = 8;
/** What is drawn of larger numbers is this: their differences would be no numbers any more. */
export const largest = 1e300;

/** Beyond the values, as a share of what they span; and where words stand above or below the best of them. */
const room = { usual: 0.06, words: 0.2 };

/** The axis of values: a little beyond them, so that no line runs along an edge. `best`: on which side words stand. */
export function valueAxis(values: readonly number[], best: 'higher' | 'lower' | null): Axis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const below = best === 'lower' ? room.words : room.usual;
  const above = best === 'higher' ? room.words : room.usual;
  if (low > 0 && high / low >= logFrom) {
    const [from, to] = [Math.log10(low), Math.log10(high)];
    return logAxis(from - (to - from) * below, to + (to - from) * above);
  }
  if (low === high) return linearAxis(low - (Math.abs(low) / 10 || 1), high + (Math.abs(low) / 10 || 1), 5);
  return linearAxis(low - (high - low) * below, high + (high - low) * above, 5);
}

/** The axis of steps: from the first to the last of them. Between whole ones there is none. */
export function stepAxis(from: number, to: number): Axis {
  if (from === to)
    return {
      kind: 'linear',
      domain: [from - 1, to + 1],
      ticks: [from],
      labels: labelsOf([from]),
      base: null,
    };
  const whole = Number.isInteger(from) && Number.isInteger(to);
  return linearAxis(from, to, whole ? Math.min(5, to - from) : 5);
}

function linearAxis(low: number, high: number, amount: number): Axis {
  const ticks = niceTicks(low, high, amount);
  const labels = labelsOf(ticks);
  const base = ticks[0];
  const plain = {
    kind: 'linear' as const,
    domain: [low, high] as [number, number],
    ticks,
    labels,
    base: null,
  };
  if (base === undefined || Math.max(...labels.map(label => label.length)) <= longest) return plain;
  return {
    ...plain,
    labels: labelsOf(ticks.map(tick => tick - base)).map(label => `+${label}`),
    base,
  };
}

/** Of powers of ten. Values so small or large that the axis would leave what numbers hold end there. */
function logAxis(from: number, to: number): Axis {
  const domain: [number, number] = [
    Math.max(10 ** from, Number.MIN_VALUE),
    Math.min(10 ** to, Number.MAX_VALUE),
  ];
  const every = Math.max(1, Math.ceil((Math.floor(to) - Math.ceil(from) + 1) / 6));
  const ticks: number[] = [];
  for (let power = Math.ceil(from); power <= to; power += every) ticks.push(Number(`1e${power}`));
  const labels = ticks.map(tick => labelsOf([tick])[0] ?? '');
  return { kind: 'log', domain, ticks, labels, base: null };
}

/** Round numbers (1, 2 or 5 with noughts) from `low` to `high`, about as many as wanted. */
function niceTicks(low: number, high: number, amount: number): number[] {
  const rough = (high - low) / amount;
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  const step =
    power * (share >= Math.sqrt(50) ? 10 : share >= Math.sqrt(10) ? 5 : share >= Math.SQRT2 ? 2 : 1);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  // Numbers so close that they have no round ones between them.
  if (!(last - first < 20) || !Number.isSafeInteger(first)) return [low, high];
  return Array.from({ length: last - first + 1 }, (_, i) => clean((first + i) * step));
}

/** Without the dust of binary fractions. */
function clean(value: number): number {
  return Number(value.toPrecision(15));
}

const large = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** All in one way, with no more digits than tell them apart: `0.25`, `12k`, `1.5M`, `2e-9`. */
export function labelsOf(values: readonly number[]): string[] {
  const most = Math.max(...values.map(Math.abs));
  if (most === 0) return values.map(() => '0');
  if (most >= 1e15 || most < 1e-3) return values.map(value => (value === 0 ? '0' : exponential(value)));
  const [unit, name] = most >= 10_000 ? (large.find(([size]) => most >= size) ?? [1, '']) : [1, ''];
  const scaled = values.map(value => clean(value / unit));
  const decimals = Math.max(...scaled.map(value => decimalsOf(value)));
  return scaled.map(value => (value === 0 ? '0' : `${minus(value.toFixed(decimals))}${name}`));
}

function decimalsOf(value: number): number {
  const [digits = '', exponent = '0'] = String(Number(value.toPrecision(12))).split('e');
  return Math.min(12, Math.max(0, (digits.split('.')[1]?.length ?? 0) - Number(exponent)));
}

function exponential(value: number): string {
  const [digits, power] = Number(value.toPrecision(6)).toExponential().split('e');
  return minus(`${digits}e${Number(power)}`);
}

/** With the sign that is as wide as a digit. */
function minus(text: string): string {
  return text.replace(/^-/, '−');
}

/** With all its digits. */
export function exact(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-3) return exponential(value);
  return minus(value.toLocaleString('en-US', { maximumSignificantDigits: 15 }));
}
