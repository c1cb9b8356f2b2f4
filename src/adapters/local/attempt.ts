import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentSyncRequest } from '../../core/agent-protocol.ts';
import { secretHider } from '../../core/hide-secrets.ts';
import type { Exit, StopReason } from '../../core/run.ts';
import {
  type Assigned,
  attemptFolders,
  type Claim,
  lastLines,
  readClaim,
  readControl,
  readLimit,
  readOutputs,
  readStop,
} from './control.ts';
import { deliverLog } from './deliver-log.ts';
import { deliverMetrics } from './deliver-metrics.ts';
import { deliverOutputs } from './deliver-outputs.ts';
import { endFamily } from './end-processes.ts';
import { marksOf } from './environment.ts';
import { readJson, writeDurable } from './files.ts';
import { blamesGpu, exitOf } from './outcome.ts';
import { bootId, isAlive, sendSignal } from './processes.ts';
import { claimFolders, neverStart, type StartOptions, startAttempt } from './start-attempt.ts';

export interface AttemptOptions extends StartOptions {
  agentDir: string;
  /** The agent is to end; what runs goes on. */
  signal: AbortSignal;
  /** There is something to report. */
  changed(): void;
  /** A GPU may be at fault. */
  onGpuTrouble(): void;
}

type Report = AgentSyncRequest['reports'][number];
type Over = { exit: Exit } | { lost: string };

const linesOfLog = 40;
const takenElsewhere =
  'Its machine knows nothing of having taken it: its data folder was emptied, or another agent serves the pool too.';

/**
 * One attempt on this machine. What is known of it lies in its folder; here is only what goes on in this process. `step` may be repeated
 * at any time, and leads from whatever the folder holds towards what is wanted.
 */
