import { isMoved, type Place, type SlackPlace } from '../core/actor.ts';
import { type Check, checkOf } from '../core/check.ts';
import { fileCheck } from '../core/file-reply.ts';
import { headSummary } from '../core/head-summary.ts';
import { leaseWarning } from '../core/lease-reply.ts';
import {
  type ClaimedSurface,
  type Log,
  MessengerError,
  type MessengerPort,
  type MetricSeries,
  type MetricSummary,
  type RunCharts,
  type RunStore,
  type SurfaceStore,
  type SweepStore,
} from '../core/ports.ts';
import { type Reply, reply } from '../core/reply.ts';
import { isEnd, isLease, isOnMachine, type Run, stageOf } from '../core/run.ts';
import { primaryMetric } from '../core/run-facts.ts';
import { endedReply, runReply, titleOf } from '../core/run-reply.ts';
import type { RunResult } from '../core/run-result-reply.ts';
import { sparklines } from '../core/sparkline.ts';
import type { Sweep, SweepMember } from '../core/sweep.ts';
import { type SweepCost, sweepEndedReply, sweepReply } from '../core/sweep-reply.ts';
import type { Home } from './home.ts';
import { whileKept } from './while-kept.ts';

export interface PublishPorts {
  surfaces: SurfaceStore;
  runs: RunStore;
  messenger: MessengerPort;
  /** Digest of a reply, to tell whether anything changed. */
  hash(content: Reply): string;
  /** Where what a run made lies, for people. */
  outputOf(run: Run): string | null;
  /** A run beside what it is held against; null: against nothing, ever. */
  resultOf(run: Run, metrics: readonly MetricSummary[], now: Date): Promise<RunResult | null>;
  sweeps: Pick<SweepStore, 'get' | 'members'>;
  /** What runs have cost so far, all together. */
  sweepCost(members: readonly SweepMember[], now: Date): Promise<SweepCost>;
  /** The curve that is shown when a run has ended, and its pictures. */
  charts: RunCharts;
  /** What a promotion's message shows in a place, and what of it is kept as shown; null: there is no such promotion. */
  promotionOf(number: number, place: Place): Promise<{ content: Reply; stage: string } | null>;
  /** The versions that a run made and that may be promoted. */
  versionsOf(run: Run): Promise<{ model: string; number: number }[]>;
  /** What the Home of the person of a place shows. */
  home(place: SlackPlace, now: Date): Promise<Home>;
  log: Log;
}

/** A message is edited at most this often: ten quick changes are one update. */
const editPauseMs = 1_500;
/** GitHub takes 500 changes an hour from all that Signalbox says there. */
const githubPauseMs = 5_000;
const threadPauseMs = 1_000;
const homePauseMs = 10_000;
/** Room that is there in a moment is not asked for at once. */
const leastPauseMs = 100;
const mostFailures = 30;
/** To draw more points than these takes the database longer than an edit should. */
const mostForSpark = 100_000;
/** A curve beside its last value, one line on a phone. */
const sparkWidth = 16;
const sparkPoints = 64;

/**
 * Makes one surface show what is true now. Level-triggered: it renders the present, compares with what was last sent, and sends only
 * a difference. A first post is announced in the row before it leaves, and looked up by its nonce when its end is not known.
 */
export async function publish(id: string, ports: PublishPorts, clock: () => Date): Promise<void> {
  // 1. It is this worker's for some seconds, or somebody else's, or not due.
  const surface = await ports.surfaces.claim(id);
  if (!surface) return;
  try {
    const moved = await whileKept(
      () => ports.surfaces.keep(surface),
      async holds => {
        try {
          if (surface.kind === 'home') await showHome(surface, holds, ports, clock());
          else if (surface.kind === 'reaction') await react(surface, holds, ports);
          else await show(surface, holds, ports, clock);
          return false;
        } catch (err) {
          return await goesElsewhere(surface, err, ports);
        }
      },
    );
    if (moved) await publish(id, ports, clock);
  } catch (err) {
    await giveBack(surface, err, ports);
  }
}

