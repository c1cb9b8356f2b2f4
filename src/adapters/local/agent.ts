import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AgentSyncRequest, AgentSyncResponse } from '../../core/agent-protocol.ts';
import type { Log } from '../../core/ports.ts';
import { machineAccelerators, type Offers, type Programs } from './accelerators.ts';
import { type Attempt, type AttemptOptions, attemptOn, wasForgotten } from './attempt.ts';
import type { Assigned } from './control.ts';
import { takeLock } from './lock.ts';
import type { Secrets } from './secrets.ts';
import { serviceAt } from './service.ts';

/** Ended attempts in one sync: their last lines must fit into one request. */
const endsPerSync = 10;
/** Between two tries while Signalbox is away: what waits for it goes on soon after it is back. */
const longestWaitMs = 2_000;

export interface AgentOptions {
  pool: string;
  /** Where Signalbox answers. */
  url: string;
  /** The agent's own token. */
  token: string;
  /** Everything lies in `<dataDir>/agent/<pool>`; what run 42 puts out in `runs/42/output` there. */
  dataDir: string;
  /** What of this machine is given out now. */
  offers(): Offers;
  /** The user that commands become when this process is root. */
  runAs?: string;
  /** Where commands reach Signalbox, if not at `url`. */
  publicUrl?: string;
  /** `PATH` for commands; a standard one when absent. */
  path?: string;
  programs?: Programs;
  /** The values of secrets that this machine holds, if any. */
  secrets?: Secrets;
  log: Log;
  intervalMs?: number;
  /** Ends the agent; what it runs goes on and is adopted by the next one. */
  signal: AbortSignal;
}

/**
 * The agent of one pool on this machine: compares again and again what Signalbox wants here with what the attempts' folders and the
 * process table show, and acts on the difference. Resolves when `signal` aborts. Throws AGENT_RUNNING.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const agentDir = resolve(options.dataDir, 'agent', options.pool);
  mkdirSync(join(agentDir, 'runs'), { recursive: true, mode: 0o711 });
  const release = takeLock(agentDir, options.pool);
  try {
    await serve(options, agentDir);
  } finally {
    release();
  }
}

async function serve(options: AgentOptions, agentDir: string): Promise<void> {
  const { pool, url, signal, log, intervalMs = 500 } = options;
  const service = serviceAt(url, options.token, signal);
  const machine = machineAccelerators({
    ...options,
    ...options.programs,
    file: join(agentDir, 'accelerators.json'),
  });
  const bell = newBell(signal);
  const here = attemptsIn(agentDir, {
    agentDir,
    url: options.publicUrl ?? url,
    path: options.path,
    runAs: userFor(options),
    secrets: options.secrets ?? null,
    cacheDir: join(agentDir, 'cache'),
    service,
    log,
    signal,
    changed: bell.ring,
    onGpuTrouble: machine.recheck,
    visible: machine.visible,
    given: machine.given,
  });
  let wanted: Wanted | null = null;
  let away = 0;

  while (!signal.aborted) {
    // 1. Look and report; before the first answer nothing, as what lies here could be of another installation's run of that number.
    const reports = wanted ? here.reports(wanted) : [];
    const first = wanted === null;
    try {
      const accelerators = await machine.list();
      const takes = wanted ? here.takes(wanted) : undefined;
      const answer = await service.sync({ pool, accelerators, reports, takes });
      if (away > 0) log.info({ pool }, 'Signalbox answers again');
      away = 0;
      // 2. What belongs here now, and what may go.
      wanted = new Map(answer.assignments.map(one => [keyOf(one), one]));
      here.settle(answer.settled);
      here.adopt(wanted);
    } catch (err) {
      if (signal.aborted) break;
      if (away++ === 0) log.warn({ pool, err }, 'Signalbox cannot be reached; runs go on');
    }
    // 3. One step each; while Signalbox is away, towards what it last wanted.
    if (wanted) here.step(wanted);
    if (first && wanted) continue;
    await bell.wait(away > 0 ? Math.min(intervalMs * 2 ** Math.min(away, 8), longestWaitMs) : intervalMs);
  }
  await here.rest();
}

type Wanted = Map<string, Assigned>;

/** The attempts that lie on this machine. */
function attemptsIn(agentDir: string, each: AttemptOptions) {
  const { log } = each;
  const attempts = new Map<string, Attempt>();
  const forgetting = new Map<string, Promise<void>>();
  const refused = new Set<string>();

  function forget(one: Attempt): void {
    const { run, attempt } = one;
    const key = keyOf(one);
    attempts.delete(key);
    const work = one
      .forget()
      .catch(err => log.error({ run, attempt, err }, 'an attempt could not be removed'))
      .finally(() => forgetting.delete(key));
    forgetting.set(key, work);
  }

  for (const { run, attempt } of onDisk(agentDir)) {
    const one = attemptOn(each, run, attempt);
    if (one.isForgotten()) forget(one);
    else attempts.set(keyOf(one), one);
  }

  return {
    reports(wanted: Wanted): AgentSyncRequest['reports'] {
      const known = [...attempts.values()].filter(one => !isForeign(one, wanted) && !one.isEmpty());
      const over = known.filter(one => one.isOver()).slice(0, endsPerSync);
      return [...known.filter(one => !one.isOver()), ...over].map(one => one.report());
    },
    takes(wanted: Wanted): AgentSyncRequest['takes'] {
      return [...wanted].flatMap(([key, { run, attempt, taken, stop }]) => {
        const one = attempts.get(key);
        const take = one && taken === null && stop === null && !isForeign(one, wanted) ? one.take() : null;
        return take === null ? [] : [{ run, attempt, key: take }];
      });
    },
    settle(settled: AgentSyncResponse['settled']): void {
      for (const { run, attempt } of settled) {
        const one = attempts.get(keyOf({ run, attempt }));
        if (one?.isOver()) forget(one);
      }
    },
    adopt(wanted: Wanted): void {
      for (const [key, one] of wanted) {
        if (attempts.has(key) || forgetting.has(key) || refused.has(key)) continue;
        if (wasForgotten(agentDir, one)) {
          refused.add(key);
          log.warn({ run: one.run, attempt: one.attempt }, 'an attempt that had ended was asked for again');
        } else attempts.set(key, attemptOn(each, one.run, one.attempt));
      }
    },
    step(wanted: Wanted): void {
      for (const [key, one] of attempts) {
        const { run, attempt } = one;
        try {
          const foreign = isForeign(one, wanted);
          one.step(foreign ? null : (wanted.get(key) ?? null));
          if ((foreign && one.isOver()) || (!wanted.has(key) && one.isEmpty())) forget(one);
        } catch (err) {
          log.error({ run, attempt, err }, 'an attempt could not be looked at');
        }
      }
    },
    async rest(): Promise<void> {
      await Promise.allSettled([...[...attempts.values()].map(one => one.rest()), ...forgetting.values()]);
    },
  };
}

