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

/** Who acts: by the accounts that `signalbox.yml` names and by those that were linked. An account that nobody knows is a person of its own. */
export function personOf(actor: Actor, people: Policy['people'], links: Links): Person {
  const account = actorKey(actor);
  const proved = linkedWith(account, links);
  const named = people.find(person => accountsOf(person).some(one => proved.includes(one)));
  const declared = named ? accountsOf(named) : [];
  // What is linked with any account that is named for them is theirs too.
  const all = [...new Set([...declared.flatMap(one => linkedWith(one, links)), ...proved])].sort();
  return {
    id: declared[0] ?? rootOf(account, links),
    name: named?.name ?? actor.name,
    role: named?.role ?? null,
    teams: named?.teams ?? [],
    accounts: all,
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

/** All accounts of the group, this one included. */
function linkedWith(account: string, links: Links): string[] {
  const root = rootOf(account, links);
  const others = [...links.keys()].filter(one => rootOf(one, links) === root);
  return [...new Set([account, root, ...others])];
}

function rootOf(account: string, links: Links): string {
  return links.get(account) ?? account;
}
