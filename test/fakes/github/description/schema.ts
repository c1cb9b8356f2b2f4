import { z } from 'zod';

/** What of JSON Schema GitHub's description uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  nullable?: boolean;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

const record = z.record(z.string(), z.unknown());
type Resolve = (schema: Schema) => Schema;

/**
 * What is wrong with a value, each with where; empty when nothing is. With `closed` a property that the schema does not name is wrong as well:
 * GitHub takes no notice of it, so whoever sends it means something that does not happen.
 */
export function problems(
  schema: Schema,
  value: unknown,
  resolve: Resolve,
  closed: boolean,
  at = '',
): string[] {
  const it = resolve(schema);
  const inner = (part: Schema, one: unknown, where = at) => problems(part, one, resolve, closed, where);
  if (value === null && (it.nullable || it.type === 'null' || it.enum?.includes(null))) return [];
  const found: string[] = [];
  const say = (what: string) => found.push(`${at || 'it'} ${what}`);
  for (const part of it.allOf ?? []) found.push(...problems(part, value, resolve, false, at));
  const branches = it.anyOf ?? it.oneOf;
  if (branches) {
    const tries = branches.map(part => inner(part, value));
    if (!tries.some(one => one.length === 0)) found.push(...(tries[0] ?? []));
  }
  if (it.type !== undefined && ![it.type].flat().some(type => isOf(type, value))) {
    say(`is no ${[it.type].flat().join(' or ')}`);
    return found;
  }
  if (it.enum && !it.enum.includes(value)) say(`is none of ${it.enum.join(', ')}`);
  if (typeof value === 'string') {
    const length = [...value].length;
    if (length > (it.maxLength ?? length)) say(`is longer than ${it.maxLength}`);
    if (length < (it.minLength ?? 0)) say(`is shorter than ${it.minLength}`);
    if (it.pattern && !new RegExp(it.pattern).test(value)) say(`is not like ${it.pattern}`);
  }
  if (typeof value === 'number') {
    if (value > (it.maximum ?? value)) say(`is more than ${it.maximum}`);
    if (value < (it.minimum ?? value)) say(`is less than ${it.minimum}`);
  }
  if (Array.isArray(value)) {
    if (value.length > (it.maxItems ?? value.length)) say(`has more than ${it.maxItems} items`);
    if (value.length < (it.minItems ?? 0)) say(`has fewer than ${it.minItems} items`);
    const { items } = it;
    if (items) value.forEach((one, index) => void found.push(...inner(items, one, `${at}[${index}]`)));
    return found;
  }
  const object = record.safeParse(value).data;
  if (!object) return found;
  for (const name of it.required ?? []) if (!Object.hasOwn(object, name)) say(`has no ${name}`);
  for (const [name, one] of Object.entries(object)) {
    const where = at ? `${at}.${name}` : name;
    const part = it.properties?.[name];
    if (part) found.push(...inner(part, one, where));
    else if (typeof it.additionalProperties === 'object')
      found.push(...inner(it.additionalProperties, one, where));
    else if (closed && it.properties && !it.additionalProperties && !branches)
      found.push(`${where} is unknown`);
  }
  return found;
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return record.safeParse(value).success && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return type === 'null' ? value === null : typeof value === type;
}
