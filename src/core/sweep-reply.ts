import { actorKey } from './actor.ts';
import { medianRule } from './early-stop.ts';
import { cleanLine, counted, formatDuration, formatNumber, secondsBetween } from './format.ts';
import { bestOf } from './metric-direction.ts';
import { formatMoney } from './money.ts';
import type { MetricSummary } from './ports.ts';
import { type Inline, type Reply, type ReplyBlock, reply, type Tone } from './reply.ts';
import { askedCost, isEnd, isOnMachine, type Run } from './run.ts';
import { lastValue, progressOf } from './run-facts.ts';
import { codeOf, resourcesOf, titleOf } from './run-reply.ts';
import type { Sweep, SweepMember } from './sweep.ts';

/** What was held for all of its runs so far. */
export interface SweepCost {
  hours: number;
  money: number;
  currency: string;
}

const most = { listed: 5, value: 24, message: 120, told: 3 };
const none = '–';

interface Ranked extends SweepMember {
  summary: MetricSummary | null;
  /** Its final value; null: it has not succeeded, not reported the metric, or what it reported last of it was not finite. */
  final: number | null;
  /** From 1 on, once all have ended; null: it has no final value, or nobody knows which are good ones. */
  rank: number | null;
}

/** A sweep's one message, edited in place: a table that fills, and when all have ended their ranking. */
export function sweepReply(
  sweep: Sweep,
  members: readonly SweepMember[],
  cost: SweepCost | null,
  now: Date,
): Reply {
  const all = ranked(sweep, members);
  const ended = members.filter(({ run }) => isEnd(run.state)).length;
  const isOver = ended === members.length;
  const label = `${ended} of ${members.length} ended`;
  const progress: ReplyBlock = { kind: 'progress', done: ended, total: members.length, label };
  const blocks: ReplyBlock[] = [
    ...(isOver ? [] : [progress]),
    table(sweep, all, now),
    ...small(rankWords(sweep, all, isOver)),
    ...stopped(sweep, all),
    ...failed(all),
    ...waiting(all),
    { kind: 'fields', rows: [...totals(sweep, members, isOver ? cost : null), ...asked(sweep, members)] },
    ...small(['One of them: ', { command: `train status ${example(all)}` }]),
    { kind: 'actions', actions: isOver || sweep.cancelledBy ? [] : [cancel(sweep, members)] },
  ];
  const data = sweepJson(sweep, all);
  return reply(headline(sweep, all), blocks, { audience: 'place', tone: toneOf(sweep, members), data });
}

/** Said once in its thread when all have ended, which tells the person who asked. */
export function sweepEndedReply(
  sweep: Sweep,
  members: readonly SweepMember[],
  cost: SweepCost | null,
): Reply {
  const all = ranked(sweep, members);
  const best = all.filter(({ rank }) => rank !== null).slice(0, most.told);
  const { requestedBy } = sweep;
  const mentioned: Inline = { person: actorKey(requestedBy), name: requestedBy.name };
  const blocks: ReplyBlock[] = [
    { kind: 'text', text: [mentioned, `: ${countWords(members)}.`] },
    ...(best.length > 0
      ? [{ kind: 'list' as const, items: best.map(one => rankItem(sweep, one)) }]
      : small(rankWords(sweep, all, true))),
    ...stopped(sweep, all),
    ...failed(all),
    { kind: 'fields', rows: totals(sweep, members, cost) },
    ...compareWords(all),
  ];
  return reply(headline(sweep, all), blocks, { audience: 'place', tone: toneOf(sweep, members) });
}

/** In the order of their ranks once all have ended, in that of their values before. */
function ranked({ spec }: Sweep, members: readonly SweepMember[]): Ranked[] {
  const all = members.map((member): Ranked => {
    const summary = member.metrics.find(({ name }) => name === spec.metric) ?? null;
    const isFinal = member.run.state === 'succeeded' && summary?.notFinite === undefined;
    const final = isFinal ? (summary?.value ?? null) : null;
    return { ...member, summary, final, rank: null };
  });
  const { better } = spec;
  if (better === null || !members.every(({ run }) => isEnd(run.state))) return all;
  const turned = better === 'higher' ? -1 : 1;
  const value = ({ final }: Ranked) => (final === null ? Number.POSITIVE_INFINITY : turned * final);
  const compare = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1);
  const sorted = all.toSorted((a, b) => compare(value(a), value(b)));
  return sorted.map(one => {
    // Equal ones share a rank.
    const before = sorted.findIndex(other => value(other) === value(one));
    return { ...one, rank: one.final === null ? null : before + 1 };
  });
}

