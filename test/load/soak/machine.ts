import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { serviceAt } from '../../../src/adapters/local/service.ts';
import type { AgentSyncRequest } from '../../../src/core/agent-protocol.ts';
import { acceleratorsOf } from './site.ts';

type Report = AgentSyncRequest['reports'][number];

const everyMs = 60;

/** How much of its work each run has still to do, wherever it goes on: what an attempt has done is kept, as by a checkpoint. */
export interface Works {
  leftMs(run: number): number;
  did(run: number, ms: number): void;
}

export interface Machine {
  /** What it saw that may never be: an accelerator that two attempts have at once, or one for which it has no accelerator. */
  faults: string[];
  stop(): Promise<void>;
}

interface Attempt {
  run: number;
  attempt: number;
  /** Under which it is taken. */
  key: string;
  indices: readonly number[];
  begunAt: number | null;
  /** When it lets go, having been told to stop. */
  stopsAt: number | null;
  told: boolean;
  over: Report | null;
}

/** A machine that talks as an agent does, takes what it is given before it begins it, and works by waiting. */
export function startMachine(url: string, token: string, pool: string, works: Works): Machine {
  const stopping = new AbortController();
  const service = serviceAt(url, token, stopping.signal);
  const accelerators = acceleratorsOf(pool);
  const known = new Map<string, Attempt>();
  const inUse = new Map<number, string>();
  const faults: string[] = [];
  let isFirst = true;

  function begin(one: Attempt, now: number): void {
    one.begunAt = now;
    for (const index of one.indices) {
      const other = inUse.get(index);
      if (other !== undefined) faults.push(`${pool} ${index}: ${keyOf(one)} and ${other}`);
      if (index >= accelerators.length) faults.push(`${pool} ${index}: there is none`);
      inUse.set(index, keyOf(one));
    }
  }

  function advance(one: Attempt, now: number): void {
    if (one.over || one.begunAt === null) return;
    const did = now - one.begunAt;
    const isDone = did >= works.leftMs(one.run);
    if (!isDone && (one.stopsAt === null || now < one.stopsAt)) return;
    works.did(one.run, did);
    for (const index of one.indices) if (inUse.get(index) === keyOf(one)) inUse.delete(index);
    const exit = isDone
      ? { code: 0, signal: null, stopped: null }
      : { code: null, signal: 'SIGTERM', stopped: 'preempt' as const };
    one.over = {
      ...reportOf(one),
      state: 'exited',
      exit: { ...exit, failure: null, lines: [], at: new Date(now) },
    };
  }

  async function sync(): Promise<void> {
    const all = [...known.values()];
    const now = Date.now();
    for (const one of all) advance(one, now);
    // A beginning is said until it was heard. Each further time would be a statement that changes nothing.
    const begun = all.filter(one => one.begunAt !== null && !one.told && !one.over);
    const reports = [...begun.map(reportOf), ...all.flatMap(({ over }) => over ?? [])];
    const takes = all
      .filter(one => one.begunAt === null && one.stopsAt === null)
      .map(({ run, attempt, key }) => ({ run, attempt, key }));
    const answer = await service.sync({ pool, accelerators, reports, ...(isFirst ? {} : { takes }) });
    isFirst = false;
    for (const one of begun) one.told = true;
    for (const one of answer.settled) known.delete(keyOf(one));
    const settled = new Set(answer.settled.map(keyOf));
    const wanted = new Set(answer.assignments.map(keyOf));
    // Taken back before it was begun.
    for (const [key, one] of known) if (!wanted.has(key) && one.begunAt === null) known.delete(key);
    for (const { run, attempt, indices, stop, taken } of answer.assignments) {
      if (settled.has(keyOf({ run, attempt }))) continue;
      const one = known.get(keyOf({ run, attempt })) ?? {
        ...{
          run,
          attempt,
          indices,
          key: randomUUID(),
          begunAt: null,
          stopsAt: null,
          told: false,
          over: null,
        },
      };
      known.set(keyOf(one), one);
      if (stop !== null) one.stopsAt ??= Date.now() + (run % 5) * 60;
      if (one.begunAt === null && taken === one.key) begin(one, Date.now());
    }
  }

  const looping = (async () => {
    while (!stopping.signal.aborted) {
      // One that is not answered is made up for by the next.
      await sync().catch(() => {});
      await pause(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    faults,
    async stop() {
      stopping.abort();
      await looping;
    },
  };
}

function reportOf({ run, attempt, begunAt }: Attempt): Report {
  const startedAt = begunAt === null ? null : new Date(begunAt);
  return { run, attempt, state: 'running', startedAt, exit: null, reason: null };
}

function keyOf({ run, attempt }: { run: number; attempt: number }): string {
  return `${run}/${attempt}`;
}
