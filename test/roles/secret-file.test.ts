import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { tokenStore } from '../../src/adapters/postgres/tokens.ts';
import type { TokenStore } from '../../src/core/ports.ts';
import { tokenFile } from '../../src/roles/secret-file.ts';
import { startServer, type TestServer } from '../support/postgres.ts';

describe('the token for other processes of a machine', () => {
  let server: TestServer;
  let close: () => Promise<void>;
  let tokens: TokenStore;
  let folder: string;
  const now = new Date('2026-01-02T03:04:05Z');
  const wanted = { name: 'cli', scopes: ['runs:read' as const] };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-token-'));
    server = await startServer();
    const database = openDatabase(await server.database(), { max: 4, onError: () => {} });
    close = database.close;
    await migrate(database.pool);
    tokens = tokenStore(database.db);
  });
  after(async () => {
    await close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('processes that start together all get one that counts, and one of them stays', async () => {
    const dataDir = join(folder, 'together');
    const made = await Promise.all(Array.from({ length: 8 }, () => tokenFile(dataDir, wanted, tokens, now)));
    for (const secret of made) assert.equal((await tokens.find(secret))?.name, 'cli');
    assert.deepEqual(await readdir(dataDir), ['cli.token']);
    const kept = (await readFile(join(dataDir, 'cli.token'), 'utf8')).trim();
    assert.ok(made.includes(kept));
    assert.equal(await tokenFile(dataDir, wanted, tokens, now), kept);
  });

  test('nobody else may read it', async () => {
    const dataDir = join(folder, 'closed');
    await tokenFile(dataDir, wanted, tokens, now);
    assert.equal((await stat(join(dataDir, 'cli.token'))).mode & 0o777, 0o600);
  });
});
