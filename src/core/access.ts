import { type Actor, actorKey, type Role, roles } from './actor.ts';
import type { CommandDefinition } from './command.ts';
import type { Policy } from './project.ts';
import type { Run } from './run.ts';

/** `reason` and `todo` are sentences for the person who asked. */
export type Access = { ok: true } | { ok: false; reason: string; todo: string };

const everyone = 'Ask an operator of Signalbox for it: roles are given under `people:` in signalbox.yml.';

/**
 * The role of an actor. Named people of Slack have the role that the policy names, others of the connected workspace its default. A token may
 * do what its scopes say, which the edge has checked; beyond that nothing holds it back. A run asks for nothing.
 */
export function roleOf(actor: Actor, policy: Pick<Policy, 'people' | 'defaultRole'>): Role {
  switch (actor.kind) {
    case 'slack':
      return policy.people.find(person => person.slack === actor.id)?.role ?? policy.defaultRole;
    case 'token':
    case 'system':
      return 'operator';
    case 'run':
      return 'none';
  }
}

/** Whether a role may use a command at all. */
export function mayUse(command: Pick<CommandDefinition, 'access'>, role: Role): Access {
  if (hasRank(role, command.access)) return { ok: true };
  return { ok: false, reason: `It needs the role ${command.access}, and yours is ${role}.`, todo: everyone };
}

/** Whether somebody may stop or change a run: their own as a trainer, any as an operator. */
export function mayChange(run: Pick<Run, 'requestedBy'>, actor: Actor, role: Role): Access {
  if (hasRank(role, 'operator')) return { ok: true };
  const own = actorKey(run.requestedBy) === actorKey(actor);
  if (own && hasRank(role, 'trainer')) return { ok: true };
  const reason = own
    ? `It needs the role trainer, and yours is ${role}.`
    : `The run belongs to ${run.requestedBy.name}, and yours is not the role operator.`;
  return { ok: false, reason, todo: own ? everyone : `Ask ${run.requestedBy.name} or an operator.` };
}

/** Whether a role is at least another. */
export function hasRank(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
