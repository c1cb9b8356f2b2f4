import type { AuditFilter } from './ports.ts';
import type { Policy } from './project.ts';

/** What a word names in the audit log: `42`, `#42` and `run:42` are a run, `token:ci` and the like are as they are; null: nothing. */
export function auditSubject(word: string): string | null {
  const [, number] = /^(?:run:)?#?([1-9]\d{0,8})$/.exec(word) ?? [];
  if (number !== undefined) return `run:${number}`;
  return /^[a-z]+:.+$/s.test(word) && !word.startsWith('run:') ? word : null;
}

/**
 * Whom a word may mean: an identity (`slack:T1/U1`, `T1/U1`, `U1`, a token's id), or a name, with or without `@`, in any case. A name is
 * what people call somebody, so whoever bore it is found, and whoever the policy calls so.
 */
export function auditPerson(word: string, people: Policy['people']): NonNullable<AuditFilter['by']> {
  const name = word.replace(/^@/, '');
  const named = people.filter(person => person.name.toLowerCase() === name.toLowerCase());
  const keys = named.map(person => `slack:${person.slack}`);
  if (/^[a-z]+:/.test(name)) return { keys: [name, ...keys], ids: [], names: [name] };
  if (name.includes('/')) return { keys: [`slack:${name}`, ...keys], ids: [], names: [name] };
  return { keys, ids: [name], names: [name] };
}
