import type { Holder, Queue } from './world.ts';

/**
 * What the queues of one cohort lend each other of one flavor. `used` and `soon` count only what is beyond what each keeps for itself.
 */
interface Pot {
  /** Queues that hold more than their quota, by `soon`. */
  borrowers: number;
  /** Those who would borrow and wait. */
  line: QuotaLine | null;
  /** Those whose room is being made, and what waits for them. */
  promised: Ahead | null;
  lendable: number;
  used: number;
  soon: number;
}

/** Runs that come first. */
export interface Ahead {
  /** The number of the first. */
  first: number;
  waiting: number;
}

/** Runs that wait for the same quota. */
export interface QuotaLine extends Ahead {
  /** Ms since the epoch, when the first can start at the latest, were nobody to pass it; null: not by what ends by itself. */
  until: number | null;
  /** What was last said of it. */
  said: Said | null;
}

/** A sentence that is the same for thousands: it is true while no more than so many wait. */
export interface Said {
  upTo: number;
  sentence: string;
}

/** What a team may have of a flavor, and has. */
export interface Cell {
  team: string;
  flavor: string;
  cohort: string;
  /** Kueue's nominal quota. */
  quota: number;
  /** The most beyond the quota; may be infinite. */
  borrow: number;
  /** What of the quota is never lent. */
  kept: number;
  /** Held now, what is being let go of included. */
  used: number;
  /** Held when everything that is being let go of is free and what waits only for that has it. */
  soon: number;
  /** What of both runs hold that cannot be preempted. */
  firmUsed: number;
  firmSoon: number;
  /** Runs of the team that wait for its own quota. */
  line: QuotaLine | null;
  /** Runs of the team whose room is being made. */
  promised: Ahead | null;
  pot: Pot;
}

export interface Ledger {
  /** Null: no queue names that flavor, and it is free for all. The same one each time. */
  cellOf(team: string, flavor: string): Cell | null;
  /** From here on it says what these hold; nobody waits. */
  begin(holders: readonly Holder[]): void;
}

type When = 'used' | 'soon';

/** The books of all queues. */
export function openLedger(queues: readonly Queue[]): Ledger {
  const managed = new Set(queues.flatMap(queue => queue.quotas.map(({ flavor }) => flavor)));
  const pots = new Map<string, Pot>();
  const byFlavor = new Map<string, Map<string, Cell>>();
  const all: Cell[] = [];
  const put = (team: string, flavor: string, cohort: string, quota: number, borrow: number, lend: number) => {
    const pot = pots.get(`${cohort} ${flavor}`) ?? emptyPot();
    pots.set(`${cohort} ${flavor}`, pot);
    const lent = Math.min(lend, quota);
    pot.lendable += lent;
    const rest = { used: 0, soon: 0, firmUsed: 0, firmSoon: 0, line: null, promised: null, pot };
    const cell: Cell = { team, flavor, cohort, quota, borrow, kept: quota - lent, ...rest };
    all.push(cell);
    const ofFlavor = byFlavor.get(flavor) ?? new Map<string, Cell>();
    byFlavor.set(flavor, ofFlavor.set(team, cell));
    return cell;
  };
  for (const { team, cohort, quotas } of queues)
    for (const { flavor, quota, borrow, lend } of quotas)
      put(team, flavor, cohort, quota, borrow ?? Number.POSITIVE_INFINITY, lend ?? quota);
  const cellOf = (team: string, flavor: string) => {
    if (!managed.has(flavor)) return null;
    // A cohort of its own: who has no quota there lends and borrows nothing.
    return byFlavor.get(flavor)?.get(team) ?? put(team, flavor, ` ${team}`, 0, 0, 0);
  };
  return {
    cellOf,
    begin(holders) {
      for (const cell of all) {
        Object.assign(cell, { used: 0, soon: 0, firmUsed: 0, firmSoon: 0, line: null, promised: null });
        Object.assign(cell.pot, { ...emptyPot(), lendable: cell.pot.lendable });
      }
      for (const holder of holders) {
        const cell = cellOf(holder.team, holder.flavor);
        if (!cell) continue;
        const amount = amountOf(holder);
        take(cell, 'used', amount, !holder.preemptible);
        if (!holder.leaving) take(cell, 'soon', amount, !holder.preemptible);
      }
    },
  };
}

function emptyPot(): Pot {
  return { borrowers: 0, line: null, promised: null, lendable: 0, used: 0, soon: 0 };
}

/** The accelerators or slots that a run holds. */
export function amountOf({ shares }: Pick<Holder, 'shares'>): number {
  return shares.reduce((sum, { indices }) => sum + indices.length, 0);
}

/** Adds to what is held; a negative amount takes away. `firm`: by a run that cannot be preempted. */
export function take(cell: Cell, when: When, amount: number, firm: boolean): void {
  const beyond = Math.max(0, cell[when] - cell.kept);
  const borrowed = isBorrowing(cell);
  cell[when] += amount;
  cell.pot.borrowers += Number(isBorrowing(cell)) - Number(borrowed);
  cell.pot[when] += Math.max(0, cell[when] - cell.kept) - beyond;
  if (firm) cell[when === 'used' ? 'firmUsed' : 'firmSoon'] += amount;
}

/**
 * How much more the team may have now, by what it keeps for itself, what the cohort has left, and its borrowing limit: `available` in
 * Kueue's `resource_node.go`, for a cohort of one level. Below 0 after quotas were lowered.
 */
export function roomIn(cell: Cell, when: When): number {
  const own = Math.max(0, cell.kept - cell[when]);
  const left = cell.pot.lendable - cell.pot[when];
  const mayBorrow = cell.quota - cell.kept - Math.max(0, cell[when] - cell.kept) + cell.borrow;
  return own + Math.min(left, mayBorrow);
}

/** The most that the team could ever have, were all others idle. */
export function mostIn(cell: Cell): number {
  return Math.min(cell.kept + cell.pot.lendable, cell.quota + cell.borrow);
}

export function isBorrowing(cell: Cell): boolean {
  return cell.soon > cell.quota;
}

/** Whether a run could not even start were the team's and all lent quota idle. */
export function isTooSmall(cell: Cell | null, amount: number, preemptible: boolean): boolean {
  return cell !== null && amount > (preemptible ? mostIn(cell) : cell.quota);
}

/**
 * Whether a run of the team may have so many more, where its quota is not too small for it. Only one that can be preempted may borrow, so
 * that everything borrowed can be taken back: `used`. `limit`: nothing is left to borrow, or others have borrowed what is the team's own.
 */
export function quotaVerdict(
  cell: Cell | null,
  amount: number,
  preemptible: boolean,
  when: When,
): 'fits' | 'used' | 'limit' {
  if (!cell) return 'fits';
  if (!preemptible && (when === 'used' ? cell.firmUsed : cell.firmSoon) + amount > cell.quota) return 'used';
  return amount <= roomIn(cell, when) ? 'fits' : 'limit';
}
