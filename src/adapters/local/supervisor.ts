import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exit, StopReason } from '../../core/run.ts';
import { askToEnd, endFamily } from './end-processes.ts';
import { createOnce, readJson, writeDurable } from './files.ts';
import { logWriter } from './log-writer.ts';
import { asHanded, asLimit, asPlan, controlFiles, type Plan } from './plan.ts';
import { type Identity, identify, identifyChild } from './processes.ts';
import { startCommand } from './start-command.ts';

/** How often to look for a stop request or a new time limit whose signal was lost. */
const lookMs = 1_000;
/** What a command left running when it ended by itself gets to end, at most. */
const leftoverMs = 5_000;
/** Timers hold less than 2^31 ms. */
const longestTimerMs = 2_000_000_000;

type Ended = Pick<Exit, 'code' | 'signal' | 'stopped' | 'failure'>;

/**
 * Runs one attempt's command from start to end and writes down how it ended. It outlives the agent, and whichever process makes
 * `launched` first is the only one that may start the command.
 */
async function supervise(control: string): Promise<void> {
  const files = controlFiles(control);
  // SIGTERM says that there is something to read; by itself it means nothing, and no signal may end a supervisor before its command.
  let look = () => {};
  process.on('SIGTERM', () => look());
  for (const signal of ['SIGINT', 'SIGHUP', 'SIGPIPE'] as const) process.on(signal, () => {});

  const plan = asPlan(readJson(files.plan));
  const self = identify(process.pid);
  if (!plan || !self) throw new Error('plan.json is unreadable, or this process cannot be seen');
  const handed = asHanded(readFileSync(0, 'utf8'), plan);
  if (!handed) throw new Error('the agent ended before all was handed over');
  if (!createOnce(files.launched, { by: 'supervisor', ...self })) return;

  const log = logWriter(files.log, plan.log, handed.hidden);
  for (const note of plan.notes) log.note(note);
  const env = { ...plan.env, ...handed.environment };
  const started = await startCommand({ ...plan, env }, files.pipe, bytes => log.write(bytes));
  let ended: Ended = { code: null, signal: null, stopped: null, failure: null };
  if (started.ok) {
    const leader = identifyChild(started.pid);
    const command = watch(started.child, leader, self, plan, files);
    look = command.look;
    look();
    void persist(files.child, { ...leader, at: new Date() });
    ended = await command.ended;
    await Promise.race([started.closed, pause(1_000)]);
  } else ended.failure = started.failure;
  log.end();
  await persist(files.exit, { ...ended, at: new Date() });
}

/** Follows the command to its end, and ends it when it is asked to or when its time is over; then all that it left behind. */
function watch(
  child: ChildProcess,
  leader: Identity,
  self: Identity,
  plan: Plan,
  files: { stop: string; limit: string },
) {
  const family = { leader, since: self, marks: plan.marks };
  const begun = performance.now();
  const oomBefore = oomKills();
  let stopped: StopReason | null = null;
  let killAt = 0;
  let killing: NodeJS.Timeout | undefined;

  function stop(reason: StopReason): void {
    // A request to end the run for good outweighs one to interrupt it.
    if (stopped === 'preempt' && reason === 'cancel') stopped = reason;
    if (stopped !== null) return;
    // One that has just ended by itself was not stopped.
    if (identify(leader.pid) === null || !askToEnd(-leader.pid)) return;
    stopped = reason;
    killAt = performance.now() + plan.graceS * 1_000;
    killing = setTimeout(() => void endFamily(family, 0), Math.min(plan.graceS * 1_000, longestTimerMs));
  }

  function look(): void {
    const reason = stopReason(files.stop);
    const limitS = asLimit(readJson(files.limit)) ?? plan.timeLimitS;
    if (reason) stop(reason);
    else if (performance.now() - begun >= limitS * 1_000) stop('time-limit');
  }

  const looking = setInterval(look, lookMs);
  const limit = setTimeout(look, Math.min(plan.timeLimitS * 1_000 + 1, longestTimerMs));
  const ended = new Promise<Ended>(resolve => {
    child.once('exit', async (code, signal) => {
      for (const timer of [looking, limit, killing]) clearTimeout(timer);
      const graceMs = stopped
        ? Math.max(0, killAt - performance.now())
        : Math.min(plan.graceS * 1_000, leftoverMs);
      const outcome = { code, signal, stopped };
      await endFamily(family, graceMs, stopped !== null);
      resolve({ ...outcome, failure: stopped === null ? killedBy(code, signal, oomBefore) : null });
    });
  });
  return { look, ended };
}

/** What the kernel knows of a SIGKILL, also of one that a shell passes on by its exit code; null: nothing, or it was none. */
function killedBy(code: number | null, signal: string | null, before: number | null): Ended['failure'] {
  const after = oomKills();
  if ((signal !== 'SIGKILL' && code !== 137) || before === null || after === null) return null;
  if (after > before)
    return {
      class: 'out-of-memory',
      message: 'The machine ran out of memory, and its kernel ended the command.',
    };
  const message =
    'It was ended by SIGKILL, which was not sent by Signalbox, nor by the kernel for want of memory.';
  return { class: 'killed', message };
}

function stopReason(file: string): StopReason | null {
  const request = readJson(file);
  const reason =
    typeof request === 'object' && request !== null && 'reason' in request ? request.reason : null;
  return reason === 'cancel' || reason === 'time-limit' || reason === 'preempt' ? reason : null;
}

/** How often the kernel ended a process of this control group for want of memory (cgroup v2); null: it does not say. */
function oomKills(): number | null {
  try {
    const group = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '';
    const counts = readFileSync(`/sys/fs/cgroup${group}/memory.events`, 'utf8');
    const count = /^oom_kill (\d+)$/m.exec(counts)?.[1];
    return count === undefined ? null : Number(count);
  } catch {
    return null;
  }
}

/** Writes a file for the agent; a disk that is full for a moment must cost nobody the result. */
async function persist(path: string, content: unknown): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return writeDurable(path, content);
    } catch (err) {
      if (tries === 120) throw err;
      await pause(1_000);
    }
  }
}

const control = process.argv[2];
if (control === undefined) throw new Error('usage: supervisor.ts <control folder>');
await supervise(control);
// A file that an escaped process holds open must not hold this process.
process.exit(0);
