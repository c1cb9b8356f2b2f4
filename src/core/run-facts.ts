import { formatDuration, formatNumber } from './format.ts';
import { isPaced, type Pace, type Stall, secondsLeft } from './pace.ts';
import type { MetricSummary } from './ports.ts';
import type { ParameterValue } from './project.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import type { Run } from './run.ts';

const shownMetrics = 8;
const shownParameterCount = 10;
const shownValueLength = 60;

/** Counters that say how far a run is, each with the metric that says how far it goes. The first one that has both is shown. */
const counters = [
  ['epoch', 'epochs'],
  ['step', 'steps'],
] as const;
export const counterNames: readonly string[] = counters.flat();

/** The metric that the project names as its primary one. */
export function primaryMetric(run: Run, metrics: readonly MetricSummary[]): MetricSummary | undefined {
  return metrics.find(metric => metric.name === run.spec.primaryMetric);
}

/** The last value of each metric (which is not its best), the primary one first; counters are left to the progress. */
export function lastMetrics(
  run: Run,
  metrics: readonly MetricSummary[],
): { label: string; value: Inline[] }[] {
  const primary = primaryMetric(run, metrics);
  const others = metrics.filter(metric => metric !== primary && !counterNames.includes(metric.name));
  const all = [...(primary ? [primary] : []), ...others];
  const [first, ...rest] = all.slice(0, shownMetrics);
  if (!first) return [];
  const together = rest.every(metric => lastStep(metric) === lastStep(first));
  const value = [first, ...rest].flatMap((metric, i): Inline[] => {
    const number = lastValue(metric);
    const step = together ? '' : ` (step ${formatNumber(lastStep(metric))})`;
    // A line does not break between a name and its number.
    return [`${i > 0 ? ', ' : ''}${metric.name}\u00a0`, metric === primary ? { bold: number } : number, step];
  });
  const left = all.length - 1 - rest.length;
  if (left > 0) value.push(` and ${left} more`);
  if (together) value.push(`, at step ${formatNumber(lastStep(first))}`);
  return [{ label: 'Last metrics', value }];
}

function lastStep({ step, notFinite }: MetricSummary): number {
  return notFinite ?? step;
}

/** What a last value is called that was not finite, and so is no number here. */
export const oddValue = 'not finite';

/** An older value that was finite is not the last one. */
export function lastValue({ value, notFinite }: MetricSummary): string {
  return notFinite === undefined ? formatNumber(value) : oddValue;
}

/** Parameters that say how far a counter goes, where no metric does. */
const totals = {
  epoch: ['epochs', 'num_epochs', 'max_epochs', 'num_train_epochs'],
  step: ['steps', 'max_steps', 'num_steps', 'total_steps', 'max_iters'],
} as const;

/**
 * How far a run is, from `epoch` or `step` as it reports them, and `epochs` or `steps` as it reports them or was given them as a parameter;
 * null where it says neither.
 */
export function progressOf(
  run: Run,
  metrics: readonly MetricSummary[],
  now: Date,
  pace: Pace | null = null,
): Extract<ReplyBlock, { kind: 'progress' }> | null {
  for (const [counter, whole] of counters) {
    const at = metrics.find(metric => metric.name === counter)?.value;
    const total = metrics.find(metric => metric.name === whole)?.value ?? parameterOf(run, totals[counter]);
    if (at === undefined || total === undefined || total <= 0) continue;
    const done = Math.min(Math.max(at, 0), total);
    const left = isPaced(run, pace) && done < total ? secondsLeft(pace, counter, total - done, now) : null;
    const time = left === null ? '' : `, about ${formatDuration(Math.ceil(left))} left`;
    const label = `${counter} ${formatNumber(done)} of ${formatNumber(total)}${time}`;
    return { kind: 'progress', done, total, label };
  }
  return null;
}

function parameterOf({ spec: { parameters } }: Run, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (typeof value === 'number') return value;
  }
  return undefined;
}

/** Whether it has come as far as it goes, so that no further step is awaited. */
export function hasAllSteps(run: Run, metrics: readonly MetricSummary[], now: Date): boolean {
  const progress = progressOf(run, metrics, now);
  return progress !== null && progress.done >= progress.total;
}

/** `No step for 12 min`, of a run that has come to a halt. */
export function stallTitle({ forS }: Stall): string {
  return `No step for ${formatDuration(Math.floor(forS / 60) * 60)}`;
}

export function usualSteps({ usualS }: Stall): string {
  return `its steps are usually ${usualS < 1 ? 'less than 1 s' : formatDuration(usualS)} apart`;
}

/** `lr=0.1, epochs=40` in at most one text; none where there are no parameters. */
export function shownParameters(parameters: Readonly<Record<string, ParameterValue>>): string[] {
  const all = Object.entries(parameters);
  if (all.length === 0) return [];
  const shown = all.slice(0, shownParameterCount).map(([name, value]) => {
    const text = String(value);
    return `${name}=${text.length > shownValueLength ? `${text.slice(0, shownValueLength)}…` : text}`;
  });
  const left = all.length - shown.length;
  return [`${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`];
}
