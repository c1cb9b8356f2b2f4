import { isBeyond, type Lane, type LaneNode, nodeOf } from './place.ts';
import { amountOf, type Cell, type Ledger, roomIn, take } from './quota.ts';
import type { Holder } from './world.ts';

/**
 * EASY backfill (Lifka, "The ANL/IBM SP scheduling system", 1995): the first run that has to wait is given the moment at which it can start
 * at the latest, and the nodes; others may pass as long as they end before it or leave it those. Ends are time limits, so that the moment
 * can only come sooner.
 */

export interface Reservation {
  at: number;
  nodes: LaneNode[];
}

/** When and where the run can start at the latest, were nobody to pass it; null: not by what ends by itself. */
export function reservationIn(lane: Lane, each: number, workers: number, now: number): Reservation | null {
  const has = new Map<LaneNode, number>();
  const fitting = new Set(lane.nodes.filter(node => node.soon >= each));
  if (fitting.size >= workers) return { at: now, nodes: chosen(fitting, has, workers) };
  for (const holder of lane.holders) {
    if (holder.leaving) continue;
    for (const { node: name, indices } of holder.shares) {
      const node = nodeOf(lane, name);
      if (!node) continue;
      const freed = Math.min((has.get(node) ?? node.soon) + indices.length, node.healthy);
      has.set(node, freed);
      if (freed >= each) fitting.add(node);
    }
    if (fitting.size >= workers)
      return { at: Math.max(holder.endsBy, now), nodes: chosen(fitting, has, workers) };
  }
  return null;
}

function chosen(fitting: Set<LaneNode>, has: Map<LaneNode, number>, workers: number): LaneNode[] {
  const amount = (node: LaneNode) => has.get(node) ?? node.soon;
  return [...fitting].sort((a, b) => amount(a) - amount(b) || (a.name < b.name ? -1 : 1)).slice(0, workers);
}

/** From now on only what ends before, or leaves the run its place, may start in the lane. */
export function reserve(lane: Lane, { at, nodes }: Reservation, each: number): void {
  lane.reservedFrom = at;
  lane.misfits.long = new Map();
  lane.misfits.soonLong = new Map();
  for (const node of nodes) node.spare = node.soon - each;
  for (const holder of lane.holders) {
    if (holder.leaving || isBeyond(lane, holder)) continue;
    for (const { node: name, indices } of holder.shares) {
      const node = nodes.find(one => one.name === name);
      if (node) node.spare = Math.min(node.spare + indices.length, node.healthy - each);
    }
  }
}

/** When the team itself holds so little that a run is within its quota, by what ends by itself; null: never by that. */
export function ownFreeBy(
  { team, flavor, quota, soon, firmSoon }: Cell,
  amount: number,
  preemptible: boolean,
  byEnd: readonly Holder[],
  now: number,
): number | null {
  let held = preemptible ? soon : firmSoon;
  if (held + amount <= quota) return now;
  for (const holder of byEnd) {
    if (holder.leaving || holder.team !== team || holder.flavor !== flavor) continue;
    if (!preemptible && holder.preemptible) continue;
    held -= amountOf(holder);
    if (held + amount <= quota) return Math.max(holder.endsBy, now);
  }
  return null;
}

/** When there is enough to borrow for a run, by what ends by itself; null: never by that. */
export function lentFreeBy(
  cell: Cell,
  amount: number,
  ledger: Ledger,
  byEnd: readonly Holder[],
  now: number,
): number | null {
  const undo: [Cell, number, boolean][] = [];
  let at = amount <= roomIn(cell, 'soon') ? now : null;
  for (const holder of byEnd) {
    if (at !== null) break;
    if (holder.leaving || holder.flavor !== cell.flavor) continue;
    const theirs = ledger.cellOf(holder.team, holder.flavor);
    if (theirs?.pot !== cell.pot) continue;
    const held = amountOf(holder);
    take(theirs, 'soon', -held, !holder.preemptible);
    undo.push([theirs, held, !holder.preemptible]);
    if (amount <= roomIn(cell, 'soon')) at = Math.max(holder.endsBy, now);
  }
  for (const [theirs, held, firm] of undo) take(theirs, 'soon', held, firm);
  return at;
}