function table(sweep: Sweep, all: readonly Ranked[], now: Date): ReplyBlock {
  const { metric, better, axes } = sweep.spec;
  const isRanked = all.some(({ rank }) => rank !== null);
  const right = 'right' as const;
  const arrow = better === null ? '' : better === 'higher' ? ' ↑' : ' ↓';
  const values = metric === null ? [] : [{ title: `Final ${metric}${arrow}`, align: right }];
  const best = better === null || metric === null ? [] : [{ title: 'Best', align: right }];
  return {
    kind: 'table',
    columns: [
      { title: 'Run' },
      { title: axes.map(({ name }) => name).join(', ') },
      ...values,
      ...best,
      { title: 'State' },
    ],
    rows: all.map(one => [
      isRanked ? `${one.rank === null ? none : `${one.rank}.`} #${one.run.number}` : `#${one.run.number}`,
      valuesOf(sweep, one.run),
      ...values.map(() => finalCell(one)),
      ...best.map(() => bestCell(sweep, one)),
      stateCell(one, now),
    ]),
  };
}

function finalCell({ run, summary, final }: Ranked): string {
  if (final !== null) return formatNumber(final);
  return run.state === 'succeeded' && summary ? lastValue(summary) : none;
}

function bestCell({ spec }: Sweep, { summary }: Ranked): string {
  const best = summary && bestOf(summary, spec.better);
  return best ? `${formatNumber(best.value)} (step ${formatNumber(best.step)})` : none;
}

/** `0.1, 32`: its values of the parameters that differ. */
function valuesOf({ spec }: Sweep, { spec: { parameters } }: Run): string {
  return spec.axes.map(({ name }) => cleanLine(String(parameters[name] ?? ''), most.value)).join(', ');
}

function stateCell({ run, summary, metrics, stop }: Ranked, now: Date): string {
  if (stop && (run.state === 'cancelled' || run.stopping))
    return `stopped early at step ${formatNumber(stop.step)}`;
  if (run.stopping) return 'is being stopped';
  if (isEnd(run.state)) {
    const took = run.startedAt && run.endedAt ? secondsBetween(run.startedAt, run.endedAt) : null;
    const why =
      run.state === 'failed' && run.failure ? `failed: ${run.failure.class.replaceAll('-', ' ')}` : run.state;
    return `${why.replace('timed-out', 'out of time')}${took === null ? '' : `, ${formatDuration(Math.round(took))}`}`;
  }
  if (!isOnMachine(run.state)) return askedCost(run) === null ? 'waits' : 'waits for approval';
  const progress = progressOf(run, metrics, now)?.label;
  const last = summary ? `last ${lastValue(summary)}` : undefined;
  return [run.state, ...[progress, last].filter(part => part !== undefined)].join(', ');
}

function headline(sweep: Sweep, all: readonly Ranked[]): string {
  const { number, spec } = sweep;
  const name = `S${number} ${spec.project}`;
  const open = all.filter(({ run }) => !isEnd(run.state)).length;
  const runs = counted(all.length, 'run');
  if (open > 0) return `${name}: ${sweep.cancelledBy ? 'is being stopped, ' : ''}${countWords(all)}`;
  const [first] = all;
  if (first && first.rank !== null && first.final !== null) {
    const same = all.filter(({ rank }) => rank === 1).length;
    const which =
      same > 1
        ? `${same} of ${runs} are the best, #${first.run.number} among them`
        : `#${first.run.number} is the best of ${runs}`;
    return `${name}: ${which}, final ${spec.metric} ${formatNumber(first.final)}`;
  }
  const succeeded = all.filter(({ run }) => run.state === 'succeeded').length;
  if (succeeded > 0) return `${name} has ended: ${succeeded} of ${runs} succeeded`;
  return `${name} ${sweep.cancelledBy ? 'was cancelled' : 'has ended'}: none of ${runs} succeeded`;
}

