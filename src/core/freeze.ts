import { type Actor, actorKey } from './actor.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { capital, cleanLine, counted, timeOfDay } from './format.ts';
import { nearest } from './nearest.ts';
import type { Policy } from './project.ts';
import type { Inline } from './reply.ts';

/** What is held back: everything, one pool or one project. */
export type FreezeScope = { kind: 'all' } | { kind: 'pool' | 'project'; name: string };

/** While it stands nothing starts there. `drain`: the pool is to become empty; what works there goes on to its end. */
export interface Freeze {
  id: number;
  kind: 'freeze' | 'drain';
  scope: FreezeScope;
  /** Empty: no reason was given. */
  why: string;
  by: Actor;
  since: Date;
}

const shownWhy = 200;

/** Those that hold a run of this project in this pool. */
export function freezesOn<F extends Pick<Freeze, 'scope'>>(
  freezes: readonly F[],
  where: { pool: string; project: string },
): F[] {
  return freezes.filter(({ scope }) => scope.kind === 'all' || scope.name === where[scope.kind]);
}

/** Those that hold something of it back, in a pool or of a project; with the scope of everything, all. */
export function freezesIn<F extends Pick<Freeze, 'scope'>>(freezes: readonly F[], scope: FreezeScope): F[] {
  return freezes.filter(
    one => scope.kind === 'all' || one.scope.kind === 'all' || scopeName(one.scope) === scopeName(scope),
  );
}

/** `everything`, `pool lab`, `project digits` */
export function scopeName(scope: FreezeScope): string {
  return scope.kind === 'all' ? 'everything' : `${scope.kind} ${scope.name}`;
}

/** `Pool lab is frozen by octocat since 11:58 UTC: the disk is full.` */
export function freezeSentence({ kind, scope, why, by, since }: Freeze, now: Date): string {
  const is = kind === 'freeze' ? 'is frozen' : 'is being drained';
  const reason = cleanLine(why, shownWhy).replace(/[.\s]+$/, '');
  const said = reason === '' ? '' : `: ${reason}`;
  return `${capital(scopeName(scope))} ${is} by ${by.name} since ${timeOfDay(since, now)}${said}.`;
}

/** Why a run that some of these hold does not start. `working`: the numbers of the runs at work in its pool. */
export function heldSentence(freezes: readonly Freeze[], working: readonly number[], now: Date): string {
  const sentences = freezes.map(one => {
    const rest = one.kind === 'drain' ? ` ${workingSentence(working)}` : '';
    return `${freezeSentence(one, now)}${rest}`;
  });
  const that = freezes.length === 1 ? 'that is' : 'all of that is';
  return `${sentences.join(' ')} It starts when ${that} lifted.`;
}

/** `2 runs still work there (#8, #9).` */
export function workingSentence(working: readonly number[]): string {
  if (working.length === 0) return 'No run works there any more.';
  const numbers = working.slice(0, 5).map(number => `#${number}`);
  const more = working.length > numbers.length ? ` and ${working.length - numbers.length} more` : '';
  const work = working.length === 1 ? 'works' : 'work';
  return `${counted(working.length, 'run')} still ${work} there (${numbers.join(', ')}${more}).`;
}

/** The runs that hold something of a pool, by number. */
export function workingIn(pool: string, held: readonly { pool: string; run: number }[]): number[] {
  const numbers = held.filter(row => row.pool === pool).map(row => row.run);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** One line for a list, with a person whom the reader can ask. */
export function freezeItem({ kind, scope, why, by, since }: Freeze): Inline[] {
  const reason = cleanLine(why, shownWhy);
  return [
    { bold: capital(scopeName(scope)) },
    kind === 'freeze' ? ' is frozen by ' : ' is being drained by ',
    { person: actorKey(by), name: by.name },
    ' since ',
    { at: since },
    reason === '' ? '' : `: ${reason}`,
  ];
}

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };

/** What flags or words name, held against the policy. `command` is what is typed before it, for an example. */
export function readScope(
  given: { pool?: string; project?: string },
  policy: Pick<Policy, 'pools' | 'projects'>,
  command: (named: string) => string,
): { ok: true; scope: FreezeScope } | Failed {
  const { pool, project } = given;
  if (pool !== undefined && project !== undefined) {
    const allowed = 'a project only without --pool';
    const example = command(`--project ${project}`);
    return {
      ok: false,
      code: 'VALUE_INVALID',
      details: { word: project, name: '--project', allowed, example },
    };
  }
  if (pool !== undefined) {
    const unknown = unknownPool(pool, policy, name => command(`--pool ${name}`));
    return unknown ?? { ok: true, scope: { kind: 'pool', name: pool } };
  }
  if (project === undefined) return { ok: true, scope: { kind: 'all' } };
  const names = Object.keys(policy.projects);
  if (names.includes(project)) return { ok: true, scope: { kind: 'project', name: project } };
  if (names.length === 0) return { ok: false, code: 'PROJECT_NONE', details: {} };
  const near = nearest(project, names);
  const example = command(`--project ${near ?? names[0]}`);
  return {
    ok: false,
    code: 'PROJECT_UNKNOWN',
    details: { word: project, allowed: names, nearest: near, example },
  };
}

/** What is wrong with the name of a pool; null where there is such a pool. */
export function unknownPool(
  pool: string,
  policy: Pick<Policy, 'pools'>,
  example: (named: string) => string,
): Failed | null {
  const names = Object.keys(policy.pools);
  if (names.includes(pool)) return null;
  const near = nearest(pool, names);
  const details = {
    word: pool,
    allowed: names,
    nearest: near,
    example: example(near ?? names[0] ?? ''),
  };
  return { ok: false, code: 'POOL_UNKNOWN', details };
}
