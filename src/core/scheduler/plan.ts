import { timeOfDay } from '../format.ts';
import { type Freeze, freezesOn, heldSentence, workingIn } from '../freeze.ts';
import type { Accelerator, PlanSnapshot, PoolState } from '../ports.ts';
import { type Priority, priorities } from '../project.ts';
import type { Decision as PlanDecision } from './world.ts';

/** Why a queued run does not start, as a closed set. */
export const holdCodes = [
  /** An earlier run waits for the same kind of accelerator in the same pool. */
  'runs-ahead',
  /** Not enough free accelerators. */
  'flavor-full',
  /** Enough are free, but no one node has them all. */
  'fragmented',
  /** No node has that many healthy accelerators of that model, busy or not. */
  'no-such-flavor',
  'pool-unreachable',
  'pool-unknown',
  /** An operator has frozen everything, its pool or its project. */
  'frozen',
  /** An operator has its pool drained. */
  'draining',
] as const;
export type HoldCode = (typeof holdCodes)[number];

type Queued = PlanSnapshot['queued'][number];
type Kind = Accelerator['kind'];
interface Node {
  name: string;
  /** Indices of healthy accelerators that fit the run, ascending. */
  fitting: number[];
  free: number[];
}

/**
 * Decides for every queued run whether it starts now, and where, or why not: per pool by priority, then by the time when it was queued,
 * then by number. A run that waits blocks the later ones that want the same kind of accelerator in its pool; one that could not start
 * even on an idle pool blocks nobody, nor does one that an operator holds back. A run's accelerators are all on one node: the one with the fewest free that has enough.
 *
 * Pure, and independent of the order of rows. Every queued run gets exactly one decision.
 */
export function plan(snapshot: PlanSnapshot, now: Date): PlanDecision[] {
  const pools = new Map(snapshot.pools.map(pool => [pool.name, pool]));
  const names = [...new Set(snapshot.queued.map(run => run.pool))].sort();
  return names.flatMap(name => {
    const all = snapshot.queued.filter(run => run.pool === name).sort(queueOrder);
    const kept = all.flatMap(run => {
      const freezes = freezesOn(snapshot.freezes, run);
      return freezes.length > 0 ? [heldBack(run, freezes, snapshot, now)] : [];
    });
    const queue = all.filter(run => !kept.some(decision => decision.run === run.number));
    const pool = pools.get(name);
    if (!pool) return [...kept, ...queue.map(run => hold(run, 'pool-unknown', unknownPool(name, pools)))];
    if (!pool.reachable)
      return [...kept, ...queue.map(run => hold(run, 'pool-unreachable', unreachable(pool, now)))];
    return [...kept, ...planPool(pool, queue, holders(snapshot, name))];
  });
}

/** What an operator holds back says so whatever else would keep it. */
function heldBack(run: Queued, freezes: Freeze[], { held }: PlanSnapshot, now: Date): PlanDecision {
  const code = freezes.some(({ kind }) => kind === 'freeze') ? 'frozen' : 'draining';
  return hold(run, code, heldSentence(freezes, workingIn(run.pool, held), now));
}

/** The order of a pool's queue. */
function queueOrder(a: Queued, b: Queued): number {
  return (
    rank(b.priority) - rank(a.priority) || a.queuedAt.getTime() - b.queuedAt.getTime() || a.number - b.number
  );
}

function rank(priority: Priority): number {
  return priorities.indexOf(priority);
}

function planPool(pool: PoolState, queue: Queued[], taken: Map<string, number>): PlanDecision[] {
  const waiting: Record<Kind, Queued[]> = { gpu: [], cpu: [] };
  return queue.map(run => {
    const kind: Kind = run.gpus > 0 ? 'gpu' : 'cpu';
    const wanted = Math.max(run.gpus, 1);
    const nodes = nodesFor(pool, kind, run.gpuModel, taken);
    if (!nodes.some(node => node.fitting.length >= wanted))
      return hold(run, 'no-such-flavor', tooSmall(pool, run, kind, nodes));
    const ahead = waiting[kind];
    if (ahead.length > 0) {
      waiting[kind] = [...ahead, run];
      return hold(run, 'runs-ahead', behind(pool, kind, ahead));
    }
    const node = nodes.filter(({ free }) => free.length >= wanted).sort(tightest)[0];
    if (!node) {
      waiting[kind] = [run];
      return full(pool, run, kind, nodes, taken);
    }
    const indices = node.free.slice(0, wanted);
    for (const index of indices) taken.set(place(kind, node.name, index), run.number);
    const reason = `${things(wanted, kind, run.gpuModel)} on ${node.name} (${list(indices)}) ${wanted === 1 ? 'is' : 'are'} free.`;
    return {
      type: 'start',
      run: run.number,
      pool: pool.name,
      flavor: kind,
      shares: [{ node: node.name, kind, indices }],
      cost: 0,
      price: 0,
      reason,
    };
  });
}

/** Who holds what in a pool. */
function holders(snapshot: PlanSnapshot, pool: string): Map<string, number> {
  const rows = snapshot.held.filter(row => row.pool === pool);
  return new Map(rows.map(row => [place(row.kind, row.node, row.index), row.run]));
}

