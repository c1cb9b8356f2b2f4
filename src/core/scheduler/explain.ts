import { counted, formatDuration, formatNumber, timeOfDay } from '../format.ts';
import type { Lane, LaneNode } from './place.ts';
import { type Cell, mostIn, type QuotaLine, roomIn, type Said } from './quota.ts';
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
  return `Project ${run.project} has ${counted(limit, 'run')} at work, as many as it may. It starts when one of them ends.`;
}

/** `lanes`: what has its name there, and is too small. */
export function noSuchFlavor(
  run: Waiting,
  pools: readonly PoolStock[],
  lanes: readonly Lane[],
  each: number,
): string {
  const kind = run.gpus > 0 ? 'gpu' : 'cpu';
  const names = pools.map(({ name }) => name);
  const where = names.length === 1 ? `pool ${names[0]}` : `pools ${short(names)}`;
  const has = names.length === 1 ? 'has' : 'have';
  const needs = `It needs ${things(each, kind, run.model)}`;
  if (lanes.length === 0) {
    if (kind === 'cpu')
      return `${needs}; ${where} ${has} none. It starts when there is one, or ask for a GPU.`;
    const flavors = pools.flatMap(pool => pool.flavors.filter(one => one.kind === 'gpu'));
    if (flavors.length === 0) return `${needs}; ${where} ${has} no GPUs. Ask for another pool.`;
    const models = [...new Set(flavors.flatMap(one => (one.onlyNamed ? [one.flavor] : one.models)))].sort();
    return `${needs}; ${where} ${has} none of that name. Ask for ${choice(models)}, or for another pool.`;
  }
  const nodes = lanes.flatMap(lane => lane.nodes);
  const faulty = nodes.reduce((sum, node) => sum + node.faulty, 0);
  const broken = faulty > 0 ? ` (${faulty} ${are(faulty)} faulty)` : '';
  if (run.workers > 1) {
    const fit = Math.max(0, ...lanes.map(lane => lane.nodes.filter(node => node.healthy >= each).length));
    const less = fit > 0 ? `Ask for at most ${counted(fit, 'worker')}` : 'Ask for fewer on each';
    return `${needs} on each of ${run.workers} nodes; ${where} ${has} ${fit === 0 ? 'no such node' : counted(fit, 'such node')}${broken}. ${less}, or it waits until there are more.`;
  }
  const most = nodes.reduce((sum, node) => Math.max(sum, node.healthy), 0);
  if (most === 0) return `${needs}; ${where} ${has} none that works${broken}. It starts when there is one.`;
  return `${needs} on one node; no node of ${where} has more than ${most}${broken}. Ask for at most ${most}, or it waits until there is such a node.`;
}

export function backupLater(pool: PoolStock, at: number, now: number): string {
  return ` From ${timeOfDay(new Date(at), new Date(now))} on it may go to pool ${pool.name}.`;
}

/* ---- quotas ---- */

export function quotaTooSmall({ run, amount, lane }: Wish, cell: Cell): string {
  const { flavor } = lane.flavor;
  const most = mostIn(cell);
  if (most === 0)
    return `Team ${run.team} has no quota of ${flavor}. It starts when signalbox.yml gives it one, or ask for another model.`;
  const needs = `It needs ${amount} ${flavor}`;
  if (!run.preemptible && amount <= most)
    return `${needs}; team ${run.team} has a quota of ${cell.quota}, and only preemptible runs may borrow more. It starts when project ${run.project} is preemptible, or ask for at most ${cell.quota}.`;
  if (!run.preemptible || most === cell.quota)
    return `${needs}; team ${run.team} has a quota of ${cell.quota}. Ask for at most ${cell.quota}, or for more quota.`;
  return `${needs}; team ${run.team} has a quota of ${cell.quota} and may borrow ${most - cell.quota}. Ask for at most ${most}, or for more quota.`;
}

export function quotaUsed({ run, amount, lane }: Wish, cell: Cell): string {
  const lack = cell.firmUsed + amount - cell.quota;
  return `It needs ${amount} ${lane.flavor.flavor}; team ${run.team} has a quota of ${cell.quota}, and its runs that are not preemptible hold ${cell.firmUsed}. Nor is this one, so it may not borrow. It starts when ${lack} of those ${are(lack)} released.`;
}

