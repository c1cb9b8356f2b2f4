import { setTimeout as sleep } from 'node:timers/promises';
import { isEnd, type Run, type RunEvent } from '../../core/run.ts';
import type { ApiPorts, Pace } from './deps.ts';

type NumberedEvent = RunEvent & { seq: number };

/**
 * A run's events as server-sent events, those of `first` and then each as it happens. Ends after the run's end; a reader that comes
 * back says what it saw last.
 */
export async function* eventStream(
  runs: Pick<ApiPorts['runs'], 'events'>,
  run: Run,
  first: NumberedEvent[],
  after: number,
  pace: Pace,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let batch = first;
  let seen = after;
  let quietMs = 0;
  yield 'retry: 2000\n\n';
  while (!signal.aborted) {
    for (const event of batch) {
      yield `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      seen = event.seq;
    }
    if (isEnd(run.state) || batch.some(event => isEnd(event.to))) return;
    quietMs = batch.length > 0 ? 0 : quietMs + pace.pollMs;
    if (quietMs >= pace.keepAliveMs) {
      yield ': keep-alive\n\n';
      quietMs = 0;
    }
    await pause(pace.pollMs, signal);
    if (signal.aborted) return;
    batch = await runs.events(run.number, seen);
  }
}

export interface LogPlace {
  /** Goes on with later attempts when `pinned` is false. */
  attempt: number;
  pinned: boolean;
  /** Bytes. */
  offset: number;
}

const pieceBytes = 256 * 1024;

/** An attempt's log from a place on; with `follow`, what is added until the attempt, or the run, has ended. */
export async function* logStream(
  ports: Pick<ApiPorts, 'runs' | 'logs'>,
  number: number,
  from: LogPlace,
  follow: boolean,
  pace: Pace,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let { attempt, offset } = from;
  while (!signal.aborted) {
    // Read before the log: what is said before an end is in the log by the time that the end is known.
    const run = await ports.runs.get(number);
    if (attempt > 0) {
      for (;;) {
        const { text, next } = await ports.logs.read(number, attempt, offset, pieceBytes);
        if (text === '' || signal.aborted) break;
        yield text;
        offset = next;
      }
    }
    if (!follow || run === null) return;
    if (run.attempt > attempt) {
      if (from.pinned) return;
      attempt = run.attempt;
      offset = 0;
      continue;
    }
    if (isEnd(run.state)) return;
    await pause(pace.pollMs, signal);
  }
}

/** Waits, or stops waiting when nobody reads any more. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
