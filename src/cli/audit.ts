import { constants, createReadStream, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { auditLog, auditRows, compareEnd, hashBefore } from '../adapters/postgres/audit.ts';
import type { ChainRow } from '../adapters/postgres/audit-chain.ts';
import { exportedLine, verifyFile } from '../adapters/postgres/audit-file.ts';
import type { Db } from '../adapters/postgres/database.ts';
import { loadConfig } from '../config.ts';
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

/** `signalbox audit verify [--file audit.jsonl]`: exit code 1 when the chain is broken. */
async function verify(args: string[]): Promise<number> {
  const { values } = readOptions('audit', args, {
    options: { json: { type: 'boolean' }, file: { type: 'string' } },
    words: 1,
    example: 'audit verify',
  });
  if (values.file !== undefined) return await verifyExport(values.file, values.json);
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

/** An exported log by itself, and beside the database where there is one. */
async function verifyExport(file: string, json: boolean | undefined): Promise<number> {
  const lines = () => createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  await access(file, constants.R_OK).catch(err => {
    const details = {
      word: file,
      name: '--file',
      allowed: 'a file that can be read',
      example: 'audit verify --file audit.jsonl',
    };
    throw new SignalboxError('VALUE_INVALID', details, { cause: err });
  });
  const { rows, broken, last } = await verifyFile(lines);
  if (broken || !last) {
    const said = broken ? `${file}: ${brokenLine(broken, rows)}` : `${file} holds no rows.`;
    print(json, { rows, broken, database: 'not asked' }, said);
    return broken ? 1 : 0;
  }
  const { word, sentence, differs } = await besideDatabase(last);
  print(
    json,
    { rows, broken: differs, database: word },
    `${file} is whole: ${rows} rows, the last of them row ${last.seq}. ${sentence}`,
  );
  return differs ? 1 : 0;
}

interface Beside {
  word: 'same' | 'other' | 'not asked';
  sentence: string;
  differs: AuditBreak | null;
}

/** Whoever checks a copy may be far from the database, and no new one is made for it. */
async function besideDatabase(last: ChainRow): Promise<Beside> {
  const { databaseUrl, dataDir } = loadConfig();
  const notAsked = (why: string): Beside => ({
    word: 'not asked',
    sentence: `The database was not asked whether more belongs to it: ${why}`,
    differs: null,
  });
  if (!databaseUrl && !existsSync(dataDir)) return notAsked('there is none here.');
  try {
    const differs = await withStore(({ database }) => compareEnd(database.db, last));
    if (!differs) return { word: 'same', sentence: 'The database holds the same.', differs };
    return {
      word: 'other',
      sentence: `But the database does not hold the same: at row ${last.seq}, ${differs.why}.`,
      differs,
    };
  } catch (err) {
    if (!(err instanceof SignalboxError)) throw err;
    return notAsked(err.fault.what);
  }
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
    const lines = exported(database.db, since);
    await pipeline(Readable.from(lines), process.stdout, { end: false }).catch(err => {
      // Whoever read it has seen enough.
      if (!(err instanceof Error && 'code' in err && err.code === 'EPIPE')) throw err;
    });
    return 0;
  });
}

async function* exported(db: Db, since: Date | undefined): AsyncGenerator<string> {
  let isFirst = true;
  for await (const row of auditRows(db, since)) {
    // By it the first row can be checked where the ones before it are not there.
    const previous = isFirst ? await hashBefore(db, row.seq) : null;
    isFirst = false;
    yield `${exportedLine(previous ? { ...row, previous } : row)}\n`;
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
