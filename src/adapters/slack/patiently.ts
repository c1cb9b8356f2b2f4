import { setTimeout as pause } from 'node:timers/promises';
import { messengerError } from './failure.ts';

const mostTries = 10;
const longestPauseMs = 2_000;

/** Waits here and calls again, some times, where it is only too much at a time. Throws what the last call threw. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await call();
    } catch (error) {
      const { busy, afterMs } = messengerError(error);
      if (!busy || tries === mostTries) throw error;
      await pause(Math.min(afterMs, longestPauseMs));
    }
}
