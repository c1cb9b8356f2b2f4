import type { Actor, Place } from './actor.ts';
import type { EarlyStop, EarlyStopRule } from './early-stop.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { type Better, betterOf } from './metric-direction.ts';
import { readParameter } from './parameters.ts';
import type { MetricSummary } from './ports.ts';
import type { Parameter, ParameterValue, Policy, Priority, Project } from './project.ts';
import type { Run, RunSpec } from './run.ts';
import { type RequestedRun, type RunWish, requestRun } from './run-request.ts';

/** Runs that one sweep may have: what a message can show as a table. */
export const mostMembers = 24;

export interface Axis {
  name: string;
  values: ParameterValue[];
}

/** What was asked for together, pinned when it was asked. Never changes. */
export interface SweepSpec {
  project: string;
  /** The parameters that differ, in the order in which they were named. */
  axes: Axis[];
  /** The project's primary metric, by which its members are ranked; null: it names none. */
  metric: string | null;
  better: Better | null;
  earlyStop: EarlyStopRule | null;
}

/** One run for each combination of values. The runs are runs like others, with numbers and quotas of their own. */
export interface Sweep {
  /** Its own, which people say as S3. */
  number: number;
  spec: SweepSpec;
  requestedBy: Actor;
  place: Place;
  createdAt: Date;
  /** Who wanted all of it stopped. */
  cancelledBy: Actor | null;
  /** When its last member had ended. */
  endedAt: Date | null;
}

export interface SweepMember {
  run: Run;
  /** Of the sweep's metric, and of what counts its progress. */
  metrics: readonly MetricSummary[];
  /** By what it was to be stopped early. */
  stop: EarlyStop | null;
}

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };
export type Requested = Extract<RequestedRun, { ok: true }>;
type Grid = { ok: true; axes: { name: string; texts: string[] }[] } | Failed;
export type RequestedSweep = { ok: true; axes: Axis[]; members: Requested[]; priority: Priority } | Failed;

/** Holds a wish for a run for each combination against the policy: all members, or the first thing that is wrong with any. */
export function requestSweep(wish: RunWish, sweep: Record<string, string>, policy: Policy): RequestedSweep {
  const grid = readGrid(wish, sweep, policy);
  if (!grid.ok) return grid;
  const members: Requested[] = [];
  for (const parameters of combinations(grid.axes)) {
    const requested = requestRun({ ...wish, parameters: { ...wish.parameters, ...parameters } }, policy);
    if (!requested.ok) return requested;
    members.push(requested);
  }
  const [first] = members;
  if (!first) throw new Error('a sweep has no members');
  const axes = grid.axes.map(({ name }) => {
    const values = members.map(({ spec }) => spec.parameters[name]).filter(value => value !== undefined);
    return { name, values: [...new Set(values)] };
  });
  const twice = axes.findIndex(({ values }, i) => values.length < (grid.axes[i]?.texts.length ?? 0));
  const repeated = grid.axes[twice];
  if (repeated)
    return failed(wish, policy, repeated.name, repeated.texts.join(','), 'The same value is there twice.');
  return { ok: true, axes, members, priority: first.priority };
}

function readGrid(wish: RunWish, sweep: Record<string, string>, policy: Policy): Grid {
  const axes: { name: string; texts: string[] }[] = [];
  for (const [name, text] of Object.entries(sweep)) {
    if (wish.parameters && Object.hasOwn(wish.parameters, name))
      return failed(wish, policy, name, text, 'The parameter is given with -p as well.');
    const texts = valuesOf(text);
    if (typeof texts === 'string') return failed(wish, policy, name, text, texts);
    axes.push({ name, texts });
  }
  const members = axes.reduce((product, { texts }) => product * texts.length, 1);
  if (members <= mostMembers && members > 1) return { ok: true, axes };
  const example = exampleOf(wish, policy);
  if (members > 1)
    return { ok: false, code: 'SWEEP_TOO_LARGE', details: { word: members, limit: mostMembers, example } };
  const [only] = axes;
  return failed(
    wish,
    policy,
    only?.name ?? '',
    only?.texts[0] ?? '""',
    'One value makes one run, and no sweep.',
  );
}

