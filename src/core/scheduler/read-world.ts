import { freezesOn, heldSentence, workingIn } from '../freeze.ts';
import type { Policy } from '../policy.ts';
import type { PlanSnapshot, QueuedRun, WorkingRun } from '../ports.ts';
import { type FlavorsOf, flavorOf, readPool } from './read-pool.ts';
import type { Holder, PoolStock, Queue, Share, Team, Waiting, World } from './world.ts';

/** What a plan rests on: what the database says, as `signalbox.yml` wants it to be seen. */
export function readWorld(snapshot: PlanSnapshot, policy: Policy, now: Date): World {
  const held = heldIn(snapshot);
  const read = snapshot.pools.flatMap(pool => {
    const settings = policy.pools[pool.name];
    return settings ? [{ pool, ...readPool(pool, settings, policy.flavors, held) }] : [];
  });
  const order = Object.keys(policy.pools);
  const pools = read.map(one => one.stock).sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const flavors = new Map(read.map(one => [one.pool.name, one.flavors]));
  const heldBy = Map.groupBy(snapshot.held, row => row.run);
  const holders = snapshot.working.map(run => holderOf(run, heldBy.get(run.number) ?? [], flavors, policy));
  return {
    policy: policy.scheduler.policy,
    pools,
    queues: queuesOf(snapshot, holders, policy, now),
    teams: teamsOf(snapshot, holders, policy, now),
    projectLimits: new Map(
      Object.entries(policy.projects).flatMap(([name, { maxRunning }]) =>
        maxRunning === undefined ? [] : [[name, maxRunning] as const],
      ),
    ),
    holders,
    waiting: snapshot.queued.map(run => waitingOf(run, snapshot, pools, policy, now)),
    currency: policy.currency,
  };
}

/** What is held, as `<pool> <node> <kind> <index>`. */
function heldIn({ held }: PlanSnapshot): Set<string> {
  return new Set(held.map(row => `${row.pool} ${row.node} ${row.kind} ${row.index}`));
}

/** A lease is somebody's workplace: there is nothing that goes on later by itself. */
function isPreemptible({ kind, project }: QueuedRun | WorkingRun, policy: Policy): boolean {
  return (
    kind === 'train' &&
    Object.hasOwn(policy.projects, project) &&
    policy.projects[project]?.preemptible === true
  );
}

function holderOf(
  run: WorkingRun,
  mine: PlanSnapshot['held'],
  flavors: ReadonlyMap<string, FlavorsOf>,
  policy: Policy,
): Holder {
  const shares = new Map<string, Share & { indices: number[] }>();
  for (const { node, kind, index } of mine.toSorted((a, b) => a.index - b.index)) {
    const share = shares.get(`${kind} ${node}`) ?? { node, kind, indices: [] };
    share.indices.push(index);
    shares.set(`${kind} ${node}`, share);
  }
  const [first] = mine;
  // By today's flavors, which quotas speak of; one that nobody reports any more is what it was when the run started.
  const flavor = first && flavors.get(run.pool)?.get(`${first.node} ${first.kind} ${first.index}`);
  return {
    number: run.number,
    team: run.team,
    project: run.project,
    pool: run.pool,
    flavor: flavor ?? run.flavor ?? flavorOf({ kind: first?.kind ?? 'cpu', model: '' }),
    priority: run.priority,
    preemptible: isPreemptible(run, policy),
    shares: [...shares.values()].sort((a, b) => (a.node < b.node ? -1 : 1)),
    since: run.since.getTime(),
    endsBy: (run.startedAt ?? run.since).getTime() + (run.timeLimitS + run.graceS) * 1_000,
    leaving: run.stopping !== null,
    untaken: run.untaken,
  };
}

function waitingOf(
  run: QueuedRun,
  snapshot: PlanSnapshot,
  stocks: readonly PoolStock[],
  policy: Policy,
  now: Date,
): Waiting {
  // A pool that signalbox.yml no longer has is named only where there is no other.
  const known = run.pools.filter(name => stocks.some(stock => stock.name === name));
  return {
    number: run.number,
    team: run.team,
    project: run.project,
    priority: run.priority,
    queuedAt: run.queuedAt.getTime(),
    pool: run.pool,
    pools: known.length > 0 ? known : [run.pool],
    gpus: run.gpus,
    workers: 1,
    model: run.gpuModel,
    preemptible: isPreemptible(run, policy),
    limitS: run.timeLimitS + run.graceS,
    approved: run.approved,
    room: run.room,
    held: heldBack(run, snapshot, now),
  };
}

