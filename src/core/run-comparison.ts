import { cleanLine, formatDuration, formatNumber, secondsBetween } from './format.ts';
import type { Better } from './metric-direction.ts';
import { formatMoney } from './money.ts';
import type { CodePages, MetricExtreme } from './ports.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import { isEnd, type Run } from './run.ts';
import { oddValue } from './run-facts.ts';
import { codeOf, resourcesOf } from './run-reply.ts';
import { type MeasuredRun, resultRows, signed, type Verdict } from './run-result.ts';

/** Runs that fit beside each other. */
export const mostCompared = 5;

export interface ComparableRun extends MeasuredRun {
  /** What was held for it: accelerator-hours, and what they cost. */
  cost: { hours: number; money: number };
}

/** What one run has of a metric; null where it did not report it. */
export interface ComparedValue {
  last: number | null;
  /** What it reported last was not finite, and so is no number here. */
  notFinite: boolean;
  /** Null too where nobody knows which way it gets better. */
  best: MetricExtreme | null;
  /** `last` less that of the first run. */
  difference: number | null;
  /** What it is beside the first run, where both have succeeded: only then their last values are final. */
  verdict: Verdict | null;
}

export interface ComparedMetric {
  name: string;
  unit: string | undefined;
  better: Better | null;
  /** In the order of the runs. */
  values: ComparedValue[];
}

export interface Comparison {
  metrics: ComparedMetric[];
  /** What was asked for or came about differently, in words; `–` where a run has none. */
  differences: { label: string; values: string[] }[];
}

const none = '–';
const shownLength = 40;
const most = { metrics: 6, differences: 14 };
const nothing: ComparedValue = { last: null, notFinite: false, best: null, difference: null, verdict: null };

/** Holds runs beside the first of them: the last value of every metric, the primary one first, and whatever else is not the same. */
export function compareRuns(
  first: ComparableRun,
  others: readonly ComparableRun[],
  currency: string,
): Comparison {
  const all = [first, ...others];
  const { primaryMetric, metrics: declared } = first.run.spec;
  // What a metric is is the first one's to say.
  const asFirst = (one: MeasuredRun): MeasuredRun => ({
    ...one,
    run: { ...one.run, spec: { ...one.run.spec, primaryMetric, ...(declared ? { metrics: declared } : {}) } },
  });
  const rows = all.map((one, i) => resultRows(asFirst(one), i === 0 ? null : first));
  const names = new Set(rows.flat().map(row => row.name));
  const sorted = [...names].sort((a, b) => Number(b === primaryMetric) - Number(a === primaryMetric));
  const isFinal = first.run.state === 'succeeded';
  const metrics = sorted.map((name): ComparedMetric => {
    const own = rows.map(list => list.find(row => row.name === name));
    const known = own.find(row => row !== undefined);
    const values = own.map((row, i): ComparedValue => {
      if (!row) return nothing;
      const { best, difference, verdict } = row;
      const [last, notFinite] = [row.last?.value ?? null, row.notFinite !== null];
      if (i === 0) return { ...nothing, last, notFinite, best };
      return { last, notFinite, best, difference, verdict: isFinal ? verdict : null };
    });
    return { name, unit: known?.unit, better: known?.better ?? null, values };
  });
  return { metrics, differences: differencesOf(all, currency) };
}

function differencesOf(all: readonly ComparableRun[], currency: string): Comparison['differences'] {
  const parameters = [...new Set(all.flatMap(({ run }) => Object.keys(run.spec.parameters)))];
  const hours = ({ cost }: ComparableRun) =>
    cost.hours === 0 ? none : String(Number(cost.hours.toPrecision(3)));
  const money = ({ cost }: ComparableRun) => (cost.money === 0 ? none : formatMoney(cost.money, currency));
  const rows: { label: string; of(one: ComparableRun): string }[] = [
    { label: 'project', of: ({ run }) => run.spec.project },
    { label: 'code', of: ({ run }) => codeOf(run).short },
    ...parameters.map(name => ({ label: name, of: ({ run }: ComparableRun) => parameterOf(run, name) })),
    { label: 'on', of: ({ run }) => resourcesOf(run) },
    { label: 'state', of: ({ run }) => run.state },
    { label: 'time', of: ({ run }) => tookOf(run) },
    { label: 'hours held', of: hours },
    { label: 'cost', of: money },
  ];
  return rows
    .map(({ label, of }) => ({ label, values: all.map(of) }))
    .filter(({ values }) => new Set(values).size > 1);
}

