import { type SqlBool, sql } from 'kysely';
import type { AuditBreak, AuditEntry, AuditFilter, AuditLog, AuditRow } from '../../core/ports.ts';
import { type ChainRow, explain, explainEnd, fits, inPairs, link, missing, start } from './audit-chain.ts';
import { type Db, json, type Tx } from './database.ts';

/**
 * Each row's hash covers the row and the hash before it. The head is kept beside the chain, so that rows missing at its end are seen
 * too. Its row lock puts writers one behind the other: append last in a transaction.
 */
export async function appendAudits(tx: Tx, given: readonly { entry: AuditEntry; at: Date }[]): Promise<void> {
  if (given.length === 0) return;
  const head = await tx
    .selectFrom('audit_head')
    .selectAll()
    .where('id', '=', 1)
    .forUpdate()
    .executeTakeFirstOrThrow();
  let { seq, hash } = head;
  const rows = given.map(({ entry: bare, at }) => {
    const entry = withElevation(bare);
    seq += 1;
    hash = link(hash, seq, at, entry);
    return { seq, at, ...entry, hash: hash.toString('hex') };
  });
  await sql`
    insert into audit (seq, at, actor, action, subject, outcome, details, hash)
    select seq, at, actor, action, subject, outcome, details, decode(hash, 'hex')
    from jsonb_to_recordset(${json(rows)}::jsonb) as a (seq bigint, at timestamptz, actor jsonb, action text, subject text, outcome text,
      details jsonb, hash text)`.execute(tx);
  await tx.updateTable('audit_head').set({ seq, hash }).where('id', '=', 1).execute();
}

export async function appendAudit(tx: Tx, entry: AuditEntry, at: Date): Promise<void> {
  await appendAudits(tx, [{ entry, at }]);
}

/** What is done under an elevation says so in its details. */
function withElevation(entry: AuditEntry): AuditEntry {
  const { breakglass, ...actor } = entry.actor;
  return breakglass === undefined ? entry : { ...entry, actor, details: { ...entry.details, breakglass } };
}

export function auditLog(db: Db): AuditLog {
  return {
    append: (entry, now) => db.transaction().execute(tx => appendAudit(tx, entry, now)),
    list: filter => list(db, filter),
    verify: () => verify(db),
  };
}

const columns = ['seq', 'at', 'actor', 'action', 'subject', 'outcome', 'details'] as const;

async function list(db: Db, { by, subject, action, since, limit }: AuditFilter): Promise<AuditRow[]> {
  let query = db.selectFrom('audit').select(columns).orderBy('seq', 'desc').limit(limit);
  if (by) query = query.where(byWhom(by));
  if (subject !== undefined) query = query.where('subject', 'in', await namesOf(db, subject));
  if (action !== undefined) query = query.where('action', '=', action);
  if (since) query = query.where('at', '>=', since);
  return await query.execute();
}

/** As the indices of migration 0006 have it. */
function byWhom({ keys, ids, names }: NonNullable<AuditFilter['by']>) {
  const last = sql`split_part(actor->>'id', '/', -1)`;
  const lastOfKeys = keys.map(key => key.replace(/^[^:]*:(?:.*\/)?/s, ''));
  return sql<SqlBool>`(
    ${last} = any(${lastOfKeys}) and (actor->>'kind') || ':' || (actor->>'id') = any(${keys})
    or ${last} = any(${ids})
    or lower(actor->>'name') = any(${names.map(name => name.toLowerCase())})
  )`;
}

/** Tokens are written down by their id, and people know them by their name. */
async function namesOf(db: Db, subject: string): Promise<string[]> {
  const [, name] = /^token:(.+)$/s.exec(subject) ?? [];
  if (name === undefined) return [subject];
  const tokens = await db.selectFrom('tokens').select('id').where('name', '=', name).execute();
  return [subject, ...tokens.map(({ id }) => `token:${id}`)];
}

const pageSize = 1_000;

/** All rows from the first of `since` on, oldest first, page by page: what is written meanwhile comes too. */
export async function* auditRows(db: Db, since?: Date): AsyncGenerator<ChainRow> {
  // Clocks differ a little between processes, so a row may be older than one before it; the chain has no gaps.
  const first = since
    ? await db
        .selectFrom('audit')
        .select(({ fn }) => fn.min('seq').as('seq'))
        .where('at', '>=', since)
        .executeTakeFirst()
    : { seq: Number.MIN_SAFE_INTEGER };
  if (first?.seq == null) return;
  let from = first.seq;
  for (;;) {
    const rows = await db
      .selectFrom('audit')
      .select([...columns, 'hash'])
      .where('seq', '>=', from)
      .orderBy('seq')
      .limit(pageSize)
      .execute();
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    from = last.seq + 1;
  }
}

async function verify(db: Db): Promise<{ rows: number; broken: AuditBreak | null }> {
  return await db
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async tx => {
      const head = await tx.selectFrom('audit_head').selectAll().where('id', '=', 1).executeTakeFirst();
      const finer = await firstFiner(tx);
      let last = { seq: 0, hash: start };
      const broken = (found: AuditBreak) => ({ rows: last.seq, broken: found });
      for await (const [row, next] of inPairs(auditRows(tx))) {
        if (row.seq < 1) return broken({ seq: row.seq, kind: 'inserted', why: 'it was put in' });
        if (row.seq > last.seq + 1) return broken(missing(last.seq + 1, row.seq - 1));
        if (head && row.seq > head.seq && last.seq === head.seq && last.hash.equals(head.hash)) {
          const why = `row ${row.seq} was put in after the end of the log, or the end was set back`;
          return broken({ seq: row.seq, kind: 'head', why });
        }
        if (!fits(row, last.hash))
          return broken(await explain(row, last.hash, next, head ?? last, auditRows(tx)));
        if (row.seq === finer) return broken({ seq: row.seq, kind: 'changed', why: 'its time was changed' });
        last = row;
      }
      if (!head) {
        const why = 'what is known of the end of the log was removed';
        return broken({ seq: last.seq, kind: 'head', why });
      }
      return { rows: last.seq, broken: explainEnd(last, head) };
    });
}

/** Times are written in whole milliseconds, and that much of them is read: finer ones were not written by Signalbox. */
async function firstFiner(tx: Tx): Promise<number | null> {
  const row = await tx
    .selectFrom('audit')
    .select('seq')
    .where(sql<SqlBool>`at <> date_trunc('milliseconds', at)`)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? null;
}

/** Whether the log holds this row as the last of an export: then it holds all before it too, or is broken itself. Null: it does. */
export async function compareEnd(db: Db, last: Pick<ChainRow, 'seq' | 'hash'>): Promise<AuditBreak | null> {
  const head = await db.selectFrom('audit_head').select('seq').where('id', '=', 1).executeTakeFirst();
  const row = await db.selectFrom('audit').select('hash').where('seq', '=', last.seq).executeTakeFirst();
  if (row?.hash.equals(last.hash)) return null;
  const why = row ? 'the database holds another there' : `the database ends at row ${head?.seq ?? 0}`;
  return { seq: last.seq, kind: 'head', why };
}

/** The hash before the row; null for the first. */
export async function hashBefore(db: Db, seq: number): Promise<Buffer | null> {
  const row = await db
    .selectFrom('audit')
    .select('hash')
    .where('seq', '=', seq - 1)
    .executeTakeFirst();
  return row?.hash ?? null;
}
