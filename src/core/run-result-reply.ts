import { whereOf } from './baseline.ts';
import { typedDuration } from './duration.ts';
import { cleanLine, formatNumber } from './format.ts';
import { formatMoney } from './money.ts';
import type { MetricSeries, MetricSummary } from './ports.ts';
import type { ParameterValue } from './project.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import { isEnd, type Run, type RunSpec } from './run.ts';
import { chartedMetrics, chartsOf } from './run-charts.ts';
import { typedParameter } from './run-request.ts';
import { againstWords, type HeldAgainst, headline, resultRows, resultTable } from './run-result.ts';

/** What a run came to, beside what it is held against. */
export interface RunResult extends HeldAgainst {
  /** Curves of the run and of its baseline; none before the run has ended. */
  series: readonly MetricSeries[];
  baseSeries: readonly MetricSeries[];
  /** What was held for it so far; `money` in the currency. */
  cost: { hours: number; money: number; currency: string };
  /** Where the API is for people outside; null where nobody said. */
  address: string | null;
}

/** One curve is open, the others are folded away. */
const mostCharts = 4;
const shownLength = 100;

/** The metrics whose curves a result shows. */
export function resultCurves(run: Run, metrics: readonly MetricSummary[]): string[] {
  return chartedMetrics(resultRows({ run, metrics }, null), metrics, mostCharts);
}

export interface ResultParts {
  /** Behind the title of the run. */
  headline: string;
  /** What it measured: the table, and when it has ended its curves. */
  measured: ReplyBlock[];
  rows: { label: string; value: Inline[] }[];
  /** What makes it again, below the rest. */
  below: ReplyBlock[];
}

export function resultParts(run: Run, metrics: readonly MetricSummary[], result: RunResult): ResultParts {
  const { baseline } = result;
  const rows = resultRows({ run, metrics }, baseline);
  return {
    headline: headline(run, rows, baseline),
    measured: [
      {
        kind: 'fields',
        rows: [
          { label: 'Held against', value: againstWords(run, result) },
          ...changedParameters(run, baseline?.run ?? null),
        ],
      },
      ...resultTable(run, rows, baseline),
      ...curves(run, metrics, result),
    ],
    rows: [...costRow(run, result.cost), ...links(run, result.address)],
    below: isEnd(run.state) ? [repeat(run)] : [],
  };
}

function curves(run: Run, metrics: readonly MetricSummary[], result: RunResult): ReplyBlock[] {
  const { wish, baseline, series, baseSeries } = result;
  const behind = baseline && { run: baseline.run, series: baseSeries, where: inBrackets(wish, baseline.run) };
  const names = resultCurves(run, metrics);
  const charts = chartsOf({ run, metrics }, names, series, behind);
  const blocks = charts.map((chart): ReplyBlock => ({ kind: 'chart', ...chart }));
  const [first, ...others] = blocks;
  if (!first) return [];
  const title = others.length === 1 ? '1 more curve' : `${others.length} more curves`;
  return [first, ...(others.length > 0 ? [{ kind: 'details' as const, title, blocks: others }] : [])];
}

/** ` (main)` */
function inBrackets(wish: HeldAgainst['wish'], run: Run): string {
  const where = whereOf(wish, run).replace(/^ on /, '');
  return where === '' ? '' : ` (${where})`;
}

/** What else was not the same, so that nobody takes it for the work of the code. */
function changedParameters({ spec }: Run, other: Run | null): ResultParts['rows'] {
  if (!other) return [];
  const names = new Set([...Object.keys(spec.parameters), ...Object.keys(other.spec.parameters)]);
  const of = (parameters: Record<string, ParameterValue>, name: string) =>
    Object.hasOwn(parameters, name) ? cleanLine(String(parameters[name]), shownLength) : null;
  const changed = [...names].flatMap(name => {
    const [own, its] = [of(spec.parameters, name), of(other.spec.parameters, name)];
    if (own === its) return [];
    return [`${name} ${own ?? 'absent'} (#${other.number}: ${its ?? 'absent'})`];
  });
  const resources = [spec, other.spec].map(
    ({ gpus, gpuModel }) => `${gpus}${gpuModel ? ` ${gpuModel}` : ''}`,
  );
  if (resources[0] !== resources[1]) changed.push(`GPUs ${resources[0]} (#${other.number}: ${resources[1]})`);
  return changed.length > 0 ? [{ label: 'Not the same', value: [changed.join(', ')] }] : [];
}

function costRow(run: Run, { hours, money, currency }: RunResult['cost']): ResultParts['rows'] {
  if (hours === 0) return [];
  const held = hours < 0.01 ? 'less than 0.01' : formatNumber(Math.round(hours * 100) / 100);
  const paid = money > 0 ? `, ${formatMoney(money, currency)}` : '';
  return [{ label: 'Cost', value: [`${held} accelerator-hours${paid}${isEnd(run.state) ? '' : ' so far'}`] }];
}

/** They want an API token, which says who may read them. */
function links({ number, attempt }: Run, address: string | null): ResultParts['rows'] {
  if (address === null) return [];
  const page = `${address}/v1/runs/${number}`;
  const log: Inline[] = attempt > 0 ? [', ', { link: `${page}/logs`, text: 'its log' }] : [];
  return [{ label: 'In the API', value: [{ link: page, text: `run ${number}` }, ...log] }];
}

function repeat({ number, spec, pool }: Run): ReplyBlock {
  const { gpus, gpuModel, sha } = spec;
  const hardware = gpus === 0 ? '1 CPU slot' : `${gpus} × ${gpuModel ?? 'GPU of any model'}`;
  const rows = [
    {
      label: 'Say',
      value: [{ command: `train retry ${number}` }, ': the same commit with the same parameters'],
    },
    { label: 'As if asked anew', value: [{ command: askedAs(spec) }] },
    { label: sha.startsWith('sha256:') ? 'Content' : 'Commit', value: [{ code: sha }] },
    { label: 'It ran on', value: [`${hardware}, pool ${pool}`] },
  ];
  return { kind: 'details', title: 'To repeat this run', blocks: [{ kind: 'fields', rows }] };
}

/** The command that asks for a run like it, with all that can be said of one. */
function askedAs({
  project,
  parameters,
  gpus,
  gpuModel,
  pools,
  pool,
  timeLimitS,
  sha,
  ref,
}: RunSpec): string {
  return [
    `train ${project}`,
    ...Object.entries(parameters).map(([name, value]) => typedParameter(name, cleanLine(String(value), 200))),
    ...(gpus > 0 ? [`--gpus ${gpus}`] : []),
    ...(gpuModel === null ? [] : [`--gpu ${gpuModel}`]),
    ...(pools && pools.length > 1 ? [] : [`--pool ${pool}`]),
    `--time ${typedDuration(timeLimitS)}`,
    `--ref ${sha.startsWith('sha256:') ? ref : sha}`,
  ].join(' ');
}
