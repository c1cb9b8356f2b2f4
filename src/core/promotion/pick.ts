import type { Way } from './serving.ts';

/** Where requests may go: `versions` are ready. */
export interface Ready {
  way: Way;
  port: number;
}

export function readyOf(ways: readonly Way[]): Ready[] {
  return ways.flatMap(way => (way.port === null ? [] : [{ way, port: way.port }]));
}

/**
 * The version that gets a request, by weight among those that are ready; `random`: from 0 to 1, 1 not included. One without weight gets none,
 * whatever else is away. Null: nobody can answer.
 */
export function pick(ready: readonly Ready[], random: number): Ready | null {
  const able = ready.filter(({ way }) => way.weight > 0);
  const all = able.reduce((sum, { way }) => sum + way.weight, 0);
  let left = random * all;
  for (const one of able) {
    left -= one.way.weight;
    if (left < 0) return one;
  }
  return able.at(-1) ?? null;
}

/** Why nobody can answer, in one sentence. */
export function nobodySentence(ways: readonly Way[]): string {
  const [first] = ways;
  if (!first) return 'No version of a model is promoted to this target.';
  const names = ways.filter(({ weight }) => weight > 0).map(({ version }) => version);
  const { model, environment } = first;
  if (names.length === 0) return `No version of ${model} has been given any requests in ${environment} yet.`;
  const which = names.length === 1 ? `Version ${names[0]}` : `Versions ${names.join(' and ')}`;
  return `${which} of ${model} in ${environment} ${names.length === 1 ? 'is' : 'are'} not ready.`;
}
