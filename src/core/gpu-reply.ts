import { actorKey } from './actor.ts';
import { counted, formatDuration } from './format.ts';
import { acceleratorsOf, type FlavorNow, flavorsNow, type TeamNow, teamsNow } from './gpu-now.ts';
import { leaseEnd } from './lease.ts';
import { priorities } from './project.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from './reply.ts';
import { isLease, isServing, type Run, timeLimitOf } from './run.ts';
import { nameOf as runName, waitingSentence } from './run-reply.ts';
import { amountOf } from './scheduler/quota.ts';
import type { Holder, World } from './scheduler/world.ts';

/** More than these are counted and not shown. */
const most = { held: 15, waiting: 6 };

/** Who has what: by pool and flavor, by team, then each run and lease that holds something, then what waits. */
export function gpuReply(
  world: World,
  { working, waiting }: { working: readonly Run[]; waiting: readonly Run[] },
): Reply {
  const flavors = flavorsNow(world);
  const teams = teamsNow(world);
  // Who holds what others may want back is asked about here; slots of CPUs that no quota names are only counted.
  const shared = new Set(world.queues.flatMap(({ quotas }) => quotas.map(({ flavor }) => flavor)));
  const held = world.holders
    .filter(holder => acceleratorsOf(holder) > 0 || shared.has(holder.flavor))
    .sort(byEnd);
  const known = new Map(working.map(run => [run.number, run]));
  const queue = [...waiting].sort(queueOrder);
  const blocks: ReplyBlock[] = [
    flavorTable(flavors),
    ...(teams.length > 0 ? [teamTable(teams)] : []),
    ...(held.length > 0 ? [{ kind: 'heading' as const, text: 'Held now' }] : []),
    ...listOf(
      held.map(holder => heldItem(holder, known.get(holder.number))),
      most.held,
    ),
    ...(queue.length > 0
      ? [
          {
            kind: 'heading' as const,
            text: `${counted(queue.length, 'run')} ${queue.length === 1 ? 'waits' : 'wait'}`,
          },
        ]
      : []),
    ...listOf(queue.map(waitingItem), most.waiting),
  ];
  return reply(titleOf(flavors), blocks, { data: gpuJson(flavors, teams, held, known, queue) });
}

function titleOf(flavors: readonly FlavorNow[]): string {
  // Where only slots are given out, they are what is asked about.
  const kind = flavors.every(one => one.kind === 'cpu') ? 'cpu' : 'gpu';
  const asked = flavors.filter(one => one.kind === kind && one.reachable);
  const sum = (of: (one: FlavorNow) => number) => asked.reduce((all, one) => all + of(one), 0);
  const total = sum(one => one.total);
  if (total === 0) return 'No GPU is in reach now.';
  return `${sum(one => one.free)} of ${counted(total, kind === 'gpu' ? 'GPU' : 'CPU slot')} free now.`;
}

function flavorTable(flavors: readonly FlavorNow[]): ReplyBlock {
  const right = 'right' as const;
  const columns = [
    { title: 'Pool' },
    { title: 'Flavor' },
    { title: 'Free', align: right },
    { title: 'Of', align: right },
    { title: 'Note' },
  ];
  const rows = flavors.map(one => [one.pool, one.flavor, String(one.free), String(one.total), noteOf(one)]);
  return { kind: 'table', columns, rows };
}

function noteOf({ reachable, faulty, backup }: FlavorNow): string {
  if (!reachable) return 'out of reach';
  return [...(faulty > 0 ? [`${faulty} faulty`] : []), ...(backup ? ['backup'] : [])].join(', ');
}

