import { isRecord } from '../args.ts';

export type Surface = 'message' | 'modal' | 'home';

/** What a look at blocks needs to know and finds out. */
export interface Scope {
  surface: Surface;
  /** The workspace knows the chart block. */
  charts: boolean;
  /** In Slack's words, each with its pointer. */
  problems: string[];
}

/** Says into the scope what is wrong with a value. */
export type Check = (value: unknown, at: string, scope: Scope) => void;

export function say(scope: Scope, problem: string, at: string): void {
  scope.problems.push(`${problem} [json-pointer:${at}]`);
}

/** Every one of them. */
export function all(...checks: Check[]): Check {
  return (value, at, scope) => {
    for (const check of checks) check(value, at, scope);
  };
}

/** An object of these fields and no other. */
export function object(fields: Record<string, Check>, required: string[] = []): Check {
  const known = new Map(Object.entries(fields));
  return (value, at, scope) => {
    if (!isRecord(value)) return say(scope, 'must provide an object', at);
    for (const name of required)
      if (value[name] === undefined) say(scope, `missing required field: ${name}`, at);
    for (const [name, part] of Object.entries(value)) {
      const check = known.get(name);
      if (!check) say(scope, `invalid additional property: ${name}`, at);
      else if (part !== undefined) check(part, `${at}/${name}`, scope);
    }
  };
}

/** Characters are counted as UTF-16 units, which is never fewer than Slack's count. */
export function string(most: number, least = 1): Check {
  return (value, at, scope) => {
    if (typeof value !== 'string') return say(scope, 'must provide a string', at);
    if (value.length > most) say(scope, `must be less than ${most + 1} characters`, at);
    if (value.length < least) say(scope, `must be more than ${least - 1} characters`, at);
  };
}

export function pattern(shape: RegExp, name: string): Check {
  return (value, at, scope) => {
    if (typeof value !== 'string' || !shape.test(value)) say(scope, `must be a valid ${name}`, at);
  };
}

export function list(item: Check, most: number, least = 1): Check {
  return (value, at, scope) => {
    if (!Array.isArray(value)) return say(scope, 'must provide an array', at);
    if (value.length > most) say(scope, `no more than ${most} items allowed`, at);
    if (value.length < least) say(scope, `no fewer than ${least} items allowed`, at);
    for (const [index, part] of value.entries()) item(part, `${at}/${index}`, scope);
  };
}

export function integer(least: number, most: number): Check {
  return (value, at, scope) => {
    if (!Number.isInteger(value)) return say(scope, 'must provide an integer', at);
    if (Number(value) < least) say(scope, `must be greater than or equal to ${least}`, at);
    if (Number(value) > most) say(scope, `must be less than or equal to ${most}`, at);
  };
}

export const number: Check = (value, at, scope) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) say(scope, 'must provide a number', at);
};

export const boolean: Check = (value, at, scope) => {
  if (typeof value !== 'boolean') say(scope, 'must provide a boolean', at);
};

export function oneOf(...allowed: unknown[]): Check {
  return (value, at, scope) => {
    if (!allowed.includes(value)) say(scope, `must be one of: ${allowed.join(', ')}`, at);
  };
}

/** What is told apart by its `type`. */
export function typed(
  kinds: ReadonlyMap<string, Check> | ((scope: Scope) => ReadonlyMap<string, Check>),
): Check {
  return (value, at, scope) => {
    if (!isRecord(value)) return say(scope, 'must provide an object', at);
    const { type } = value;
    if (type === undefined) return say(scope, 'missing required field: type', at);
    const known = typeof kinds === 'function' ? kinds(scope) : kinds;
    const check = typeof type === 'string' ? known.get(type) : undefined;
    if (!check) return say(scope, `unsupported type: ${String(type)}`, `${at}/type`);
    check(value, at, scope);
  };
}

/** The type is right already: it was looked up by it. */
export const anything: Check = () => {};
