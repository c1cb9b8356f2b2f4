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

const rows: { title: string; query: string; schema?: string }[] = [
  { title: 'nothing more', query: '' },
  { title: 'a schema', query: '', schema: 'staging_queue' },
  { title: 'options', query: '&options=-c%20statement_timeout%3D60000', schema: 'with_options' },
  {
    title: 'options with pluses, in the middle',
    query: '&options=-c+statement_timeout%3D60000&application_name=signalbox',
    schema: 'with_more',
  },
  {
    title: 'options with a search path of their own',
    query: '&options=-c%20search_path%3Dpublic',
    schema: 'with_path',
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

  for (const { title, query, schema } of rows) {
    test(title, { timeout: 60_000 }, async t => {
      const connection: QueueConnection = { kind: 'postgres', url: `${postgres.url}${query}`, schema };
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
