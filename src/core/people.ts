import { type Actor, actorKey, type Role, roles } from './actor.ts';
import type { Policy } from './project.ts';

/** Accounts that were proved to belong to one person: from each to the one that stands for all, which itself leads nowhere. */
export type Links = ReadonlyMap<string, string>;

export interface Person {
  /** The same for all accounts of a person: who approves, owns or reviews is told apart by it. */
  id: string;
  name: string;
  /** Null: nothing is said of them, and their place decides. */
  role: Role | null;
  teams: readonly string[];
  /** What says so: `signalbox.yml` itself, or a group that it names. */
  from: { role: string | null; teams: Readonly<Record<string, string>> };
  /** `slack:T1/U1`, `github:octocat`; the one that acts now is among them. */
  accounts: readonly string[];
}

type Named = Policy['people'][number];
type Known = Pick<Policy, 'people' | 'teams' | 'roles'>;

/**
 * Who acts: by the accounts that `signalbox.yml` names and by those that were linked. Where it names this very account, that counts and no
 * link and no group does, so that neither gives a role which the file takes. Else `groups`, in which any of the person's accounts is, give
 * the highest of their roles; teams come from both. An account that nobody knows is a person of its own.
 */
export function personOf(actor: Actor, policy: Known, links: Links, groups: readonly string[]): Person {
  const account = actorKey(actor);
  const accounts = accountsOfPerson(account, policy.people, links);
  const naming = (one: string) => policy.people.find(person => accountsOf(person).includes(one));
  const by = [account, ...accounts].find(one => naming(one) !== undefined);
  const named = by === undefined ? undefined : naming(by);
  const given = named ? { role: named.role, by: 'signalbox.yml' } : roleByGroup(policy.roles, groups);
  const teams = new Map(named?.teams.map(team => [team, 'signalbox.yml']));
  for (const [team, { groups: those }] of Object.entries(policy.teams)) {
    const group = those.find(one => groups.includes(one));
    if (group !== undefined && !teams.has(team)) teams.set(team, group);
  }
  return {
    id: accounts[0] ?? account,
    name: named?.name ?? actor.name,
    role: given?.role ?? null,
    teams: [...teams.keys()],
    from: { role: given?.by ?? null, teams: Object.fromEntries(teams) },
    accounts,
  };
}

/** The highest role that one of the groups gives, and the group. */
function roleByGroup(given: Policy['roles'], groups: readonly string[]): { role: Role; by: string } | null {
  for (const role of roles.toReversed()) {
    const by = role === 'none' ? undefined : given[role]?.find(group => groups.includes(group));
    if (by !== undefined) return { role, by };
  }
  return null;
}

/** Whether two actors are one person, under whatever accounts. */
export function isSamePerson(a: Actor, b: Actor, people: Policy['people'], links: Links): boolean {
  return accountsOfPerson(actorKey(a), people, links).includes(actorKey(b));
}

/** The accounts of somebody in `signalbox.yml`, as keys. */
export function accountsOf({
  slack = [],
  github,
  jira,
  tokens = [],
}: Pick<Named, 'slack' | 'github' | 'jira' | 'tokens'>): string[] {
  const kinds = {
    slack: [slack].flat(),
    github: github ? [github.toLowerCase()] : [],
    jira: jira ? [jira] : [],
    token: tokens,
  };
  return Object.entries(kinds).flatMap(([kind, ids]) => ids.map(id => `${kind}:${id}`));
}

/** Everything that belongs together by name or by link, sorted: the same from whichever of them one begins. */
export function accountsOfPerson(account: string, people: Policy['people'], links: Links): string[] {
  const known = new Set([account]);
  const groups = [...people.map(accountsOf), ...[...links].map(([one, root]) => [one, root])];
  for (let size = 0; size !== known.size; ) {
    size = known.size;
    for (const group of groups)
      if (group.some(one => known.has(one))) for (const one of group) known.add(one);
  }
  return [...known].sort();
}