/** Another run has this number now: the database was thrown away since, and counts from 1 again. */
function isForeign(one: Attempt, wanted: Wanted): boolean {
  const token = one.token();
  const known = wanted.get(keyOf(one));
  return known !== undefined && token !== null && known.token !== token;
}

function onDisk(agentDir: string): { run: number; attempt: number }[] {
  const numbersIn = (folder: string) =>
    readdirSync(folder).flatMap(name => (/^\d{1,10}$/.test(name) ? [Number(name)] : []));
  const runs = join(agentDir, 'runs');
  return numbersIn(runs).flatMap(run =>
    numbersIn(join(runs, String(run))).map(attempt => ({ run, attempt })),
  );
}

function keyOf({ run, attempt }: { run: number; attempt: number }): string {
  return `${run}-${attempt}`;
}

/** Whom commands become. Their folders lie inside `dataDir`, so its users must be able to pass through it. */
function userFor({ runAs, dataDir, pool, log }: AgentOptions): string | null {
  if (runAs === undefined) return null;
  if (process.getuid?.() !== 0) {
    log.warn({ pool, runAs }, 'runAs is left out, as the agent is not root');
    return null;
  }
  for (const folder of [resolve(dataDir), resolve(dataDir, 'agent')])
    chmodSync(folder, (statSync(folder).mode & 0o7777) | 0o011);
  return runAs;
}

/** Lets a loop wait for a time or for a ring, whichever is first; a ring while nobody waits counts for the next wait. */
function newBell(signal: AbortSignal) {
  let rung = false;
  let wake = () => {};
  const ring = () => {
    rung = true;
    wake();
  };
  signal.addEventListener('abort', ring);
  return {
    ring,
    async wait(ms: number): Promise<void> {
      await new Promise<void>(done => {
        if (rung) return done();
        const timer = setTimeout(done, ms);
        wake = () => {
          clearTimeout(timer);
          done();
        };
      });
      rung = false;
    },
  };
}
