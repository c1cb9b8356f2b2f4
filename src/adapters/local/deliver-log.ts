import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { packPoints } from '../../core/agent-protocol.ts';
import { metricLine } from '../../core/metric-line.ts';
import type { Log, MetricPoint } from '../../core/ports.ts';
import { readJson, writeDurable } from './files.ts';
import { logOffsets } from './log-writer.ts';
import { type Service, ServiceError } from './service.ts';

const chunkBytes = 200_000;
const pointsPerChunk = 5_000;
const betweenMs = 500;
const lookMs = 150;
/** How often an answer may be an error after the end before the rest of the log is given up. */
const triesAfterEnd = 30;

/**
 * A place where the log's offset and Signalbox's differ, or metrics were counted. Written before what follows from it is sent, so that
 * after a crash at any instant the size that Signalbox answers tells where to go on.
 */
const markSchema = z.object({
  /** Signalbox's size at which this holds. */
  size: z.int(),
  /** The offset in the log files there. */
  offset: z.int(),
  /** Metric lines without a step before it. */
  counter: z.int(),
});
type Mark = z.infer<typeof markSchema>;
const marksSchema = z.array(markSchema);

const start: Mark = { size: 0, offset: 0, counter: 0 };

/** Where in the log to go on when Signalbox has `size` bytes. */
export function markAt(marks: readonly Mark[], size: number): Mark {
  const last = marks.findLast(mark => mark.size <= size) ?? start;
  return { size, offset: last.offset + size - last.size, counter: last.counter };
}

export interface Delivery {
  run: number;
  attempt: number;
  logFolder: string;
  deliveryFile: string;
  service: Service;
  log: Log;
  signal: AbortSignal;
  /** The command has ended: all of the log is on disk. */
  ended(): boolean;
}

/**
 * Follows an attempt's log and sends it, each byte once, about two requests a second while the command works and without a pause after.
 * Resolves when all of it was delivered after the end, or when Signalbox refuses it; throws only when aborted.
 */
export async function deliverLog(delivery: Delivery): Promise<void> {
  const { run, attempt, service, signal, log } = delivery;
  let marks = marksSchema.safeParse(readJson(delivery.deliveryFile)).data ?? [];
  let size: number | null = null;
  let failed = 0;
  for (let wait = betweenMs; ; ) {
    const ended = delivery.ended();
    if (ended && logOffsets(delivery.logFolder).length === 0) return;
    try {
      size ??= await service.appendLog(run, attempt, { offset: 0, text: '', points: [] });
      const at = markAt(marks, size);
      const chunk = nextChunk(delivery.logFolder, at, ended);
      if (chunk === null && ended) return;
      if (chunk === null) {
        await pause(lookMs, undefined, { signal });
        continue;
      }
      const { after } = chunk;
      const foreseen = markAt(marks, after.size);
      if (foreseen.offset !== after.offset || foreseen.counter !== after.counter) {
        // From here on Signalbox has either of these two sizes.
        marks = [at, after];
        writeDurable(delivery.deliveryFile, marks);
      }
      size = await service.appendLog(run, attempt, {
        offset: size,
        text: chunk.text,
        ...packPoints(chunk.points),
      });
      wait = betweenMs;
      if (!ended) await pause(betweenMs, undefined, { signal });
    } catch (err) {
      signal.throwIfAborted();
      size = null;
      const outcome = err instanceof ServiceError ? err.outcome : 'broken';
      if (outcome === 'broken' && delivery.ended()) failed++;
      if (outcome === 'refused' || failed > triesAfterEnd) {
        log.warn({ run, attempt, err }, 'the log of an attempt could not be delivered');
        return;
      }
      await pause(wait, undefined, { signal });
      wait = Math.min(wait * 2, 2_000);
    }
  }
}

interface Chunk {
  text: string;
  points: MetricPoint[];
  after: Mark;
}

/** Whole lines from a place on; null: there are none yet. Where rotation was faster than delivery, a line that says so. */
function nextChunk(folder: string, at: Mark, ended: boolean): Chunk | null {
  const offsets = logOffsets(folder);
  const oldest = offsets[0];
  if (oldest === undefined) return null;
  if (at.offset < oldest) {
    const text = `[signalbox] ${oldest - at.offset} bytes of the log are missing here: it grew faster than it could be sent\n`;
    const after = { size: at.size + Buffer.byteLength(text), offset: oldest, counter: at.counter };
    return { text, points: [], after };
  }
  const file = offsets.findLast(offset => offset <= at.offset) ?? oldest;
  const bytes = readBytes(join(folder, `${file}.log`), at.offset - file);
  if (bytes.length === 0) return null;
  const newline = bytes.lastIndexOf(10);
  if (newline < 0 && !ended) return null;
  return linesOf(bytes.subarray(0, newline < 0 ? bytes.length : newline + 1).toString('utf8'), at);
}

function linesOf(text: string, at: Mark): Chunk {
  const points: MetricPoint[] = [];
  let counter = at.counter;
  let taken = 0;
  while (taken < text.length && points.length < pointsPerChunk) {
    const newline = text.indexOf('\n', taken);
    const next = newline < 0 ? text.length : newline + 1;
    const found = metricLine(text.slice(taken, next), counter);
    points.push(...found.points);
    if (found.counted) counter++;
    taken = next;
  }
  const sent = text.slice(0, taken);
  const bytes = Buffer.byteLength(sent);
  return {
    text: sent,
    points,
    after: { size: at.size + bytes, offset: at.offset + bytes, counter },
  };
}

function readBytes(path: string, position: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(chunkBytes);
    return bytes.subarray(0, readSync(file, bytes, 0, chunkBytes, position));
  } finally {
    closeSync(file);
  }
}
