import { Octokit } from 'octokit';
import type { Log } from '../../core/ports.ts';

export interface GitHubClientOptions {
  /** `https://api.github.com`, or that of a GitHub Enterprise Server (`https://github.example.com/api/v3`). */
  apiUrl: string;
  timeoutMs?: number;
  log: Log;
}

const usualTimeoutMs = 10_000;

/** Octokit for one API. It neither tries again nor waits by itself: that is decided where the work is stored. */
export function githubOctokit({ apiUrl, timeoutMs = usualTimeoutMs, log }: GitHubClientOptions) {
  return Octokit.defaults({
    baseUrl: apiUrl,
    userAgent: 'signalbox',
    retry: { enabled: false },
    throttle: { enabled: false },
    log: {
      debug: (message: string) => log.debug({}, message),
      info: (message: string) => log.debug({}, message),
      // What goes wrong is thrown as well, and told by whoever asked.
      warn: (message: string) => log.debug({}, message),
      error: (message: string) => log.debug({}, message),
    },
    request: { fetch: fetchWithin(timeoutMs) },
  });
}

/** `fetch` that gives up after so many milliseconds, the body included. */
export function fetchWithin(timeoutMs: number): typeof fetch {
  return (input, init) => {
    const late = AbortSignal.timeout(timeoutMs);
    const signal = init?.signal ? AbortSignal.any([init.signal, late]) : late;
    return fetch(input, { ...init, signal });
  };
}
