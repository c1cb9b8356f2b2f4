import { type Database, openDatabase } from '../adapters/postgres/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../adapters/postgres/embedded/embedded.ts';
import { migrate } from '../adapters/postgres/migrate.ts';
import type { Config } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { prepareDataFolder } from './data-folder.ts';

/** Opens the database (the embedded one without DATABASE_URL) and brings its schema up to date. */
export async function openStore(
  config: Config,
  log: Log,
): Promise<{ database: Database; url: string; close(): Promise<void> }> {
  const embedded = config.databaseUrl ? null : await startEmbedded(config, log);
  const url = config.databaseUrl ?? embedded?.url ?? '';
  const database = openDatabase(url, { onError: err => log.warn({ err }, 'a database connection broke') });
  const close = async () => {
    await database.close();
    await embedded?.stop();
  };
  try {
    await migrate(database.pool);
  } catch (err) {
    await close();
    if (err instanceof SignalboxError) throw err;
    const reason = `${err instanceof Error ? err.message : String(err)}.`;
    throw new SignalboxError('POSTGRES_UNREACHABLE', { reason }, { cause: err });
  }
  return { database, url, close };
}

async function startEmbedded(config: Config, log: Log): Promise<EmbeddedPostgres> {
  await prepareDataFolder(config.dataDir);
  try {
    return await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log: (message, fields) => log.debug(fields ?? {}, message),
    });
  } catch (err) {
    const reason = (err instanceof Error ? err.message : String(err)).replace(/[^.]$/, '$&.');
    throw new SignalboxError('POSTGRES_UNREACHABLE', { reason }, { cause: err });
  }
}
