import { rankOf } from './order.ts';
import { isBeyond, type Lane, type LaneNode, nodeOf, soonOn, tightest } from './place.ts';
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

/** So many nodes are tried one by one at most; on none of them it would fit by what is taken back as Kueue would. */
const nodesTried = 32;

/** Everything of one flavor that one run asks for in one lane. */
export interface Wish {
  run: Waiting;
  lane: Lane;
  each: number;
  amount: number;
  cell: Cell | null;
  long: boolean;
}

/** Runs at work that can be preempted and are not being stopped, by flavor: the lowest first, of those whoever began last. */
export type Stoppable = ReadonlyMap<string, { runs: readonly Holder[]; lowest: ReadonlyMap<string, number> }>;

/** `reaches`: whether its machine would hear of it. */
export function stoppableOf(holders: readonly Holder[], reaches: (pool: string) => boolean): Stoppable {
  const byFlavor = new Map<string, { runs: Holder[]; lowest: Map<string, number> }>();
  for (const holder of holders) {
    if (!holder.preemptible || holder.leaving || holder.untaken || !reaches(holder.pool)) continue;
    const one = byFlavor.get(holder.flavor) ?? { runs: [], lowest: new Map<string, number>() };
    one.runs.push(holder);
    const rank = rankOf(holder.priority);
    one.lowest.set(holder.team, Math.min(one.lowest.get(holder.team) ?? rank, rank));
    byFlavor.set(holder.flavor, one);
  }
  for (const { runs } of byFlavor.values())
    runs.sort((a, b) => rankOf(a.priority) - rankOf(b.priority) || b.since - a.since || b.number - a.number);
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
  return cell !== null && cell.soon + amount <= cell.quota && cell.pot.borrowers > 0;
}

/**
 * Whom to stop so that the run can start, as Kueue's preemption goes about it: quota that other teams borrowed is taken back for a run that
 * then stays in its own team's, whatever the priorities (`reclaimWithinCohort: Any`); of its own team, only runs of a lower priority give
 * way (`withinClusterQueue: LowerPriority`), and where that alone is enough, it may borrow. Borrowers first, then the lowest priority, then
 * whoever began last; nobody is stopped without whom it would start as well. Null: nobody may be stopped, or it would not help. A gang goes
 * as a whole.
 */
export function makeRoom(wish: Wish, ledger: Ledger, stoppable: Stoppable, preempts: boolean): Found | null {
  const { run, lane, amount, cell } = wish;
  const { flavor } = lane.flavor;
  const runs = (stoppable.get(flavor)?.runs ?? []).filter(({ leaving }) => !leaving);
  const own = preempts
    ? runs.filter(one => one.team === run.team && rankOf(one.priority) < rankOf(run.priority))
    : [];
  if (cell && cell.soon < cell.quota && amount <= cell.quota && cell.pot.borrowers > 0) {
    const borrowed = runs.filter(one => {
      const theirs = one.team === run.team ? null : ledger.cellOf(one.team, flavor);
      return theirs !== null && theirs.pot === cell.pot && isBorrowing(theirs);
    });
    const from = [...borrowed, ...own];
    const found =
      borrowed.length > 0
        ? (stopSome(wish, ledger, from, lane.nodes, false) ?? stopOnNodes(wish, ledger, from))
        : null;
    if (found) return found;
  }
  return own.length > 0 ? stopSome(wish, ledger, own, lane.nodes, true) : null;
}

/**
 * What may be taken back is soon used up on nodes where it is of no use. Kueue knows no nodes; here those are tried one after the other (for
 * a gang as many as it needs) on which the least is to be freed.
 */
function stopOnNodes(wish: Wish, ledger: Ledger, from: Holder[]): Found | null {
  const { run, lane, each, long } = wish;
  const gains = new Map<string, number>();
  for (const holder of from)
    if (holder.pool === lane.pool.name)
      for (const { node, indices } of holder.shares) gains.set(node, (gains.get(node) ?? 0) + indices.length);
  const able = lane.nodes
    .filter(node => Math.min(node.soon + (gains.get(node.name) ?? 0), node.healthy) >= each)
    .sort((a, b) => soonOn(b, long) - soonOn(a, long) || (a.name < b.name ? -1 : 1));
  const most = Math.min(able.length - run.workers, nodesTried);
  for (let first = 0; first <= most; first += 1) {
    const found = stopSome(wish, ledger, from, able.slice(first, first + run.workers), false);
    if (found) return found;
  }
  return null;
}

