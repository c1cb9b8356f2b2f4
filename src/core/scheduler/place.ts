import type { Said } from './quota.ts';
import type { FlavorStock, Holder, PoolStock, Share } from './world.ts';

export interface LaneNode {
  name: string;
  /** Indices that nobody holds, ascending. */
  free: number[];
  healthy: number;
  faulty: number;
  /** As many as are free when those that leave are gone, less what is promised to runs that wait for that. */
  soon: number;
  /** As many as may be had beyond the moment for which the lane's reservation is made. */
  spare: number;
}

/** One flavor of one pool: runs that want it wait in one line for it. */
export interface Lane {
  pool: PoolStock;
  flavor: FlavorStock;
  /** By name. */
  nodes: LaneNode[];
  /** On all of them. */
  free: number;
  /** Who holds something of it, whoever must end first first. */
  holders: Holder[];
  /** Ms since the epoch, until when the first run that waits here needs none of what it will start on; null: none waits. */
  reservedFrom: number | null;
  /** Nothing may pass the first run that waits here. */
  blocked: boolean;
  /** The first run that waits for its accelerators, and how many do. */
  first: number | null;
  waiting: number;
  /** What was last said of those that wait. */
  said: Said | null;
  /** Workers of so many accelerators each that certainly do not fit any more; what is free only shrinks while a plan is made. */
  misfits: Misfits;
  everFits: Map<number, number>;
}

interface Misfits {
  short: Map<number, number>;
  long: Map<number, number>;
  soonShort: Map<number, number>;
  soonLong: Map<number, number>;
}

function noMisfits(): Misfits {
  return { short: new Map(), long: new Map(), soonShort: new Map(), soonLong: new Map() };
}

/** Opens the lanes of a pool for a plan; `begin` makes them ready for a pass. */
export function lanesOf(pool: PoolStock): Lane[] {
  return pool.flavors.map(flavor => ({
    pool,
    flavor,
    nodes: [...flavor.nodes]
      .sort((a, b) => (a.node < b.node ? -1 : 1))
      .map(({ node, free, healthy, faulty }) => ({
        name: node,
        free: [...free].sort((a, b) => a - b),
        healthy,
        faulty,
        soon: 0,
        spare: 0,
      })),
    free: 0,
    holders: [],
    reservedFrom: null,
    blocked: false,
    first: null,
    waiting: 0,
    said: null,
    misfits: noMisfits(),
    everFits: new Map(),
  }));
}

/** Nobody waits yet, and these hold what is held. */
export function begin(lane: Lane, holders: Holder[]): void {
  lane.holders = holders.sort((a, b) => a.endsBy - b.endsBy || a.number - b.number);
  lane.reservedFrom = null;
  lane.blocked = false;
  lane.first = null;
  lane.waiting = 0;
  lane.said = null;
  lane.misfits = noMisfits();
  lane.free = 0;
  for (const node of lane.nodes) {
    lane.free += node.free.length;
    node.soon = node.free.length;
    node.spare = Number.POSITIVE_INFINITY;
  }
  for (const holder of holders) if (holder.leaving) letGo(lane, holder);
}

/** What this one holds will be free soon. */
export function letGo(lane: Lane, holder: Holder): void {
  for (const { node: name, indices } of holder.shares) {
    const node = nodeOf(lane, name);
    if (!node) continue;
    // What is faulty is not given out again.
    node.soon = Math.min(node.soon + indices.length, node.healthy);
    if (isBeyond(lane, holder)) node.spare += indices.length;
  }
  // Where more had been promised than is free, more is open now.
  lane.misfits = noMisfits();
}

/** Whether it would still hold what it has when the lane's reservation begins, so that the reservation does without that. */
export function isBeyond({ reservedFrom }: Lane, { endsBy }: Holder): boolean {
  return reservedFrom !== null && endsBy > reservedFrom;
}

export function nodeOf(lane: Lane, name: string): LaneNode | undefined {
  let [low, high] = [0, lane.nodes.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const node = lane.nodes[middle];
    if (!node || node.name === name) return node;
    if (node.name < name) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** How many nodes have so many healthy ones, busy or not. */
export function everFitting(lane: Lane, each: number): number {
  const known = lane.everFits.get(each);
  if (known !== undefined) return known;
  const count = lane.nodes.filter(node => node.healthy >= each).length;
  lane.everFits.set(each, count);
  return count;
}

/** May be started on now. `long`: by a run that may still hold it when the reservation begins. */
function openOn(node: LaneNode, long: boolean): number {
  const open = Math.min(node.free.length, node.soon);
  return long ? Math.min(open, node.spare) : open;
}

/** Free as soon as those that leave are gone. */
export function soonOn(node: LaneNode, long: boolean): number {
  return long ? Math.min(node.soon, node.spare) : node.soon;
}

/**
 * Nodes for all workers, each with `each` accelerators, or null. The tightest that fit, so that large holes stay large; nodes that are as
 * tight by name.
 */
export function findNodes(lane: Lane, each: number, workers: number, long: boolean): LaneNode[] | null {
  return findAmong(lane, lane.misfits[long ? 'long' : 'short'], each, workers, node => openOn(node, long));
}

/** The same once those that leave are gone. */
export function findSoon(lane: Lane, each: number, workers: number, long: boolean): LaneNode[] | null {
  const misfits = lane.misfits[long ? 'soonLong' : 'soonShort'];
  return findAmong(lane, misfits, each, workers, node => soonOn(node, long));
}

function findAmong(
  { nodes }: Lane,
  misfits: Map<number, number>,
  each: number,
  workers: number,
  measure: (node: LaneNode) => number,
): LaneNode[] | null {
  const misfit = misfits.get(each);
  if (misfit !== undefined && workers >= misfit) return null;
  const found = tightest(nodes, each, workers, measure);
  if (!found) misfits.set(each, workers);
  return found;
}

/** The same among any nodes by any measure of what they have. */
export function tightest(
  nodes: readonly LaneNode[],
  each: number,
  workers: number,
  measure: (node: LaneNode) => number,
): LaneNode[] | null {
  if (workers === 1) {
    let best: LaneNode | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const node of nodes) {
      const has = measure(node);
      if (has >= each && has < least) {
        best = node;
        least = has;
      }
    }
    return best ? [best] : null;
  }
  const fitting = nodes.filter(node => measure(node) >= each);
  if (fitting.length < workers) return null;
  return fitting.sort((a, b) => measure(a) - measure(b) || (a.name < b.name ? -1 : 1)).slice(0, workers);
}

/** Takes accelerators for good; the lowest indices first. */
export function occupy(lane: Lane, nodes: readonly LaneNode[], each: number, long: boolean): Share[] {
  lane.free -= each * nodes.length;
  return nodes.map(node => {
    node.soon -= each;
    if (long) node.spare -= each;
    return { node: node.name, kind: lane.flavor.kind, indices: node.free.splice(0, each) };
  });
}

/** Promises what will be free there soon. */
export function promise(nodes: readonly LaneNode[], each: number, long: boolean): void {
  for (const node of nodes) {
    node.soon -= each;
    if (long) node.spare -= each;
  }
}
