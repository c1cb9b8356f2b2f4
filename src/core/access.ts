import type { Actor, Place, Role } from './actor.ts';
import { roles } from './actor.ts';
import type { CommandContext, CommandDefinition, Writers } from './command.ts';
import { cleanLine } from './format.ts';
import type { Standing } from './intent.ts';
import type { Person } from './people.ts';
import type { Policy, Project } from './project.ts';
import type { Run } from './run.ts';

/** `reason` and `todo` are sentences for the person who asked. */
export type Access = { ok: true } | { ok: false; reason: string; todo: string };

/** Everything that a decision rests on. What is absent plays no part in it. */
export interface Ask {
  role: Role;
  /** The least role. */
  needs: Role;
  place?: Place['kind'];
  /** Where it may be asked for; anywhere when absent. */
  places?: readonly Place['kind'][] | undefined;
  /** Whose it is that would be changed. */
  owner?: { name: string; isSelf: boolean };
  /** Where the work would be done that it starts, and the least role for that. */
  environment?: { name: string; needs: Role; description?: string | undefined };
  /** Which project it is about, and the teams of whoever asks. */
  project?: { name: string; team: string; trainers: Project['trainers']; teams: readonly string[] };
}

const shownDescription = 100;
const everyone = 'Ask an operator of Signalbox for it: roles are given under `people:` in signalbox.yml.';
/** Where people say things. The shared queue is for what programs ask for, and a command says so itself. */
const usualPlaces = ['slack', 'github', 'http'] as const;
/** For what is nobody else's business: on GitHub, everybody who reads a conversation reads the answers too. */
export const notOnGitHub = ['slack', 'http'] as const;
export const placeNames: Record<Place['kind'], string> = {
  slack: 'Slack',
  github: 'GitHub',
  http: 'the API',
  queue: 'the shared queue',
};

/**
 * The one decision for every command, button, form and call: place, role, environment, team, ownership, in this order, and the first that
 * forbids it says why. Operators stand above team and ownership. What operators hold back (freeze.ts) is no part of it: it forbids nobody to
 * ask. What was asked for waits, which the planner sees to and the answer says.
 */
export function decide({ role, needs, place, places, environment, owner, project }: Ask): Access {
  if (place && places && !places.includes(place)) {
    const allowed = places.map(one => placeNames[one]).join(' or ');
    return {
      ok: false,
      reason: `It is not taken from ${placeNames[place]}.`,
      todo: `Ask for it in ${allowed}.`,
    };
  }
  if (!hasRank(role, needs))
    return { ok: false, reason: `It needs the role ${needs}, and yours is ${role}.`, todo: everyone };
  if (environment && !hasRank(role, environment.needs)) {
    const { name, needs: wanted, description } = environment;
    const called = description === undefined ? name : `${name} (${cleanLine(description, shownDescription)})`;
    return {
      ok: false,
      reason: `Work in ${called} needs the role ${wanted}, and yours is ${role}.`,
      todo: `Ask somebody with that role to start it, or an operator to give it to you.`,
    };
  }
  if (hasRank(role, 'operator')) return { ok: true };
  if (project?.trainers === 'team' && !project.teams.includes(project.team)) {
    const reason = `${project.name} is trained by team ${project.team} alone, and you are not in it.`;
    return {
      ok: false,
      reason,
      todo: `Ask somebody of team ${project.team}, or an operator to add you to it.`,
    };
  }
  if (owner && !owner.isSelf) {
    const reason = `The run belongs to ${owner.name}, and yours is not the role operator.`;
    return { ok: false, reason, todo: `Ask ${owner.name} or an operator.` };
  }
  return { ok: true };
}

/**
 * The role of a person. Those whom the policy names have the role that it gives them, others of the connected workspace its default. A token
 * may do what its scopes say, which the edge has checked; beyond that nothing holds it back. A run asks for nothing. Whom nobody knows on
 * GitHub has what the repository gives them, and never more than the default.
 */
export function roleOf(
  actor: Actor,
  person: Pick<Person, 'role' | 'accounts'>,
  policy: Pick<Policy, 'defaultRole'>,
  standing: Standing = 'none',
): Role {
  switch (actor.kind) {
    case 'slack':
      return person.role ?? policy.defaultRole;
    case 'github':
      if (person.role !== null) return person.role;
      // They are of the workspace as well, whichever way they speak.
      if (person.accounts.some(account => account.startsWith('slack:'))) return policy.defaultRole;
      return least(policy.defaultRole, byStanding[standing]);
    case 'token':
    case 'system':
      return 'operator';
    case 'run':
      return 'none';
  }
}

const byStanding: Record<Standing, Role> = { write: 'trainer', read: 'viewer', none: 'none' };

function least(a: Role, b: Role): Role {
  return hasRank(a, b) ? b : a;
}

/** Whether a role may use a command at all, there where it was said. */
export function mayUse(
  { access, places = usualPlaces }: Pick<CommandDefinition, 'access' | 'places'>,
  role: Role,
  place?: Place['kind'],
): Access {
  return decide({ role, needs: access, places, ...(place ? { place } : {}) });
}

/** The same for the very place: an issue has no code. */
export function mayUseAt(command: CommandDefinition, role: Role, place: Place): Access {
  if (command.needsCode && place.kind === 'github' && !place.pull)
    return {
      ok: false,
      reason: 'It needs code, and an issue has none.',
      todo: 'Say it at the pull request that has the code.',
    };
  return mayUse(command, role, place.kind);
}

/** Whether somebody may ask at a pull request for what is for those who may write there, as GitHub says now. */
export function mayAsWriter({ access }: Pick<Writers, 'access'>, role: Role, standing: Standing): Access {
  const allowed = decide({ role, needs: access });
  if (!allowed.ok || standing === 'write') return allowed;
  return {
    ok: false,
    reason: 'It is for those who may write to this repository, and GitHub says that you may not.',
    todo: 'Ask somebody who may.',
  };
}

/** What a command answers where it may not be. `words`: the command as it was asked for. */
export function denied(words: string, { reason, todo }: Extract<Access, { ok: false }>) {
  return { ok: false as const, code: 'ACCESS_DENIED' as const, details: { command: words, reason, todo } };
}

/** Whether somebody may stop or change a run: their own as a trainer, any as an operator. */
export function mayChange(run: Pick<Run, 'requestedBy'>, isSelf: boolean, role: Role): Access {
  return decide({ role, needs: 'trainer', owner: { name: run.requestedBy.name, isSelf } });
}

/** Whether whoever asks may train a project. One that is not in the policy any more forbids nothing by itself. */
export function mayTrainAs(
  name: string,
  { role, person, policy }: Pick<CommandContext, 'role' | 'person' | 'policy'>,
): Access {
  const project = Object.hasOwn(policy.projects, name) ? policy.projects[name] : undefined;
  if (!project) return { ok: true };
  const { team, trainers, runsIn } = project;
  return decide({
    role,
    needs: 'trainer',
    ...environmentOf(runsIn, policy),
    project: { name, team, trainers, teams: person.teams },
  });
}

function environmentOf(
  name: string | undefined,
  { environments }: Pick<Policy, 'environments'>,
): Pick<Ask, 'environment'> {
  const found = name !== undefined && Object.hasOwn(environments, name) ? environments[name] : undefined;
  return name !== undefined && found ? { environment: { name, ...found } } : {};
}

/** Whether a role is at least another. */
export function hasRank(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
