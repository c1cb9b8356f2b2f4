import { type Books, type Candidate, candidatesOf, openBooks, openTable, type Table } from './books.ts';
import { consider } from './consider.ts';
import { withdrawReason } from './explain.ts';
import { type Line, linesOf, queueOrder, scoreOf, takeInOrder } from './order.ts';
import type { Decision, Holder, Preempt, Start, Withdraw, World } from './world.ts';

/**
 * Decides for every run that waits whether it starts now, and where, or why not; who is stopped for whom; and what is taken back from a
 * machine that fell silent. A function of its arguments alone, in which the order of rows means nothing. Every run that waits gets exactly
 * one `start` or `hold`; for whom others are stopped is held as `making-room`, and goes first from then on. `now`: ms since the epoch.
 *
 * Queues, quotas, borrowing, reclaim and preemption mean what they mean in Kueue (`makeRoom`, `roomIn`); who may pass whom is EASY backfill
 * (`reserve`). It looks again after what it decided itself, until nothing more comes of it: to plan on what comes of a plan starts nothing.
 */
export function plan(world: World, now: number): Decision[] {
  const table = openTable(world, now);
  let lines = linesOf(candidatesOf(table));
  let holders = world.holders;
  const starts: Start[] = [];
  const preempts: Preempt[] = [];
  for (;;) {
    const books = lookThrough(table, lines, holders);
    starts.push(...books.starts);
    preempts.push(...books.preempts);
    if (books.starts.length + books.preempts.length === 0)
      return [...withdrawals(table), ...starts, ...preempts, ...books.holds];
    holders = holdersAfter(books, lines);
    lines = linesAfter(books, lines);
  }
}

/** One look at everything that waits, over what is held at its beginning. */
function lookThrough(table: Table, lines: readonly Line[], holders: readonly Holder[]): Books {
  const books = openBooks(table, holders);
  const { held, queues, world } = books;
  const promised = lines.flatMap(line => line.runs.filter(({ run }) => run.room !== null));
  for (const candidate of promised.sort((a, b) => queueOrder(a.run, b.run))) consider(candidate, books);
  const ask = {
    borrows({ amount, cells: [first] }: Candidate) {
      return first != null && first.used + amount > first.quota;
    },
    score: (team: string) => scoreOf(queues.get(team), held.get(team) ?? 0),
  };
  takeInOrder(lines, world.policy, ask, candidate => {
    if (candidate.run.room === null) consider(candidate, books);
  });
  return books;
}

/** Who holds what once those decisions are carried out. */
function holdersAfter({ now, holders, starts }: Books, lines: readonly Line[]): Holder[] {
  const started = new Map(starts.map(one => [one.run, one]));
  const begun = lines.flatMap(line =>
    line.runs.flatMap(({ run }): Holder[] => {
      const one = started.get(run.number);
      if (!one) return [];
      const { number, team, project, priority, preemptible, limitS } = run;
      const { pool, flavor, shares } = one;
      const times = { since: now, endsBy: now + limitS * 1_000 };
      const state = { leaving: false, untaken: true };
      return [{ number, team, project, pool, flavor, priority, preemptible, shares, ...times, ...state }];
    }),
  );
  return [...holders, ...begun];
}

/** Who waits then; room that is made for somebody stays theirs. */
function linesAfter({ starts, holds }: Books, lines: readonly Line[]): Line[] {
  const started = new Set(starts.map(({ run }) => run));
  const rooms = new Map(holds.flatMap(({ run, room }) => (room ? [[run, room] as const] : [])));
  return lines.map(line => ({
    ...line,
    runs: line.runs.flatMap(candidate => {
      const { number } = candidate.run;
      if (started.has(number)) return [];
      const room = rooms.get(number);
      return room ? { ...candidate, run: { ...candidate.run, room } } : candidate;
    }),
  }));
}

function withdrawals({ world, pools, now }: Table): Withdraw[] {
  return world.holders
    .flatMap(holder => {
      const pool = pools.get(holder.pool);
      if (!pool || pool.reachable || !holder.untaken || holder.leaving) return [];
      const reason = withdrawReason(pool, now);
      return [{ type: 'withdraw' as const, run: holder.number, pool: pool.name, reason }];
    })
    .sort((a, b) => a.run - b.run);
}
