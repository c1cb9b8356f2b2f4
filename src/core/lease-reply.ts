import { actorKey } from './actor.ts';
import { counted, formatDuration, secondsBetween, timeOfDay } from './format.ts';
import { leaseEnd } from './lease.ts';
import type { RunShare } from './ports.ts';
import { type Inline, type Reply, type ReplyBlock, reply, type Tone } from './reply.ts';
import { isEnd, isOnMachine, type Run, type RunState, timeLimitOf } from './run.ts';
import { actionsOf } from './run-actions.ts';

type Row = { label: string; value: Inline[] };

const verbs: Partial<Record<RunState, string>> = {
  starting: 'begins',
  running: 'is held',
  succeeded: 'has ended',
};

/** `#7 lease of 2 a100 GPUs is held`; `otherwise` is said of states that are the same as of every run. */
export function leaseTitle(run: Run, otherwise: string): string {
  const verb = run.stopping && isOnMachine(run.state) ? 'is ending' : (verbs[run.state] ?? otherwise);
  return `#${run.number} ${leaseName(run)} ${verb}`;
}

/** `lease of 2 a100 GPUs` */
function leaseName({ spec: { gpus, gpuModel } }: Pick<Run, 'spec'>): string {
  return gpus === 0
    ? 'lease of 1 CPU slot'
    : `lease of ${counted(gpus, gpuModel ? `${gpuModel} GPU` : 'GPU')}`;
}

/** What the message of a lease says beside why it waits: where it is, how to get in, until when. */
export function leaseBlocks(run: Run, shares: readonly RunShare[], asked: Row[]): ReplyBlock[] {
  const held = isOnMachine(run.state) && !run.stopping ? accessRows(run, shares) : [];
  const rows: Row[] = [
    ...held,
    ...timeRows(run),
    ...stoppedRows(run),
    ...(held.length === 0 ? placeRows(shares) : []),
    ...asked,
  ];
  return [
    { kind: 'fields', rows },
    { kind: 'actions', actions: actionsOf(run) },
  ];
}

function accessRows(run: Run, shares: readonly RunShare[]): Row[] {
  const [first] = shares;
  if (!first) return [];
  const { run: command } = run.spec.parameters;
  return [
    ...placeRows(shares),
    {
      label: 'Get in',
      value: ['on ', { code: first.node }, ' with ', { code: `signalbox gpu shell ${run.number}` }],
    },
    ...(command === undefined
      ? []
      : [{ label: 'Runs', value: [String(command), ', its words are in the logs'] }]),
  ];
}

function placeRows(shares: readonly RunShare[]): Row[] {
  return shares.map(({ node, pool, kind, indices }) => {
    const things =
      kind === 'gpu' ? `GPU${indices.length === 1 ? '' : 's'} ${indices.join(', ')}` : '1 CPU slot';
    return { label: 'Where', value: [{ code: node }, ` in pool ${pool}, ${things}`] };
  });
}

function timeRows(run: Run): Row[] {
  const length = formatDuration(timeLimitOf(run));
  const { startedAt, endedAt } = run;
  if (endedAt) {
    const held = startedAt
      ? `${formatDuration(secondsBetween(startedAt, endedAt))}, until `
      : 'never held, given up ';
    return [{ label: 'Held', value: [held, { at: endedAt }] }];
  }
  const end = leaseEnd(run);
  return end
    ? [{ label: 'Until', value: [{ at: end }, `, ${length} in all`] }]
    : [{ label: 'For', value: [`${length} from when it begins`] }];
}

function stoppedRows({ stoppedBy, requestedBy }: Run): Row[] {
  if (!stoppedBy || stoppedBy.kind === 'system' || actorKey(stoppedBy) === actorKey(requestedBy)) return [];
  return [{ label: 'Stopped by', value: [{ person: actorKey(stoppedBy), name: stoppedBy.name }] }];
}

/** Told in the thread of a lease before it ends; null where there is nothing to tell any more. */
export function leaseWarning(run: Run, now: Date): Reply | null {
  const end = leaseEnd(run);
  if (!end || run.state !== 'running' || run.stopping) return null;
  const text: Inline[] = [
    person(run),
    ', it ends ',
    { at: end },
    '. What still works on it then gets SIGTERM, ',
    `${run.spec.graceS} s to save its work, and is stopped.`,
  ];
  const actions = actionsOf(run).filter(({ action }) => action !== 'logs');
  return reply(
    `#${run.number} ${leaseName(run)} ends at ${timeOfDay(end, now)}`,
    [
      { kind: 'text', text },
      { kind: 'actions', actions },
    ],
    { audience: 'place', tone: 'warning' },
  );
}

/** Told in the thread of a lease when it has ended. */
export function leaseEnded(run: Run, title: string, tone: Tone): Reply {
  const { startedAt, endedAt, stoppedBy, failure, spec } = run;
  const after = startedAt && endedAt ? ` after ${formatDuration(secondsBetween(startedAt, endedAt))}` : '';
  const things = spec.gpus === 0 ? 'the slot is' : spec.gpus === 1 ? 'the GPU is' : 'the GPUs are';
  const why = failure ? failure.message : endSentence(run);
  const text: Inline[] = [person(run), `, ${things} given back. `, why];
  const stopper =
    stoppedBy && stoppedBy.kind !== 'system' && actorKey(stoppedBy) !== actorKey(run.requestedBy);
  const by = stopper ? ` It was stopped by ${stoppedBy.name}.` : '';
  return reply(
    `${title}${after}`,
    [
      { kind: 'text', text: [...text, by] },
      { kind: 'actions', actions: actionsOf(run) },
    ],
    { audience: 'place', tone },
  );
}

/** By how much the clocks of two machines may differ. */
const clockSlackS = 5;

function endSentence(run: Run): string {
  if (!isEnd(run.state) || !run.startedAt) return 'It never began.';
  if (run.stoppedBy) return 'It was released.';
  const end = leaseEnd(run);
  const early = end !== null && run.endedAt !== null && secondsBetween(run.endedAt, end) > clockSlackS;
  return early ? 'What ran on it has ended by itself.' : 'Its time is over.';
}

function person(run: Run): Inline {
  return { person: actorKey(run.requestedBy), name: run.requestedBy.name };
}
