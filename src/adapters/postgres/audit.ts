import { createHash } from 'node:crypto';
import type { AuditEntry, AuditLog } from '../../core/ports.ts';
import { type Db, json, type Tx } from './database.ts';

/**
 * Each row's hash covers the row and the hash before it. The head is kept beside the chain, so that rows missing at its end are seen
 * too. Its row lock puts writers one behind the other: append last in a transaction.
 */
export async function appendAudit(tx: Tx, entry: AuditEntry, now: Date): Promise<void> {
  const head = await tx
    .selectFrom('audit_head')
    .selectAll()
    .where('id', '=', 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  const seq = head.seq + 1;
  const hash = link(head.hash, seq, now, entry);
  await tx
    .insertInto('audit')
    .values({
      seq,
      at: now,
      actor: json(entry.actor),
      action: entry.action,
      subject: entry.subject,
      outcome: entry.outcome,
      details: json(entry.details),
      hash,
    })
    .execute();
  await tx.updateTable('audit_head').set({ seq, hash }).where('id', '=', 1).execute();
}

export function auditLog(db: Db): AuditLog {
  return {
    append: (entry, now) => db.transaction().execute(tx => appendAudit(tx, entry, now)),
    verify: () => verify(db),
  };
}

const pageSize = 1_000;

async function verify(db: Db): Promise<{ rows: number; broken: { seq: number; why: string } | null }> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async tx => {
      const head = await tx
        .selectFrom('audit_head')
        .selectAll()
        .where('id', '=', 1)
        .executeTakeFirstOrThrow();
      let previous: Buffer = Buffer.alloc(0);
      let seq = 0;
      for (;;) {
        const rows = await tx
          .selectFrom('audit')
          .selectAll()
          .where('seq', '>', seq)
          .orderBy('seq')
          .limit(pageSize)
          .execute();
        for (const row of rows) {
          if (row.seq !== seq + 1) return { rows: seq, broken: { seq: seq + 1, why: 'it is missing' } };
          const { actor, action, subject, outcome, details } = row;
          const expected = link(previous, row.seq, row.at, { actor, action, subject, outcome, details });
          if (!expected.equals(row.hash))
            return { rows: seq, broken: { seq: row.seq, why: 'it was changed or moved' } };
          previous = row.hash;
          seq = row.seq;
        }
        if (rows.length < pageSize) break;
      }
      if (seq !== head.seq || !previous.equals(head.hash))
        return { rows: seq, broken: { seq: seq + 1, why: 'the end of the log is missing' } };
      return { rows: seq, broken: null };
    });
}

function link(previous: Buffer, seq: number, at: Date, entry: AuditEntry): Buffer {
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
