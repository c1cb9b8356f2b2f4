import { createLogger } from '../adapters/logger/logger.ts';
import type { Database } from '../adapters/postgres/database.ts';
import { loadConfig } from '../config.ts';

/** Runs `work` on the database that the environment names, or on the embedded one. */
export async function withStore<T>(work: (store: { database: Database }) => Promise<T>): Promise<T> {
  const config = loadConfig();
  // What is refused for its words is refused without loading a driver.
  const { openStore } = await import('../roles/store.ts');
  const store = await openStore(config, createLogger('warn', config.secrets));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

export function print(json: boolean | undefined, data: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(data)}\n` : `${text}\n`);
}
