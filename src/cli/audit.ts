import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { auditLog, auditRows } from '../adapters/postgres/audit.ts';
import type { ChainRow } from '../adapters/postgres/audit-chain.ts';
import { SignalboxError } from '../core/errors.ts';
import type { AuditBreak } from '../core/ports.ts';
import { parseDuration } from '../core/project.ts';
import { readAction, readOptions } from './options.ts';
import { print, withStore } from './with-store.ts';

/** `signalbox audit verify | export`; any other words are the command's that a running Signalbox carries out. */
export async function audit(args: string[]): Promise<number> {
  const [first] = args.filter(word => word !== '--json');
  // A subject has a colon, a number or a hash: a plain word is an action, and may be misspelt.
  if (!/^[A-Za-z]+$/.test(first ?? ''))
    return await (await import('./remote.ts')).remote(['signalbox', 'audit', ...args]);
  const action = readAction('audit', first, ['verify', 'export'], 'audit verify');
  return action === 'verify' ? await verify(args) : await exportRows(args);
}

/** `signalbox audit verify`: exit code 1 when the chain is broken. */
async function verify(args: string[]): Promise<number> {
  const { values } = readOptions('audit', args, {
    options: { json: { type: 'boolean' } },
    words: 1,
    example: 'audit verify',
  });
  return await withStore(async ({ database }) => {
    const result = await auditLog(database.db).verify();
    const { broken, rows } = result;
    print(values.json, result, broken ? brokenLine(broken, rows) : `The audit log is whole: ${rows} rows.`);
    return broken ? 1 : 0;
  });
}

function brokenLine({ kind, seq, why }: AuditBreak, rows: number): string {
  const where = kind === 'head' ? `at its end, after row ${rows}` : `at row ${seq}`;
  return `The audit log is broken ${where}: ${why}. The ${rows} rows before it are whole.`;
}

/**
 * `signalbox audit export [--since 7d]`: one line of JSON for each row, oldest first. Kept elsewhere, it shows what somebody did who could
 * change the database and all that is known of it there.
 */
async function exportRows(args: string[]): Promise<number> {
  const example = 'audit export --since 7d';
  const { values } = readOptions('audit', args, {
    // Its lines are JSON in any case.
    options: { json: { type: 'boolean' }, since: { type: 'string' } },
    words: 1,
    example,
  });
  const since = values.since === undefined ? undefined : momentBefore(values.since, example);
  return await withStore(async ({ database }) => {
    const lines = exported(auditRows(database.db, since));
    await pipeline(Readable.from(lines), process.stdout, { end: false }).catch(err => {
      // Whoever read it has seen enough.
      if (!(err instanceof Error && 'code' in err && err.code === 'EPIPE')) throw err;
    });
    return 0;
  });
}

async function* exported(rows: AsyncIterable<ChainRow>): AsyncGenerator<string> {
  for await (const { seq, at, actor, action, subject, outcome, details, hash } of rows) {
    const line = { seq, at, actor, action, subject, outcome, details, hash: hash.toString('hex') };
    yield `${JSON.stringify(line)}\n`;
  }
}

function momentBefore(word: string, example: string): Date {
  const seconds = parseDuration(word);
  if (seconds) return new Date(Date.now() - seconds * 1_000);
  throw new SignalboxError('VALUE_INVALID', {
    word,
    name: '--since',
    allowed: 'a duration such as 12h or 7d',
    example,
  });
}
