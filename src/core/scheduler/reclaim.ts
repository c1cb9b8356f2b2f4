import { rankOf } from './order.ts';
import { type Lane, type LaneNode, nodeOf, soonOn, tightest } from './place.ts';
import { amountOf, type Cell, isBorrowing, type Ledger, quotaVerdict, take } from './quota.ts';
import type { Holder, PreemptionRule, Waiting } from './world.ts';

export interface Victim {
  holder: Holder;
  rule: PreemptionRule;
}

export interface Found {
  victims: Victim[];
  /** Where it starts when they are gone. */
  nodes: LaneNode[];
}

/** Everything of one flavor that one run asks for in one lane. */
export interface Wish {
  run: Waiting;
  lane: Lane;
  each: number;
  amount: number;
  cell: Cell | null;
  long: boolean;
}

/** Runs at work that can be preempted and are not being stopped, by flavor. */
export type Stoppable = ReadonlyMap<string, { runs: readonly Holder[]; lowest: ReadonlyMap<string, number> }>;

export function stoppableOf(holders: readonly Holder[]): Stoppable {
  const byFlavor = new Map<string, { runs: Holder[]; lowest: Map<string, number> }>();
  for (const holder of holders) {
    if (!holder.preemptible || holder.leaving || holder.untaken) continue;
    const one = byFlavor.get(holder.flavor) ?? { runs: [], lowest: new Map<string, number>() };
    one.runs.push(holder);
    const rank = rankOf(holder.priority);
    one.lowest.set(holder.team, Math.min(one.lowest.get(holder.team) ?? rank, rank));
    byFlavor.set(holder.flavor, one);
  }
  return byFlavor;
}

/** Whether there is anybody at all who might be stopped for it, by what is known without looking at each. */
export function mightStop(
  { run, lane, amount, cell }: Wish,
  stoppable: Stoppable,
  preempts: boolean,
): boolean {
  const lowest = stoppable.get(lane.flavor.flavor)?.lowest;
  if (!lowest) return false;
  if (preempts && (lowest.get(run.team) ?? Number.POSITIVE_INFINITY) < rankOf(run.priority)) return true;
  return cell !== null && cell.soon + amount <= cell.quota && cell.pot.cells.some(isBorrowing);
}

/**
 * Whom to stop so that the run can start, as Kueue's preemption goes about it: quota that other teams borrowed is taken back for a run that
 * stays in its own team's, whatever the priorities (`reclaimWithinCohort: Any`); of its own team, only runs of a lower priority give way
 * (`withinClusterQueue: LowerPriority`). Borrowers first, then the lowest priority, then whoever began last; nobody is stopped without whom
 * it would start as well. Null: nobody may be stopped, or it would not help. A gang goes as a whole.
 */
export function makeRoom(wish: Wish, ledger: Ledger, stoppable: Stoppable, preempts: boolean): Found | null {
  const { run, lane, each, amount, cell } = wish;
  const within = cell !== null && cell.soon + amount <= cell.quota;
  const { name: pool } = lane.pool;
  const { flavor } = lane.flavor;
  const candidates = (stoppable.get(flavor)?.runs ?? [])
    .filter(holder => {
      if (holder.leaving) return false;
      if (holder.team === run.team) return preempts && rankOf(holder.priority) < rankOf(run.priority);
      if (!within) return false;
      const theirs = ledger.cellOf(holder.team, flavor);
      return theirs !== null && theirs.pot === cell.pot && isBorrowing(theirs);
    })
    .sort(
      (a, b) =>
        Number(a.team === run.team) - Number(b.team === run.team) ||
        // What frees its nodes too, before what frees only quota.
        Number(a.pool !== pool) - Number(b.pool !== pool) ||
        rankOf(a.priority) - rankOf(b.priority) ||
        b.since - a.since ||
        b.number - a.number,
    );
  if (candidates.length === 0) return null;

  // Tried on the books and on a count of nodes that fit, both put back in the end.
  const gained = new Map<LaneNode, number>();
  const has = (node: LaneNode) => Math.min(soonOn(node, false) + (gained.get(node) ?? 0), node.healthy);
  let fitting = lane.nodes.filter(node => has(node) >= each).length;
  const remove = (holder: Holder, sign: 1 | -1) => {
    const theirs = ledger.cellOf(holder.team, flavor);
    if (theirs) take(theirs, 'soon', -sign * amountOf(holder), !holder.preemptible);
    if (holder.pool !== pool) return;
    for (const { node: name, indices } of holder.shares) {
      const node = nodeOf(lane, name);
      if (!node) continue;
      const before = has(node) >= each;
      gained.set(node, (gained.get(node) ?? 0) + sign * indices.length);
      fitting += Number(has(node) >= each) - Number(before);
    }
  };
  const fits = () => fitting >= run.workers && quotaVerdict(cell, amount, run.preemptible, 'soon') === 'fits';

  const victims: Holder[] = [];
  let enough = false;
  for (const holder of candidates) {
    const theirs = ledger.cellOf(holder.team, flavor);
    // Only as much is taken back as was borrowed.
    if (holder.team !== run.team && !(theirs && isBorrowing(theirs))) continue;
    // Where only quota lacks, whoever holds nothing that helps is spared by what follows.
    remove(holder, 1);
    victims.push(holder);
    enough = fits();
    if (enough) break;
  }
  if (enough)
    for (const holder of [...victims].reverse()) {
      remove(holder, -1);
      if (fits()) victims.splice(victims.indexOf(holder), 1);
      else remove(holder, 1);
    }
  const nodes = enough ? tightest(lane.nodes, each, run.workers, has) : null;
  // The books are as they were; whoever takes the advice writes it down.
  for (const holder of victims) remove(holder, -1);
  if (!nodes || victims.length === 0) return null;
  return {
    nodes,
    victims: victims.map(holder => ({
      holder,
      rule: holder.team === run.team ? ('priority' as const) : ('reclaim' as const),
    })),
  };
}
