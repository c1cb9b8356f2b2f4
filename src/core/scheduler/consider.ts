import { endlessS } from '../run.ts';
import { add, type Books, type Candidate, shareOf, spend } from './books.ts';
import * as explain from './explain.ts';
import { joinLines } from './join-lines.ts';
import {
  everFitting,
  findNodes,
  findSoon,
  type Lane,
  type LaneNode,
  letGo,
  nodeOf,
  occupy,
  promise,
  soonOn,
  tightest,
} from './place.ts';
import { amountOf, isTooSmall, type QuotaLine, quotaVerdict, take } from './quota.ts';
import { makeRoom, mightStop, type Wish } from './reclaim.ts';
import type { HoldCode, Holder, PoolStock, Room, Waiting } from './world.ts';

/** What keeps a run out of one lane. */
export type Obstacle =
  /** No node has that much, busy or not. */
  | 'never'
  /** More than its team may ever have. */
  | 'too-small'
  /** The quota of its team, for a run that may not borrow. */
  | 'used'
  /** What its team may borrow, or what there is to borrow. */
  | 'limit'
  /** Quota that is promised to runs whose room is being made. */
  | 'promised'
  | 'behind-quota'
  | 'behind'
  | 'full'
  | 'spread'
  /** It has room, at a cost that somebody must approve. */
  | 'cost'
  /** It has none now, and would cost that. */
  | 'dear';

export interface Met {
  wish: Wish;
  obstacle: Obstacle;
}

/** Decides one run: it starts, it waits for room that is being made, or it waits in line. Everything is written into the books. */
export function consider(candidate: Candidate, books: Books): void {
  const { run } = candidate;
  const kept = keptOut(candidate, books);
  if (kept) {
    books.holds.push({ type: 'hold', run: run.number, ...kept });
    return;
  }
  if (run.room && keepsItsRoom(candidate, run.room, books)) return;
  const met: Met[] = [];
  for (const [at, lane] of candidate.lanes.entries()) {
    if (!mayGo(run, lane.pool, books)) continue;
    const wish = wishFor(candidate, at, lane, books);
    const found = look(wish, books);
    if (typeof found !== 'string') {
      start(wish, found, books);
      return;
    }
    met.push({ wish, obstacle: found });
  }
  for (const { wish, obstacle } of met) if (mayChange(obstacle) && waitsForRoom(wish, null, books)) return;
  for (const { wish, obstacle } of met) if (mayChange(obstacle) && stopsOthers(wish, books)) return;
  joinLines(candidate, met, books);
}

/** What keeps a run out whatever is free. */
function keptOut({ run, isInReach }: Candidate, books: Books): { code: HoldCode; sentence: string } | null {
  const { world, pools, now, working } = books;
  if (run.held.length > 0) {
    const everywhere = run.held.filter(({ pool }) => pool === null);
    const all = run.pools.every(name => run.held.some(({ pool }) => pool === name));
    const reasons = everywhere.length > 0 ? everywhere : all ? run.held : [];
    const first = reasons.find(({ code }) => code === 'frozen') ?? reasons[0];
    if (first) return { code: first.code, sentence: first.sentence };
  }
  const limit = world.projectLimits.get(run.project);
  if (limit !== undefined && (working.get(run.project) ?? 0) >= limit)
    return { code: 'project-limit', sentence: explain.projectLimit(run, limit) };
  if (isInReach) return null;
  const away = run.pools.map(name => pools.get(name)).find(pool => pool !== undefined);
  if (away) return { code: 'pool-unreachable', sentence: explain.unreachable(away, now) };
  return { code: 'pool-unknown', sentence: explain.unknownPool(run, world) };
}

/** Whether it may go to a pool at all now. Backup pools come in when its own had no room for longer than the team's patience. */
export function mayGo(run: Waiting, pool: PoolStock, { teams, now }: Books): boolean {
  if (!pool.reachable || run.held.some(one => one.pool === pool.name)) return false;
  if (!pool.backup || run.pools.length === 1) return true;
  const patienceS = teams.get(run.team)?.patienceS ?? null;
  return patienceS !== null && now - run.queuedAt >= patienceS * 1_000;
}

function wishFor({ run, each, amount, cells }: Candidate, at: number, lane: Lane, { now }: Books): Wish {
  const cell = cells[at] ?? null;
  const long = lane.reservedFrom !== null && now + run.limitS * 1_000 > lane.reservedFrom;
  return { run, lane, each, amount, cell, long };
}

