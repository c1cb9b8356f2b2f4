import { type Actor, actorKey, type Role } from './actor.ts';
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
  /** `slack:T1/U1`, `github:octocat`; the one that acts now is among them. */
  accounts: readonly string[];
}

type Named = Policy['people'][number];

/**
 * Who acts: by the accounts that `signalbox.yml` names and by those that were linked. Where it names this very account, that counts and no
 * link does, so that a link never gives a role which the file takes. An account that nobody knows is a person of its own.
 */
export function personOf(actor: Actor, people: Policy['people'], links: Links): Person {
  const account = actorKey(actor);
  const accounts = allAccounts(account, people, links);
  const naming = (one: string) => people.find(person => accountsOf(person).includes(one));
  const named = naming(account) ?? accounts.map(naming).find(person => person !== undefined);
  return {
    id: accounts[0] ?? account,
    name: named?.name ?? actor.name,
    role: named?.role ?? null,
    teams: named?.teams ?? [],
    accounts,
  };
}

/** Whether two actors are one person, under whatever accounts. */
export function isSamePerson(a: Actor, b: Actor, people: Policy['people'], links: Links): boolean {
  return personOf(a, people, links).id === personOf(b, people, links).id;
}

/** The accounts of somebody in `signalbox.yml`, as keys. */
export function accountsOf({ slack = [], github, jira }: Pick<Named, 'slack' | 'github' | 'jira'>): string[] {
  const kinds = {
    slack: [slack].flat(),
    github: github ? [github.toLowerCase()] : [],
    jira: jira ? [jira] : [],
  };
  return Object.entries(kinds).flatMap(([kind, ids]) => ids.map(id => `${kind}:${id}`));
}

/** Everything that belongs together by name or by link, sorted: the same from whichever of them one begins. */
function allAccounts(account: string, people: Policy['people'], links: Links): string[] {
  const known = new Set([account]);
  const groups = [...people.map(accountsOf), ...[...links].map(([one, root]) => [one, root])];
  for (let size = 0; size !== known.size; ) {
    size = known.size;
    for (const group of groups)
      if (group.some(one => known.has(one))) for (const one of group) known.add(one);
  }
  return [...known].sort();
}
