import { counted } from './format.ts';
import type { PlanSnapshot, PoolState } from './ports.ts';

/** What of a snapshot tells what is free. */
export interface Holdings extends Pick<PlanSnapshot, 'pools' | 'held' | 'freezes'> {
  queued: readonly { pool: string }[];
}

/** Healthy accelerators or slots of a pool, of a model (part of its name; null: any), and how many of them nobody holds. */
export function freeIn(
  pool: PoolState,
  held: Holdings['held'],
  kind: 'gpu' | 'cpu',
  model: string | null = null,
): { free: number; total: number } {
  const wanted = model?.toLowerCase() ?? '';
  const all = pool.accelerators.filter(
    one => one.kind === kind && one.healthy && one.model.toLowerCase().includes(wanted),
  );
  const isHeld = ({ node, index }: (typeof all)[number]) =>
    held.some(row => row.pool === pool.name && row.kind === kind && row.node === node && row.index === index);
  return { free: all.filter(one => !isHeld(one)).length, total: all.length };
}

/** `2 of 4 GPUs and 1 of 2 CPU slots free, 3 runs wait`. */
export function poolNow(pool: PoolState, { held, queued, freezes }: Holdings): string {
  const kept = freezes.filter(
    ({ scope }) => scope.kind === 'all' || (scope.name === pool.name && scope.kind === 'pool'),
  );
  if (kept.length > 0)
    return kept.some(one => one.kind === 'freeze')
      ? 'Frozen: nothing starts there now'
      : 'Being drained: nothing starts there now';
  if (!pool.reachable) return pool.seenAt ? 'Out of reach now' : 'Its agent was never heard of';
  const gpus = freeIn(pool, held, 'gpu');
  const slots = freeIn(pool, held, 'cpu');
  const parts = [
    ...(gpus.total > 0 ? [`${gpus.free} of ${counted(gpus.total, 'GPU')}`] : []),
    ...(slots.total > 0 ? [`${slots.free} of ${counted(slots.total, 'CPU slot')}`] : []),
  ];
  const waiting = queued.filter(run => run.pool === pool.name).length;
  const wait = waiting === 0 ? '' : waiting === 1 ? ', 1 run waits' : `, ${waiting} runs wait`;
  return `${parts.length > 0 ? `${parts.join(' and ')} free` : 'Nothing healthy there'}${wait}`;
}

/**
 * The words by which the models of the accelerators can be asked for: for each model the one of its words that the fewest models
 * share, with a digit where one has it (`H200` rather than `NVIDIA`).
 */
export function modelWords(pools: readonly PoolState[]): { word: string; label: string }[] {
  const gpus = pools.flatMap(pool => pool.accelerators).filter(one => one.kind === 'gpu' && one.healthy);
  const models = [...new Set(gpus.map(one => one.model))].sort();
  const sharers = (word: string) =>
    models.filter(model => model.toLowerCase().includes(word.toLowerCase())).length;
  const cost = (word: string) => sharers(word) * 2 + (/\d/.test(word) ? 0 : 1);
  const words = new Map<string, string>();
  for (const model of models) {
    const [best] = model
      .split(/\s+/)
      .filter(word => word !== '')
      .sort((a, b) => cost(a) - cost(b));
    if (best !== undefined) words.set(best, sharers(best) === 1 ? model : best);
  }
  return [...words].map(([word, label]) => ({ word, label }));
}