function parameterOf({ spec: { parameters } }: Run, name: string): string {
  return Object.hasOwn(parameters, name) ? cleanLine(String(parameters[name]), shownLength) : none;
}

function tookOf({ startedAt, endedAt, state }: Run): string {
  if (!startedAt || !endedAt || !isEnd(state)) return none;
  return formatDuration(Math.round(secondsBetween(startedAt, endedAt)));
}

/** One table, a column for each run, and how to read it. */
export function comparisonBlocks(
  all: readonly Run[],
  { metrics, differences }: Comparison,
  pages: CodePages,
): ReplyBlock[] {
  const [first] = all;
  if (!first) return [];
  const value = all.every(({ state }) => state === 'succeeded') ? 'final' : 'last';
  const shown = metrics.slice(0, most.metrics);
  const rows = [
    ...shown.flatMap(metric => metricRows(metric, value, first.number)),
    ...differences.slice(0, most.differences).map(({ label, values }) => [label, ...values]),
  ];
  const right = 'right' as const;
  const columns = [{ title: 'Run' }, ...all.map(({ number }) => ({ title: `#${number}`, align: right }))];
  const left = metrics.length - shown.length;
  const rest = differences.length - most.differences;
  const said = [
    ...(metrics.length === 0 ? ['None of them has reported a metric.'] : []),
    ...(value === 'last' && metrics.length > 0
      ? ['Not all have succeeded: their last values are not final, and nothing is called better.']
      : []),
    ...(metrics.some(({ better }) => better !== null) ? ['↑ higher is better, ↓ lower is better.'] : []),
    ...(differences.length === 0 ? ['Code, parameters and resources are the same.'] : []),
    ...(left > 0 ? [`${left} more ${left === 1 ? 'metric is' : 'metrics are'} not shown here.`] : []),
    ...(rest > 0 ? [`${rest} more ${rest === 1 ? 'difference is' : 'differences are'} not shown here.`] : []),
  ];
  return [
    ...(rows.length > 0 ? [{ kind: 'table' as const, columns, rows }] : []),
    ...(said.length > 0 ? [{ kind: 'context' as const, text: [said.join(' ')] }] : []),
    ...codeBlocks(first, all.slice(1), pages),
  ];
}

/** `val_auc ↑ final`, how it is beside the first run, and the best, which may lie before the end. */
function metricRows(
  { name, unit, better, values }: ComparedMetric,
  value: string,
  first: number,
): string[][] {
  const arrow = better === null ? '' : better === 'higher' ? ' ↑' : ' ↓';
  const shown = `${name}${unit ? ` in ${unit}` : ''}${arrow}`;
  const isCompared = values.some(({ difference }) => difference !== null);
  const isBest = values.some(({ best }) => best !== null);
  return [
    [`${shown} ${value}`, ...values.map(valueCell)],
    ...(isCompared ? [[`… vs #${first}`, ...values.map(differenceCell)]] : []),
    ...(isBest ? [[`… best`, ...values.map(({ best }) => (best ? formatNumber(best.value) : none))]] : []),
  ];
}

function valueCell({ last, notFinite }: ComparedValue): string {
  if (last !== null) return formatNumber(last);
  return notFinite ? oddValue : none;
}

/** `better +0.007` */
function differenceCell({ difference, verdict }: ComparedValue): string {
  if (difference === null) return none;
  if (verdict === 'same' || difference === 0) return 'same';
  return `${verdict === null ? '' : `${verdict} `}${signed(difference)}`;
}

/** Where the code that differs can be seen. */
function codeBlocks(first: Run, others: readonly Run[], pages: CodePages): ReplyBlock[] {
  const seen = new Set([first.spec.sha]);
  const rows = others.flatMap(({ number, spec }) => {
    const { source, sha } = first.spec;
    if (spec.source !== source || seen.has(spec.sha) || sha.startsWith('sha256:')) return [];
    seen.add(spec.sha);
    const label = `Code of #${first.number} to #${number}`;
    return [{ label, value: [codeDiff(source, sha, spec.sha, pages)] }];
  });
  return rows.length > 0 ? [{ kind: 'fields', rows }] : [];
}

function codeDiff(source: string, from: string, to: string, pages: CodePages): Inline {
  const [a, b] = [from.slice(0, 12), to.slice(0, 12)];
  const link = pages.diff(source, a, b);
  return link === null
    ? { code: `git diff ${a}..${b}` }
    : { link, text: `${a.slice(0, 7)}...${b.slice(0, 7)}` };
}
