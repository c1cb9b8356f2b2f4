import { cleanLine, formatDuration, formatNumber, secondsBetween } from './format.ts';
import type { MetricSummary } from './ports.ts';
import { isEnd, type Run } from './run.ts';
import { counterNames } from './run-facts.ts';
import { codeOf, resourcesOf } from './run-reply.ts';

/** A run with the last value of each of its metrics. */
export interface Measured {
  run: Run;
  metrics: readonly MetricSummary[];
}

export interface ComparedMetric {
  name: string;
  /** Last values; null where a run did not report it. */
  a: number | null;
  b: number | null;
  /** `a` less `b`. */
  difference: number | null;
}

export interface Comparison {
  metrics: ComparedMetric[];
  /** What was asked for or came about differently, in words; `–` where a run has none. */
  differences: { label: string; a: string; b: string }[];
}

const none = '–';
const shownLength = 60;

/** Holds run `a` beside run `b`: the last value of every metric, the primary one first, and whatever else is not the same. */
export function compareRuns(a: Measured, b: Measured): Comparison {
  const primary = a.run.spec.primaryMetric;
  const reported = [...a.metrics, ...b.metrics].map(metric => metric.name);
  const names = [...new Set([primary ?? '', ...reported])].filter(
    name => reported.includes(name) && !counterNames.includes(name),
  );
  const metrics = names.map((name): ComparedMetric => {
    const [one, other] = [lastOf(a, name), lastOf(b, name)];
    return { name, a: one, b: other, difference: one === null || other === null ? null : one - other };
  });
  return { metrics, differences: differencesOf(a.run, b.run) };
}

function lastOf({ metrics }: Measured, name: string): number | null {
  return metrics.find(metric => metric.name === name)?.value ?? null;
}

function differencesOf(a: Run, b: Run): Comparison['differences'] {
  const parameters = [...new Set([...Object.keys(a.spec.parameters), ...Object.keys(b.spec.parameters)])];
  const rows = [
    { label: 'project', of: (run: Run) => run.spec.project },
    { label: 'code', of: (run: Run) => codeOf(run).short },
    ...parameters.map(name => ({ label: name, of: (run: Run) => parameterOf(run, name) })),
    { label: 'on', of: resourcesOf },
    { label: 'state', of: (run: Run) => run.state },
    { label: 'took', of: tookOf },
  ];
  return rows.map(({ label, of }) => ({ label, a: of(a), b: of(b) })).filter(row => row.a !== row.b);
}

function parameterOf({ spec: { parameters } }: Run, name: string): string {
  return Object.hasOwn(parameters, name) ? cleanLine(String(parameters[name]), shownLength) : none;
}

function tookOf({ startedAt, endedAt, state }: Run): string {
  if (!startedAt || !endedAt || !isEnd(state)) return none;
  return formatDuration(Math.round(secondsBetween(startedAt, endedAt)));
}

/** `+0.012`, `-3`, `0`, for people. */
export function signed(difference: number): string {
  const text = formatNumber(difference);
  return difference > 0 ? `+${text}` : text;
}

/** A value in a table. */
export function cell(value: number | null): string {
  return value === null ? none : formatNumber(value);
}