/** `3 of 6 runs succeeded, 1 is running, 2 wait` */
function countWords(members: readonly SweepMember[]): string {
  const amount = (fits: (member: SweepMember) => boolean) => members.filter(fits).length;
  const succeeded = amount(({ run }) => run.state === 'succeeded');
  const early = amount(({ run, stop }) => stop !== null && run.state === 'cancelled');
  const failing = amount(({ run }) => run.state === 'failed' || run.state === 'timed-out');
  const cancelled = amount(({ run }) => run.state === 'cancelled') - early;
  const working = amount(({ run }) => isOnMachine(run.state));
  const rest = amount(({ run }) => !isEnd(run.state)) - working;
  return [
    `${succeeded} of ${counted(members.length, 'run')} succeeded`,
    ...(early > 0 ? [`${early} stopped early`] : []),
    ...(failing > 0 ? [`${failing} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(working > 0 ? [`${working} at work`] : []),
    ...(rest > 0 ? [`${rest} ${rest === 1 ? 'waits' : 'wait'}`] : []),
  ].join(', ');
}

function rankWords({ spec }: Sweep, all: readonly Ranked[], isOver: boolean): Inline[] {
  const { metric, better, project } = spec;
  if (metric === null) return [`Nothing ranks them: ${project} names no `, { code: 'primaryMetric' }, '.'];
  if (better === null) return [`Nothing ranks them: nobody has said which way ${metric} gets better.`];
  if (isOver && all.every(({ final }) => final === null))
    return [`Nothing ranks them: none has succeeded with a final ${metric}.`];
  const by = `by the final ${metric}, ${better} is better; the best value of a run may lie before its end`;
  return [isOver ? `Ranked ${by}.` : `Ranked when all have ended, ${by}.`];
}

/** What was stopped early, by which rule and on what grounds. */
function stopped(sweep: Sweep, all: readonly Ranked[]): ReplyBlock[] {
  const { spec } = sweep;
  const early = all.flatMap(({ run, stop }) =>
    stop && (run.state === 'cancelled' || run.stopping) ? [{ run, stop }] : [],
  );
  if (early.length === 0) return [];
  const items = early
    .slice(0, most.listed)
    .map(({ run, stop: { step, value, median, completed } }): Inline[] => {
      return [
        { bold: `#${run.number}` },
        ` (${valuesOf(sweep, run)}) at step ${formatNumber(step)}: its best ${spec.metric} by then, ${formatNumber(value)}, is worse than ${formatNumber(median)}, the median of what ${completed} runs that succeeded had on average by then.`,
      ];
    });
  const left = early.length - items.length;
  return [
    { kind: 'text', text: [{ bold: 'Stopped early by the median rule:' }] },
    { kind: 'list', items: [...items, ...(left > 0 ? [[`and ${left} more`]] : [])] },
  ];
}

function failed(all: readonly Ranked[]): ReplyBlock[] {
  const bad = all.filter(({ run }) => run.failure !== null && isEnd(run.state));
  if (bad.length === 0) return [];
  const items = bad
    .slice(0, most.listed)
    .map(({ run }): Inline[] => [
      { bold: titleOf(run) },
      `: ${cleanLine(run.failure?.message ?? '', most.message)} `,
      { command: `train logs ${run.number}` },
    ]);
  const left = bad.length - items.length;
  return [{ kind: 'list', items: [...items, ...(left > 0 ? [[`and ${left} more`]] : [])] }];
}

/** Why the first of those that wait does, and which of them wait for somebody's word. */
function waiting(all: readonly Ranked[]): ReplyBlock[] {
  const asking = all.filter(({ run }) => !isEnd(run.state) && askedCost(run) !== null);
  const first = all.find(({ run }) => !isEnd(run.state) && run.waiting && askedCost(run) === null)?.run;
  const commands = asking
    .slice(0, most.listed)
    .flatMap(({ run }, i): Inline[] => [i === 0 ? '' : ', ', { command: `train approve ${run.number}` }]);
  const left = asking.length - most.listed;
  const asks: Inline[] = ['They wait for approval: ', ...commands, left > 0 ? ` and ${left} more` : ''];
  return [
    ...(first?.waiting
      ? [{ kind: 'text' as const, text: [{ bold: `#${first.number}` }, ` waits: ${first.waiting.sentence}`] }]
      : []),
    ...(asking.length > 0 ? [{ kind: 'text' as const, text: asks }] : []),
  ];
}

type Row = { label: string; value: Inline[] };