/** The nodes on which it can start now, or what is in its way. */
function look(wish: Wish, books: Books): LaneNode[] | Obstacle {
  const { run, lane, each, amount, cell, long } = wish;
  if (everFitting(lane, each) < run.workers) return 'never';
  if (isTooSmall(cell, amount, run.preemptible)) return 'too-small';
  if (lineBefore(wish, books)) return 'behind-quota';
  const verdict = quotaVerdict(cell, amount, run.preemptible, 'used');
  if (verdict !== 'fits') return verdict;
  // What was promised to those that wait for room is not to be had either.
  if (quotaVerdict(cell, amount, run.preemptible, 'soon') !== 'fits') return 'promised';
  const isDear = asksTooMuch(wish, books);
  const nodes = lane.blocked ? null : findNodes(lane, each, run.workers, long);
  if (nodes) return isDear ? 'cost' : nodes;
  // Who may not pay is in nobody's way.
  if (isDear) return 'dear';
  if (lane.blocked || long) return 'behind';
  return lane.free >= amount ? 'spread' : 'full';
}

/** Those who came before it and whom it would keep waiting for quota: of its own team, or of all that would borrow. */
export function lineBefore({ run, amount, cell }: Wish, { now }: Books): QuotaLine | null {
  if (!cell) return null;
  const ends = now + run.limitS * 1_000;
  const keeps = (line: QuotaLine | null) => line !== null && (line.until === null || ends > line.until);
  if (keeps(cell.line)) return cell.line;
  return cell.used + amount > cell.quota && keeps(cell.pot.line) ? cell.pot.line : null;
}

/** Whether it is worth asking who leaves, or could be stopped. */
function mayChange(obstacle: Obstacle): boolean {
  return !['never', 'too-small', 'behind-quota', 'cost', 'dear'].includes(obstacle);
}

function start(wish: Wish, nodes: LaneNode[], books: Books): void {
  const { run, lane, each, amount, cell, long } = wish;
  const { world, starts, working, held, budgets, left, teams } = books;
  const shares = occupy(lane, nodes, each, long);
  const borrowed = cell ? Math.max(0, Math.min(amount, cell.used + amount - cell.quota)) : 0;
  if (cell) {
    take(cell, 'used', amount, !run.preemptible);
    take(cell, 'soon', amount, !run.preemptible);
  }
  add(working, run.project, 1);
  add(held, run.team, shareOf(lane) * amount);
  const cost = costOf(wish);
  spend(budgets, run.team, cost);
  spend(left, run.team, cost);
  const isAway = lane.pool.backup && run.pools.length > 1;
  const patienceS = isAway ? (teams.get(run.team)?.patienceS ?? null) : null;
  const paid = { patienceS, cost, currency: world.currency };
  starts.push({
    type: 'start',
    run: run.number,
    pool: lane.pool.name,
    flavor: lane.flavor.flavor,
    shares,
    cost,
    price: lane.flavor.price,
    reason: explain.startReason(wish, shares, borrowed, paid),
  });
}

/* ---- cost ---- */

/** What it costs at most: its whole time limit. What has none was agreed to as such, and counts as it goes. */
export function costOf({ run, lane, amount }: Wish): number {
  return lane.flavor.price === 0 || run.limitS >= endlessS
    ? 0
    : (lane.flavor.price * amount * run.limitS) / 3_600;
}

/** Whether somebody must approve it first: its cost is more than the team may spend unasked, or has left. */
function asksTooMuch(wish: Wish, { teams, left }: Books): boolean {
  const cost = costOf(wish);
  const { approved, team } = wish.run;
  if (cost === 0 || (approved !== null && approved >= cost)) return false;
  const { askAbove = null } = teams.get(team) ?? {};
  return (askAbove !== null && cost > askAbove) || cost > (left.get(team) ?? Number.POSITIVE_INFINITY);
}

/* ---- room that is being made ---- */

/** It waits until those are gone who were stopped for it, whoever else leaves; then it starts before anybody else. */
function keepsItsRoom(candidate: Candidate, { pool, flavor, nodes, stopped }: Room, books: Books): boolean {
  const at = candidate.lanes.findIndex(one => one.pool.name === pool && one.flavor.flavor === flavor);
  const lane = candidate.lanes[at];
  if (!lane || !mayGo(candidate.run, lane.pool, books)) return false;
  const wish = wishFor(candidate, at, lane, books);
  const there = nodes.flatMap(name => nodeOf(lane, name) ?? []);
  const fitsNow = typeof look(wish, books) !== 'string';
  const isBeingMade = books.leaving.get(flavor)?.some(({ number }) => stopped.includes(number)) ?? false;
  if (fitsNow && !isBeingMade) return false;
  return waitsForRoom(wish, there, books) || (!fitsNow && waitsForRoom(wish, null, books));
}

