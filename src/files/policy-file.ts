import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { z } from 'zod';
import { type PolicyProblem, policyProblem } from '../core/check-policy.ts';
import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type Policy, policySchema } from '../core/policy.ts';

/**
 * Reads signalbox.yml. An unknown key, a bad value or a name that leads nowhere throws CONFIG_INVALID with file, line and column. Folders
 * are made absolute from the file's own place.
 */
export function loadPolicy(config: { configPath: string; configNamed: boolean }): Policy {
  const { configPath: file } = config;
  if (!existsSync(file) && !config.configNamed) return policySchema.parse({});
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (err) {
    throw new SignalboxError('CONFIG_UNREADABLE', {
      file,
      reason: `${err instanceof Error ? err.message : String(err)}.`,
    });
  }
  return parsePolicy(text, file);
}

export function parsePolicy(text: string, file: string): Policy {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const where = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = document.errors[0];
  if (broken) {
    const reason = `${broken.message.split(' at line')[0]}.`;
    throw new SignalboxError('CONFIG_INVALID', { where: where(broken.pos[0]), word: 'the file', reason });
  }
  const refuse = (
    path: readonly PropertyKey[],
    { word, reason, allowed }: Omit<PolicyProblem, 'path'>,
  ): never => {
    throw new SignalboxError('CONFIG_INVALID', {
      where: where(offsetOf(document.contents, path)),
      word,
      reason,
      allowed,
      nearest: allowed && nearest(word, allowed),
    });
  };
  const parsed = policySchema.safeParse(document.toJS() ?? {});
  if (!parsed.success) {
    // A mistyped key is also a missing one: the first says more.
    const { issues } = parsed.error;
    const issue = issues.find(one => one.code === 'unrecognized_keys') ?? issues[0];
    if (!issue) throw parsed.error;
    if (issue.code === 'unrecognized_keys') {
      const word = issue.keys[0] ?? '';
      return refuse([...issue.path, word], {
        word,
        reason: 'There is no such key here.',
        allowed: keysAt(issue.path),
      });
    }
    const word = issue.path.map(String).join('.') || 'the file';
    const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : undefined;
    // What is wrong with a key is said one level further in.
    const { message } = (issue.code === 'invalid_key' && issue.issues[0]) || issue;
    return refuse(issue.path, { word, reason: `${message}.`, allowed });
  }
  const problem = policyProblem(parsed.data);
  if (problem) return refuse(problem.path, problem);
  for (const project of Object.values(parsed.data.projects))
    if (!/^[a-z+]+:\/\/|^[\w.-]+@[\w.-]+:/.test(project.source) && !isAbsolute(project.source))
      project.source = resolve(dirname(file), project.source);
  return parsed.data;
}

/** The keys that are allowed at a path, from the schema itself. */
function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = z.toJSONSchema(policySchema, { io: 'input', unrepresentable: 'any' });
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

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
