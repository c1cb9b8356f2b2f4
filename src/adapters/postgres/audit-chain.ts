import { createHash } from 'node:crypto';
import type { AuditBreak, AuditEntry } from '../../core/ports.ts';

export interface ChainRow extends AuditEntry {
  seq: number;
  at: Date;
  hash: Buffer;
}

/** What comes before the first row. */
export const start: Buffer = Buffer.alloc(0);

/** The hash of a row: SHA-256 over the hash before it and the row as JSON, `[seq, at, actor, action, subject, outcome, details]`. */
export function link(previous: Buffer, seq: number, at: Date, entry: AuditEntry): Buffer {
  const { actor, action, subject, outcome, details } = entry;
  const content = canonical([seq, at.toISOString(), actor, action, subject, outcome, details]);
  return createHash('sha256').update(previous).update(content).digest();
}

/** JSON with sorted keys: jsonb does not keep the order in which they were written. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`)
    .join(',')}}`;
}

/** Whether a row is the one that was written as number `seq` after `previous`. */
export function fits(row: ChainRow, previous: Buffer, seq = row.seq): boolean {
  return link(previous, seq, row.at, row).equals(row.hash);
}

/**
 * What was done to the first row that does not fit. `next` follows it now; `hashes` are those of all rows in their order, by which a row
 * that was moved is told from one that was changed.
 */
export async function explain(
  row: ChainRow,
  previous: Buffer,
  next: ChainRow | null,
  head: { seq: number; hash: Buffer },
  hashes: AsyncIterable<{ seq: number; hash: Buffer }>,
): Promise<AuditBreak> {
  const { seq } = row;
  // The rest of the chain stands on this row's hash, so it is in its place.
  if (next && fits(next, row.hash)) return changed(seq);
  if (next && fits(next, previous, seq))
    return fits(row, next.hash, next.seq) ? moved(seq, next.seq) : inserted(seq);
  const isEarlier = next ? fits(next, row.hash, next.seq + 1) : isAt(head, { seq: seq + 1, hash: row.hash });
  if (isEarlier)
    return { seq, kind: 'missing', why: 'it was removed, and those after it have other numbers' };
  const was = await placeOf(row, hashes);
  if (was === null) return changed(seq);
  return was === seq - 1 ? inserted(was) : moved(seq, was);
}

/** What is wrong at the end, where all rows fit each other; `last` is the last of them. Null: nothing. */
export function explainEnd(
  last: { seq: number; hash: Buffer },
  head: { seq: number; hash: Buffer },
): AuditBreak | null {
  if (isAt(head, last)) return null;
  if (head.seq > last.seq && !head.hash.equals(last.hash)) return missing(last.seq + 1, head.seq);
  const why = `what is known of the end of the log (row ${head.seq}) was changed`;
  return { seq: last.seq, kind: 'head', why };
}

export function missing(first: number, last: number): AuditBreak {
  const why = first === last ? 'it is missing' : `it is missing, with all up to row ${last}`;
  return { seq: first, kind: 'missing', why };
}

/** Each with the one after it. */
export async function* inPairs<T>(items: AsyncIterable<T>): AsyncGenerator<[T, T | null]> {
  let before: { item: T } | null = null;
  for await (const item of items) {
    if (before) yield [before.item, item];
    before = { item };
  }
  if (before) yield [before.item, null];
}

function isAt(one: { seq: number; hash: Buffer }, other: { seq: number; hash: Buffer }): boolean {
  return one.seq === other.seq && one.hash.equals(other.hash);
}

function changed(seq: number): AuditBreak {
  const also = seq > 1 ? `, or row ${seq - 1} was together with its hash` : '';
  return { seq, kind: 'changed', why: `it was changed${also}` };
}

function moved(seq: number, was: number): AuditBreak {
  return { seq, kind: 'moved', why: `what stands there was row ${was}` };
}

function inserted(seq: number): AuditBreak {
  return { seq, kind: 'inserted', why: `it was put in; what was row ${seq} is row ${seq + 1} now` };
}

/** The number that a row was written with; null: none, as it stands now. */
async function placeOf(
  row: ChainRow,
  hashes: AsyncIterable<{ seq: number; hash: Buffer }>,
): Promise<number | null> {
  let previous = start;
  for await (const { seq, hash } of hashes) {
    // Of two neighbours that changed places, the one before it stands where this one was.
    if (fits(row, previous, seq) || fits(row, hash, seq)) return seq;
    previous = hash;
  }
  return null;
}
