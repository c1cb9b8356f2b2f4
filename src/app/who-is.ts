import { type Actor, actorKey } from '../core/actor.ts';
import { accountsOfPerson, type Links, type Person, personOf } from '../core/people.ts';
import type { GroupStore, LinkStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';

interface WhoPorts {
  links: Pick<LinkStore, 'all'>;
  groups: Pick<GroupStore, 'of'>;
}

/** The person behind an actor, by all that is known at this moment, and the links by which others are told apart from them. */
export async function whoIs(
  actor: Actor,
  policy: Policy,
  { links, groups }: WhoPorts,
  now: Date,
): Promise<{ person: Person; links: Links }> {
  const known = await links.all();
  const accounts = accountsOfPerson(actorKey(actor), policy.people, known);
  return { person: personOf(actor, policy, known, await groups.of(accounts, now)), links: known };
}
