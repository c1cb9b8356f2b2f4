import type { ArgumentSpec, CommandDefinition } from './command.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { nearest } from './nearest.ts';
import type { Token } from './tokenize.ts';
import { allowedFor, parsePair, parseValue } from './values.ts';

export type ReadWords =
  | { ok: true; words: string[]; flags: Record<string, unknown> }
  | { ok: false; code: ErrorCode; details: ErrorDetails };

/** Chat clients make one en dash or em dash of two hyphens; phones and documents have more kinds. */
const flagWord = /^[-\u2010-\u2015\u2212]+(?=\p{L})([^=]+)(?:=(.*))?$/su;

/** Whether a word is a flag: dashes, then a letter. A quoted or escaped dash is none, and neither is `-1`. */
export function looksLikeFlag(token: Token): boolean {
  return token.bare && flagWord.test(token.text);
}

/** Separates the words of a command from its flags and reads the flags' values. Repeated pairs come together; all else once. */
export function readWords(command: CommandDefinition, tokens: readonly Token[]): ReadWords {
  const shared = { command: command.path.join(' '), example: command.examples[0] };
  const words: string[] = [];
  const flags: Record<string, unknown> = {};
  const pairs = new Map<string, Record<string, string>>();
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (!token) break;
    if (isEnd(token)) {
      words.push(...tokens.slice(i + 1).map(t => t.text));
      break;
    }
    if (!looksLikeFlag(token)) {
      words.push(token.text);
      continue;
    }
    const [, name = '', joined] = flagWord.exec(token.text) ?? [];
    const spec = command.flags.find(flag => flag.name === name || flag.short === name);
    if (!spec)
      return { ok: false, code: 'FLAG_UNKNOWN', details: { ...shared, ...unknownFlag(command, name) } };
    const shown = shownFlag(spec, name);

    if (spec.kind === 'switch' && joined === undefined) {
      if (flags[spec.name] !== undefined) return repeated(shown, shared);
      flags[spec.name] = true;
      continue;
    }
    const text = joined ?? valueAfter(tokens[i + 1]);
    if (text === undefined || text === '')
      return {
        ok: false,
        code: 'FLAG_VALUE_MISSING',
        details: { ...shared, word: shown, allowed: allowedFor(spec), example: exampleWith(command, spec) },
      };
    if (joined === undefined) i++;
    const value = spec.kind === 'pairs' ? parsePair(spec, text) : parseValue(spec, text);
    if (!value.ok)
      return {
        ok: false,
        code: 'VALUE_INVALID',
        details: {
          ...shared,
          word: text,
          name: shown,
          allowed: value.allowed,
          nearest: value.nearest,
          example: exampleWith(command, spec),
        },
      };
    if ('pair' in value) {
      const known = pairs.get(spec.name) ?? {};
      if (Object.hasOwn(known, value.pair.name)) return repeated(`${shown} ${value.pair.name}`, shared);
      pairs.set(spec.name, { ...known, [value.pair.name]: value.pair.value });
      continue;
    }
    if (flags[spec.name] !== undefined) return repeated(shown, shared);
    flags[spec.name] = value.value;
  }
  return { ok: true, words, flags: { ...flags, ...Object.fromEntries(pairs) } };
}

/** The first example that shows this flag, else the first. */
export function exampleWith(command: CommandDefinition, { name, short }: ArgumentSpec): string {
  const words = short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
  const shown = (example: string) => example.split(' ').some(word => words.includes(word));
  return command.examples.find(shown) ?? command.examples[0];
}

/** `--` ends the flags; alone, an em dash is what a chat client made of it. */
function isEnd(token: Token): boolean {
  return token.bare && (token.text === '--' || token.text === '\u2014');
}

function valueAfter(next: Token | undefined): string | undefined {
  return next && !isEnd(next) && !looksLikeFlag(next) ? next.text : undefined;
}

function shownFlag(spec: ArgumentSpec, name: string): string {
  return spec.short === name ? `-${name}` : `--${spec.name}`;
}

function repeated(word: string, shared: ErrorDetails): ReadWords {
  return { ok: false, code: 'FLAG_REPEATED', details: { ...shared, word } };
}

function unknownFlag(command: CommandDefinition, name: string): ErrorDetails {
  const names = command.flags.map(flag => flag.name);
  const meant = nearest(name, names);
  return {
    word: name.length === 1 ? `-${name}` : `--${name}`,
    allowed: command.flags.map(flag => (flag.short ? `-${flag.short}` : `--${flag.name}`)),
    nearest: meant && `--${meant}`,
  };
}
