import { metricLimits, type Refusal, type RefusedPoint, sortPoints } from './metric-points.ts';
import type { MetricPoint, MlflowMetric, MlflowPoint, MlflowRun } from './ports.ts';
import type { RunEvent, RunSpec } from './run.ts';

/** What MLflow's tags say of a run. `key` is the one by which it is found. */
export const mlflowTags = {
  run: 'signalbox.run',
  attempt: 'signalbox.attempt',
  sha: 'signalbox.sha',
  url: 'signalbox.url',
  key: 'signalbox.key',
} as const;

/** Runs in MLflow that are followed of one attempt. */
const mostRuns = 20;

/**
 * What makes a script's runs in MLflow findable, without the script knowing. MLflow gives the tags in `MLFLOW_RUN_CONTEXT` to every run
 * that it starts (`SystemEnvironmentContext`). `MLFLOW_RUN_ID` would not do: it holds for the first `start_run` alone, and breaks scripts
 * that call `set_experiment`. No credentials: those are a project's secrets.
 *
 * @param key unique to the run in all installations
 * @param publicUrl where people reach Signalbox; null: nowhere that is known
 */
export function mlflowEnvironment(
  { run, attempt, spec }: { run: number; attempt: number; spec: Pick<RunSpec, 'sha'> },
  { trackingUri, publicUrl, key }: { trackingUri: string; publicUrl: string | null; key: string },
): Record<string, string> {
  const tags = {
    [mlflowTags.run]: String(run),
    [mlflowTags.attempt]: String(attempt),
    [mlflowTags.sha]: spec.sha,
    ...(publicUrl === null ? {} : { [mlflowTags.url]: `${publicUrl}/v1/runs/${run}` }),
    [mlflowTags.key]: key,
  };
  return { MLFLOW_TRACKING_URI: trackingUri, MLFLOW_RUN_CONTEXT: JSON.stringify(tags) };
}

/** Where people see a run in MLflow. */
export function mlflowAddress(trackingUri: string, { id, experiment }: MlflowRunId): string {
  return `${trackingUri}/#/experiments/${encodeURIComponent(experiment)}/runs/${encodeURIComponent(id)}`;
}

type MlflowRunId = Pick<MlflowRun, 'id' | 'experiment'>;

/** How far one metric is read. */
export interface MetricCursor {
  name: string;
  /** Its latest point when it was read last; empty: it was not read to its end yet. */
  latest: string;
  /** Of the page that is read next; null: the first. */
  token: string | null;
  /** Points before that page. */
  before: number;
  /** The server has no pages. */
  whole?: boolean;
  /** After the run's end it is read once more from the start: what came late may stand before what was read. */
  closing?: 'begun' | 'done';
}

export interface MlflowCursor {
  /** The oldest first. */
  runs: { id: string; experiment: string; attempt: number; metrics: MetricCursor[] }[];
  /** When all of the run's runs in MLflow were looked for, in milliseconds since 1970. */
  searchedAt: number;
  /** The metric that was read last: the next look goes on behind it. */
  after: string;
  /** Until the next look. */
  pauseMs: number;
  /** For what names were refused so far. */
  refused: Refusal[];
  /** The highest step of the newest attempt: what is read below it says nothing of how far the run is. */
  high: { attempt: number; step: number };
}

export const newMlflowCursor: MlflowCursor = {
  runs: [],
  searchedAt: 0,
  after: '',
  pauseMs: 0,
  refused: [],
  high: { attempt: 0, step: -1 },
};