/** Where a place cannot show a message, whoever asked gets it alone. Throws where that cannot be either. */
async function goesElsewhere(surface: ClaimedSurface, err: unknown, ports: PublishPorts): Promise<boolean> {
  const { kind, remote, place } = surface;
  const stuck = err instanceof MessengerError && err.outcome === 'elsewhere';
  // A channel that the policy names is nobody's own.
  const isOfNobody = place.kind === 'slack' && place.user === '';
  if (!stuck || kind === 'home' || remote || isMoved(place) || isOfNobody) throw err;
  const direct = await ports.messenger.direct(place);
  ports.log.info({ err, surface: surface.id }, 'a message is shown to one person instead');
  await ports.surfaces.move(surface, direct, err.message);
  return true;
}

async function show(
  surface: ClaimedSurface,
  holds: () => boolean,
  ports: PublishPorts,
  clock: () => Date,
): Promise<void> {
  // 2. What is true now.
  // A message that could not follow into its thread stands by itself.
  const alone = isMoved(surface.place);
  if (isOfThread(surface) && !surface.thread && !alone) {
    if (surface.threadGone) return await ports.surfaces.gaveUp(surface, 'the run has no message');
    await ports.surfaces.waits(surface, 'waits for the message of the run', threadPauseMs);
    return;
  }
  const run = surface.run === null ? null : await ports.runs.get(surface.run);
  const sweep = run || surface.sweep === null ? null : await ports.sweeps.get(surface.sweep);
  const shown = surface.commit
    ? await ofCommit(surface, ports)
    : sweep
      ? await ofSweep(surface, sweep, ports, clock())
      : await ofRun(surface, run, ports, clock());
  if (!shown) {
    await ports.surfaces.gaveUp(surface, 'its subject is gone');
    return;
  }
  const { content, check, stage } = shown;
  const hash = ports.hash(check ? { ...content, data: check } : content);
  if (hash === surface.shownHash) {
    await ports.surfaces.shown(surface, hash, surface.remote, 0, stage);
    return;
  }

  // 3. A first post whose end was never heard of may be there already.
  let remote = isOver(surface, stage) ? null : surface.remote;
  const thread = alone ? null : surface.thread;
  // Of a check that was opened again there is one before it: what was posted last counts, where it came to be.
  if (surface.postingSince && (!remote || surface.kind === 'summary'))
    remote =
      (await ports.messenger.find(surface.place, surface.nonce, surface.postingSince, thread, check)) ??
      remote;
  if (!remote && !(await ports.surfaces.posting(surface))) return;

  // 4. Post or edit, and write down what is shown; a process that was paused leaves it to whoever has taken over. Progress leaves the last
  // of what Slack allows to ends and changes, so that it gets rarer where there is much to say.
  if (!holds()) return;
  const { place, nonce } = surface;
  const patient = isAnybodys(surface) || (stage !== undefined && stage === surface.shownStage);
  const sent = await ports.messenger.send({ place, content, nonce, remote, thread, patient, check });
  await ports.surfaces.shown(
    surface,
    hash,
    sent.remote ?? remote,
    sweep ? sweepPauseAt(place) : pauseAt(place),
    stage,
  );
}

/** What anybody may cause by proposing something leaves room for what runs have to say. */
function isAnybodys({ kind }: ClaimedSurface): boolean {
  return kind === 'summary' || kind === 'file' || kind === 'proposal';
}

/** GitHub keeps what a check has come to: where it is open again, that is another one of its name, and the newest counts. */
function isOver({ kind, shownStage }: ClaimedSurface, stage: string | undefined): boolean {
  return kind === 'summary' && shownStage === 'completed' && stage !== 'completed';
}

function pauseAt(place: Place): number {
  return place.kind === 'github' ? githubPauseMs : editPauseMs;
}

/** Its table changes with each of its members. */
function sweepPauseAt(place: Place): number {
  return 2 * pauseAt(place);
}

