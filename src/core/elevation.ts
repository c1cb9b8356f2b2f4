import { hasRank } from './access.ts';
import { type Actor, actorKey, type Role } from './actor.ts';

/** How long an elevation lasts, in seconds: unless asked otherwise, and at most. */
export const elevationS = { usual: 3_600, most: 4 * 3_600 };

export const verdicts = ['ok', 'wrong'] as const;
export type Verdict = (typeof verdicts)[number];

/** An emergency: somebody is an operator for a while, and a second person looks at it afterwards. */
export interface Elevation {
  id: number;
  actor: Actor;
  why: string;
  openedAt: Date;
  /** It ends then by itself. */
  until: Date;
  /** It was ended before that. */
  endedAt: Date | null;
  review: { by: Actor; verdict: Verdict; note: string; at: Date } | null;
}

export function isOpen({ until, endedAt }: Pick<Elevation, 'until' | 'endedAt'>, now: Date): boolean {
  return endedAt === null && now.getTime() < until.getTime();
}

/** Whether an elevation would change what somebody may do: a person, at least a trainer and not yet an operator. */
export function mayBeElevated(actor: Actor, role: Role): boolean {
  return actor.kind === 'slack' && hasRank(role, 'trainer') && !hasRank(role, 'operator');
}

/** What an actor may do, and as whom, with the newest elevation that is known of them: what they do under it carries its number. */
export function elevated(
  actor: Actor,
  role: Role,
  newest: Elevation | null,
  now: Date,
): { actor: Actor; role: Role } {
  const counts =
    newest !== null &&
    mayBeElevated(actor, role) &&
    actorKey(newest.actor) === actorKey(actor) &&
    isOpen(newest, now);
  return counts ? { actor: { ...actor, breakglass: newest.id }, role: 'operator' } : { actor, role };
}

export type ReviewRefusal = 'own' | 'open' | 'reviewed';

/**
 * Whether somebody may say now what is thought of an elevation: another person, once it has ended, and nobody did before. `isSelf`: the
 * accounts are known to be one person's.
 */
export function reviewable(
  elevation: Elevation,
  by: Actor,
  isSelf: boolean,
  now: Date,
): { ok: true } | { ok: false; code: ReviewRefusal } {
  if (isSelf || isOneUser(elevation.actor, by)) return { ok: false, code: 'own' };
  if (elevation.review) return { ok: false, code: 'reviewed' };
  if (isOpen(elevation, now)) return { ok: false, code: 'open' };
  return { ok: true };
}

/** In the workspaces of an organisation, one person has one user id. Where that is chance, it only asks for a third person. */
function isOneUser(a: Actor, b: Actor): boolean {
  if (actorKey(a) === actorKey(b)) return true;
  const user = ({ id }: Actor) => id.slice(id.indexOf('/') + 1);
  return a.kind === 'slack' && b.kind === 'slack' && user(a) === user(b);
}
