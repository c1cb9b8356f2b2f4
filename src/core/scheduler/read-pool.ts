import { type Flavor, fitsFlavor, isSlice, type PoolSettings, priceOf } from '../pool.ts';
import type { Accelerator, PoolState } from '../ports.ts';
import type { FlavorStock, NodeStock, PoolStock } from './world.ts';

/** The flavor of each accelerator of a pool that is given out there, as `<node> <kind> <index>`. */
export type FlavorsOf = ReadonlyMap<string, string>;

interface Kind {
  flavor: string;
  kind: FlavorStock['kind'];
  resource: string;
  accelerators: readonly Accelerator[];
}

/** What a pool has to give, by flavor, and which accelerator is of which. `held`: as `<pool> <node> <kind> <index>`. */
export function readPool(
  pool: PoolState,
  settings: PoolSettings,
  flavors: Readonly<Record<string, Flavor>>,
  held: ReadonlySet<string>,
): { stock: PoolStock; flavors: FlavorsOf } {
  const kinds = settings.flavors ? named(pool, settings.flavors, flavors) : byModel(pool);
  const stock: PoolStock = {
    name: pool.name,
    reachable: pool.reachable,
    seenAt: pool.seenAt?.getTime() ?? null,
    backup: settings.backup,
    flavors: kinds.map(({ flavor, kind, resource, accelerators }) => ({
      flavor,
      kind,
      models: [...new Set(accelerators.map(one => one.model))].sort(),
      onlyNamed: isSlice(resource),
      price: priceOf(flavors, settings, flavor),
      nodes: nodesOf(
        accelerators,
        one => held.has(`${pool.name} ${keyOf(one)}`),
        capOf(settings, flavor, kind),
      ),
    })),
  };
  const known = kinds.flatMap(({ flavor, accelerators }) =>
    accelerators.map(one => [keyOf(one), flavor] as const),
  );
  return { stock, flavors: new Map(known) };
}

/** The flavors that the pool names, in its order; an accelerator that several fit is of the first. */
function named(pool: PoolState, names: readonly string[], flavors: Readonly<Record<string, Flavor>>): Kind[] {
  let left = pool.accelerators;
  return names.flatMap(flavor => {
    const known = flavors[flavor];
    if (!known) return [];
    const fits = (one: Accelerator) => fitsFlavor(known, { model: one.model, resource: one.resource });
    const accelerators = left.filter(fits);
    left = left.filter(one => !fits(one));
    const kind = known.resource === 'cpu' ? 'cpu' : 'gpu';
    return [{ flavor, kind, resource: known.resource, accelerators }];
  });
}

/** Where nothing is named, every model is a flavor of its own, and so are the slots. */
function byModel({ accelerators }: PoolState): Kind[] {
  const kinds = new Map<string, Kind & { accelerators: Accelerator[] }>();
  for (const one of accelerators) {
    const flavor = flavorOf(one);
    const known = kinds.get(flavor) ?? { flavor, kind: one.kind, resource: one.resource, accelerators: [] };
    known.accelerators.push(one);
    kinds.set(flavor, known);
  }
  return [...kinds.values()].sort((a, b) => (a.flavor < b.flavor ? -1 : 1));
}

/** What an accelerator is called where nobody named it: `nvidia-a100-sxm4-80gb`; slots are `cpu`. */
export function flavorOf({ kind, model }: Pick<Accelerator, 'kind' | 'model'>): string {
  if (kind === 'cpu') return 'cpu';
  const slug = model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return slug === '' || slug === 'cpu' ? 'gpu' : slug;
}

/** How many are given out of each node at most. Slots have a number of their own, which the agent reports. */
function capOf({ nodes }: PoolSettings, flavor: string, kind: FlavorStock['kind']): (node: string) => number {
  if (!nodes) return () => Number.POSITIVE_INFINITY;
  const none = kind === 'cpu' ? Number.POSITIVE_INFINITY : 0;
  return node => nodes[node]?.[flavor] ?? none;
}

function nodesOf(
  accelerators: readonly Accelerator[],
  isHeld: (one: Accelerator) => boolean,
  cap: (node: string) => number,
): NodeStock[] {
  const byNode = new Map<string, Accelerator[]>();
  for (const one of accelerators) byNode.set(one.node, [...(byNode.get(one.node) ?? []), one]);
  return [...byNode]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([node, all]) => {
      const most = cap(node);
      const held = all.filter(isHeld).length;
      const healthy = all.filter(one => one.healthy);
      const free = healthy.filter(one => !isHeld(one)).map(one => one.index);
      return {
        node,
        free: free.sort((a, b) => a - b).slice(0, Math.max(0, most - held)),
        healthy: Math.min(most, healthy.length),
        faulty: Math.max(0, Math.min(most, all.length) - healthy.length),
      };
    });
}

function keyOf({ node, kind, index }: Accelerator): string {
  return `${node} ${kind} ${index}`;
}
