import { z } from 'zod';
import { actorSchema } from '../../core/actor.ts';
import type { AuditBreak } from '../../core/ports.ts';
import { type ChainRow, explain, fits, inPairs, missing, start } from './audit-chain.ts';

const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform(text => Buffer.from(text, 'hex'));
const lineSchema = z.strictObject({
  seq: z.int().min(1),
  at: z.iso.datetime({ precision: 3 }).transform(text => new Date(text)),
  actor: z.looseObject(actorSchema.shape),
  action: z.string(),
  subject: z.string(),
  outcome: z.enum(['done', 'refused']),
  details: z.record(z.string(), z.unknown()),
  hash,
  previous: hash.optional(),
});

/** `previous`: the hash before it, of the first row of an export that begins later than the log. */
export type ExportedRow = ChainRow & { previous?: Buffer | undefined };

export function exportedLine({ previous, ...row }: ExportedRow): string {
  const { seq, at, actor, action, subject, outcome, details, hash } = row;
  const line = { seq, at, actor, action, subject, outcome, details, hash: hash.toString('hex') };
  return JSON.stringify(previous ? { ...line, previous: previous.toString('hex') } : line);
}

/** Null where it is not written as `exportedLine` writes it: what readers may take otherwise, such as a name that stands twice, is no row. */
function rowOf(line: string): ExportedRow | null {
  try {
    const value: unknown = JSON.parse(line);
    const parsed = lineSchema.safeParse(value);
    return parsed.success && JSON.stringify(value) === line ? parsed.data : null;
  } catch {
    return null;
  }
}

export interface FileVerdict {
  /** Rows before the first that does not fit. */
  rows: number;
  broken: AuditBreak | null;
  /** The last of them; null: none. */
  last: ChainRow | null;
}

/**
 * Walks an exported log by itself. `lines` gives its lines anew each time. That rows are missing at its end is not seen from it alone: the
 * database knows its own end.
 */
export async function verifyFile(lines: () => AsyncIterable<string>): Promise<FileVerdict> {
  let last: ChainRow | null = null;
  let count = 0;
  const broken = (found: AuditBreak) => ({ rows: count, broken: found, last });
  for await (const [{ line, row }, next] of inPairs(read(lines()))) {
    if (!row) {
      const why = `line ${line} of the file is no row as it was exported`;
      return broken({ seq: last ? last.seq + 1 : line, kind: 'changed', why });
    }
    const previous = last?.hash ?? row.previous ?? start;
    const expected: number = last ? last.seq + 1 : row.previous ? row.seq : 1;
    if (row.seq !== expected) return broken(await outOfTurn(row.seq, expected, lines));
    if (!fits(row, previous)) {
      const hashes = hashesFrom(lines);
      return broken(await explain(row, previous, next?.row ?? null, last ?? row, hashes));
    }
    last = row;
    count += 1;
  }
  return { rows: count, broken: null, last };
}

/** Why another row stands where `expected` belongs. */
async function outOfTurn(
  seq: number,
  expected: number,
  lines: () => AsyncIterable<string>,
): Promise<AuditBreak> {
  if (seq < expected)
    return { seq, kind: 'inserted', why: `it stands there again, after row ${expected - 1}` };
  for await (const { row } of read(lines()))
    if (row?.seq === expected) return { seq: expected, kind: 'moved', why: `row ${seq} stands in its place` };
  return missing(expected, seq - 1);
}

async function* read(
  lines: AsyncIterable<string>,
): AsyncGenerator<{ line: number; row: ExportedRow | null }> {
  let line = 0;
  for await (const text of lines) {
    line += 1;
    yield { line, row: rowOf(text) };
  }
}

async function* hashesFrom(
  lines: () => AsyncIterable<string>,
): AsyncGenerator<{ seq: number; hash: Buffer }> {
  for await (const { row } of read(lines())) if (row) yield row;
}