/** `among`: where it is to start. `mayBorrow`: the run may start beyond its team's quota. */
function stopSome(
  wish: Wish,
  ledger: Ledger,
  from: readonly Holder[],
  among: readonly LaneNode[],
  mayBorrow: boolean,
): Found | null {
  const { run, lane, each, amount, cell, long } = wish;
  const { name: pool } = lane.pool;
  const { flavor } = lane.flavor;
  const isAll = among === lane.nodes;
  const names = isAll ? null : new Set(among.map(({ name }) => name));
  const isOff = (one: Holder) => names !== null && !one.shares.some(({ node }) => names.has(node));
  // What frees its nodes too, before what frees only quota; within each, the order that they come in.
  const classOf = (one: Holder) =>
    4 * Number(isOff(one)) + 2 * Number(one.team === run.team) + Number(one.pool !== pool);
  const classes = Map.groupBy(from, classOf);
  const candidates = [...classes.keys()].sort((x, y) => x - y).flatMap(key => classes.get(key) ?? []);

  // Tried on the books and on a count of nodes that fit, both put back in the end.
  const gained = new Map<LaneNode, number>();
  // What those held beyond the moment for which somebody before it has a reservation.
  const later = new Map<LaneNode, number>();
  const has = (node: LaneNode) => {
    const soon = Math.min(node.soon + (gained.get(node) ?? 0), node.healthy);
    return long ? Math.min(soon, node.spare + (later.get(node) ?? 0)) : soon;
  };
  let fitting = among.filter(node => has(node) >= each).length;
  const remove = (holder: Holder, sign: 1 | -1) => {
    const theirs = ledger.cellOf(holder.team, flavor);
    if (theirs) take(theirs, 'soon', -sign * amountOf(holder), !holder.preemptible);
    if (holder.pool !== pool) return;
    for (const { node: name, indices } of holder.shares) {
      const node = names === null || names.has(name) ? nodeOf(lane, name) : undefined;
      if (!node) continue;
      const before = has(node) >= each;
      gained.set(node, (gained.get(node) ?? 0) + sign * indices.length);
      if (isBeyond(lane, holder)) later.set(node, (later.get(node) ?? 0) + sign * indices.length);
      fitting += Number(has(node) >= each) - Number(before);
    }
  };
  const fits = () =>
    fitting >= run.workers &&
    quotaVerdict(cell, amount, run.preemptible, 'soon') === 'fits' &&
    (mayBorrow || cell === null || cell.soon + amount <= cell.quota);

  const victims: Holder[] = [];
  const chosen = new Set<Holder>();
  let enough = false;
  // On chosen nodes: first who frees one that lacks something, then whoever frees quota.
  const isOfUse = ({ shares }: Holder) =>
    shares.some(({ node }) => among.some(one => one.name === node && has(one) < each));
  const passes = isAll ? [() => true] : [isOfUse, () => true];
  const order = passes.flatMap(isNext => candidates.map(holder => ({ holder, isNext })));
  for (const { holder, isNext } of order) {
    if (chosen.has(holder) || !isNext(holder)) continue;
    const theirs = ledger.cellOf(holder.team, flavor);
    // Only as much is taken back as was borrowed.
    if (holder.team !== run.team && !(theirs && isBorrowing(theirs))) continue;
    // Where only quota lacks, whoever holds nothing that helps is spared by what follows.
    remove(holder, 1);
    victims.push(holder);
    chosen.add(holder);
    enough = fits();
    if (enough) break;
  }
  if (enough)
    for (const holder of [...victims].reverse()) {
      remove(holder, -1);
      if (fits()) victims.splice(victims.indexOf(holder), 1);
      else remove(holder, 1);
    }
  const nodes = enough ? tightest(among, each, run.workers, has) : null;
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
