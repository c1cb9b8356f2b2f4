import { setTimeout as pause } from 'node:timers/promises';
import { serviceAt } from '../../src/adapters/local/service.ts';
import type { AgentSyncRequest } from '../../src/core/agent-protocol.ts';

type Report = AgentSyncRequest['reports'][number];

const everyMs = 250;

/** How a run ends here, for as many as there are: every third fails. */
export function exitOf(run: number): { code: number; state: 'succeeded' | 'failed' } {
  return run % 3 === 0 ? { code: 3, state: 'failed' } : { code: 0, state: 'succeeded' };
}

interface Agent {
  /** Whether runs go on until further notice. */
  hold(on: boolean): void;
  stop(): Promise<void>;
}

/** A machine with very many slots, on which every run works for one sync and then ends; nothing is really run. */
export function startAgent(url: string, token: string, pool: string, slots: number): Agent {
  const stopping = new AbortController();
  const service = serviceAt(url, token, stopping.signal);
  const accelerators = Array.from({ length: slots }, (_, index) => ({
    ...{
      node: 'machine',
      index,
      kind: 'cpu' as const,
      model: 'cpu',
      resource: 'cpu',
      device: null,
      memoryMb: 0,
      healthy: true,
    },
  }));
  const known = new Map<string, Report>();
  let holding = false;

  async function sync(): Promise<void> {
    const reports = [...known.values()];
    const { assignments, settled } = await service.sync({ pool, accelerators, reports });
    if (!holding) for (const report of reports) known.set(keyOf(report), over(report));
    for (const one of settled) known.delete(keyOf(one));
    for (const { run, attempt } of assignments) {
      const begun: Report = {
        run,
        attempt,
        state: 'running',
        startedAt: new Date(),
        exit: null,
        reason: null,
      };
      if (!known.has(keyOf(begun)) && !settled.some(one => keyOf(one) === keyOf(begun)))
        known.set(keyOf(begun), begun);
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
    hold(on) {
      holding = on;
    },
    async stop() {
      stopping.abort();
      await looping;
    },
  };
}

function over(report: Report): Report {
  const exit = {
    code: exitOf(report.run).code,
    signal: null,
    stopped: null,
    failure: null,
    lines: [],
    at: new Date(),
  };
  return { ...report, state: 'exited', exit };
}

function keyOf({ run, attempt }: { run: number; attempt: number }): string {
  return `${run}/${attempt}`;
}
