import { formatDuration, formatNumber, secondsBetween } from './format.ts';
import type { MetricSummary } from './ports.ts';
import type { ParameterValue } from './project.ts';
import type { Inline, ReplyBlock } from './reply.ts';
import { isOnMachine, type Run } from './run.ts';

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
  const together = rest.every(({ step }) => step === first.step);
  const value = [first, ...rest].flatMap((metric, i): Inline[] => {
    const number = formatNumber(metric.value);
    const step = together ? '' : ` (step ${formatNumber(metric.step)})`;
    // A line does not break between a name and its number.
    return [`${i > 0 ? ', ' : ''}${metric.name}\u00a0`, metric === primary ? { bold: number } : number, step];
  });
  const left = all.length - 1 - rest.length;
  if (left > 0) value.push(` and ${left} more`);
  if (together) value.push(`, at step ${formatNumber(first.step)}`);
  return [{ label: 'Last metrics', value }];
}

/** How far a run is, from what it reports as `epoch` of `epochs` or `step` of `steps`; null where it reports neither. */
export function progressOf(
  run: Run,
  metrics: readonly MetricSummary[],
  now: Date,
): Extract<ReplyBlock, { kind: 'progress' }> | null {
  for (const [counter, whole] of counters) {
    const at = metrics.find(metric => metric.name === counter)?.value;
    const total = metrics.find(metric => metric.name === whole)?.value;
    if (at === undefined || total === undefined || total <= 0) continue;
    const done = Math.min(Math.max(at, 0), total);
    const label = `${counter} ${formatNumber(done)} of ${formatNumber(total)}${timeLeft(run, done / total, now)}`;
    return { kind: 'progress', done, total, label };
  }
  return null;
}

/** From the pace so far. A later attempt may have begun in the middle, at a checkpoint: its pace is not known. */
function timeLeft(run: Run, share: number, now: Date): string {
  const known = run.startedAt && run.attempt === 1 && !run.stopping && isOnMachine(run.state);
  if (!known || !run.startedAt || share <= 0 || share >= 1) return '';
  const left = (secondsBetween(run.startedAt, now) * (1 - share)) / share;
  return `, about ${formatDuration(Math.ceil(left))} left`;
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