function totals({ createdAt }: Sweep, members: readonly SweepMember[], cost: SweepCost | null): Row[] {
  const ends = members.map(({ run }) => run.endedAt?.getTime() ?? Number.NaN);
  const last = Math.max(...ends);
  const time: Row[] = Number.isNaN(last)
    ? []
    : [
        {
          label: 'Time',
          value: [
            `${formatDuration(Math.round(secondsBetween(createdAt, new Date(last))))} from the request to the last end`,
          ],
        },
      ];
  if (!cost || cost.hours === 0) return time;
  const held = cost.hours < 0.01 ? 'less than 0.01' : formatNumber(Math.round(cost.hours * 100) / 100);
  const paid = cost.money > 0 ? `, ${formatMoney(cost.money, cost.currency)}` : '';
  return [...time, { label: 'Cost', value: [`${held} accelerator-hours${paid}`] }];
}

function asked(sweep: Sweep, members: readonly SweepMember[]): Row[] {
  const [first] = members;
  if (!first) return [];
  const { run } = first;
  const { note } = run.spec;
  const { short, ref } = codeOf(run);
  const { requestedBy, createdAt, spec, cancelledBy } = sweep;
  const rule = `median, from ${medianRule.completed} runs that succeeded and ${medianRule.values} values on`;
  return [
    ...(note === '' ? [] : [{ label: 'Note', value: [note] }]),
    { label: 'Code', value: [{ code: short }, ref] },
    { label: 'Each on', value: [resourcesOf(run)] },
    ...(spec.earlyStop ? [{ label: 'Early stop', value: [rule] }] : []),
    {
      label: 'Asked by',
      value: [{ person: actorKey(requestedBy), name: requestedBy.name }, ', ', { at: createdAt }],
    },
    ...(cancelledBy
      ? [{ label: 'Stopped by', value: [{ person: actorKey(cancelledBy), name: cancelledBy.name }] }]
      : []),
  ];
}

function rankItem(sweep: Sweep, { rank, run, final }: Ranked): Inline[] {
  const { axes, metric } = sweep.spec;
  const named = axes.map(
    ({ name }) => `${name}=${cleanLine(String(run.spec.parameters[name] ?? ''), most.value)}`,
  );
  return [
    `${rank}. `,
    { bold: `#${run.number}` },
    ` (${named.join(', ')}): final ${metric} `,
    { bold: formatNumber(final ?? 0) },
  ];
}

function compareWords(all: readonly Ranked[]): ReplyBlock[] {
  const best = all.filter(({ rank }) => rank !== null).slice(0, most.told);
  if (best.length < 2) return [];
  const command = `train compare ${best.map(({ run }) => run.number).join(' ')}`;
  return small(['Beside each other: ', { command }]);
}

function example(all: readonly Ranked[]): number {
  return all[0]?.run.number ?? 0;
}

function cancel({ number, spec }: Sweep, members: readonly SweepMember[]) {
  const open = members.filter(({ run }) => !isEnd(run.state)).length;
  return {
    action: 'sweep-cancel' as const,
    run: number,
    label: 'Cancel all',
    confirm: {
      title: `Cancel S${number} ${spec.project}?`,
      text: `${counted(open, 'run')} of it ${open === 1 ? 'waits or works' : 'wait or work'}. What works has its grace period to save its work.`,
      yes: 'Cancel all',
      no: 'Keep them',
    },
  };
}

function small(text: Inline[]): ReplyBlock[] {
  return [{ kind: 'context', text }];
}

function toneOf({ cancelledBy }: Sweep, members: readonly SweepMember[]): Tone {
  const has = (fits: (run: Run) => boolean) => members.some(({ run }) => fits(run));
  if (has(({ state }) => isOnMachine(state))) return 'working';
  if (has(({ state }) => !isEnd(state))) return 'waiting';
  if (has(({ state }) => state === 'succeeded')) return 'success';
  return cancelledBy ? 'info' : 'failure';
}

function sweepJson(sweep: Sweep, all: readonly Ranked[]) {
  const { number, spec, createdAt, endedAt, cancelledBy } = sweep;
  return {
    sweep: number,
    ...spec,
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
    cancelled: cancelledBy !== null,
    members: all.map(({ run, summary, final, rank, stop }) => ({
      run: run.number,
      state: run.state,
      parameters: Object.fromEntries(spec.axes.map(({ name }) => [name, run.spec.parameters[name]])),
      last: summary && summary.notFinite === undefined ? summary.value : null,
      best: summary ? bestOf(summary, spec.better) : null,
      final,
      rank,
      stoppedEarly: stop,
    })),
  };
}
