import type { Access } from './access.ts';
import type { Actor, GitHubPlace, Place } from './actor.ts';
import type { CommandDefinition } from './command.ts';
import type { Person } from './people.ts';

/** Somebody of whom is known what a repository lets them do, and no more. */
export function isGuest(actor: Actor, { role, accounts }: Pick<Person, 'role' | 'accounts'>): boolean {
  return actor.kind === 'github' && role === null && !accounts.some(one => one.startsWith('slack:'));
}

/** The runs that a command is about; null: it tells of more than a repository's own work, or changes it. */
export function runsForGuest(command: CommandDefinition, values: Record<string, unknown>): number[] | null {
  const names = command.arguments
    .filter(one => one.kind === 'run' || one.kind === 'work')
    .map(one => one.name);
  if (names.length === 0) return command.needsCode || command.access === 'none' ? [] : null;
  return names.map(name => values[name]).filter(value => typeof value === 'number');
}

/** The sweeps that it is about besides. */
export function sweepsForGuest(command: CommandDefinition, values: Record<string, unknown>): number[] {
  const words = command.arguments.filter(one => one.kind === 'work').map(one => values[one.name]);
  return words.flatMap(word => (typeof word === 'string' ? [Number(word.slice(1))] : []));
}

/** Whether somebody may ask about a run whom only this repository lets do anything. What is not there tells them nothing either. */
export function mayAsGuest(run: { place: Place } | null, { repo }: GitHubPlace): Access {
  if (!run || (run.place.kind === 'github' && run.place.repo === repo)) return { ok: true };
  return { ok: false, ...beyond };
}

export const beyond = {
  reason: 'Signalbox knows you only by what this repository lets you do, and it is about more than that.',
  todo: 'Link your account: ask for a code in Slack with signalbox link, and say it here.',
};
