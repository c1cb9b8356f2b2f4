import { formatDuration, formatNumber, timeOfDay } from '../format.ts';
import type { Lane, LaneNode } from './place.ts';
import { type Cell, isBorrowing, type QuotaLine, type Said } from './quota.ts';
import type { Wish } from './reclaim.ts';
import type { Holder, PoolStock, PreemptionRule, Waiting, World } from './world.ts';

/** Sentences for people: what is so, with its numbers, and the one change that would let the run start. */

const shown = 5;

export function unknownPool(run: Waiting, world: World): string {
  const names = world.pools.map(({ name }) => name);
  const others = names.length > 0 ? `The pools are ${short([...names].sort())}. ` : '';
  return `There is no pool ${run.pool}. ${others}It starts when signalbox.yml has that pool again.`;
}

export function unreachable(pool: PoolStock, now: number): string {
  const seen =
    pool.seenAt === null
      ? 'has never been heard of'
      : `has not been heard of since ${timeOfDay(new Date(pool.seenAt), new Date(now))}`;
  return `The agent of pool ${pool.name} ${seen}. It starts when that agent runs and reaches Signalbox.`;
}

export function projectLimit(run: Waiting, limit: number): string {
  const may = limit === 1 ? '1 run of it may' : `${limit} runs of it may`;
  return `Project ${run.project} has all the runs at work that it may have: ${may} at once. It starts when one of them ends.`;
}

export function noSuchFlavor(run: Waiting, pool: PoolStock, lanes: readonly Lane[], each: number): string {
  const kind = run.gpus > 0 ? 'gpu' : 'cpu';
  const wanted = things(each, kind, run.model);
  const nodes = lanes.flatMap(lane => lane.nodes);
  const most = Math.max(0, ...nodes.map(node => node.healthy));
  const faulty = nodes.reduce((sum, node) => sum + node.faulty, 0);
  const broken = faulty > 0 ? ` (${faulty} more ${faulty === 1 ? 'is' : 'are'} faulty)` : '';
  const models = [...new Set(pool.flavors.flatMap(one => (one.kind === 'gpu' ? one.models : [])))].sort();
  const there = kind === 'gpu' && models.length > 0 ? ` Its models: ${models.join(', ')}.` : '';
  if (run.workers > 1) {
    const fit = Math.max(0, ...lanes.map(lane => lane.nodes.filter(node => node.healthy >= each).length));
    return `It needs ${wanted} on each of ${run.workers} nodes, but pool ${pool.name} has ${fit} such ${fit === 1 ? 'node' : 'nodes'}.${there} It starts when the pool gets them, or ask for less.`;
  }
  const has = `no node of pool ${pool.name} has more than ${most} healthy${broken}`;
  return `It needs ${wanted} on one node, but ${has}.${there} It starts when the pool gets them, or ask for less.`;
}

/* ---- quotas ---- */

export function quotaTooSmall({ run, amount, lane }: Wish, cell: Cell): string {
  const { flavor } = lane.flavor;
  if (cell.quota === 0 && cell.borrow === 0)
    return `Team ${run.team} has no quota of ${flavor}. It starts when signalbox.yml gives the team one, or ask for something else.`;
  const may = Number.isFinite(cell.borrow) ? ` and may borrow ${cell.borrow}` : '';
  const own = `team ${run.team} has a quota of ${cell.quota}${run.preemptible ? may : ', and only runs that can be preempted may borrow'}`;
  return `It needs ${amount} ${flavor}, but ${own}. It can never start like this: ask for less, or for more quota.`;
}

export function quotaUsed({ run, amount, lane }: Wish, cell: Cell): string {
  const { flavor } = lane.flavor;
  const free = Math.max(0, cell.quota - cell.firmUsed);
  return `It needs ${amount} ${flavor}; team ${run.team} holds ${cell.firmUsed} of its quota of ${cell.quota} with runs that cannot be preempted, as this one, and such runs may not borrow. It starts when ${amount - free} more ${are(amount - free)} released by its own team.`;
}

