import { z } from 'zod';

/** `slack:T0123/S0456` (a user group), `github:octo-org/vision` (a team by its slug; GitHub tells no case apart). */
export const groupName = z
  .string()
  .regex(
    /^(?:slack:T[A-Z\d]+\/S[A-Z\d]+|github:[A-Za-z\d](?:-?[A-Za-z\d]){0,38}\/[A-Za-z\d_][\w.-]{0,99})$/,
    'must be a Slack user group, as slack:T0123/S0456, or a GitHub team, as github:octo-org/vision',
  )
  .transform(name => (name.startsWith('github:') ? name.toLowerCase() : name));

export type GroupPlace =
  | { kind: 'slack'; team: string; group: string }
  | { kind: 'github'; org: string; team: string };

/** The parts of a name that `groupName` took. */
export function groupPlace(name: string): GroupPlace {
  const [, kind, first = '', second = ''] = /^(\w+):([^/]+)\/(.+)$/.exec(name) ?? [];
  if (kind === 'slack') return { kind, team: first, group: second };
  return { kind: 'github', org: first, team: second };
}

interface Naming {
  teams: Record<string, { groups: readonly string[] }>;
  roles: Partial<Record<string, readonly string[] | undefined>>;
}

/** Every group that `signalbox.yml` names, once. */
export function groupsIn({ teams, roles }: Naming): string[] {
  const named = [...Object.values(teams).map(team => team.groups), ...Object.values(roles)];
  return [...new Set(named.flatMap(groups => groups ?? []))].sort();
}

/** For so long the members that were read last count where a group cannot be read; then nobody is in it. */
export const longestStaleMs = 24 * 3_600_000;

/** What is known of a group. */
export interface GroupState {
  name: string;
  /** When it was read last; null: never. */
  readAt: Date | null;
  /** There is no such group there, or it is disabled. */
  gone: boolean;
  members: number;
  /** Why it cannot be read, where the last attempt failed. */
  error: string | null;
}

/** What an operator ought to know of a group, or null where all is well. */
export function groupTrouble({ name, readAt, gone, error }: GroupState, now: Date): string | null {
  const until = readAt && new Date(readAt.getTime() + longestStaleMs);
  if (error === null && (until === null || until <= now)) return `${name} has not been read: nobody is in it`;
  if (error !== null) {
    const reason = error.replace(/\.$/, '');
    if (until === null || until <= now) return `${name} cannot be read (${reason}): nobody is in it`;
    const at = until.toISOString().slice(0, 16).replace('T', ' ');
    return `${name} cannot be read (${reason}): its members of before count until ${at} UTC`;
  }
  return gone ? `${name} is not there, or is disabled: nobody is in it` : null;
}
