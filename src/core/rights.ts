import { hasRank, mayUse } from './access.ts';
import { type Place, type Role, roles } from './actor.ts';
import type { CommandDefinition } from './command.ts';
import type { Inline } from './reply.ts';

type Named = Pick<CommandDefinition, 'path' | 'access' | 'places' | 'writers'>;

export interface Rights<C extends Named = Named> {
  /** What may be asked for here. */
  may: C[];
  /** What may be asked for here with a greater role, by the least that does, from least to most. */
  more: { role: Role; commands: C[] }[];
}

/** What somebody of this role may do here, and for the rest who may. What is not taken here at all is in neither. */
export function rightsIn<C extends Named>(
  commands: readonly C[],
  role: Role,
  place: Place['kind'],
): Rights<C> {
  const here = commands.filter(command => mayUse(command, 'operator', place).ok);
  // On GitHub whoever asks may be one of those who may write there.
  const needed = ({ access, writers }: C) => (place === 'github' && writers ? writers.access : access);
  const more = roles
    .filter(one => !hasRank(role, one))
    .map(one => ({ role: one, commands: here.filter(command => needed(command) === one) }))
    .filter(group => group.commands.length > 0);
  return { may: here.filter(command => hasRank(role, needed(command))), more };
}

/** `train, with list, status; signalbox whoami, link`: what begins alike is said once. */
export function namesOf(commands: readonly Named[]): Inline[] {
  const groups = [...Map.groupBy(commands, command => command.path[0])];
  return groups.flatMap(([first, group], i): Inline[] => {
    const rest = group.map(command => command.path.slice(1).join(' ')).filter(name => name !== '');
    const alone = rest.length < group.length;
    const words = rest.length > 0 ? `${alone ? ', with' : ''} ${rest.join(', ')}` : '';
    return [...(i > 0 ? ['; '] : []), { command: first }, words];
  });
}

/** `With the role trainer: train, with retry, cancel.` */
export function moreSentence({ role, commands }: Rights['more'][number]): Inline[] {
  return [`With the role ${role}: `, ...namesOf(commands), '.'];
}
