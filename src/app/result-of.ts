import type { MetricSummary, RunCosts, RunStore } from '../core/ports.ts';
import { isEnd, type Run } from '../core/run.ts';
import { chartPoints } from '../core/run-charts.ts';
import { type RunResult, resultCurves } from '../core/run-result-reply.ts';
import { type BaselinePorts, baselineOf } from './baseline-of.ts';

export interface ResultPorts extends BaselinePorts {
  runs: Pick<RunStore, 'metrics' | 'series'>;
  costs: RunCosts;
  /** Of the policy as it is now. */
  currency(): string;
  /** Where the API is for people outside; null: nobody said. */
  address: string | null;
}

/** A run beside what it is held against; null: there is nothing to hold it against, ever. */
export async function resultOf(
  run: Run,
  metrics: readonly MetricSummary[],
  ports: ResultPorts,
  now: Date,
): Promise<RunResult | null> {
  const { runs, costs } = ports;
  const found = await baselineOf(run, ports);
  if (!found) return null;
  const { wish, run: other } = found;
  const baseline = other && { run: other, metrics: await runs.metrics(other.number) };
  // Curves that grow would be another edit for each point.
  const names = isEnd(run.state) ? resultCurves(run, metrics) : [];
  const of = async (number: number) =>
    names.length > 0 ? await runs.series(number, names, chartPoints) : [];
  return {
    wish,
    baseline,
    series: await of(run.number),
    baseSeries: other ? await of(other.number) : [],
    cost: { ...(await costs.of(run.number, now)), currency: ports.currency() },
    address: ports.address,
  };
}
