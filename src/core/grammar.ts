import type { ArgumentSpec, CommandDefinition } from './command.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { findCommand } from './find-command.ts';
import { exampleWith, looksLikeFlag, readWords } from './flags.ts';
import { nearest } from './nearest.ts';
import { firstUnreadable } from './readable.ts';
import { type Token, tokenize } from './tokenize.ts';
import { coerceValue, parseValue } from './values.ts';

/** Characters that are read of one command line. */
export const commandLimit = 4_000;

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };
type Placed = { ok: true; values: Record<string, unknown> } | Failed;
export type Coerced = { ok: true; command: CommandDefinition; values: Record<string, unknown> } | Failed;
export type ParsedCommand =
  | { ok: true; command: CommandDefinition; values: Record<string, unknown> }
  /** Help is wanted for these words: a command's path, a group's, or none for everything. */
  | { ok: true; help: readonly string[] }
  | Failed;

/**
 * Understands one command line: `verb [subcommand] [subject] [--flag value | --flag=value] [-p name=value]... [--]`, quoted as in a shell.
 * The values have the kinds that the command's arguments and flags name (`KindValues`). Escapes of a chat service (`&amp;`, `<@U1>`) are
 * its adapter's to undo beforehand. Errors carry the word that is wrong, what is allowed, the nearest match and an example.
 */
export function parseCommand(words: string, commands: readonly CommandDefinition[]): ParsedCommand {
  const example = exampleFor(words, commands);
  if (words.length > commandLimit)
    return failed('COMMAND_TOO_LONG', { length: words.length, limit: commandLimit, example });
  const bad = firstUnreadable(words);
  if (bad) return unreadable(words, bad.index, `It holds ${bad.name} there.`, example);
  const split = tokenize(words);
  if (!split.ok) return unreadable(words, split.at, split.reason, example);
  if (split.tokens.length === 0) return failed('COMMAND_EMPTY', { example });

  const found = findCommand(split.tokens, commands);
  if (!found.ok || 'help' in found) return found;
  const { command, rest } = found;
  const subcommands = followUps(command, commands);
  const asksForHelp = rest.length === 0 && subcommands.length > 0 && command.arguments.some(a => a.required);
  if (asksForHelp || wantsHelp(rest)) return { ok: true, help: command.path };

  const read = readWords(command, rest);
  if (!read.ok) return read;
  const placed = placeWords(command, read.words, subcommands);
  if (!placed.ok) return placed;
  const values = { ...placed.values, ...read.flags };
  return missing(command, values) ?? { ok: true, command, values };
}

/** Checks values that are typed already, from JSON, for what the command takes; the same errors as for words. */
export function coerceValues(command: CommandDefinition, record: Record<string, unknown>): Coerced {
  const shared = { command: command.path.join(' '), example: command.examples[0] };
  const specs: readonly ArgumentSpec[] = [...command.arguments, ...command.flags];
  const names = specs.map(spec => spec.name);
  const values: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(record)) {
    const spec = specs.find(candidate => candidate.name === name);
    if (!spec)
      return failed('FLAG_UNKNOWN', {
        ...shared,
        word: name,
        allowed: names,
        nearest: nearest(name, names),
      });
    if (given === undefined || given === null) continue;
    const value = coerceValue(spec, given);
    if (!value.ok) {
      const word = typeof given === 'object' ? JSON.stringify(given) : String(given);
      return failed('VALUE_INVALID', {
        ...shared,
        word: word === '' ? '""' : word,
        name,
        allowed: value.allowed,
        nearest: value.nearest,
        example: exampleWith(command, spec),
      });
    }
    values[name] = value.value;
  }
  return missing(command, values) ?? { ok: true, command, values };
}

function placeWords(command: CommandDefinition, words: readonly string[], subcommands: string[]): Placed {
  const shared = { command: command.path.join(' '), example: command.examples[0] };
  const values: Record<string, unknown> = {};
  for (const [i, word] of words.entries()) {
    const spec = command.arguments[i];
    if (!spec)
      return failed('ARGUMENT_UNEXPECTED', {
        ...shared,
        word,
        nearest: meant(command, words[0] ?? '', word, subcommands),
      });
    if (word === '') continue;
    const value = parseValue(spec, word);
    if (!value.ok)
      return failed('VALUE_INVALID', {
        ...shared,
        word,
        name: `<${spec.name}>`,
        allowed: value.allowed,
        nearest: value.nearest,
      });
    values[spec.name] = value.value;
  }
  return { ok: true, values };
}

/** What a surplus word was probably meant as: a flag's value without the flag, or the word before it a misspelt subcommand. */
function meant(command: CommandDefinition, first: string, word: string, subcommands: string[]) {
  const subcommand = nearest(first, subcommands);
  if (subcommand) return [...command.path, subcommand].join(' ');
  const [name = '', value] = word.split('=', 2);
  const pairs = command.flags.find(flag => flag.kind === 'pairs');
  const flag = command.flags.find(candidate => candidate.name === name);
  if (flag && flag.kind !== 'pairs') return value ? `--${name} ${value.slice(0, 40)}` : `--${name}`;
  return pairs && value && /^[A-Za-z]\w*$/.test(name)
    ? `-${pairs.short ?? `-${pairs.name}`} ${word.slice(0, 40)}`
    : undefined;
}

function missing(command: CommandDefinition, values: Record<string, unknown>): Failed | null {
  const argument = command.arguments.find(spec => spec.required && values[spec.name] === undefined);
  const flag = command.flags.find(spec => spec.required && values[spec.name] === undefined);
  const spec = argument ?? flag;
  if (!spec) return null;
  return failed('ARGUMENT_MISSING', {
    command: command.path.join(' '),
    word: argument ? `<${spec.name}>` : `--${spec.name}`,
    reason: `It is ${spec.summary.charAt(0).toLowerCase()}${spec.summary.slice(1)}`,
    example: command.examples[0],
  });
}

function wantsHelp(rest: readonly Token[]): boolean {
  const end = rest.findIndex(token => token.bare && (token.text === '--' || token.text === '\u2014'));
  const before = end < 0 ? rest : rest.slice(0, end);
  return before.some(token => looksLikeFlag(token) && /^[^\p{L}]+(?:help|h)$/u.test(token.text));
}

function followUps(command: CommandDefinition, commands: readonly CommandDefinition[]): string[] {
  const depth = command.path.length;
  return commands
    .filter(other => other.path.length > depth && command.path.every((part, i) => other.path[i] === part))
    .map(other => other.path[depth] ?? '');
}

function exampleFor(words: string, commands: readonly CommandDefinition[]): string | undefined {
  const verb = /^\s*(\S{1,60})/u.exec(words)?.[1]?.toLowerCase();
  return (commands.find(command => command.path[0] === verb) ?? commands[0])?.examples[0];
}

function unreadable(words: string, at: number, reason: string, example: string | undefined): Failed {
  return failed('COMMAND_UNREADABLE', {
    word: words.slice(Math.max(0, at - 12), at + 12).trim() || '\u00b7',
    reason,
    example,
  });
}

function failed(code: ErrorCode, details: ErrorDetails): Failed {
  return { ok: false, code, details };
}