export function attemptOn(options: AttemptOptions, run: number, attempt: number) {
  const folders = attemptFolders(options.agentDir, run, attempt);
  const { files } = folders;
  const { log, signal } = options;
  let assigned: Claim | null = readClaim(folders);
  let over: Over | null = null;
  let lastSeen: ReturnType<typeof readControl> | null = null;
  let startedAt: Date | null = null;
  let limitS: number | null = null;
  let claiming: Promise<void> | null = null;
  let starting: { stop: AbortController; done: Promise<void> } | null = null;
  let delivered = false;
  let delivering: Promise<void> | null = null;
  let ending: Promise<void> | null = null;
  let keeping: { stop: AbortController; done: Promise<void> } | null = null;
  let outputs: ReturnType<typeof readOutputs> = null;

  /** A step that fails is logged, and may be taken again a second later. */
  async function inBackground(what: string, work: () => Promise<void>, done: () => void): Promise<void> {
    try {
      await work();
    } catch (err) {
      if (!signal.aborted && !starting?.stop.signal.aborted && !keeping?.stop.signal.aborted) {
        log.error({ run, attempt, step: what, err }, 'a step of an attempt failed');
        await pause(1_000, undefined, { signal }).catch(() => {});
      }
    }
    done();
    options.changed();
  }

  function look(): ReturnType<typeof readControl> {
    if (over && lastSeen) return lastSeen;
    const seen = readControl(folders);
    lastSeen = seen;
    startedAt = seen.child?.at ?? null;
    if (seen.end) {
      const exit = exitOf(seen.end, lastLines(files.log, linesOfLog));
      over = { exit };
      if (assigned?.kind === 'gpu' && blamesGpu(exit)) options.onGpuTrouble();
    } else if (seen.lost) over = { lost: seen.lost.reason };
    return seen;
  }

  /** One step towards what Signalbox wants of this attempt; `null`: it has no place here any more. */
  function step(wanted: Assigned | null): void {
    const seen = look();
    if (seen.launched || seen.lost)
      delivering ??= inBackground('log', deliver, () => {
        if (!delivered) delivering = null;
      });
    if (over) {
      keep(wanted);
      return;
    }
    const stop = wanted ? wanted.stop : 'cancel';
    if (!seen.launched) {
      if (stop) ending ??= inBackground('stop', () => stopStart(stop, wanted), endingDone);
      else if (wanted && !starting && !ending && !claiming) takeOrBegin(wanted);
      return;
    }
    if (!seen.supervisor) return;
    if (isAlive(seen.supervisor)) {
      if (stop && readStop(folders)?.reason !== stop) {
        writeDurable(files.stop, { reason: stop });
        sendSignal(seen.supervisor.pid, 'SIGTERM');
      }
      if (wanted) limit(wanted.spec.timeLimitS, seen.supervisor.pid);
      return;
    }
    // It may have written its last between the two looks.
    if (!look().end) ending ??= inBackground('lost', () => endLost(seen), endingDone);
  }

  /** After a success its outputs are brought away, unless nobody wants it any more. */
  function keep(wanted: Assigned | null): void {
    if (!owesOutputs() || ending) return;
    if (wanted && !wanted.stop) keeping ??= beginKeeping(assigned?.spec.outputs ?? []);
    else ending = inBackground('outputs', () => leaveOutputs(wanted?.stop ?? 'cancel'), endingDone);
  }

  function beginKeeping(patterns: readonly string[]) {
    const stop = new AbortController();
    const { service } = options;
    const work = async () => {
      const either = AbortSignal.any([stop.signal, signal]);
      const delivery = { run, attempt, patterns, folder: folders.output, service, log, signal: either };
      const missing = await deliverOutputs(delivery);
      writeDurable(files.outputs, {
        failure: missing === null ? null : `The command ended with exit code 0. ${missing}`,
        stopped: null,
      });
    };
    const done = inBackground('outputs', work, () => {
      keeping = null;
    });
    return { stop, done };
  }

  async function leaveOutputs(stopped: StopReason): Promise<void> {
    keeping?.stop.abort();
    await keeping?.done;
    if (owesOutputs()) writeDurable(files.outputs, { failure: null, stopped });
  }

  /** It ended well, and what it was to put out is not known to be kept. */
  function owesOutputs(): boolean {
    if (!over || !('exit' in over) || (assigned?.spec.outputs ?? []).length === 0) return false;
    const { code, failure, stopped } = over.exit;
    if (code !== 0 || failure || stopped) return false;
    outputs ??= readOutputs(folders);
    return outputs === null;
  }

  /** Tells the supervisor the time limit that holds now, where it knows another one. */
  function limit(wantedS: number, supervisor: number): void {
    limitS ??= readLimit(folders) ?? assigned?.spec.timeLimitS ?? null;
    if (limitS === wantedS) return;
    writeDurable(files.limit, { timeLimitS: wantedS });
    sendSignal(supervisor, 'SIGTERM');
    limitS = wantedS;
  }

  /**
   * Signalbox gives an attempt that no machine has taken to another one where this one falls silent. So it is asked for it under a key that
   * is on disk before, and nothing of it is begun until Signalbox has answered with that key: from then on it waits for this machine's word.
   */
  function takeOrBegin(wanted: Assigned): void {
    const take = assigned?.take;
    if (mayBegin(wanted, take)) starting = begin(wanted);
    else if (take === undefined)
      claiming = inBackground(
        'claim',
        () => claim(wanted, randomUUID()),
        () => {
          claiming = null;
        },
      );
    else if (wanted.taken !== null) writeDurable(files.lost, { reason: takenElsewhere });
  }

  async function claim(wanted: Assigned, take = assigned?.take): Promise<void> {
    const mine = { ...wanted, take };
    await claimFolders(mine, folders);
    assigned = mine;
  }

  function begin(wanted: Assigned): { stop: AbortController; done: Promise<void> } {
    const stop = new AbortController();
    const either = AbortSignal.any([stop.signal, signal]);
    const work = async () => {
      await claim(wanted);
      await startAttempt(wanted, folders, options, either);
    };
    const done = inBackground('start', work, () => {
      starting = null;
    });
    return { stop, done };
  }

  async function stopStart(reason: StopReason, wanted: Assigned | null): Promise<void> {
    starting?.stop.abort();
    await Promise.all([starting?.done, claiming]);
    if (wanted) await claim(wanted);
    if (existsSync(folders.control)) neverStart(folders, { stopped: reason, failure: null });
  }

  async function endLost({ supervisor, child }: ReturnType<typeof readControl>): Promise<void> {
    if (!supervisor) return;
    // A command that was being started in that very instant must be there to be seen.
    await pause(50);
    await endFamily({ leader: child, since: supervisor, marks: marksOf({ run, attempt }, folders) }, 0);
    const reason =
      supervisor.boot === bootId()
        ? 'The process that watched over it on the machine ended unexpectedly.'
        : 'The machine was restarted while it ran.';
    writeDurable(files.lost, { reason });
  }

  function endingDone(): void {
    ending = null;
  }

  async function deliver(): Promise<void> {
    const { service } = options;
    const places = { logFolder: files.log, deliveryFile: files.delivery };
    const following = { run, attempt, service, log, signal, ended };
    const hide = (text: string) => secretHider(options.secrets?.known() ?? []).hide(text);
    const metrics = { metricsFile: folders.metrics, placeFile: files.metricsPlace, hide };
    await Promise.all([
      deliverLog({ ...following, ...places }),
      deliverMetrics({ ...following, ...metrics }),
    ]);
    delivered = true;
  }

  function ended(): boolean {
    look();
    return over !== null;
  }

  /** It has ended, and all that there is to send of its log and its outputs was sent. */
  function isOver(): boolean {
    return over !== null && delivered && !owesOutputs();
  }

  return {
    run,
    attempt,
    step,
    /** The token that came with it; null before anything was written. */
    token: () => assigned?.token ?? null,
    /** The key under which it is to be taken; null: it lies ready for none, or needs none any more. */
    take: () => (over || existsSync(files.launched) ? null : (assigned?.take ?? null)),
    isOver,
    /** Nothing of it was ever begun. */
    isEmpty: () => !starting && !claiming && !existsSync(files.assignment) && !existsSync(files.launched),
    report(): Report {
      const about = { run, attempt, startedAt, exit: null, reason: null };
      if (over && isOver())
        return 'exit' in over
          ? { ...about, state: 'exited', exit: withOutputs(over.exit, outputs) }
          : { ...about, state: 'lost', reason: over.lost };
      return { ...about, state: startedAt ? 'running' : 'starting' };
    },
    /** Its removal was begun before. */
    isForgotten: () =>
      existsSync(folders.tombstone) && (!assigned || wasForgotten(options.agentDir, assigned)),
    /** Removes what only this attempt had. What it put out, and a mark so that it never starts again, stay. */
    async forget(): Promise<void> {
      if (assigned) writeDurable(folders.tombstone, { token: assigned.token });
      // The control folder last: while it is there, an agent knows that the attempt has ended.
      for (const folder of [folders.work, folders.home, folders.temporary])
        await rm(folder, { recursive: true, force: true });
      rmSync(folders.folder, { recursive: true, force: true });
    },
    /** Resolves when nothing of it goes on in this process. */
    async rest(): Promise<void> {
      await Promise.all([claiming, starting?.done, delivering, ending, keeping?.done]);
    },
  };
}
export type Attempt = ReturnType<typeof attemptOn>;

/** What is true of an end only once its outputs are kept, or were left. */
function withOutputs(exit: Exit, outputs: ReturnType<typeof readOutputs>): Exit {
  if (outputs?.stopped) return { ...exit, stopped: outputs.stopped };
  if (!outputs?.failure) return exit;
  return { ...exit, failure: { class: 'output-missing', message: outputs.failure } };
}

/** Whether exactly this attempt was here before and has been forgotten. */
export function wasForgotten(agentDir: string, { run, attempt, token }: Assigned): boolean {
  const mark = readJson(attemptFolders(agentDir, run, attempt).tombstone);
  return typeof mark === 'object' && mark !== null && 'token' in mark && mark.token === token;
}

/** Nothing is said by a service from before attempts were taken, and no key is asked for what a machine had before that. */
function mayBegin({ taken }: Assigned, take: string | undefined): boolean {
  return taken === undefined || taken === '' || (taken !== null && taken === take);
}
