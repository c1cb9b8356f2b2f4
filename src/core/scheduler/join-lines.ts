import { lentFreeBy, ownFreeBy, reservationIn, reserve } from './backfill.ts';
import type { Books } from './books.ts';
import { costOf, type Met, mayGo } from './consider.ts';
import * as explain from './explain.ts';
import { type Cell, type QuotaLine, quotaVerdict } from './quota.ts';
import type { Wish } from './reclaim.ts';
import type { Hold, HoldCode, Waiting } from './world.ts';

/** A run that cannot start joins the lines of what it waits for, and whoever comes after may not keep it waiting for ever. */
export function joinLines(run: Waiting, met: readonly Met[], books: Books): void {
  const isFifo = books.world.policy === 'fifo';
  books.holds.push(holdOf(run, met, books));
  const unreserved: Wish[] = [];
  const joined = new Set<QuotaLine>();
  for (const { wish, obstacle } of met) {
    switch (obstacle) {
      case 'full':
      case 'spread':
      case 'behind': {
        const { lane } = wish;
        lane.first ??= run.number;
        lane.waiting += 1;
        if (isFifo) lane.blocked = true;
        else if (obstacle !== 'behind' && lane.reservedFrom === null) unreserved.push(wish);
        break;
      }
      case 'used':
      case 'limit':
      case 'behind-quota':
        joinQuotaLines(wish, books, joined);
        break;
      default:
    }
  }
  if (unreserved.length > 0) reserveSoonest(unreserved, books);
}

/** Of the lanes in which nobody before it has a reservation, the one where it can start soonest is kept for it. */
function reserveSoonest(wishes: readonly Wish[], { now }: Books): void {
  const found = wishes.flatMap(wish => {
    const reservation = reservationIn(wish.lane, wish.each, wish.run.workers, now);
    return reservation ? [{ wish, reservation }] : [];
  });
  const [soonest] = found.sort((a, b) => a.reservation.at - b.reservation.at);
  if (soonest) reserve(soonest.wish.lane, soonest.reservation, soonest.wish.each);
}

/**
 * Who fits the team's quota stands in the team's line: it starts when the team itself has let go of enough, whatever others do. Who would
 * borrow stands in the cohort's, and keeps only others waiting that would borrow too: what is a team's own waits for nobody's borrowing.
 * `joined`: where the run stands already, as several pools have what the same quota is of.
 */
function joinQuotaLines(
  { run, amount, cell }: Wish,
  { now, byEnd, ledger, world }: Books,
  joined: Set<QuotaLine>,
): void {
  if (!cell) return;
  const isFifo = world.policy === 'fifo';
  const join = (known: QuotaLine | null, until: () => number | null): QuotaLine => {
    const line = known ?? { first: run.number, waiting: 0, until: isFifo ? null : until(), said: null };
    if (!joined.has(line)) line.waiting += 1;
    joined.add(line);
    return line;
  };
  if (amount <= cell.quota)
    cell.line = join(cell.line, () => ownFreeBy(cell, amount, run.preemptible, byEnd(), now));
  if (run.preemptible && cell.used + amount > cell.quota)
    cell.pot.line = join(cell.pot.line, () => lentFreeBy(cell, amount, ledger, byEnd(), now));
}

/* ---- the reason that is said ---- */

function holdOf(run: Waiting, met: readonly Met[], books: Books): Hold {
  const told =
    met.find(({ obstacle }) => obstacle === 'cost') ??
    met.find(({ obstacle }) => obstacle !== 'never' && obstacle !== 'too-small') ??
    met.find(({ obstacle }) => obstacle === 'too-small') ??
    met[0];
  const hold = (code: HoldCode, sentence: string): Hold => ({
    type: 'hold',
    run: run.number,
    code,
    sentence,
  });
  if (!told) return nowhere(run, books, hold);
  const { wish, obstacle } = told;
  const { lane, each, cell } = wish;
  if (cell) {
    const line = cell.line ?? (cell.used + wish.amount > cell.quota ? cell.pot.line : null);
    if (obstacle === 'too-small') return hold('quota-too-small', explain.quotaTooSmall(wish, cell));
    if (line && (obstacle === 'behind-quota' || obstacle === 'used' || obstacle === 'limit'))
      return hold('runs-ahead', explain.behindQuota(wish, cell, line));
    if (obstacle === 'used') return hold('quota-used', explain.quotaUsed(wish, cell));
    const { promised } = cell.pot;
    if (obstacle === 'limit' && promised && fitsNow(wish, cell))
      return hold('runs-ahead', explain.behindQuota(wish, cell, promised));
    if (obstacle === 'limit') return hold('borrowing-limit', explain.borrowingLimit(wish, cell));
  }
  if (obstacle === 'never') {
    const lanes = met.map(one => one.wish.lane).filter(({ pool }) => pool === lane.pool);
    return hold('no-such-flavor', explain.noSuchFlavor(run, lane.pool, lanes, each));
  }
  if (obstacle === 'cost') return tooDear(wish, books, hold);
  if (lane.waiting > 0) return hold('runs-ahead', explain.runsAhead(wish));
  return obstacle === 'spread'
    ? hold('fragmented', explain.fragmented(wish))
    : hold('flavor-full', explain.flavorFull(wish));
}

/** Whether the quota would do, were nothing of it promised to those for whom room is being made. */
function fitsNow({ run, amount }: Wish, cell: Cell): boolean {
  return quotaVerdict(cell, amount, run.preemptible, 'used') === 'fits';
}

/** Of its pools that are open to it, none has by name what it asks for. */
function nowhere(run: Waiting, books: Books, hold: (code: HoldCode, sentence: string) => Hold): Hold {
  const pools = run.pools.flatMap(name => books.pools.get(name) ?? []);
  const pool = pools.find(one => mayGo(run, one, books)) ?? pools[0];
  if (!pool) return hold('pool-unknown', explain.unknownPool(run, books.world));
  const closed = run.held.find(one => one.pool === pool.name);
  if (closed) return hold(closed.code, closed.sentence);
  if (!pool.reachable) return hold('pool-unreachable', explain.unreachable(pool, books.now));
  return hold('no-such-flavor', explain.noSuchFlavor(run, pool, [], Math.max(run.gpus, 1)));
}

function tooDear(wish: Wish, books: Books, hold: (code: HoldCode, sentence: string) => Hold): Hold {
  const cost = costOf(wish);
  const team = books.teams.get(wish.run.team);
  const { currency } = books.world;
  const askAbove = team?.askAbove ?? null;
  if (askAbove !== null && cost > askAbove)
    return { ...hold('needs-approval', explain.needsApproval(wish, cost, askAbove, currency)), cost };
  const left = books.left.get(wish.run.team) ?? 0;
  return { ...hold('over-budget', explain.overBudget(wish, cost, left, currency)), cost };
}
