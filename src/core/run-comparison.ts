import { cleanLine, formatDuration, formatNumber, secondsBetween } from './format.ts';
import type { Better } from './metric-direction.ts';
import { isEnd, type Run } from './run.ts';
import { codeOf, resourcesOf } from './run-reply.ts';
import { type MeasuredRun, resultRows, type Verdict } from './run-result.ts';

export interface ComparedMetric {
  name: string;
  /** Last values; null where a run did not report it. */
  a: number | null;
  b: number | null;
  /** `a` less `b`. */
  difference: number | null;
  /** Null: nobody knows, so that there is no best of either and no verdict. */
  better: Better | null;
  bestA: number | null;
  bestB: number | null;
  /** What `a` is beside `b`, where both have succeeded: only then their last values are final. */
  verdict: Verdict | null;
}

export interface Comparison {
  metrics: ComparedMetric[];
  /** What was asked for or came about differently, in words; `–` where a run has none. */
  differences: { label: string; a: string; b: string }[];
}

const none = '–';
const shownLength = 60;

/** Holds run `a` beside run `b`: the last value of every metric, the primary one first, and whatever else is not the same. */
export function compareRuns(a: MeasuredRun, b: MeasuredRun): Comparison {
  const isFinal = b.run.state === 'succeeded';
  const metrics = resultRows(a, b).map(
    ({ name, better, last, best, base, baseBest, difference, verdict }): ComparedMetric => ({
      name,
      a: last?.value ?? null,
      b: base,
      difference,
      better,
      bestA: best?.value ?? null,
      bestB: baseBest?.value ?? null,
      verdict: isFinal ? verdict : null,
    }),
  );
  return { metrics, differences: differencesOf(a.run, b.run) };
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
