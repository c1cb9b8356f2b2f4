import { roleOf } from '../core/access.ts';
import { type Actor, actorKey, type Role } from '../core/actor.ts';
import { elevated, mayBeElevated } from '../core/elevation.ts';
import type { Standing } from '../core/intent.ts';
import { accountsOfPerson, type Links, type Person, personOf } from '../core/people.ts';
import type { ElevationStore, GroupStore, LinkStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';

interface PersonPorts {
  links: Pick<LinkStore, 'all'>;
  groups: Pick<GroupStore, 'of'>;
}

export interface Who {
  /** As what they do is written down. */
  actor: Actor;
  person: Person;
  role: Role;
  links: Links;
}

/** The person behind an actor, by all that is known at this moment, and the links by which others are told apart from them. */
export async function personBehind(
  actor: Actor,
  policy: Policy,
  { links, groups }: PersonPorts,
  now: Date,
): Promise<{ person: Person; links: Links }> {
  const known = await links.all();
  const accounts = accountsOfPerson(actorKey(actor), policy.people, known);
  return { person: personOf(actor, policy, known, await groups.of(accounts, now)), links: known };
}

/** Who this is, and what they may do now: in an emergency, somebody may be more than the policy says. */
export async function whoIs(
  said: Actor,
  policy: Policy,
  ports: PersonPorts & { elevations: Pick<ElevationStore, 'newestOf'> },
  now: Date,
  standing?: Standing,
): Promise<Who> {
  const { person, links } = await personBehind(said, policy, ports, now);
  const own = roleOf(said, person, policy, standing);
  const newest = mayBeElevated(said, own) ? await ports.elevations.newestOf(said) : null;
  return { person, links, ...elevated(said, own, newest, now) };
}
