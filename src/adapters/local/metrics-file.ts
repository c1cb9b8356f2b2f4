import { closeSync, constants, fchownSync, fstatSync, openSync, readSync } from 'node:fs';
import { metricLine } from '../../core/metric-line.ts';
import type { MetricPoint } from '../../core/ports.ts';
import { hasCode } from './files.ts';

/** Bytes that are read at once; a line that is longer is no metric. */
const chunkBytes = 200_000;
const pointsPerChunk = 5_000;
const newline = 0x0a;

/** Where in the file to go on. */
export interface FilePlace {
  /** Which file it was: another one in its place is read from its beginning. */
  file: number;
  offset: number;
  /** Lines that named no step before it. */
  counter: number;
  /** It is within a line that is too long. */
  skipping: boolean;
}
export const fileStart: FilePlace = { file: 0, offset: 0, counter: 0, skipping: false };

export interface FileChunk {
  points: MetricPoint[];
  /** Whether there were lines in which no metric could be read. */
  unread: boolean;
  after: FilePlace;
}

/**
 * The file that a command may write its metrics to, empty and its user's. It lies in a folder of the agent's, so that a command of another
 * user can write it and cannot put anything in its place.
 */
export function makeMetricsFile(path: string, user: { uid: number; gid: number } | null): void {
  const file = openSync(path, constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o600);
  try {
    if (user) fchownSync(file, user.uid, user.gid);
  } finally {
    closeSync(file);
  }
}

/**
 * Whole lines from a place on, and what they measure; null: there are none yet. A line that is not ended waits for its end until the command
 * has `ended`. A file that has become shorter is read from its beginning. Whatever lies there that is no plain file is left alone. `hide`
 * takes secrets out of the text first, as it is done with the log.
 */
export function nextMetrics(
  path: string,
  at: FilePlace,
  ended: boolean,
  hide: (text: string) => string,
): FileChunk | null {
  const read = readFrom(path, at);
  if (!read || read.bytes.length === 0) return null;
  const { bytes, place } = read;
  const last = bytes.lastIndexOf(newline);
  const rest = (taken: number, skipping: boolean): FilePlace => ({
    ...place,
    offset: place.offset + taken,
    skipping,
  });
  if (place.skipping) {
    const first = bytes.indexOf(newline);
    return { points: [], unread: true, after: rest(first < 0 ? bytes.length : first + 1, first < 0) };
  }
  if (last < 0 && bytes.length === chunkBytes)
    return { points: [], unread: true, after: rest(bytes.length, true) };
  if (last < 0 && !ended) return null;
  return linesOf(bytes.subarray(0, last < 0 ? bytes.length : last + 1), place, hide);
}

function linesOf(bytes: Buffer, place: FilePlace, hide: (text: string) => string): FileChunk {
  const points: MetricPoint[] = [];
  let { counter } = place;
  let unread = false;
  let taken = 0;
  while (taken < bytes.length && points.length < pointsPerChunk) {
    const end = bytes.indexOf(newline, taken);
    const next = end < 0 ? bytes.length : end + 1;
    const line = hide(bytes.toString('utf8', taken, next))
      .replace(/^\ufeff/, '')
      .trim();
    const found = metricLine(line, counter, true);
    points.push(...found.points);
    if (found.counted) counter++;
    if (found.points.length === 0 && line !== '') unread = true;
    taken = next;
  }
  return { points, unread, after: { ...place, offset: place.offset + taken, counter } };
}

/** The bytes after a place, and that place in the file that is there now. */
function readFrom(path: string, at: FilePlace): { bytes: Buffer; place: FilePlace } | null {
  const file = opened(path);
  if (file === null) return null;
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return null;
    const isSame = stat.ino === at.file && stat.size >= at.offset;
    const place = isSame ? at : { ...fileStart, file: stat.ino, counter: at.counter };
    const bytes = Buffer.alloc(Math.min(chunkBytes, stat.size - place.offset));
    return { bytes: bytes.subarray(0, readSync(file, bytes, 0, bytes.length, place.offset)), place };
  } finally {
    closeSync(file);
  }
}

/** A link is not followed, and a pipe not waited for. */
function opened(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (err) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EISDIR'].some(code => hasCode(err, code)))
      return null;
    throw err;
  }
}
