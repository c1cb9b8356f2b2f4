import { lentFreeBy, ownFreeBy, reservationIn, reserve } from './backfill.ts';
import type { Books, Candidate } from './books.ts';
import { costOf, lineBefore, type Met, mayGo } from './consider.ts';
import * as explain from './explain.ts';
import { everFitting } from './place.ts';
import type { QuotaLine } from './quota.ts';
import type { Wish } from './reclaim.ts';
import type { Hold, HoldCode } from './world.ts';

/** A run that cannot start joins the lines of what it waits for, and whoever comes after may not keep it waiting for ever. */
export function joinLines(candidate: Candidate, met: readonly Met[], books: Books): void {
  const { run } = candidate;
  const isFifo = books.world.policy === 'fifo';
  books.holds.push(holdOf(candidate, met, books));
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
      case 'promised':
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
 * `joined`: where the run stands already, as several pools may have what one quota is of.
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

function holdOf(candidate: Candidate, met: readonly Met[], books: Books): Hold {
  const { run } = candidate;
  const told =
    met.find(({ obstacle }) => obstacle === 'cost') ??
    met.find(({ obstacle }) => obstacle !== 'never' && obstacle !== 'too-small' && obstacle !== 'dear') ??
    met.find(({ obstacle }) => obstacle === 'dear') ??
    met.find(({ obstacle }) => obstacle === 'too-small');
  const hold = (code: HoldCode, sentence: string): Hold => ({
    type: 'hold',
    run: run.number,
    code,
    sentence,
  });
  if (!told) return nowhere(candidate, met, books, hold);
  const { wish, obstacle } = told;
  const { lane, cell, amount } = wish;
  const isFifo = books.world.policy === 'fifo';
  if (obstacle === 'cost' || obstacle === 'dear') return tooDear({ wish, obstacle }, met, books, hold);
  if (cell) {
    if (obstacle === 'too-small') return hold('quota-too-small', explain.quotaTooSmall(wish, cell));
    // Who fits the team's quota stands behind its own; only who would borrow stands behind those who would too.
    const borrows = obstacle !== 'used' && cell.used + amount > cell.quota;
    const line = lineBefore(wish, books) ?? cell.line ?? (borrows ? cell.pot.line : null);
    // The quota that others still hold is for those first.
    const isPromised = obstacle === 'limit' && cell.promised !== null && cell.used + amount <= cell.quota;
    if (obstacle === 'promised' || isPromised) return hold('runs-ahead', explain.behindPromised(wish, cell));
    if (line && (obstacle === 'behind-quota' || obstacle === 'used' || obstacle === 'limit'))
      return hold('runs-ahead', explain.behindQuota(wish, cell, line, isFifo));
    if (obstacle === 'used') return hold('quota-used', explain.quotaUsed(wish, cell));
    if (obstacle === 'limit') return hold('borrowing-limit', explain.borrowingLimit(wish, cell));
  }
  if (lane.waiting > 0) return hold('runs-ahead', explain.runsAhead(wish, isFifo));
  const later = backupLater(candidate, books);
  return obstacle === 'spread'
    ? hold('fragmented', explain.fragmented(wish) + later)
    : hold('flavor-full', explain.flavorFull(wish) + later);
}

/** None of its pools that are open to it could run it, busy or not, or none is open. */
function nowhere(
  candidate: Candidate,
  met: readonly Met[],
  books: Books,
  hold: (code: HoldCode, sentence: string) => Hold,
): Hold {
  const { run, each } = candidate;
  const pools = run.pools.flatMap(name => books.pools.get(name) ?? []);
  const open = pools.filter(pool => mayGo(run, pool, books));
  const [pool] = pools;
  if (!pool) return hold('pool-unknown', explain.unknownPool(run, books.world));
  const later = backupLater(candidate, books);
  if (open.length === 0) {
    const closed = run.held.find(one => one.pool === pool.name);
    if (closed) return hold(closed.code, closed.sentence + later);
    if (!pool.reachable) return hold('pool-unreachable', explain.unreachable(pool, books.now) + later);
  }
  const asked = open.length > 0 ? open : [pool];
  const key = JSON.stringify([run.model, run.gpus, run.workers, asked.map(({ name }) => name)]);
  const known = books.sayings.get(key);
  const sentence =
    known ??
    explain.noSuchFlavor(
      run,
      asked,
      met.map(({ wish }) => wish.lane),
      each,
    );
  if (known === undefined) books.sayings.set(key, sentence);
  return hold('no-such-flavor', sentence + later);
}

/** When a backup pool comes in that has what it asks for. */
function backupLater({ run, lanes, each }: Candidate, books: Books): string {
  const patienceS = books.teams.get(run.team)?.patienceS ?? null;
  if (patienceS === null) return '';
  const lane = lanes.find(
    one =>
      one.pool.backup &&
      one.pool.reachable &&
      !mayGo(run, one.pool, books) &&
      !run.held.some(({ pool }) => pool === one.pool.name) &&
      everFitting(one, each) >= run.workers,
  );
  return lane ? explain.backupLater(lane.pool, run.queuedAt + patienceS * 1_000, books.now) : '';
}

function tooDear(
  { wish, obstacle }: Met,
  met: readonly Met[],
  books: Books,
  hold: (code: HoldCode, sentence: string) => Hold,
): Hold {
  const cost = costOf(wish);
  const team = books.teams.get(wish.run.team);
  const { currency } = books.world;
  const askAbove = team?.askAbove ?? null;
  const hasRoom = obstacle === 'cost';
  const isOnly = met.every(
    one => one.obstacle === 'never' || one.obstacle === 'too-small' || one.wish === wish,
  );
  if (askAbove !== null && cost > askAbove)
    return {
      ...hold('needs-approval', explain.needsApproval(wish, cost, askAbove, currency, { hasRoom, isOnly })),
      cost,
    };
  const left = books.left.get(wish.run.team) ?? 0;
  return {
    ...hold('over-budget', explain.overBudget(wish, cost, left, currency, { hasRoom, isOnly })),
    cost,
  };
}