export function borrowingLimit({ run, amount, lane }: Wish, cell: Cell): string {
  const { flavor } = lane.flavor;
  const needs = `It needs ${amount} ${flavor}; team ${run.team} holds ${cell.used} with a quota of ${cell.quota}`;
  // Every one that the team itself lets go of makes room for one.
  const lack = amount - roomIn(cell, 'used');
  const own = cell.used >= lack ? ` by its own team` : '';
  if (cell.used + amount > cell.quota + cell.borrow)
    return `${needs} and may borrow ${cell.borrow}. It starts when ${lack} more ${are(lack)} released by its own team.`;
  if (cell.used + amount <= cell.quota)
    return `${needs}, and other teams still hold what they borrowed of it. It starts when ${lack} more ${are(lack)} released by them.`;
  const left = Math.max(0, cell.pot.lendable - cell.pot.used);
  const whom = own === '' ? '' : `${own}, or by those who borrow`;
  return `${needs}; cohort ${cell.cohort} has ${left} left to lend. It starts when ${lack} more ${are(lack)} released${whom}.`;
}

export function behindQuota({ lane }: Wish, cell: Cell, line: QuotaLine, isFifo: boolean): string {
  return said(line, () => {
    const whose = line === cell.line ? `of team ${cell.team}` : `that cohort ${cell.cohort} lends`;
    return `${aheadOf(line)} for the quota of ${lane.flavor.flavor} ${whose}. ${after(line, isFifo)}`;
  });
}

/** Room is being made for others of its team, or for those that borrow. */
export function behindPromised({ lane }: Wish, cell: Cell): string {
  const whose = cell.promised ? `of team ${cell.team}` : `that cohort ${cell.cohort} lends`;
  const ahead = cell.promised ?? cell.pot.promised ?? { first: null, waiting: 1 };
  return `${aheadOf(ahead)} for the quota of ${lane.flavor.flavor} ${whose}, and room is being made for that. It starts when there is quota left.`;
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
  return `${needs}; ${free} of ${total}${which(lane)} in pool ${lane.pool.name} ${are(free)} free. It starts when ${lack} more ${are(lack)} released${by}.`;
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
    return `${needs}${gang(run, each)}; pool ${lane.pool.name} has ${free}${which(lane)} free, but only ${fit} ${fit === 1 ? 'node' : 'nodes'} with ${each} (${spread}). It starts when ${lack} more ${lack === 1 ? 'node has' : 'nodes have'} ${each} free.`;
  }
  const most = Math.max(0, ...open.map(one => one.free));
  return `${needs} on one node; pool ${lane.pool.name} has ${free}${which(lane)} free, but spread (${spread}). It starts when one node has ${each - most} more free.`;
}

export function makingRoom(
  { run, lane, amount }: Wish,
  leaving: readonly Holder[],
  nodes: readonly LaneNode[],
): string {
  const where = short(nodes.map(({ name }) => name));
  return `${things(amount, lane.flavor.kind, run.model)} on ${where} in pool ${lane.pool.name} ${are(amount)} being made free for it: ${stopped(leaving)}`;
}

/** Its nodes are free; what lacks is quota, which others elsewhere let go of. */
export function freeingQuota({ lane }: Wish, leaving: readonly Holder[], nodes: readonly LaneNode[]): string {
  const where = short(nodes.map(({ name }) => name));
  return `It has its place on ${where} in pool ${lane.pool.name}; its quota of ${lane.flavor.flavor} is being made free: ${stopped(leaving)}`;
}

function stopped(leaving: readonly Holder[]): string {
  const gone = leaving.map(({ number }) => number).sort((a, b) => a - b);
  return gone.length === 1
    ? `run ${numbers(gone)} is being stopped. It starts when that has ended.`
    : `runs ${numbers(gone)} are being stopped. It starts when they have ended.`;
}

export function runsAhead({ lane }: Wish, isFifo: boolean): string {
  return said(lane, () => {
    const { kind, flavor } = lane.flavor;
    const what = kind === 'gpu' ? `GPUs (${flavor})` : 'CPU slots';
    return `${aheadOf(lane)} for ${what} in pool ${lane.pool.name}. ${after(lane, isFifo)}`;
  });
}

