import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Openable } from './connection.ts';

const AGAIN_MS = 1_000;

/**
 * Opens something, uses it until told to stop, and opens it anew when it fails: a backend whose first connection failed never works.
 * `use` gets it when it is ready, and ends when it is closed or broken. Nothing is thrown; `trouble` hears of every error.
 */
export function keepOpen<T extends Openable>(
  open: () => T,
  use: (opened: T, stopped: AbortSignal) => Promise<unknown>,
  trouble: (err: unknown) => void,
): { stop: (close: (opened: T) => Promise<void>) => Promise<void> } {
  const stopping = new AbortController();
  let opened = start();
  const kept = keep();
  // A stop that finds it waiting for its next try ends it there.
  kept.catch(() => undefined);

  function start(): T {
    const fresh = open();
    // One that is being closed while it opens complains, and nothing is lost.
    fresh.on('error', err => {
      if (!stopping.signal.aborted) trouble(err);
    });
    return fresh;
  }

  async function keep(): Promise<void> {
    for (;;) {
      try {
        await opened.waitUntilReady();
        if (!stopping.signal.aborted) await use(opened, stopping.signal);
      } catch (err) {
        if (!stopping.signal.aborted) trouble(err);
      }
      if (stopping.signal.aborted) return;
      opened.close().catch(trouble);
      await sleep(AGAIN_MS, undefined, { signal: stopping.signal });
      opened = start();
    }
  }

  let stopped: Promise<void> | undefined;
  return {
    stop: close => {
      stopping.abort();
      stopped ??= close(opened);
      return stopped;
    },
  };
}

/** Ends when the signal does. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
