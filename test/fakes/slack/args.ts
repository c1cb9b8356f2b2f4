import { badArguments, SlackError } from './error.ts';

/** A call's arguments: strings where they came as a form, anything where they came as JSON. */
export type Args = Record<string, unknown>;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The argument as text, `''` when it was not given. */
export function text(args: Args, name: string): string {
  const value = args[name];
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw badArguments(`must be a string [json-pointer:/${name}]`);
}

export function need(args: Args, name: string): string {
  const value = text(args, name);
  if (value === '') throw badArguments(`missing required field: ${name}`);
  return value;
}

export function flag(args: Args, name: string): boolean {
  return ['true', '1'].includes(text(args, name));
}

/** `limit`, from 1 to `most`. */
export function limit(args: Args, usual: number, most: number): number {
  const given = text(args, 'limit');
  if (given === '') return usual;
  const value = Number(given);
  if (!Number.isInteger(value) || value < 0) throw new SlackError('invalid_limit');
  return Math.min(Math.max(value, 1), most);
}

/** A structured argument, which a form carries as JSON text. `undefined` when it was not given. */
export function structure(args: Args, name: string, error: string): unknown {
  const value = args[name];
  if (typeof value !== 'string') return value ?? undefined;
  if (value === '') return undefined;
  try {
    return JSON.parse(value);
  } catch {
    throw new SlackError(error);
  }
}

/** One page of a list and the cursor of the next one. A cursor is opaque, and good only for the list that gave it. */
export function page<T>(all: T[], args: Args, size: number): { items: T[]; next: string } {
  const cursor = text(args, 'cursor');
  const start = cursor === '' ? '0' : /^next:(\d+)$/.exec(Buffer.from(cursor, 'base64').toString())?.[1];
  if (start === undefined) throw new SlackError('invalid_cursor');
  const end = Number(start) + size;
  return {
    items: all.slice(Number(start), end),
    next: end < all.length ? Buffer.from(`next:${end}`).toString('base64') : '',
  };
}