/** A sign that is there already stays as it is, so that nothing has to be found again. */
async function react(surface: ClaimedSurface, holds: () => boolean, ports: PublishPorts): Promise<void> {
  const { place, content, remote } = surface;
  if (!content || !ports.messenger.react)
    return await ports.surfaces.gaveUp(surface, 'its place has no signs');
  if (!holds()) return;
  await ports.messenger.react(place, content.tone);
  await ports.surfaces.shown(surface, ports.hash(content), remote, 0);
}

/** A Home is replaced as a whole, so that nothing has to be found again. */
async function showHome(
  surface: ClaimedSurface,
  holds: () => boolean,
  ports: PublishPorts,
  now: Date,
): Promise<void> {
  const { place, shownHash, remote } = surface;
  if (place.kind !== 'slack') return await ports.surfaces.gaveUp(surface, 'its place has no Home');
  const { content, isMoving } = await ports.home(place, now);
  const stage = isMoving ? 'moving' : undefined;
  const hash = ports.hash(content);
  if (hash === shownHash) return await ports.surfaces.shown(surface, hash, remote, homePauseMs, stage);
  if (!holds()) return;
  const sent = await ports.messenger.home(place, content);
  await ports.surfaces.shown(surface, hash, sent.remote, homePauseMs, stage);
}

async function ofSweep(
  { kind }: ClaimedSurface,
  sweep: Sweep,
  ports: PublishPorts,
  now: Date,
): Promise<Shown> {
  const members = await ports.sweeps.members(sweep);
  const isEnded = members.every(({ run }) => isEnd(run.state));
  const cost = isEnded ? await ports.sweepCost(members, now) : null;
  const content =
    kind === 'sweep-ended' ? sweepEndedReply(sweep, members, cost) : sweepReply(sweep, members, cost, now);
  return { content, check: undefined, stage: sweep.endedAt ? 'ended' : 'open' };
}

interface Shown {
  content: Reply;
  check: Check | undefined;
  stage: string | undefined;
}

async function ofRun(
  surface: ClaimedSurface,
  run: Run | null,
  ports: PublishPorts,
  now: Date,
): Promise<Shown | null> {
  if (surface.kind === 'promotion' && surface.promotion !== null) {
    const { place, remote, promotion } = surface;
    // Its buttons count where the message is.
    const at = place.kind === 'slack' && remote ? { ...place, channel: remote.channel } : place;
    const shown = await ports.promotionOf(promotion, at);
    return shown && { ...shown, check: undefined };
  }
  const content = await contentOf(surface, run, ports, now);
  const isCheck = surface.kind === 'check' && run;
  const check = isCheck ? (checkOf(run, (await ports.versionsOf(run)).length > 0) ?? undefined) : undefined;
  return content && { content, check, stage: run ? stageOf(run) : undefined };
}

async function ofCommit(
  { kind, place, commit }: ClaimedSurface,
  { runs }: PublishPorts,
): Promise<Shown | null> {
  if (place.kind !== 'github' || !commit) return null;
  const { sha, head } = commit;
  const shown =
    kind === 'file'
      ? fileCheck(sha, head?.problems ?? [])
      : headSummary(sha, head, await runs.atCommit(place.repo, sha));
  return { ...shown, stage: shown.check.status };
}

async function contentOf(
  surface: ClaimedSurface,
  run: Run | null,
  ports: PublishPorts,
  now: Date,
): Promise<Reply | null> {
  if (surface.content) return surface.content;
  if (!run) return null;
  if (surface.kind === 'warning') return leaseWarning(run, now);
  const metrics = await ports.runs.metrics(run.number);
  const output = isEnd(run.state) ? ports.outputOf(run) : null;
  const primary = primaryMetric(run, metrics);
  const isCurve = primary !== undefined && primary.count > 1;
  if (surface.kind === 'ended') {
    const chart = isCurve ? await ports.charts.of(run, primary.name) : null;
    return endedReply(run, { metrics, output, chart });
  }
  const shares = isLease(run) ? await ports.runs.shares(run) : [];
  // Who reads it on GitHub decides about code.
  const result =
    surface.place.kind === 'github' ? ((await ports.resultOf(run, metrics, now)) ?? undefined) : undefined;
  // Slack alone is edited often enough for a line that grows.
  const isShort = primary !== undefined && primary.count <= mostForSpark;
  const isGrowing = isCurve && isShort && isOnMachine(run.state) && surface.place.kind === 'slack';
  const series = isGrowing ? await ports.runs.series(run.number, [primary.name], sparkPoints) : [];
  const versions = await ports.versionsOf(run);
  const facts = { metrics, output, shares, result, versions, spark: sparkOf(series[0]) };
  const [ahead, reported] = await Promise.all([ports.runs.ahead(run), ports.runs.reported(run.number)]);
  const said = runReply(run, { ...facts, ahead, reported }, now);
  return surface.place.kind === 'github' ? await withPictures(said, run, ports) : said;
}

