import type { CommandDefinition } from './command.ts';
import { parseCommand } from './grammar.ts';
import type { RunWish } from './run-request.ts';

/** What somebody's words name: a wish as it would be typed, or runs by their numbers, in their order. */
export interface FoundWish {
  wish: RunWish | null;
  runs: number[];
}

const mostRead = 10_000;

/**
 * Finds what could be trained in a text that people wrote: a line with `train digits -p lr=0.1` in it (with or without the slash or quotes of code),
 * and `#42`. Where the rest of the line is prose, its project still counts.
 */
export function findWish(
  text: string,
  commands: readonly CommandDefinition[],
  projects: readonly string[],
): FoundWish {
  const read = text.slice(0, mostRead);
  const runs = [...read.matchAll(/(?<![\p{L}\p{N}&/-])#([1-9]\d{0,8})(?![\p{L}\p{N}])/gu)];
  return {
    wish: wishIn(read, commands, projects),
    runs: [...new Set(runs.map(([, number]) => Number(number)))],
  };
}

function wishIn(
  text: string,
  commands: readonly CommandDefinition[],
  projects: readonly string[],
): RunWish | null {
  let named: RunWish | null = null;
  for (const [, rest = ''] of text.matchAll(/(?<![\p{L}\p{N}])\/?train[ \t]+([^`\n]+)/giu)) {
    const parsed = parseCommand(`train ${rest}`, commands);
    if (parsed.ok && 'values' in parsed) {
      const wish = typed(parsed.values);
      if (wish && parsed.command.path.length === 1 && projects.includes(wish.project)) return wish;
    }
    const [first = ''] = rest.split(/[\s.,;:!?]/);
    if (projects.includes(first)) named ??= { project: first };
  }
  return named;
}

function typed(values: Record<string, unknown>): RunWish | null {
  const text = (name: string) => (typeof values[name] === 'string' ? { [name]: values[name] } : {});
  const number = (name: string) => (typeof values[name] === 'number' ? { [name]: values[name] } : {});
  if (typeof values.project !== 'string') return null;
  return {
    project: values.project,
    ...text('ref'),
    ...text('gpu'),
    ...text('pool'),
    ...text('priority'),
    ...text('note'),
    ...number('gpus'),
    ...number('time'),
    ...parametersOf(values.parameters),
  };
}

function parametersOf(value: unknown): Pick<RunWish, 'parameters'> {
  if (typeof value !== 'object' || value === null) return {};
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { parameters: Object.fromEntries(texts) };
}
