import type { PoolState } from './ports.ts';

/**
 * The most accelerators of a model (part of its name; null: any) that one node of the pool has in health, busy or not: no run gets more.
 * Null where the pool's agent was never heard of.
 */
export function mostGpus(pool: PoolState | undefined, model: string | null): number | null {
  if (!pool?.seenAt) return null;
  const wanted = model?.toLowerCase() ?? '';
  const perNode = new Map<string, number>();
  for (const { kind, healthy, node, model: name } of pool.accelerators)
    if (kind === 'gpu' && healthy && name.toLowerCase().includes(wanted))
      perNode.set(node, (perNode.get(node) ?? 0) + 1);
  return Math.max(0, ...perNode.values());
}
