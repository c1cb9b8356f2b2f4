import type { Policy } from './policy.ts';
import { type Flavor, fitsFlavor, type PoolSettings } from './pool.ts';
import type { PoolState } from './ports.ts';

/** Where `signalbox.yml` counts on more than there is, as sentences without a full stop. */
export function stockAdvice(policy: Policy, states: readonly PoolState[]): string[] {
  const pools = Object.entries(policy.pools).map(([name, pool]) => ({
    name,
    pool,
    state: states.find(state => state.name === name),
  }));
  const flavors = Object.entries(policy.flavors);
  const missing = pools.flatMap(({ name, pool, state }) =>
    Object.entries(pool.nodes ?? {}).flatMap(([node, caps]) =>
      flavors.flatMap(([flavor, settings]) => {
        const cap = Object.hasOwn(caps, flavor) ? (caps[flavor] ?? 0) : 0;
        const there = healthyOn(state, settings, node);
        return there < cap ? [`${node} of ${name} reports ${there} of ${cap} ${flavor}`] : [];
      }),
    ),
  );
  const promised = flavors.flatMap(([flavor, settings]) => {
    const quotas = Object.values(policy.teams).reduce((sum, { queue }) => sum + quotaOf(queue, flavor), 0);
    const stocks = pools
      .filter(({ pool }) => pool.flavors?.includes(flavor))
      .map(({ pool, state }) => stock(pool, state, flavor, settings));
    // Nobody knows yet what a pool has that never spoke.
    if (stocks.includes(null)) return [];
    const there = stocks.reduce<number>((sum, one) => sum + (one ?? 0), 0);
    return quotas > there ? [`teams have quotas for ${quotas} ${flavor}, and the pools have ${there}`] : [];
  });
  return [...missing, ...promised];
}

/** What a pool can give out of a flavor, by what is healthy there; a pool that never spoke has what its `nodes` say, or nobody knows. */
function stock(
  pool: PoolSettings,
  state: PoolState | undefined,
  flavor: string,
  settings: Flavor,
): number | null {
  const seen = state !== undefined && state.seenAt !== null;
  // Slots that no node names are bounded by `slots` alone.
  const free = settings.resource === 'cpu' && !isCapped(pool, flavor);
  if (!pool.nodes || free) return seen ? healthyOn(state, settings) : null;
  return Object.entries(pool.nodes).reduce((sum, [node, caps]) => {
    const cap = Object.hasOwn(caps, flavor) ? (caps[flavor] ?? 0) : 0;
    return sum + (seen ? Math.min(cap, healthyOn(state, settings, node)) : cap);
  }, 0);
}

function isCapped({ nodes }: PoolSettings, flavor: string): boolean {
  return Object.values(nodes ?? {}).some(caps => Object.hasOwn(caps, flavor));
}

function healthyOn(state: PoolState | undefined, flavor: Flavor, node?: string): number {
  const all = state?.accelerators ?? [];
  return all.filter(
    one => one.healthy && (node === undefined || one.node === node) && fitsFlavor(flavor, one),
  ).length;
}

function quotaOf(queue: Policy['teams'][string]['queue'], flavor: string): number {
  return queue && Object.hasOwn(queue.quotas, flavor) ? (queue.quotas[flavor]?.quota ?? 0) : 0;
}