/** What holds it wherever it would go, with all that holds it where it waits; then what holds it in one of its pools alone. */
function heldBack(run: QueuedRun, { freezes: all, held }: PlanSnapshot, now: Date): Waiting['held'] {
  // A freeze holds rollouts, whose business that is; what served before must be able to again. A machine to be emptied takes nothing.
  const freezes = run.kind === 'serve' ? all.filter(one => one.kind === 'drain') : all;
  const inPool = (pool: string) => freezesOn(freezes, { pool, project: run.project });
  const said = (pool: string, names: string | null): Waiting['held'][number] => {
    const here = inPool(pool);
    const code = here.some(({ kind }) => kind === 'freeze') ? 'frozen' : 'draining';
    return { code, pool: names, sentence: heldSentence(here, workingIn(pool, held), now) };
  };
  const everywhere = freezes.some(
    ({ scope }) => scope.kind === 'all' || (scope.name === run.project && scope.kind === 'project'),
  );
  if (everywhere) return [said(run.pool, null)];
  const pools = [...new Set([run.pool, ...run.pools])].filter(pool => inPool(pool).length > 0);
  return pools.map(pool => said(pool, pool));
}

/**
 * The queues that `signalbox.yml` has, and for teams that it gives none one without quotas: they too take turns by what they had lately.
 */
function queuesOf(snapshot: PlanSnapshot, holders: readonly Holder[], policy: Policy, now: Date): Queue[] {
  const teams = new Set([
    ...Object.keys(policy.teams),
    ...snapshot.queued.map(run => run.team),
    ...snapshot.working.map(run => run.team),
  ]);
  const halfLifeS = policy.scheduler.halfLife;
  return [...teams].sort().map(team => {
    const queue = policy.teams[team]?.queue;
    return {
      team,
      cohort: queue?.cohort ?? 'shared',
      weight: queue?.weight ?? 1,
      preempts: queue?.preempts ?? false,
      quotas: Object.entries(queue?.quotas ?? {}).map(([flavor, { quota, borrow, lend }]) => ({
        flavor,
        quota,
        borrow: borrow ?? null,
        lend: lend ?? null,
      })),
      served: servedUpTo(team, snapshot, holders, halfLifeS, now.getTime()),
    };
  });
}

/** What was counted when it was given back, fallen since; and of what is held, the integral over the time for which it was. */
function servedUpTo(
  team: string,
  { served }: PlanSnapshot,
  holders: readonly Holder[],
  halfLifeS: number,
  now: number,
): number {
  const left = (since: number) => 2 ** (-Math.max(0, now - since) / 1_000 / halfLifeS);
  const before = served.find(row => row.team === team);
  const had = before ? before.served * left(before.at.getTime()) : 0;
  return holders
    .filter(holder => holder.team === team)
    .reduce((sum, holder) => sum + (gpusOf(holder) * halfLifeS * (1 - left(holder.since))) / Math.LN2, had);
}

function gpusOf({ shares }: Holder): number {
  return shares.reduce((sum, { kind, indices }) => sum + (kind === 'gpu' ? indices.length : 0), 0);
}

function teamsOf(snapshot: PlanSnapshot, holders: readonly Holder[], policy: Policy, now: Date): Team[] {
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
  return Object.entries(policy.teams).map(([name, { patience, budget }]) => ({
    name,
    patienceS: patience ?? null,
    budgetLeft:
      budget?.month === undefined
        ? null
        : budget.month - spentBy(name, snapshot, holders, month, now.getTime()),
    askAbove: budget?.ask ?? null,
  }));
}

/** Since the month's first; what is held counts up to when it is stopped at the latest, and what serves as it goes. */
function spentBy(
  team: string,
  { spent, working }: PlanSnapshot,
  holders: readonly Holder[],
  month: number,
  now: number,
): number {
  const before = spent.find(row => row.team === team)?.amount ?? 0;
  const prices = new Map(working.map(run => [run.number, run.price]));
  const endless = new Set(working.flatMap(run => (run.kind === 'serve' ? [run.number] : [])));
  return holders
    .filter(holder => holder.team === team)
    .reduce((sum, { number, shares, since, endsBy }) => {
      const count = shares.reduce((all, { indices }) => all + indices.length, 0);
      const until = endless.has(number) ? now : Math.max(endsBy, now);
      const hours = Math.max(0, until - Math.max(since, month)) / 3_600_000;
      return sum + count * hours * (prices.get(number) ?? 0);
    }, before);
}
