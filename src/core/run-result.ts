import type { BaselineWish } from './baseline.ts';
import { whereOf } from './baseline.ts';
import { formatNumber } from './format.ts';
import { type Better, bestOf, betterOf } from './metric-direction.ts';
import type { MetricExtreme, MetricSummary } from './ports.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import { isEnd, type Run, type RunState } from './run.ts';
import { counterNames, oddValue } from './run-facts.ts';

/** A run with what it measured. */
export interface MeasuredRun {
  run: Run;
  metrics: readonly MetricSummary[];
}

/** What a run is held against. */
export interface HeldAgainst {
  wish: BaselineWish;
  /** Null: there is none yet. */
  baseline: MeasuredRun | null;
}

/** `same`: people see the same number. */
export type Verdict = 'better' | 'worse' | 'same';

/** One metric of a run beside its baseline's. */
export interface ResultRow {
  name: string;
  unit: string | undefined;
  better: Better | null;
  /** Of its highest step. A run that succeeded has no other final value. Null: it reported none, or none that is finite. */
  last: MetricExtreme | null;
  /** The step of what it reported last, where that was not finite. */
  notFinite: number | null;
  /** Null where nobody knows which way it gets better. */
  best: MetricExtreme | null;
  /** The final value of the baseline, which succeeded, and its best. */
  base: number | null;
  /** Whether the baseline ended with a value that was not finite. */
  isBaseOdd: boolean;
  baseBest: MetricExtreme | null;
  /** `last` less `base`; null where either is missing or no number. */
  difference: number | null;
  /** In shares of the baseline's size; null where that is nothing, or so small that the share says nothing. */
  share: number | null;
  /** Only of final values, and only where somebody knows which way it gets better. */
  verdict: Verdict | null;
}

const most = { rows: 20, share: 10 };
const none = '–';

/**
 * Every metric that either reported, beside each other: the primary one first, then those that the project speaks of, then those of both.
 * Counters are left to the progress.
 */
export function resultRows({ run, metrics }: MeasuredRun, baseline: MeasuredRun | null): ResultRow[] {
  const declared = run.spec.metrics ?? {};
  const [own, others] = [byName(metrics), byName(baseline?.metrics ?? [])];
  const named = [run.spec.primaryMetric ?? '', ...Object.keys(declared)];
  const inBoth = [...own.keys()].filter(name => others.has(name));
  const names = new Set([...named, ...inBoth, ...own.keys(), ...others.keys()]);
  return [...names]
    .filter(name => (own.has(name) || others.has(name)) && !counterNames.includes(name))
    .map(name => rowOf(name, run, own.get(name), others.get(name)));
}

function byName(metrics: readonly MetricSummary[]): Map<string, MetricSummary> {
  return new Map(metrics.map(metric => [metric.name, metric]));
}

function rowOf(
  name: string,
  run: Run,
  own: MetricSummary | undefined,
  other: MetricSummary | undefined,
): ResultRow {
  const declared = run.spec.metrics ?? {};
  const better = betterOf(name, declared);
  const last = own && own.notFinite === undefined ? { value: own.value, step: own.step } : null;
  const base = other && other.notFinite === undefined ? other.value : null;
  const { difference, share } = differenceOf(last?.value ?? null, base);
  return {
    name,
    unit: Object.hasOwn(declared, name) ? declared[name]?.unit : undefined,
    better,
    last,
    notFinite: own?.notFinite ?? null,
    best: own ? finiteAt(bestOf(own, better)) : null,
    base,
    isBaseOdd: other?.notFinite !== undefined,
    baseBest: other ? finiteAt(bestOf(other, better)) : null,
    difference,
    share,
    verdict: run.state === 'succeeded' && last ? verdictOf(last.value, base, difference, better) : null,
  };
}

