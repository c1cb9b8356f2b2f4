import type { FlavorStock, Waiting, World } from '../../src/core/scheduler/world.ts';
import { placesOf } from './worlds.ts';

/** What a world holds, counted without the planner. */

export function isWanted(
  { gpus, model }: Waiting,
  { kind, flavor, models, onlyNamed }: FlavorStock,
): boolean {
  if (gpus === 0 || kind === 'cpu') return gpus === 0 && kind === 'cpu';
  if (model === null) return !onlyNamed;
  const names = onlyNamed ? [] : models;
  const wanted = model.toLowerCase();
  return flavor === wanted || names.some(name => name.toLowerCase().includes(wanted));
}

export function cellOf(team: string, flavor: string, world: World) {
  const isManaged = world.queues.some(({ quotas }) => quotas.some(one => one.flavor === flavor));
  if (!isManaged) return null;
  const queue = world.queues.find(one => one.team === team);
  const own = queue?.quotas.find(one => one.flavor === flavor);
  return {
    cohort: own ? queue?.cohort : null,
    quota: own?.quota ?? 0,
    borrow: own ? own.borrow : 0,
    lend: own?.lend ?? null,
  };
}

export function usedBy(team: string, flavor: string, world: World, firm = false): number {
  return world.holders
    .filter(one => one.team === team && one.flavor === flavor && !(firm && one.preemptible))
    .reduce((sum, one) => sum + placesOf(one).length, 0);
}

/** Whether the team may have so many more by what is held now. */
export function quotaAllows(run: Waiting, flavor: string, amount: number, world: World): boolean {
  const cell = cellOf(run.team, flavor, world);
  if (!cell) return true;
  const used = usedBy(run.team, flavor, world);
  if (!run.preemptible && usedBy(run.team, flavor, world, true) + amount > cell.quota) return false;
  if (cell.borrow !== null && used + amount > cell.quota + cell.borrow) return false;
  const { lendable, beyond } = lentFor(run.team, flavor, world, amount);
  return beyond <= lendable;
}

/** What the queues of a team's cohort would lend of a flavor, and what is had of that, were the team to have so many more. */
export function lentFor(
  team: string,
  flavor: string,
  world: World,
  more = 0,
): { lendable: number; beyond: number } {
  const cell = cellOf(team, flavor, world);
  let lendable = 0;
  let beyond = 0;
  for (const member of world.queues) {
    const theirs = cellOf(member.team, flavor, world);
    if (!cell || !theirs || theirs.cohort !== cell.cohort) continue;
    const lend = Math.min(theirs.lend ?? theirs.quota, theirs.quota);
    lendable += lend;
    const has = usedBy(member.team, flavor, world) + (member.team === team ? more : 0);
    beyond += Math.max(0, has - (theirs.quota - lend));
  }
  return { lendable, beyond };
}

export function couldEver(run: Waiting, flavor: string, amount: number, world: World): boolean {
  return quotaAllows(run, flavor, amount, { ...world, holders: [] });
}