function teamTable(teams: readonly TeamNow[]): ReplyBlock {
  const right = 'right' as const;
  const columns = [
    { title: 'Team' },
    { title: 'Flavor' },
    { title: 'Has', align: right },
    { title: 'Quota', align: right },
    { title: 'Borrowed', align: right },
  ];
  const rows = teams.map(({ team, flavor, held, quota, borrowed, borrow }) => {
    const limit = quota === null ? '' : borrow === null ? String(borrowed) : `${borrowed} of ${borrow}`;
    return [team, flavor, String(held), quota === null ? '-' : String(quota), limit];
  });
  return { kind: 'table', columns, rows };
}

function heldItem(holder: Holder, run: Run | undefined): Inline[] {
  const nodes = holder.shares.map(({ node }) => node).join(', ');
  const end = run && !isServing(run) ? leaseEnd(run) : null;
  const by: Inline[] = run ? [' by ', { person: actorKey(run.requestedBy), name: run.requestedBy.name }] : [];
  const until: Inline[] = end ? [isLeaseRun(run) ? ', until ' : ', at most until ', { at: end }] : [];
  return [
    { bold: `#${holder.number} ${nameOf(holder, run)}` },
    ...by,
    `: ${amountOf(holder)} ${holder.flavor} on ${nodes}`,
    ...until,
    ...(holder.leaving ? [', stopping'] : []),
  ];
}

function waitingItem(run: Run): Inline[] {
  const { gpus, gpuModel } = run.spec;
  const things = gpus === 0 ? '1 CPU slot' : counted(gpus, gpuModel ? `${gpuModel} GPU` : 'GPU');
  return [
    { bold: `#${run.number} ${isLease(run) ? 'lease' : runName(run)}` },
    ' by ',
    { person: actorKey(run.requestedBy), name: run.requestedBy.name },
    `: ${things} for ${formatDuration(timeLimitOf(run))}. `,
    run.waiting ? run.waiting.sentence : waitingSentence(run, 0),
  ];
}

function nameOf({ project }: Holder, run: Run | undefined): string {
  const serves = run?.spec.serves;
  if (serves) return `${serves.model} ${serves.version} (${serves.environment})`;
  if (run?.spec.evaluates) return runName(run);
  return isLeaseRun(run) ? 'lease' : project;
}

function isLeaseRun(run: Run | undefined): boolean {
  return run !== undefined && isLease(run);
}

function listOf(items: Inline[][], limit: number): ReplyBlock[] {
  if (items.length === 0) return [];
  const left = items.length - limit;
  const more: Inline[][] = left > 0 ? [[`and ${left} more`]] : [];
  return [{ kind: 'list', items: [...items.slice(0, limit), ...more] }];
}

/** Who lets go first comes first. */
function byEnd(a: Holder, b: Holder): number {
  return a.endsBy - b.endsBy || a.number - b.number;
}

function queueOrder(a: Run, b: Run): number {
  const rank = (run: Run) => priorities.indexOf(run.priority);
  const since = (run: Run) => (run.queuedAt ?? run.createdAt).getTime();
  return rank(b) - rank(a) || since(a) - since(b) || a.number - b.number;
}

function gpuJson(
  flavors: readonly FlavorNow[],
  teams: readonly TeamNow[],
  held: readonly Holder[],
  known: ReadonlyMap<number, Run>,
  queue: readonly Run[],
) {
  return {
    flavors,
    teams,
    held: held.map(holder => {
      const run = known.get(holder.number);
      return {
        number: holder.number,
        kind: run?.spec.kind ?? 'train',
        project: holder.project,
        team: holder.team,
        owner: run?.requestedBy.name ?? null,
        pool: holder.pool,
        flavor: holder.flavor,
        shares: holder.shares,
        until: (run && leaseEnd(run)?.toISOString()) ?? null,
      };
    }),
    waiting: queue.map(run => ({
      number: run.number,
      kind: run.spec.kind ?? 'train',
      project: run.spec.project,
      team: run.spec.team,
      owner: run.requestedBy.name,
      gpus: run.spec.gpus,
      gpuModel: run.spec.gpuModel,
      why: run.waiting?.sentence ?? null,
    })),
  };
}
