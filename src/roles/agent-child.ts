import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../core/ports.ts';
import type { Running } from './web.ts';

const shortestPauseMs = 250;
const longestPauseMs = 10_000;
const steadyMs = 60_000;
const longestStopMs = 5_000;

/**
 * Keeps the agent of this machine running beside the service, as a process of its own: what it runs outlives both. It ends by itself
 * when this process does (their channel closes).
 */
export function keepAgentChild(
  entry: string,
  pool: string,
  environment: Record<string, string | undefined>,
  log: Log,
): Running {
  const stopping = new AbortController();
  let child: ChildProcess | null = null;

  async function keep(): Promise<void> {
    let pauseMs = shortestPauseMs;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      child = spawn(process.execPath, [entry, 'serve', '--role', 'agent', '--pool', pool], {
        env: environment,
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      });
      const code = await new Promise<number | null>(resolve => {
        child?.once('exit', resolve);
        child?.once('error', () => resolve(null));
      });
      if (stopping.signal.aborted) return;
      log.warn({ pool, code }, 'the agent ended and is started again');
      if (performance.now() - startedAt > steadyMs) pauseMs = shortestPauseMs;
      await pause(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
  }

  const kept = keep();
  return {
    async close() {
      stopping.abort();
      child?.kill('SIGTERM');
      const late = setTimeout(() => child?.kill('SIGKILL'), longestStopMs);
      await kept;
      clearTimeout(late);
    },
  };
}
