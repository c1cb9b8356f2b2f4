import { type Actor, actorKey } from './actor.ts';
import type { Elevation } from './elevation.ts';
import { elevationItem } from './elevation-reply.ts';
import { counted, formatDuration, secondsBetween } from './format.ts';
import { freeIn, type Holdings } from './free-now.ts';
import { freezeSentence } from './freeze.ts';
import type { Pace } from './pace.ts';
import type { MetricSummary, PoolState } from './ports.ts';
import { type Inline, type Reply, type ReplyBlock, reply } from './reply.ts';
import { isOnMachine, type Run } from './run.ts';
import { actionsOf } from './run-actions.ts';
import { progressOf } from './run-facts.ts';
import { resourcesOf, titleOf, waitingSentence } from './run-reply.ts';

/** More than these are counted and not shown. */
export const mostHome = { mine: 10, ended: 3, queue: 8, pools: 20, freezes: 3, reviews: 3 };

export interface HomeRun {
  run: Run;
  metrics: readonly MetricSummary[];
  /** Absent where nobody looked. */
  pace?: Pace | null;
  /** Runs before it in its queue. */
  ahead: number;
}

export interface HomeFacts {
  /** Who looks. */
  actor: Actor;
  holdings: Holdings;
  /** Their runs that have not ended, in their order: some, and how many there are. */
  mine: { first: readonly HomeRun[]; count: number };
  /** The last of theirs that have ended, the newest first. */
  ended: readonly Run[];
  /** Runs of others that wait, in the order of the queue: some, and how many there are. */
  queue: { first: readonly Run[]; count: number };
  /** What nobody has reviewed yet, where they may: some, and how many there are. */
  unreviewed: readonly Elevation[];
  /** Whether they may ask for runs. */
  mayTrain: boolean;
  /** A command that can be taken as it is. */
  example: string;
}

/** What one person sees of Signalbox as a whole: what is free now, their runs, who else waits. */
export function homeReply(facts: HomeFacts, now: Date): Reply {
  const { holdings, mine, ended, queue, mayTrain } = facts;
  const blocks: ReplyBlock[] = [
    ...reviewBlocks(facts.unreviewed, now),
    { kind: 'heading', text: 'Free now' },
    ...frozenBlocks(holdings, now),
    ...freeBlocks(holdings),
    ...(mayTrain ? [{ kind: 'form' as const, form: 'train', label: 'Train a model' }] : []),
    { kind: 'heading', text: 'Your runs' },
    ...(mine.count === 0 ? [{ kind: 'text' as const, text: nothingSentence(facts) }] : []),
    ...mine.first.flatMap(one => runBlocks(one, now)),
    ...andMore(mine),
    ...(ended.length > 0 ? [{ kind: 'heading' as const, text: 'Ended lately' }] : []),
    ...ended.flatMap(endedBlocks),
    { kind: 'heading', text: 'Others in the queue' },
    ...queueBlocks(queue, facts.actor),
    {
      kind: 'context',
      text: ['All runs: ', { command: 'train list' }, ', help: ', { command: 'train help' }],
    },
  ];
  const runs = mine.count === 0 ? 'no run' : counted(mine.count, 'run');
  return reply(`You have ${runs} under way; ${counted(queue.count, 'run')} of others wait`, blocks);
}

/** What somebody sees who may see no runs. */
export function closedHomeReply(reason: string, todo: string): Reply {
  return reply('You may not see runs here', [
    { kind: 'heading', text: 'You may not see runs here' },
    { kind: 'text', text: [`${reason} ${todo}`] },
  ]);
}

function freeBlocks(holdings: Holdings): ReplyBlock[] {
  const { pools } = holdings;
  if (pools.length === 0)
    return [{ kind: 'text', text: ['No pool is configured: signalbox.yml names them.'] }];
  const rows = pools
    .slice(0, mostHome.pools)
    .map(pool => ({ label: pool.name, value: [poolSentence(pool, holdings)] }));
  const left = pools.length - rows.length;
  return [
    { kind: 'fields', rows },
    ...(left > 0 ? [{ kind: 'context' as const, text: [`and ${counted(left, 'more pool')}`] }] : []),
  ];
}

/** What is held back beyond one pool, which says it in its own line. */
function frozenBlocks({ freezes }: Holdings, now: Date): ReplyBlock[] {
  const wide = freezes.filter(({ scope }) => scope.kind !== 'pool');
  const items = wide.slice(0, mostHome.freezes).map((one): Inline[] => [freezeSentence(one, now)]);
  return items.length === 0
    ? []
    : [{ kind: 'list', items }, ...andMore({ first: items, count: wide.length })];
}

/** It stays until somebody has looked. */
function reviewBlocks(unreviewed: readonly Elevation[], now: Date): ReplyBlock[] {
  const [first] = unreviewed;
  if (!first) return [];
  return [
    { kind: 'heading', text: 'To review' },
    { kind: 'list', items: unreviewed.slice(0, mostHome.reviews).map(one => elevationItem(one, now)) },
    ...andMore({ first: unreviewed.slice(0, mostHome.reviews), count: unreviewed.length }),
    {
      kind: 'context',
      text: [
        'When it has ended: ',
        { command: `signalbox breakglass review ${first.id} --verdict ok --note "..."` },
      ],
    },
  ];
}

