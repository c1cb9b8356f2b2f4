import type { CommandDefinition } from './command.ts';
import type { ErrorDetails } from './errors.ts';
import { nearest } from './nearest.ts';
import type { Token } from './tokenize.ts';

export type FoundCommand =
  | { ok: true; command: CommandDefinition; rest: readonly Token[] }
  | { ok: true; help: readonly string[] }
  | { ok: false; code: 'COMMAND_UNKNOWN'; details: ErrorDetails };

/**
 * The command that the first words name: the longest path that they spell. `help` after a path, or before one, asks for its help.
 * After a command that has words of its own the rest is left to it, so that a project may be called anything but its subcommands
 * (and even that after `--`).
 */
export function findCommand(tokens: readonly Token[], commands: readonly CommandDefinition[]): FoundCommand {
  const path = longestPath(tokens, commands);
  const rest = tokens.slice(path.length);
  const next = rest[0];
  if (next && wordOf(next) === 'help') return helpFor(path, rest.slice(1), commands);
  const command = commands.find(candidate => isSame(candidate.path, path));
  if (command) return { ok: true, command, rest };
  if (!next || (next.bare && /^[-\u2013\u2014]+(?:help|h)$/u.test(next.text)))
    return { ok: true, help: path };
  return unknown(path, next.text, commands);
}

function helpFor(
  path: readonly string[],
  rest: readonly Token[],
  commands: readonly CommandDefinition[],
): FoundCommand {
  const below = longestPath(rest, commands, path);
  if (below.length === path.length + rest.length) return { ok: true, help: below };
  // `signalbox help train list`: help for something else than where it was asked.
  const elsewhere = longestPath(rest, commands);
  if (elsewhere.length === rest.length) return { ok: true, help: elsewhere };
  return unknown(elsewhere, rest[elsewhere.length]?.text ?? '', commands);
}

function longestPath(
  tokens: readonly Token[],
  commands: readonly CommandDefinition[],
  from: readonly string[] = [],
): readonly string[] {
  let path = from;
  for (const token of tokens) {
    const longer = [...path, wordOf(token)];
    if (!commands.some(command => longer.every((part, i) => command.path[i] === part))) return path;
    path = longer;
  }
  return path;
}

/** Keyboards of phones begin a word with a capital. */
function wordOf(token: Token): string {
  return token.bare ? token.text.toLowerCase() : '';
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

function unknown(
  path: readonly string[],
  word: string,
  commands: readonly CommandDefinition[],
): FoundCommand {
  const near = commands.filter(command => path.every((part, i) => command.path[i] === part));
  const choices = [...new Set(near.map(command => command.path.slice(0, path.length + 1).join(' ')))];
  const wrong = [...path, word].join(' ');
  const lasts = choices.map(choice => choice.slice(choice.lastIndexOf(' ') + 1));
  const meant = nearest(word.replace(/^\//, ''), lasts);
  const best = meant === undefined ? undefined : choices[lasts.indexOf(meant)];
  const shown =
    near.find(command => best !== undefined && command.path.join(' ').startsWith(best)) ?? near[0];
  return {
    ok: false,
    code: 'COMMAND_UNKNOWN',
    details: { word: wrong, allowed: choices, nearest: best, example: shown?.examples[0] },
  };
}
