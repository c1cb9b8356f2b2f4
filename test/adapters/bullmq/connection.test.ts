import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { QueueConnection } from '../../../src/adapters/bullmq/connection.ts';
import { createWakeWorker } from '../../../src/adapters/bullmq/wake-worker.ts';
import { createWakeups } from '../../../src/adapters/bullmq/wakeups.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../src/adapters/postgres/embedded/embedded.ts';
import { recordingLog } from '../../conformance/wakeups.ts';
import { freshDatabase } from '../../support/postgres.ts';

const rows: { title: string; query: string }[] = [
  { title: 'nothing more', query: '' },
  { title: 'options', query: '&options=-c%20statement_timeout%3D60000' },
  {
    title: 'options with pluses, in the middle',
    query: '&options=-c+statement_timeout%3D60000&application_name=signalbox',
  },
  {
    title: 'options with a search path of their own',
    query: '&options=-c%20search_path%3Dpublic',
  },
];

describe('wake-ups on PostgreSQL, with an address that has', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-queue-'));
  let postgres: EmbeddedPostgres;
  before(async () => {
    postgres = await startEmbeddedPostgres({ dataDir, log: () => undefined });
  });
  after(async () => {
    await postgres.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  for (const { title, query } of rows) {
    test(title, { timeout: 60_000 }, async t => {
      const url = await freshDatabase(postgres.url);
      const connection: QueueConnection = { kind: 'postgres', url: `${url}${query}` };
      const log = recordingLog();
      const handled = Promise.withResolvers<void>();
      const worker = createWakeWorker(connection, async () => handled.resolve(), { log });
      t.after(worker.close);
      const wakeups = createWakeups(connection, { log });
      t.after(wakeups.close);
      wakeups.wake(['plan']);
      await handled.promise;
    });
  }
});
