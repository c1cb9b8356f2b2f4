import type { ArgumentSpec } from './command.ts';
import { nearest } from './nearest.ts';
import { parseDuration } from './project.ts';
import { firstUnreadable } from './readable.ts';

export type Valued =
  | { ok: true; value: unknown }
  /** `allowed` says what would have been understood. */
  | { ok: false; allowed: string | readonly string[]; nearest?: string };

const pairName = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;
const longestWord = 255;
const longestText = 1_000;
const largestRun = 999_999_999;
/** A year: what is longer is a slip, and the largest that timers and databases take is not far off. */
const longestDuration = 31_536_000;

type Refused = Extract<Valued, { ok: false }>;

/** Reads one typed word as the kind that its argument or flag names. */
export function parseValue(spec: ArgumentSpec, text: string): Valued {
  switch (spec.kind) {
    case 'run':
      return checked(spec, /^#?[1-9]\d{0,8}$/.test(text) ? Number(text.replace('#', '')) : undefined);
    case 'work': {
      const sweep = /^s([1-9]\d{0,8})$/i.exec(text)?.[1];
      if (sweep !== undefined) return checked(spec, `S${sweep}`);
      return checked(spec, /^#?[1-9]\d{0,8}$/.test(text) ? Number(text.replace('#', '')) : undefined);
    }
    case 'count':
      return checked(spec, /^\d{1,9}$/.test(text) ? Number(text) : undefined);
    case 'duration':
      return checked(spec, /^[\ddhms]+$/.test(text) ? (parseDuration(text) ?? undefined) : undefined);
    case 'amount':
      return checked(spec, /^\d{1,9}(?:\.\d{1,2})?$/.test(text) ? Number(text) : undefined);
    case 'pairs':
    case 'switch':
      return refused(spec);
    default:
      return checked(spec, text);
  }
}

/** Reads one `name=value`. */
export function parsePair(
  spec: ArgumentSpec,
  text: string,
): { ok: true; pair: { name: string; value: string } } | Refused {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  const value = text.slice(equals + 1);
  return pairName.test(name) && isLine(value, longestText)
    ? { ok: true, pair: { name, value } }
    : refused(spec);
}

/** Checks a value that is typed already, as a JSON body has it, for the kind that its argument or flag names. */
export function coerceValue(spec: ArgumentSpec, value: unknown): Valued {
  return spec.kind === 'pairs' ? coercePairs(spec, value) : checked(spec, value);
}

/** What an argument or flag takes, for people. */
export function allowedFor(spec: ArgumentSpec): string | readonly string[] {
  switch (spec.kind) {
    case 'word':
      return `one word of at most ${longestWord} characters`;
    case 'text':
      return `one line of text of at most ${longestText} characters, in quotes`;
    case 'run':
      return "a run's number such as 42 or #42";
    case 'work':
      return "a run's number such as 42 or #42, or a sweep's such as S3";
    case 'count':
      return `a whole number from ${minOf(spec)} to ${maxOf(spec)}`;
    case 'duration':
      return 'a duration of at most 365d such as 90s, 15m, 4h or 1h30m';
    case 'amount':
      return 'an amount of money such as 50 or 51.20';
    case 'choice':
      return spec.choices ?? [];
    case 'pairs':
      return `name=value, once for each name, the value one line of at most ${longestText} characters`;
    case 'switch':
      return 'no value';
  }
}

const minOf = (spec: ArgumentSpec) => spec.min ?? 0;
const maxOf = (spec: ArgumentSpec) => spec.max ?? 1024;

function checked(spec: ArgumentSpec, value: unknown): Valued {
  return fits(spec, value) ? { ok: true, value } : refused(spec, value);
}

function fits(spec: ArgumentSpec, value: unknown): boolean {
  switch (spec.kind) {
    case 'word':
      return isLine(value, longestWord) && value !== '' && !/\s/u.test(value);
    case 'text':
      return isLine(value, longestText);
    case 'choice':
      return typeof value === 'string' && (spec.choices ?? []).includes(value);
    case 'run':
      return isWhole(value, 1, largestRun);
    case 'work':
      return isWhole(value, 1, largestRun) || (typeof value === 'string' && /^S[1-9]\d{0,8}$/.test(value));
    case 'count':
      return isWhole(value, minOf(spec), maxOf(spec));
    case 'duration':
      return isWhole(value, 1, longestDuration);
    case 'amount':
      return typeof value === 'number' && value >= 0 && value < 1e9;
    case 'switch':
      return typeof value === 'boolean';
    case 'pairs':
      return false;
  }
}

function isLine(value: unknown, limit: number): value is string {
  return typeof value === 'string' && value.length <= limit && firstUnreadable(value) === null;
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function refused(spec: ArgumentSpec, value?: unknown): Refused {
  const near = typeof value === 'string' ? nearest(value, spec.choices ?? []) : undefined;
  return { ok: false, allowed: allowedFor(spec), nearest: near };
}

function coercePairs(spec: ArgumentSpec, value: unknown): Valued {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused(spec);
  const pairs: Record<string, string> = {};
  for (const [name, given] of Object.entries(value)) {
    // JSON has numbers and booleans of its own; the project's schema decides later what the text must be.
    const plain = typeof given === 'boolean' || (typeof given === 'number' && Number.isFinite(given));
    const text = plain ? String(given) : given;
    if (!pairName.test(name) || !isLine(text, longestText)) return refused(spec);
    pairs[name] = text;
  }
  return { ok: true, value: pairs };
}