/** Addresses of pictures, for charts that GitHub cannot draw. They stay the same for as long as the reply does. */
async function withPictures(said: Reply, run: Run, { charts }: PublishPorts): Promise<Reply> {
  const at = run.endedAt ?? run.createdAt;
  const blocks = await Promise.all(
    said.blocks.map(async block => {
      if (block.kind !== 'chart' || block.pictures) return block;
      const pictures = await charts.pictures(run, block.metric, at);
      return pictures ? { ...block, pictures } : block;
    }),
  );
  return { ...said, blocks };
}

function sparkOf(series: MetricSeries | undefined): string | undefined {
  if (!series) return undefined;
  const points = series.points.map(({ step, value }) => ({ x: step, y: value }));
  const chart = { better: null, series: [{ name: series.name, role: 'run' as const, points }] };
  return sparklines(chart, sparkWidth)[0]?.line;
}

function isOfThread({ kind }: ClaimedSurface): boolean {
  return ['ended', 'preempted', 'stalled', 'alert', 'warning', 'sweep-ended', 'remark'].includes(kind);
}

async function tellUnseen(surface: ClaimedSurface, why: string, ports: PublishPorts): Promise<void> {
  const run = surface.run === null ? null : await ports.runs.get(surface.run);
  const title = run ? titleOf(run) : surface.sweep === null ? null : `Sweep S${surface.sweep} was asked for`;
  if (title === null) return;
  const said = reply(
    `${title}, and its message cannot be shown here.`,
    [
      {
        kind: 'text',
        text: [why, ' Where Signalbox was invited, a run has a message that shows its state.'],
      },
      {
        kind: 'text',
        text: [
          'To see how it is doing: ',
          { command: `train status ${run ? run.number : `S${surface.sweep}`}` },
        ],
      },
    ],
    { tone: 'warning' },
  );
  // The sweep finds it.
  await ports.surfaces.addNote(`unseen:${surface.id}`, surface.place, said);
}

async function giveBack(surface: ClaimedSurface, err: unknown, ports: PublishPorts): Promise<void> {
  const message = err instanceof Error ? err.message : String(err);
  if (err instanceof MessengerError && err.busy)
    return await ports.surfaces.waits(surface, message, Math.max(err.afterMs, leastPauseMs));
  const outcome = err instanceof MessengerError ? err.outcome : 'retry';
  // A Home that cannot be shown is wanted again by whoever opens it.
  if (outcome === 'left' || (surface.kind === 'home' && outcome !== 'retry')) {
    ports.log.info({ err, surface: surface.id }, 'a message has nobody to go to');
    return await ports.surfaces.gaveUp(surface, message);
  }
  if (outcome !== 'retry' || surface.attempts >= mostFailures) {
    ports.log.warn({ err, surface: surface.id }, 'a message is given up');
    // Who asked for a run has heard nothing yet, and may still be reached by another way.
    if ((surface.kind === 'run' || surface.kind === 'sweep') && !surface.remote)
      await tellUnseen(surface, message, ports);
    await ports.surfaces.gaveUp(surface, message);
    return;
  }
  const wanted = err instanceof MessengerError ? err.afterMs : 0;
  ports.log.info({ err, surface: surface.id }, 'a message waits');
  await ports.surfaces.failed(
    surface,
    message,
    Math.max(wanted, Math.min(60_000, 500 * 2 ** surface.attempts)),
  );
}
