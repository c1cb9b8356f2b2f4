import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import type { Policy } from '../../src/core/policy.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { type Base, openBase, replan } from '../../src/roles/base.ts';
import { recordingLog } from '../conformance/wakeups.ts';
import { startServer, type TestServer } from '../support/postgres.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-reload-'));
const log = recordingLog();
let server: TestServer;
let base: Base;
let policy: Policy = parsePolicy('', 'signalbox.yml');

before(async () => {
  server = await startServer('embedded');
  const config = loadConfig({ DATABASE_URL: await server.database(), SIGNALBOX_DATA: dataDir });
  base = await openBase(config, () => policy, log);
});
after(async () => {
  await base?.close();
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

const seen = async () => {
  const snapshot = await base.plan.snapshot(new Date());
  return { snapshot, names: snapshot.pools.map(pool => pool.name) };
};

test('a pool that comes is planned for, one that goes is not, in the order of the file', async () => {
  assert.deepEqual((await seen()).names, ['local']);
  policy = parsePolicy('pools: { lab: {}, local: {} }', 'signalbox.yml');
  assert.deepEqual((await seen()).names, ['lab', 'local']);
  policy = parsePolicy('pools: { lab: {} }', 'signalbox.yml');
  assert.deepEqual((await seen()).names, ['lab']);
});

test('a change wants a plan, even where the wake-up is lost', async () => {
  const { snapshot } = await seen();
  await base.plan.commit(snapshot, [], new Date());
  assert.equal(await base.plan.wanted(), false);
  await replan(base);
  assert.equal(await base.plan.wanted(), true);
});