/** How far a value is from another one, and what part of that it is; null where either is missing, or the part says nothing. */
export function differenceOf(
  value: number | null,
  base: number | null,
): Pick<ResultRow, 'difference' | 'share'> {
  const difference = value !== null && base !== null ? finite(value - base) : null;
  const share = difference !== null && base ? finite(difference / Math.abs(base)) : null;
  return { difference, share: share !== null && Math.abs(share) < most.share ? share : null };
}

function verdictOf(
  final: number,
  base: number | null,
  difference: number | null,
  better: Better | null,
): Verdict | null {
  if (base === null || difference === null || better === null) return null;
  if (formatNumber(final) === formatNumber(base)) return 'same';
  return difference > 0 === (better === 'higher') ? 'better' : 'worse';
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function finiteAt(extreme: MetricExtreme | null): MetricExtreme | null {
  return extreme && Number.isFinite(extreme.value) ? extreme : null;
}

/** The row that stands for all where there is room for one: of the primary metric; null where the run has not reported that. */
function headRow(run: Run, rows: readonly ResultRow[]): ResultRow | null {
  const row = rows.find(({ name }) => name === run.spec.primaryMetric);
  return row && (row.last || row.notFinite !== null) ? row : null;
}

/** `, val_auc 0.912 (0.007 better than #38)` behind a run's title; `, last val_auc 0.88` before it has ended; `, loss not finite`. */
export function headline(run: Run, rows: readonly ResultRow[], baseline: MeasuredRun | null): string {
  const row = headRow(run, rows);
  if (!row) return '';
  const value = `${row.name} ${row.last ? withUnit(row.last.value, row) : oddValue}`;
  if (run.state !== 'succeeded') return `, last ${value}`;
  const than = comparison(row, baseline);
  return `, ${value}${than === '' ? '' : ` (${than})`}`;
}

/** `0.007 better than #38`, `the same as #38`; empty where they cannot be held against each other. */
function comparison({ difference, verdict, base, last }: ResultRow, baseline: MeasuredRun | null): string {
  if (!baseline || difference === null || base === null || !last) return '';
  const other = `#${baseline.run.number}`;
  if (verdict === 'same' || formatNumber(last.value) === formatNumber(base)) return `the same as ${other}`;
  const amount = formatNumber(Math.abs(difference));
  return `${amount} ${verdict ?? (difference > 0 ? 'more' : 'less')} than ${other}`;
}

/** `0.9746`, `97.5 %` */
function withUnit(value: number, { unit }: Pick<ResultRow, 'unit'>): string {
  return unit ? `${formatNumber(value)} ${unit}` : formatNumber(value);
}

/** What the run is held against, in words: `#38 on main, 9f3c2ab`, or that there is none yet and what makes one. */
export function againstWords({ spec }: Pick<Run, 'spec'>, { wish, baseline }: HeldAgainst): Inline[] {
  if (baseline) {
    const { run } = baseline;
    const sha = run.spec.sha.replace(/^sha256:/, '').slice(0, 7);
    return [{ bold: `#${run.number}` }, `${whereOf(wish, run)}, `, { code: sha }];
  }
  if (wish.kind !== 'base') return [`nothing yet: no other run of ${spec.project} has succeeded.`];
  return [
    `nothing yet: no run of ${spec.project} has succeeded on ${wish.branch}. One that a merge into ${wish.branch} starts makes one, or `,
    { command: `train ${spec.project} --ref ${wish.branch}` },
    ', said anywhere but at a pull request.',
  ];
}

/** The table of a run's metrics beside its baseline's, and how to read it; nothing where it has reported none. */
export function resultTable(
  run: Run,
  rows: readonly ResultRow[],
  baseline: MeasuredRun | null,
): ReplyBlock[] {
  if (!rows.some(({ last, notFinite }) => last || notFinite !== null)) return [];
  const columns = columnsOf(rows, baseline, run.state);
  const shown = rows.slice(0, most.rows);
  const right = 'right' as const;
  const left = rows.length - shown.length;
  const text = [
    ...arrowWords(shown),
    ...(left > 0 ? [`${left} more ${left === 1 ? 'metric is' : 'metrics are'} not shown here.`] : []),
    ...(isEnd(run.state) && run.state !== 'succeeded'
      ? ['It did not succeed, so that no value is its final one.']
      : []),
  ];
  return [
    {
      kind: 'table',
      columns: [{ title: 'Metric' }, ...columns.map(({ title }) => ({ title, align: right }))],
      rows: shown.map(row => [metricCell(row), ...columns.map(({ cell }) => cell(row))]),
    },
    ...(text.length > 0 ? [{ kind: 'context' as const, text: [text.join(' ')] }] : []),
  ];
}

interface Column {
  title: string;
  cell(row: ResultRow): string;
}

function columnsOf(rows: readonly ResultRow[], baseline: MeasuredRun | null, state: RunState): Column[] {
  const value = state === 'succeeded' ? 'Final' : 'Last';
  const number = (one: number | null | undefined, isOdd: boolean) =>
    typeof one === 'number' ? formatNumber(one) : isOdd ? oddValue : none;
  const at = (one: MetricExtreme | null) =>
    one ? `${formatNumber(one.value)} (step ${formatNumber(one.step)})` : none;
  const isOneStep = new Set(rows.flatMap(({ last }) => (last ? [last.step] : []))).size <= 1;
  const final: Column = {
    title: value,
    cell: ({ last, notFinite }) =>
      isOneStep || value === 'Final' || !last ? number(last?.value, notFinite !== null) : at(last),
  };
  const best: Column[] = rows.some(one => one.best) ? [{ title: 'Best', cell: row => at(row.best) }] : [];
  if (!baseline) return [final, ...best];
  const other = `#${baseline.run.number}`;
  return [
    final,
    // A phone shows the first three columns: the verdict is one of them, and begins its cell.
    { title: `Against ${other}${isEnd(state) ? '' : ' so far'}`, cell: differenceCell },
    { title: `${other} final`, cell: ({ base, isBaseOdd }) => number(base, isBaseOdd) },
    ...best,
    ...(rows.some(({ baseBest }) => baseBest)
      ? [{ title: `${other} best`, cell: (row: ResultRow) => at(row.baseBest) }]
      : []),
  ];
}

/** `val_auc ↑`, `wer in % ↓` */
export function metricCell({ name, unit, better }: Pick<ResultRow, 'name' | 'unit' | 'better'>): string {
  const arrow = better === null ? '' : better === 'higher' ? ' ↑' : ' ↓';
  return `${name}${unit ? ` in ${unit}` : ''}${arrow}`;
}

/** `better ▲ +0.007 (+0.8 %)` */
function differenceCell({
  difference,
  share,
  verdict,
}: Pick<ResultRow, 'difference' | 'share' | 'verdict'>): string {
  if (difference === null) return none;
  if (verdict === 'same' || difference === 0) return 'same';
  const arrow = difference > 0 ? '▲' : '▼';
  const part = share === null ? '' : ` (${sharePercent(share)})`;
  return `${verdict === null ? '' : `${verdict} `}${arrow} ${signed(difference)}${part}`;
}

/** `+1.3 %` */
export function sharePercent(share: number): string {
  return `${signed(Number((share * 100).toPrecision(2)))} %`;
}

/** `+0.012`, `−3`, `0`, for people. */
export function signed(difference: number): string {
  const text = formatNumber(difference);
  return difference > 0 ? `+${text}` : text.replace('-', '−');
}

/** How arrows behind names are read, as one sentence. */
export function arrowWords(rows: readonly Pick<ResultRow, 'better'>[]): string[] {
  const has = (better: Better | null) => rows.some(row => row.better === better);
  const said = [
    ...(has('higher') ? ['↑ higher is better'] : []),
    ...(has('lower') ? ['↓ lower is better'] : []),
    ...(has(null) ? ['no arrow: nobody has said which is'] : []),
  ];
  return said.length > 0 ? [`${said.join(', ')}.`] : [];
}
