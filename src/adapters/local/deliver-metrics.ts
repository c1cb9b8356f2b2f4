import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { packPoints } from '../../core/agent-protocol.ts';
import type { Log } from '../../core/ports.ts';
import { readJson, writeDurable } from './files.ts';
import { fileStart, nextMetrics } from './metrics-file.ts';
import { type Service, ServiceError } from './service.ts';

const betweenMs = 500;
const lookMs = 250;
/** How often an answer may be an error after the end before the rest is given up. */
const triesAfterEnd = 30;

const placeSchema = z.object({
  file: z.number(),
  offset: z.int(),
  counter: z.int(),
  skipping: z.boolean(),
});

export interface MetricsDelivery {
  run: number;
  attempt: number;
  /** The file that the command writes. */
  metricsFile: string;
  placeFile: string;
  service: Pick<Service, 'addMetrics'>;
  log: Log;
  signal: AbortSignal;
  /** The command has ended: all of the file is on disk. */
  ended(): boolean;
  hide(text: string): string;
}

/**
 * Follows what a command writes into its metrics file, about two requests a second while it works and without a pause after. What was sent is
 * written down after Signalbox has it: after a crash some of it is sent again, which changes nothing there. Resolves when all of it was
 * delivered after the end, or when Signalbox refuses it; throws only when aborted.
 */
export async function deliverMetrics(delivery: MetricsDelivery): Promise<void> {
  const { run, attempt, metricsFile, service, signal, log, hide } = delivery;
  let at = placeSchema.safeParse(readJson(delivery.placeFile)).data ?? fileStart;
  let failed = 0;
  for (let wait = betweenMs; ; ) {
    const ended = delivery.ended();
    try {
      const chunk = nextMetrics(metricsFile, at, ended, hide);
      if (chunk === null && ended) return;
      if (chunk === null) {
        await pause(lookMs, undefined, { signal });
        continue;
      }
      const { points, unread, after } = chunk;
      if (points.length > 0 || unread)
        await service.addMetrics(run, attempt, { ...packPoints(points), unread });
      at = after;
      writeDurable(delivery.placeFile, at);
      wait = betweenMs;
      if (!ended) await pause(betweenMs, undefined, { signal });
    } catch (err) {
      signal.throwIfAborted();
      const outcome = err instanceof ServiceError ? err.outcome : 'broken';
      if (outcome === 'broken' && delivery.ended()) failed++;
      if (outcome === 'refused' || failed > triesAfterEnd) {
        log.warn({ run, attempt, err }, 'the metrics file of an attempt could not be delivered');
        return;
      }
      await pause(wait, undefined, { signal });
      wait = Math.min(wait * 2, 2_000);
    }
  }
}
