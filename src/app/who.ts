import { roleOf } from '../core/access.ts';
import type { Actor, Role } from '../core/actor.ts';
import { elevated, mayBeElevated } from '../core/elevation.ts';
import { type Links, type Person, personOf } from '../core/people.ts';
import type { ElevationStore, LinkStore } from '../core/ports.ts';
import type { Policy } from '../core/project.ts';

export interface Who {
  /** As what they do is written down. */
  actor: Actor;
  person: Person;
  role: Role;
  links: Links;
}

/** Who this is, and what they may do now: in an emergency, somebody may be more than the policy says. */
export async function whoIs(
  said: Actor,
  policy: Policy,
  ports: { links: Pick<LinkStore, 'all'>; elevations: Pick<ElevationStore, 'newestOf'> },
  now: Date,
): Promise<Who> {
  const links = await ports.links.all();
  const person = personOf(said, policy.people, links);
  const own = roleOf(said, person, policy);
  const newest = mayBeElevated(said, own) ? await ports.elevations.newestOf(said) : null;
  return { person, links, ...elevated(said, own, newest, now) };
}