/** The same cursor with the runs that were seen for the first time behind those that are known. */
export function withMlflowRuns(cursor: MlflowCursor, seen: readonly MlflowRun[]): MlflowCursor {
  const known = new Set(cursor.runs.map(run => run.id));
  const added = seen
    .filter(run => !run.isNested && !known.has(run.id))
    .toSorted((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
    .map(({ id, experiment, attempt }) => ({ id, experiment, attempt, metrics: [] }));
  const byAttempt = Map.groupBy([...cursor.runs, ...added], run => run.attempt);
  return { ...cursor, runs: [...byAttempt.values()].flatMap(runs => runs.slice(0, mostRuns)) };
}

/**
 * The same cursor with the metrics that were seen for the first time, and an example of each reason for which others are not followed. Where
 * several runs of an attempt log the same name, it is followed in the one where it was seen first, so that no curve is made of two.
 */
export function withMlflowMetrics(
  cursor: MlflowCursor,
  seen: readonly MlflowRun[],
): { cursor: MlflowCursor; refused: RefusedPoint[] } {
  const latest = new Map(seen.map(run => [run.id, run.latest]));
  const taken = new Map<number, Set<string>>();
  for (const run of cursor.runs)
    taken.set(run.attempt, new Set([...(taken.get(run.attempt) ?? []), ...run.metrics.map(one => one.name)]));
  const refused = new Map<Refusal, RefusedPoint>();
  const runs = cursor.runs.map(run => {
    const names = taken.get(run.attempt) ?? new Set();
    const added: MetricCursor[] = [];
    for (const { name, step } of latest.get(run.id) ?? []) {
      if (names.has(name)) continue;
      const why = sortPoints([{ name, step: 0, value: 0 }]).refused[0]?.why;
      if (why) refused.set(why, { why, name, step });
      else if (names.size >= metricLimits.names) refused.set('names', { why: 'names', name, step });
      else {
        names.add(name);
        added.push({ name, latest: '', token: null, before: 0 });
      }
    }
    return added.length === 0 ? run : { ...run, metrics: [...run.metrics, ...added] };
  });
  const fresh = [...refused.values()].filter(({ why }) => !cursor.refused.includes(why));
  return {
    cursor: { ...cursor, runs, refused: [...cursor.refused, ...fresh.map(({ why }) => why)] },
    refused: fresh,
  };
}

/** Says that a metric has moved when it differs from what it said before. */
export function latestMark({ step, timestamp, value }: MlflowMetric): string {
  return `${step} ${timestamp} ${value}`;
}

/** MLflow's stores in SQL keep infinities as the largest doubles. */
function asLogged(value: number): number {
  return Math.abs(value) === Number.MAX_VALUE ? Math.sign(value) * Number.POSITIVE_INFINITY : value;
}

/**
 * What a page of a history means here. `unstepped`: nothing of the metric stands at any step but 0, as it is where a script logs without
 * steps; then its points are counted, from `before` on.
 */
export function pointsOfPage(
  name: string,
  page: readonly MlflowPoint[],
  { before, unstepped }: { before: number; unstepped: boolean },
): (MetricPoint & { timestamp: number })[] {
  return page.map(({ step, value, timestamp }, at) => ({
    ...{ name, value: asLogged(value), timestamp },
    ...(unstepped && step === 0 ? { step: before + at, counted: true } : { step }),
  }));
}

/**
 * The points as they are reported: those that come from below the highest step known of their attempt as if they had named no step, so that
 * a history which is read late or again does not look as if the run had begun again.
 */
export function asReported(
  attempt: number,
  points: readonly MetricPoint[],
  high: MlflowCursor['high'],
): { points: MetricPoint[]; high: MlflowCursor['high'] } {
  const step = points.reduce((most, point) => (point.counted ? most : Math.max(most, point.step)), -1);
  const isAhead = attempt > high.attempt || (attempt === high.attempt && step > high.step);
  return {
    points: points.map(point => ({
      ...{ name: point.name, step: point.step, value: point.value },
      ...(point.counted || !isAhead ? { counted: true } : {}),
    })),
    high: isAhead ? { attempt, step } : high,
  };
}

/**
 * The attempt that logged a point at this time: that of its run in MLflow, or a later one that had begun by then, for a script that goes on
 * from a checkpoint may go on with its run in MLflow.
 */
export function attemptAt(
  timestamp: number,
  first: number,
  events: readonly Pick<RunEvent, 'type' | 'attempt' | 'at'>[],
): number {
  const begun = events.filter(({ type, at }) => type === 'running' && at.getTime() <= timestamp);
  return Math.max(first, ...begun.map(({ attempt }) => attempt));
}