function place(kind: Kind, node: string, index: number): string {
  return `${kind} ${index} ${node}`;
}

function nodesFor(pool: PoolState, kind: Kind, model: string | null, taken: Map<string, number>): Node[] {
  const fitting = pool.accelerators.filter(a => a.kind === kind && a.healthy && isModel(a, kind, model));
  return [...new Set(fitting.map(a => a.node))].sort().map(name => {
    const indices = [...new Set(fitting.filter(a => a.node === name).map(a => a.index))].sort(
      (a, b) => a - b,
    );
    return { name, fitting: indices, free: indices.filter(index => !taken.has(place(kind, name, index))) };
  });
}

function isModel(accelerator: Accelerator, kind: Kind, model: string | null): boolean {
  if (kind === 'cpu' || model === null) return true;
  return accelerator.model.toLowerCase().includes(model.toLowerCase());
}

function tightest(a: Node, b: Node): number {
  return a.free.length - b.free.length || (a.name < b.name ? -1 : 1);
}

/* ---- explanations: the numbers that make it true, and what would change it ---- */

function hold(run: Queued, code: HoldCode, sentence: string): PlanDecision {
  return { type: 'hold', run: run.number, code, sentence };
}

function unknownPool(name: string, pools: Map<string, PoolState>): string {
  const others = pools.size > 0 ? `The pools are ${[...pools.keys()].sort().join(', ')}. ` : '';
  return `There is no pool ${name}. ${others}It starts when signalbox.yml has that pool again.`;
}

function unreachable(pool: PoolState, now: Date): string {
  const seen = pool.seenAt
    ? `has not been heard of since ${timeOfDay(pool.seenAt, now)}`
    : 'has never been heard of';
  return `The agent of pool ${pool.name} ${seen}. It starts when that agent runs and reaches Signalbox.`;
}

function tooSmall(pool: PoolState, run: Queued, kind: Kind, nodes: Node[]): string {
  const wanted = things(Math.max(run.gpus, 1), kind, run.gpuModel);
  const most = Math.max(0, ...nodes.map(node => node.fitting.length));
  const faulty = pool.accelerators.filter(
    a => a.kind === kind && !a.healthy && isModel(a, kind, run.gpuModel),
  ).length;
  const broken = faulty > 0 ? ` (${faulty} more ${faulty === 1 ? 'is' : 'are'} faulty)` : '';
  const models = [...new Set(pool.accelerators.filter(a => a.kind === kind).map(a => a.model))].sort();
  const there = kind === 'gpu' && models.length > 0 ? ` Its models: ${models.join(', ')}.` : '';
  const has = `no node of pool ${pool.name} has more than ${most} healthy${broken}.`;
  return `It needs ${wanted} on one node, but ${has}${there} It starts when the pool gets them, or ask for less.`;
}

function behind(pool: PoolState, kind: Kind, ahead: Queued[]): string {
  const numbers = ahead.map(run => `#${run.number}`);
  const runs = ahead.length === 1 ? '1 run is' : `${ahead.length} runs are`;
  return `${runs} ahead of it for ${noun(2, kind)} in pool ${pool.name} (${short(numbers)}). It is next when they have started.`;
}

function full(
  pool: PoolState,
  run: Queued,
  kind: Kind,
  nodes: Node[],
  taken: Map<string, number>,
): PlanDecision {
  const wanted = Math.max(run.gpus, 1);
  const free = nodes.reduce((sum, node) => sum + node.free.length, 0);
  const total = nodes.reduce((sum, node) => sum + node.fitting.length, 0);
  const needs = `It needs ${things(wanted, kind, run.gpuModel)}`;
  if (free >= wanted) {
    const spread = nodes
      .filter(node => node.free.length > 0)
      .map(node => `${node.free.length} on ${node.name}`);
    const most = Math.max(...nodes.map(node => node.free.length));
    const sentence = `${needs} on one node; pool ${pool.name} has ${free} free, but spread (${short(spread)}). It starts when one node has ${wanted - most} more free.`;
    return hold(run, 'fragmented', sentence);
  }
  const held = nodes.flatMap(node => node.fitting.map(index => taken.get(place(kind, node.name, index))));
  const runs = [...new Set(held.filter(number => number !== undefined))].sort((a, b) => a - b);
  const by = short(runs.map(number => `#${number}`));
  const sentence = `${needs}; ${free} of ${total} in pool ${pool.name} ${free === 1 ? 'is' : 'are'} free. It starts when ${wanted - free} more ${wanted - free === 1 ? 'is' : 'are'} released (held by ${by}).`;
  return hold(run, 'flavor-full', sentence);
}

function things(count: number, kind: Kind, model: string | null): string {
  return `${count} ${kind === 'gpu' && model !== null ? `${model} ` : ''}${noun(count, kind)}`;
}

function noun(count: number, kind: Kind): string {
  return `${kind === 'gpu' ? 'GPU' : 'CPU slot'}${count === 1 ? '' : 's'}`;
}

function list(indices: number[]): string {
  return indices.join(', ');
}

function short(words: string[]): string {
  return words.length > 5 ? `${words.slice(0, 5).join(', ')} and ${words.length - 5} more` : words.join(', ');
}