const range = /^([+-]?[\d.]+(?:e[+-]?\d{1,3})?)\.\.([+-]?[\d.]+(?:e[+-]?\d{1,3})?):(\d{1,4})(log)?$/i;

/** `1e-4,3e-4`, or `0..1:5` and `1e-4..1e-2:5log`: so many from one to the other, each as far or as many times from the next. Else what is wrong. */
function valuesOf(text: string): string[] | string {
  const [, from, to, times, log] = range.exec(text) ?? [];
  if (from === undefined || to === undefined) {
    const values = text.split(',').map(value => value.trim());
    return values.includes('') ? 'A value is empty.' : values;
  }
  const [a, b, count] = [Number(from), Number(to), Number(times)];
  if (!Number.isFinite(a) || !Number.isFinite(b)) return 'A range goes from one number to another.';
  if (count < 2 || count > mostMembers) return `A range has from 2 to ${mostMembers} values.`;
  if (log && (a <= 0 || b <= 0)) return 'A range with `log` goes from one number above 0 to another.';
  const at = (part: number) => (log ? a * (b / a) ** part : a + (b - a) * part);
  return Array.from({ length: count }, (_, i) => String(Number(at(i / (count - 1)).toPrecision(4))));
}

/** Every value of the first with every value of the second, and so on; the last changes fastest. */
function combinations(axes: readonly { name: string; texts: string[] }[]): Record<string, string>[] {
  return axes.reduce<Record<string, string>[]>(
    (all, { name, texts }) => all.flatMap(one => texts.map(text => ({ ...one, [name]: text }))),
    [{}],
  );
}

function failed(wish: RunWish, policy: Policy, name: string, text: string, reason: string): Failed {
  const details = {
    word: `${name}=${text}`.slice(0, 200),
    reason,
    limit: mostMembers,
    example: exampleOf(wish, policy),
  };
  return { ok: false, code: 'SWEEP_INVALID', details };
}

/** A sweep of a project as it can be typed, with a rule for early stops where one can be used; empty where no parameter suits. */
export function typedSweep({ parameters, primaryMetric, metrics }: Project): string {
  const found = Object.entries(parameters).flatMap(([name, parameter]) => {
    const values = twoValues(parameter);
    return values ? [` --sweep ${name}=${values.join(',')}`] : [];
  });
  const [first] = found;
  if (first === undefined) return '';
  const isRanked = primaryMetric !== undefined && betterOf(primaryMetric, metrics ?? {}) !== null;
  return `${first}${isRanked ? ' --early-stop median' : ''}`;
}

/** The default and another one, where both can be typed without quotes. */
function twoValues(parameter: Parameter): string[] | null {
  const own = String(parameter.default);
  const others = {
    number: () => [2, 0.5, 0].map(factor => String(Number(parameter.default) * factor)),
    integer: () => [1, -1].map(more => String(Number(parameter.default) + more)),
    choice: () => (parameter.type === 'choice' ? parameter.choices : []),
    boolean: () => ['true', 'false'],
    text: () => [],
  }[parameter.type]();
  const other = others.find(text => text !== own && readParameter(parameter, text).ok);
  const isTyped = [own, other ?? ''].every(text => /^[\w.+-]+$/.test(text));
  return other !== undefined && isTyped ? [own, other] : null;
}

function exampleOf({ project }: RunWish, policy: Policy): string {
  const known = Object.hasOwn(policy.projects, project) ? policy.projects[project] : undefined;
  return `train ${project}${known ? typedSweep(known) : ''}`;
}

/** `lr=0.1, batch=32`: what sets a member apart. */
export function memberName(
  { parameters }: Pick<RunSpec, 'parameters'>,
  { axes }: Pick<SweepSpec, 'axes'>,
): string {
  return axes.map(({ name }) => `${name}=${String(parameters[name])}`).join(', ');
}