/** Whether it starts on some of these nodes, or of all, once those are gone that leave already: that room is promised to it. */
function waitsForRoom(wish: Wish, among: readonly LaneNode[] | null, books: Books): boolean {
  const { run, lane, each, amount, cell, long } = wish;
  const leaving = books.leaving.get(lane.flavor.flavor);
  if (!leaving || lane.blocked || asksTooMuch(wish, books)) return false;
  if (quotaVerdict(cell, amount, run.preemptible, 'soon') !== 'fits') return false;
  const nodes = among
    ? tightest(among, each, run.workers, node => soonOn(node, long))
    : findSoon(lane, each, run.workers, long);
  if (!nodes) return false;
  const isItsOwn = run.room?.pool === lane.pool.name && run.room.flavor === lane.flavor.flavor;
  promiseTo(wish, nodes, leaving, isItsOwn ? (run.room?.stopped ?? []) : null, books);
  return true;
}

/** Whether others are stopped for it. */
function stopsOthers(wish: Wish, books: Books): boolean {
  const { run, lane, cell, each } = wish;
  const { ledger, stoppable, hopeless, leaving } = books;
  const preempts = books.queues.get(run.team)?.preempts ?? true;
  if (lane.blocked || !mightStop(wish, stoppable, preempts) || asksTooMuch(wish, books)) return false;
  const kind = `${lane.pool.name} ${lane.flavor.flavor} ${run.team} ${run.priority} ${each} ${run.workers} ${run.preemptible}`;
  if (hopeless.has(kind)) return false;
  const room = makeRoom(wish, ledger, stoppable, preempts);
  if (!room) {
    hopeless.add(kind);
    return false;
  }
  hopeless.clear();
  for (const { holder, rule } of room.victims) {
    const theirs = ledger.cellOf(holder.team, holder.flavor);
    if (theirs) take(theirs, 'soon', -amountOf(holder), !holder.preemptible);
    const there = books.lanes.get(holder.pool)?.find(({ flavor }) => flavor.flavor === holder.flavor);
    if (there) letGo(there, holder);
    holder.leaving = true;
    leaving.set(holder.flavor, [...(leaving.get(holder.flavor) ?? []), holder]);
    const reason = explain.preemptReason(wish, holder, rule, cell);
    books.preempts.push({ type: 'preempt', run: holder.number, by: run.number, rule, reason });
  }
  const stopped = room.victims.map(({ holder }) => holder);
  promiseTo(
    wish,
    room.nodes,
    stopped,
    stopped.map(({ number }) => number),
    books,
  );
  return true;
}

/** `stopped`: who is stopped for it, as the next plan is told; null: nobody is, it waits for those that leave anyway. */
function promiseTo(
  wish: Wish,
  nodes: readonly LaneNode[],
  leaving: readonly Holder[],
  stopped: readonly number[] | null,
  books: Books,
): void {
  const { run, lane, each, amount, cell, long } = wish;
  promise(nodes, each, long);
  lane.first ??= run.number;
  lane.waiting += 1;
  if (cell) {
    take(cell, 'soon', amount, !run.preemptible);
    for (const place of [cell, cell.pot]) {
      place.promised ??= { first: run.number, waiting: 0 };
      place.promised.waiting += 1;
    }
  }
  add(books.working, run.project, 1);
  spend(books.left, run.team, costOf(wish));
  const names = new Set(nodes.map(({ name }) => name));
  // Whom it waits for is on its nodes; only where nobody there leaves, it waits for quota.
  const there = leaving.filter(
    one => one.pool === lane.pool.name && one.shares.some(({ node }) => names.has(node)),
  );
  const sentence =
    there.length > 0 ? explain.makingRoom(wish, there, nodes) : explain.freeingQuota(wish, leaving, nodes);
  books.holds.push({
    type: 'hold',
    run: run.number,
    code: 'making-room',
    sentence,
    ...(stopped
      ? { room: { pool: lane.pool.name, flavor: lane.flavor.flavor, nodes: [...names], stopped } }
      : {}),
  });
}