export function borrowingLimit({ run, amount, lane }: Wish, cell: Cell): string {
  const { flavor } = lane.flavor;
  const holds = `team ${run.team} holds ${cell.used} ${flavor} of its quota of ${cell.quota}`;
  const over = Math.max(0, cell.used - cell.quota);
  const wouldBorrow = cell.used + amount - cell.quota;
  if (wouldBorrow > cell.borrow) {
    const less = wouldBorrow - cell.borrow;
    return `It needs ${amount}; ${holds} and may borrow ${cell.borrow}, of which it has ${over}. It starts when ${less} more ${are(less)} released by its own team.`;
  }
  const left = Math.max(0, cell.pot.lendable - cell.pot.used);
  if (!isBorrowing(cell) && wouldBorrow <= 0)
    return `It needs ${amount}; ${holds}, and the rest is lent to other teams, whose runs cannot be stopped now. It starts when they end.`;
  return `It needs ${amount}; ${holds}, and cohort ${cell.cohort} has ${left} left to lend. It starts when its own team releases some, or others need less of theirs.`;
}

export function behindQuota({ lane }: Wish, cell: Cell, line: QuotaLine): string {
  return said(line, () => {
    const ofTeam = line === cell.line ? `of team ${cell.team}` : null;
    const ofCohort = line === cell.pot.line ? `that cohort ${cell.cohort} lends` : `of cohort ${cell.cohort}`;
    const whose = ofTeam ?? ofCohort;
    return `${aheadOf(line)} for the quota of ${lane.flavor.flavor} ${whose}. It starts after, or before where it keeps none of them waiting.`;
  });
}

/* ---- room ---- */

export function flavorFull({ run, lane, amount, each }: Wish): string {
  const free = lane.nodes.reduce((sum, node) => sum + node.free.length, 0);
  const total = lane.nodes.reduce((sum, node) => sum + node.healthy, 0);
  const kind = lane.flavor.kind;
  const needs = `It needs ${things(amount, kind, run.model)}${gang(run, each)}`;
  const holders = lane.holders.map(({ number }) => number).sort((a, b) => a - b);
  const by = holders.length > 0 ? ` (held by ${numbers(holders)})` : '';
  const lack = amount - free;
  return `${needs}; ${free} of ${total} in pool ${lane.pool.name} ${are(free)} free. It starts when ${lack} more ${are(lack)} released${by}.`;
}

export function fragmented({ run, lane, amount, each }: Wish): string {
  const kind = lane.flavor.kind;
  const open = lane.nodes
    .map(node => ({ name: node.name, free: node.free.length }))
    .filter(one => one.free > 0);
  const free = open.reduce((sum, one) => sum + one.free, 0);
  const spread = short(open.map(one => `${one.free} on ${one.name}`));
  const needs = `It needs ${things(amount, kind, run.model)}`;
  if (run.workers > 1) {
    const fit = open.filter(one => one.free >= each).length;
    const lack = run.workers - fit;
    return `${needs}${gang(run, each)}; pool ${lane.pool.name} has ${free} free, but only ${fit} ${fit === 1 ? 'node' : 'nodes'} with ${each} (${spread}). It starts when ${lack} more ${lack === 1 ? 'node has' : 'nodes have'} ${each} free.`;
  }
  const most = Math.max(0, ...open.map(one => one.free));
  return `${needs} on one node; pool ${lane.pool.name} has ${free} free, but spread (${spread}). It starts when one node has ${each - most} more free.`;
}

export function makingRoom(
  { run, lane, amount }: Wish,
  leaving: readonly Holder[],
  nodes: readonly LaneNode[],
): string {
  const where = short(nodes.map(({ name }) => name));
  const gone = leaving.map(({ number }) => number).sort((a, b) => a - b);
  const stops = gone.length === 1 ? `run ${numbers(gone)} is` : `runs ${numbers(gone)} are`;
  return `${cap(things(amount, lane.flavor.kind, run.model))} on ${where} in pool ${lane.pool.name} ${are(amount)} being made free for it: ${stops} being stopped. It starts when ${gone.length === 1 ? 'that has' : 'they have'} ended.`;
}

export function runsAhead({ lane }: Wish): string {
  return said(lane, () => {
    const what = `${nounOf(2, lane.flavor.kind)} (${lane.flavor.flavor}) in pool ${lane.pool.name}`;
    return `${aheadOf(lane)} for ${what}. It starts after, or before where it keeps none of them waiting.`;
  });
}

/* ---- money ---- */

export function needsApproval({ run, lane }: Wish, cost: number, askAbove: number, currency: string): string {
  return `Pool ${lane.pool.name} has room for it, at a cost of up to ${money(cost, currency)}, and team ${run.team} asks for approval above ${money(askAbove, currency)}. It starts when an approver agrees, or when a pool without that cost has room.`;
}

