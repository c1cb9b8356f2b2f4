import type { CommandContext } from './command.ts';
import { type EarlyStopRule, earlyStops } from './early-stop.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { counted } from './format.ts';
import { freezeSentence, freezesOn } from './freeze.ts';
import { betterOf } from './metric-direction.ts';
import type { FreezeStore, SweepStore } from './ports.ts';
import { type Reply, reply } from './reply.ts';
import type { RunSpec } from './run.ts';
import { runJson } from './run-json.ts';
import { codeOf, resourcesOf } from './run-reply.ts';
import { sightOf } from './secret.ts';
import { confined } from './store-run.ts';
import type { RequestedSweep, SweepSpec } from './sweep.ts';

type Asked = Extract<RequestedSweep, { ok: true }>;
type Planned = { ok: true; spec: SweepSpec } | { ok: false; code: ErrorCode; details: ErrorDetails };

/** What goes over several values; null: nothing does. */
export function readSweep(values: {
  project: string;
  sweep?: Record<string, string> | undefined;
  'early-stop'?: string | undefined;
}) {
  const { project, sweep, 'early-stop': word } = values;
  const earlyStop = earlyStops.find(one => one === word) ?? null;
  if (sweep && Object.keys(sweep).length > 0) return { ok: true as const, values: sweep, earlyStop };
  if (word === undefined) return null;
  const details = { project, reason: 'There is one run, and nothing that it could be held against.' };
  return { ok: false as const, code: 'EARLY_STOP_UNSURE' as const, details };
}

/** What one member would come to, where only that is looked at. */
export function asFirstOf(members: number, shown: Reply): Reply {
  const text = [`It would be ${members} runs. This is the first of them, if it were alone.`];
  return { ...shown, blocks: [{ kind: 'text', text }, ...shown.blocks] };
}

/** What a sweep is about. Members can be stopped early only where somebody has said what is good. */
export function planSweep({ axes, members }: Asked, earlyStop: EarlyStopRule | null): Planned {
  const [first] = members;
  if (!first) throw new Error('a sweep has no members');
  const { project, primaryMetric: metric, metrics = {} } = first.spec;
  const better = metric === null ? null : betterOf(metric, metrics);
  if (earlyStop !== null && better === null) {
    const reason =
      metric === null
        ? `${project} names no metric as its primary one.`
        : `Which way ${metric} gets better is not known.`;
    return { ok: false, code: 'EARLY_STOP_UNSURE', details: { project, reason } };
  }
  return { ok: true, spec: { project, axes, metric, better, earlyStop } };
}

/** Stores a sweep with all its runs under the intent's key. Where runs have messages, its one message is what everybody sees. */
export async function storeSweep(
  sweep: SweepSpec,
  { members, priority }: Asked,
  pinned: Pick<RunSpec, 'source' | 'sha'> & Partial<RunSpec>,
  context: CommandContext,
  { sweeps, freezes }: { sweeps: Pick<SweepStore, 'create'>; freezes: Pick<FreezeStore, 'standing'> },
): Promise<Reply> {
  const { actor, place, key, now, policy } = context;
  const specs = members.map(({ spec }) => {
    const wanted = { ...spec, ...pinned };
    return confined({ ...wanted, ...sightOf(wanted, place, policy.projects) }, policy);
  });
  const wish = { key, spec: sweep, members: specs, priority, requestedBy: actor, place, at: now };
  const stored = await sweeps.create(wish);
  const { number } = stored.sweep;
  const [first] = stored.runs;
  const last = stored.runs.at(-1);
  if (!first || !last) throw new Error('a sweep has no members');
  const { short, ref } = codeOf(first);
  const title = `Sweep S${number} ${sweep.project}: ${counted(stored.runs.length, 'run')} from #${first.number} to #${last.number}, ${short}${ref}, each on ${resourcesOf(first)}.`;
  const held = freezesOn(await freezes.standing(), first.spec);
  const blocks = [
    ...held.map(one => ({ kind: 'text' as const, text: [freezeSentence(one, now)] })),
    {
      kind: 'text' as const,
      text: ['To see how it is doing: ', { command: `train status S${number}` }, '.'],
    },
  ];
  const data = { sweep: number, ...stored.sweep.spec, runs: stored.runs.map(run => runJson(run)) };
  return reply(title, blocks, { shownByRun: true, data });
}
