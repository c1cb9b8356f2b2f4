import { amountOf } from './scheduler/quota.ts';
import type { FlavorStock, Holder, PoolStock, World } from './scheduler/world.ts';

/** What of one flavor is there in one pool. */
export interface FlavorNow {
  pool: string;
  flavor: string;
  kind: 'gpu' | 'cpu';
  /** Healthy and held by nobody. */
  free: number;
  /** Healthy. */
  total: number;
  faulty: number;
  reachable: boolean;
  backup: boolean;
  price: number;
}

export function flavorsNow(world: Pick<World, 'pools'>): FlavorNow[] {
  return world.pools.flatMap(pool => pool.flavors.map(flavor => flavorNow(pool, flavor)));
}

function flavorNow(
  { name, reachable, backup }: PoolStock,
  { flavor, kind, price, nodes }: FlavorStock,
): FlavorNow {
  const sum = (amounts: number[]) => amounts.reduce((all, one) => all + one, 0);
  return {
    pool: name,
    flavor,
    kind,
    free: sum(nodes.map(node => node.free.length)),
    total: sum(nodes.map(node => node.healthy)),
    faulty: sum(nodes.map(node => node.faulty)),
    reachable,
    backup,
    price,
  };
}

/** What a team has of one flavor, and may have. */
export interface TeamNow {
  team: string;
  flavor: string;
  held: number;
  /** Null: the team has no quota of it. */
  quota: number | null;
  /** What of it is beyond the quota. */
  borrowed: number;
  /** The most that it may borrow; null: as much as there is. */
  borrow: number | null;
}

/** Of all teams that hold accelerators or have a quota of something, by name and flavor. */
export function teamsNow({ queues, holders }: Pick<World, 'queues' | 'holders'>): TeamNow[] {
  const all = new Map<string, TeamNow>();
  const keyOf = (team: string, flavor: string) => `${team} ${flavor}`;
  for (const { team, quotas } of queues)
    for (const { flavor, quota, borrow } of quotas)
      all.set(keyOf(team, flavor), { team, flavor, held: 0, quota, borrowed: 0, borrow });
  for (const holder of holders) {
    const { team, flavor } = holder;
    const counted = all.get(keyOf(team, flavor));
    // A quota of CPU slots is as good as one of accelerators; slots that no quota counts are nobody's concern.
    const held = counted ? amountOf(holder) : acceleratorsOf(holder);
    if (held === 0) continue;
    const known = counted ?? {
      team,
      flavor,
      held: 0,
      quota: null,
      borrowed: 0,
      borrow: null,
    };
    const now = known.held + held;
    const borrowed = known.quota === null ? 0 : Math.max(0, now - known.quota);
    all.set(keyOf(team, flavor), { ...known, held: now, borrowed });
  }
  return [...all.values()].sort((a, b) => compare(a.team, b.team) || compare(a.flavor, b.flavor));
}

/** Accelerators that a run holds; CPU slots are none. */
export function acceleratorsOf({ shares }: Pick<Holder, 'shares'>): number {
  return shares.reduce((sum, share) => sum + (share.kind === 'gpu' ? share.indices.length : 0), 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