/* ---- money ---- */

interface Dear {
  /** It could start there now. */
  hasRoom: boolean;
  /** No other pool could run it. */
  isOnly: boolean;
}

export function needsApproval(
  wish: Wish,
  cost: number,
  askAbove: number,
  currency: string,
  where: Dear,
): string {
  const above = `team ${wish.run.team} asks for approval above ${money(askAbove, currency)}`;
  return `${dear(wish, cost, currency, where)}; ${above}. ${agrees(where)}`;
}

export function overBudget(wish: Wish, cost: number, left: number, currency: string, where: Dear): string {
  const has = `team ${wish.run.team} has ${money(Math.max(0, left), currency)} left this month`;
  return `${dear(wish, cost, currency, where)}; ${has}. ${agrees(where)}`;
}

function dear({ run, lane }: Wish, cost: number, currency: string, { hasRoom }: Dear): string {
  const before = run.approved === null ? '' : ` (${money(run.approved, currency)} are approved)`;
  const price = `up to ${money(cost, currency)}${before}`;
  return hasRoom
    ? `Pool ${lane.pool.name} has room for it, for ${price}`
    : `In pool ${lane.pool.name} it would cost ${price}`;
}

function agrees({ hasRoom, isOnly }: Dear): string {
  const then = hasRoom ? '' : ' and there is room';
  return `It starts when an approver agrees${then}${isOnly ? '' : ', or when another of its pools has room'}.`;
}

function money(amount: number, currency: string): string {
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
  const lent = borrowed > 0 ? ` ${borrowed} ${flavor} ${are(borrowed)} borrowed from other teams.` : '';
  const { patienceS } = paid;
  const waited =
    patienceS === null
      ? ''
      : patienceS === 0
        ? ` Its own pools have no room, so it goes to ${lane.pool.name}.`
        : ` It waited ${formatDuration(patienceS)} for its own pools, so it goes to ${lane.pool.name}.`;
  const costs = paid.cost > 0 ? ` It costs at most ${money(paid.cost, paid.currency)}.` : '';
  return `${what}${lent}${waited}${costs}`;
}

export function preemptReason(by: Wish, holder: Holder, rule: PreemptionRule, cell: Cell | null): string {
  const { run, lane } = by;
  if (rule === 'priority')
    return `Stopped for #${run.number} of the same team, which has priority ${run.priority}; this one has ${holder.priority}.`;
  const quota = cell ? `its quota of ${formatNumber(cell.quota)}` : 'its quota';
  return `Stopped for #${run.number}: team ${run.team} takes back ${lane.flavor.flavor} of ${quota}, which team ${holder.team} had borrowed.`;
}

export function withdrawReason(pool: PoolStock, now: number): string {
  const since =
    pool.seenAt === null
      ? 'has never been heard of'
      : `has not been heard of since ${timeOfDay(new Date(pool.seenAt), new Date(now))}`;
  return `The agent of pool ${pool.name} ${since}, and had not taken it.`;
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

/** The flavor, where the pool has several of its kind. */
function which({ pool, flavor }: Lane): string {
  const alike = pool.flavors.filter(({ kind }) => kind === flavor.kind);
  return flavor.kind === 'gpu' && alike.length > 1 ? ` ${flavor.flavor}` : '';
}

/** When those ahead are through. */
function after({ waiting, first }: { waiting: number; first: number | null }, isFifo: boolean): string {
  const whom = waiting === 1 ? `#${first}` : 'them';
  return isFifo
    ? `It starts after ${whom}.`
    : `It starts after ${whom}, or sooner where that ${waiting === 1 ? 'does not delay it' : 'delays none of them'}.`;
}

function choice(words: readonly string[]): string {
  if (words.length < 2 || words.length > shown) return short(words);
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function numbers(runs: readonly number[]): string {
  return short(runs.map(number => `#${number}`));
}

function short(words: readonly string[], most = shown): string {
  return words.length > most
    ? `${words.slice(0, most).join(', ')} and ${words.length - most} more`
    : words.join(', ');
}