/** `2 of 4 NVIDIA A100, 0 of 8 CPU slots, frozen` */
function poolSentence(pool: PoolState, holdings: Holdings): string {
  const kept = holdings.freezes.filter(({ scope }) => scope.kind === 'pool' && scope.name === pool.name);
  const words = kept.map(({ kind }) => (kind === 'freeze' ? 'frozen' : 'being drained'));
  return [freeSentence(pool, holdings), ...words].join(', ');
}

function freeSentence(pool: PoolState, { held }: Holdings): string {
  if (!pool.reachable) return pool.seenAt ? 'out of reach now' : 'its agent was never heard of';
  const healthy = pool.accelerators.filter(one => one.kind === 'gpu' && one.healthy);
  const models = [...new Set(healthy.map(one => one.model))].sort();
  const gpus = models.map(model => {
    const accelerators = healthy.filter(one => one.model === model);
    const { free, total } = freeIn({ ...pool, accelerators }, held, 'gpu');
    return `${free} of ${total} ${model}`;
  });
  const slots = freeIn(pool, held, 'cpu');
  const parts = [
    ...gpus,
    ...(slots.total > 0 ? [`${slots.free} of ${counted(slots.total, 'CPU slot')}`] : []),
  ];
  // A line does not break between a number and what it counts.
  return parts.length > 0
    ? parts.map(part => part.replaceAll(' ', '\u00a0')).join(', ')
    : 'nothing healthy there';
}

function nothingSentence({ ended, mayTrain, example }: HomeFacts): Inline[] {
  const none = ended.length === 0 ? 'You have not asked for a run yet.' : 'None is under way.';
  if (!mayTrain) return [none];
  return [`${none} To train, press the button above, or type `, { command: example }, ' in any channel.'];
}

function runBlocks({ run, metrics, pace, ahead }: HomeRun, now: Date): ReplyBlock[] {
  const progress = isOnMachine(run.state) ? progressOf(run, metrics, now, pace) : null;
  return [
    { kind: 'text', text: [{ bold: titleOf(run) }, '\n', ...stateSentence(run, ahead)] },
    ...(progress ? [progress] : []),
    // What its button would tell is told.
    { kind: 'actions', actions: actionsOf(run).filter(one => one.action !== 'why') },
  ];
}

function stateSentence(run: Run, ahead: number): Inline[] {
  if (!isOnMachine(run.state))
    return [waitingSentence(run, ahead) + (run.waiting ? placeSentence(run, ahead) : '')];
  const since: Inline[] = run.startedAt ? [', since ', { at: run.startedAt }] : [];
  return [resourcesOf(run), ...since];
}

function placeSentence(run: Run, ahead: number): string {
  if (run.state !== 'queued') return '';
  return ahead === 0
    ? ' It is next in its queue.'
    : ` ${counted(ahead, 'run')} ${ahead === 1 ? 'is' : 'are'} before it.`;
}

function endedBlocks(run: Run): ReplyBlock[] {
  const { startedAt, endedAt, failure } = run;
  const after: Inline[] =
    startedAt && endedAt ? [` after ${formatDuration(secondsBetween(startedAt, endedAt))}`] : [];
  const when: Inline[] = endedAt ? [', ', { at: endedAt }] : [];
  return [
    {
      kind: 'text',
      text: [{ bold: titleOf(run) }, ...after, ...when, failure ? `\n${failure.message}` : ''],
    },
    { kind: 'actions', actions: actionsOf(run) },
  ];
}

function queueBlocks(queue: HomeFacts['queue'], actor: Actor): ReplyBlock[] {
  if (queue.count === 0) return [{ kind: 'text', text: ['Nobody else waits.'] }];
  return [{ kind: 'list', items: queue.first.map(run => queueItem(run, actor)) }, ...andMore(queue)];
}

function andMore({ first, count }: { first: readonly unknown[]; count: number }): ReplyBlock[] {
  const left = count - first.length;
  return left > 0 ? [{ kind: 'context', text: [`and ${left} more`] }] : [];
}

function queueItem(run: Run, actor: Actor): Inline[] {
  const { requestedBy, spec, priority } = run;
  const urgent = priority === 'normal' ? '' : `, priority ${priority}`;
  return [
    `#${run.number} ${spec.project}, ${resourcesOf(run)}${urgent}, asked by `,
    personFor(requestedBy, actor),
  ];
}

/** A person of another workspace cannot be shown there but by name. */
function personFor(person: Actor, actor: Actor): Inline {
  const team = (one: Actor) => one.id.split('/', 1)[0];
  const near = person.kind === 'slack' && team(person) === team(actor);
  return near ? { person: actorKey(person), name: person.name } : person.name;
}