export function overBudget({ run, lane }: Wish, cost: number, left: number, currency: string): string {
  return `Pool ${lane.pool.name} has room for it, at a cost of up to ${money(cost, currency)}, and team ${run.team} has ${money(Math.max(0, left), currency)} left this month. It starts when an approver agrees, or when a pool without that cost has room.`;
}

export function money(amount: number, currency: string): string {
  return `${amount.toFixed(2)} ${currency}`;
}

/* ---- what is done ---- */

export function startReason(
  { run, lane, amount }: Wish,
  nodes: readonly { node: string; indices: readonly number[] }[],
  borrowed: number,
  paid: { patienceS: number | null; cost: number; currency: string },
): string {
  const { kind, flavor } = lane.flavor;
  const on = nodes.map(({ node, indices }) => `${node} (${short(indices.map(String), 16)})`);
  const what = `${things(amount, kind, run.model)} on ${short(on)} ${are(amount)} free.`;
  const lent = borrowed > 0 ? ` ${borrowed} of ${flavor} ${are(borrowed)} borrowed from other teams.` : '';
  const waited =
    paid.patienceS === null
      ? ''
      : ` Its own pools had no room for longer than ${formatDuration(paid.patienceS)}, so that it goes to ${lane.pool.name}.`;
  const costs = paid.cost > 0 ? ` It costs at most ${money(paid.cost, paid.currency)}.` : '';
  return `${what}${lent}${waited}${costs}`;
}

export function preemptReason(by: Wish, holder: Holder, rule: PreemptionRule, cell: Cell | null): string {
  const { run, lane } = by;
  if (rule === 'priority')
    return `Stopped for #${run.number}: it has priority ${run.priority}, this one ${holder.priority}, in team ${run.team}.`;
  const quota = cell ? `, ${formatNumber(cell.quota)} in all` : '';
  return `Stopped for #${run.number}: team ${run.team} takes back ${lane.flavor.flavor} of its quota${quota}, which team ${holder.team} had borrowed.`;
}

export function withdrawReason(pool: PoolStock, now: number): string {
  const since =
    pool.seenAt === null
      ? 'was never heard of'
      : `was not heard of since ${timeOfDay(new Date(pool.seenAt), new Date(now))}`;
  return `The agent of pool ${pool.name} ${since} and had not taken it yet.`;
}

/* ---- words ---- */

/** Counts above 20 are said as more than one of these, so that it stays true while a few come and go. */
const steps = Array.from({ length: 8 }, (_, power) =>
  [2, 5, 10].map(step => step * 10 ** (power + 1)),
).flat();
const exactUpTo = 20;

function aheadOf({ waiting, first }: { waiting: number; first: number | null }): string {
  const who = `(the first is #${first})`;
  if (waiting === 1) return `1 run is ahead of it (#${first})`;
  if (waiting <= exactUpTo) return `${waiting} runs are ahead of it ${who}`;
  const more = steps.findLast(step => step < waiting) ?? exactUpTo;
  return `More than ${formatNumber(more)} runs are ahead of it ${who}`;
}

/** The same words for all that the same number is said of. */
function said(line: { waiting: number; said: Said | null }, say: () => string): string {
  const { waiting } = line;
  if (line.said && waiting > exactUpTo && waiting <= line.said.upTo) return line.said.sentence;
  const sentence = say();
  const upTo = waiting <= exactUpTo ? waiting : (steps.find(step => step >= waiting) ?? waiting);
  line.said = { sentence, upTo };
  return sentence;
}

function gang(run: Waiting, each: number): string {
  return run.workers > 1 ? `, ${each} on each of ${run.workers} nodes` : '';
}

function things(count: number, kind: 'gpu' | 'cpu', model: string | null): string {
  return `${count} ${kind === 'gpu' && model !== null ? `${model} ` : ''}${nounOf(count, kind)}`;
}

function nounOf(count: number, kind: 'gpu' | 'cpu'): string {
  return `${kind === 'gpu' ? 'GPU' : 'CPU slot'}${count === 1 ? '' : 's'}`;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}

function cap(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function numbers(runs: readonly number[]): string {
  return short(runs.map(number => `#${number}`));
}

function short(words: readonly string[], most = shown): string {
  return words.length > most
    ? `${words.slice(0, most).join(', ')} and ${words.length - most} more`
    : words.join(', ');
}
