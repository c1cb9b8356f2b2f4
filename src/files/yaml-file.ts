import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import type { PolicyProblem } from '../core/check-policy.ts';
import type { FileProblem } from '../core/file-problem.ts';
import { nearest } from '../core/nearest.ts';

/** Of one file. */
const mostProblems = 50;

type Read<T> = { ok: true; value: T } | { ok: false; problems: [FileProblem, ...FileProblem[]] };

/**
 * Reads YAML that people write: what it says, or all that is wrong with it, the first problem first. A key that is not known is one.
 * `check` finds what the schema cannot see.
 */
export function readYaml<S extends z.ZodType>(
  text: string,
  schema: S,
  check: (value: z.output<S>) => readonly PolicyProblem[],
): Read<z.output<S>> {
  const lines = new LineCounter();
  const unreadable = (err: unknown): Read<never> => {
    // Nested deeper than the stack, or aliases that grow into more than memory holds.
    if (!(err instanceof RangeError || err instanceof ReferenceError)) throw err;
    const reason = 'It is nested too deep, or has too many aliases.';
    return { ok: false, problems: [{ line: 1, column: 1, word: 'the file', reason }] };
  };
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  } catch (err) {
    return unreadable(err);
  }
  const at = (offset: number) => {
    const { line, col: column } = lines.linePos(offset);
    return { line, column };
  };
  const broken = document.errors[0];
  if (broken) {
    const reason = `${broken.message.split(' at line')[0]}.`;
    return { ok: false, problems: [{ ...at(broken.pos[0]), word: 'the file', reason }] };
  }
  const problemAt = ({ path, word, reason, allowed, within }: PolicyProblem): FileProblem => ({
    ...at(offsetIn(document, text, path, within) ?? offsetOf(document.contents, path)),
    ...{ word, reason },
    ...(allowed ? { allowed, nearest: nearest(word, allowed) } : {}),
  });
  let said: unknown;
  try {
    said = document.toJS() ?? {};
  } catch (err) {
    return unreadable(err);
  }
  const parsed = schema.safeParse(said);
  // Whoever corrects a file looks at a few, and somebody else's file may have any number.
  const [first, ...more] = (
    parsed.success
      ? check(parsed.data)
      : parsed.error.issues.slice(0, mostProblems).flatMap(issuesIn(schema)).sort(byKind)
  ).slice(0, mostProblems);
  if (first) return { ok: false, problems: [problemAt(first), ...more.map(problemAt)] };
  if (!parsed.success) throw parsed.error;
  return { ok: true, value: parsed.data };
}

/** A mistyped key is also a missing one: the first says more. */
function byKind(one: Found, other: Found): number {
  return Number(other.isKey) - Number(one.isKey);
}

type Found = PolicyProblem & { isKey: boolean };

function issuesIn(of: z.ZodType): (issue: z.core.$ZodIssue) => Found[] {
  const schema: unknown = z.toJSONSchema(of, { io: 'input', unrepresentable: 'any' });
  return issue => {
    if (issue.code === 'unrecognized_keys') {
      const allowed = keysAt(schema, issue.path);
      const reason = 'There is no such key here.';
      return issue.keys.map(word => ({ path: [...issue.path, word], word, reason, allowed, isKey: true }));
    }
    const word = issue.path.map(String).join('.') || 'the file';
    const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : undefined;
    // What is wrong with a key is said one level further in.
    const { message } = (issue.code === 'invalid_key' && issue.issues[0]) || issue;
    return [{ path: issue.path, word, reason: `${message}.`, ...(allowed ? { allowed } : {}), isKey: false }];
  };
}

/** The keys that are allowed at a path, from the schema itself. */
function keysAt(of: unknown, path: readonly PropertyKey[]): string[] {
  let schema = of;
  for (const step of path) schema = stepInto(schema, step);
  const properties = isRecord(schema) && isRecord(schema.properties) ? Object.keys(schema.properties) : [];
  return properties;
}

function stepInto(schema: unknown, step: PropertyKey): unknown {
  if (!isRecord(schema)) return undefined;
  if (isRecord(schema.properties) && String(step) in schema.properties)
    return schema.properties[String(step)];
  if (typeof step === 'number') return schema.items;
  return schema.additionalProperties;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Where the deepest part of a path that exists begins; for a key of a map, the key itself. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && item.key.value === step);
      if (!pair) break;
      offset = startOf(pair.key as Node) ?? offset;
      node = pair.value;
    } else if (isRecord(node) && Array.isArray(node.items)) {
      node = node.items[Number(step)];
      offset = startOf(node as Node) ?? offset;
    }
  }
  return offset;
}

/** Where a place of the text that is said there is written: quotes and what stands for a sign are more than the sign. Null: nobody asked. */
function offsetIn(
  document: ReturnType<typeof parseDocument>,
  text: string,
  path: readonly PropertyKey[],
  within: number | undefined,
): number | null {
  if (within === undefined) return null;
  const node = document.getIn(path, true);
  if (!isScalar(node) || !node.range) return null;
  const [start, end] = node.range;
  const written = text.slice(start, end);
  // Of several lines, some are folded: the beginning has to do.
  if (written.includes('\n')) return start;
  const isSingle = node.type === 'QUOTE_SINGLE';
  const isDouble = node.type === 'QUOTE_DOUBLE';
  const sign = isSingle ? /''|./sy : isDouble ? /\\(?:x..|u.{4}|U.{8}|.)|./sy : /./sy;
  let offset = isSingle || isDouble ? 1 : 0;
  for (let seen = 0; seen < within && offset < written.length; seen += 1) {
    sign.lastIndex = offset;
    if (!sign.test(written)) break;
    offset = sign.lastIndex;
  }
  return start + offset;
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
