import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { folderArtifacts } from '../../../src/adapters/artifacts/folder.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { holdContent, recordStore } from '../../../src/adapters/postgres/records.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { type ArtifactPorts, keepOutputs, removeUnused, takeContent } from '../../../src/app/keep-outputs.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { MachineFacts } from '../../../src/core/ports.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';
import { wish } from '../../support/run.ts';

const now = new Date('2026-01-01T00:00:00Z');
const machine: MachineFacts = {
  node: 'lab-1',
  system: 'Linux 6.1 x64',
  cpus: 8,
  memoryMb: 64_000,
  accelerators: [{ model: 'NVIDIA H200', count: 2 }],
  driver: '550.54.15',
  python: '3.11.2',
  locks: [],
  environment: null,
};
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

describe('records on PostgreSQL', () => {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-records-'));
  const artifacts = folderArtifacts(join(root, 'artifacts'));
  let server: TestServer;
  let database: Database;
  let ports: ArtifactPorts & { records: ReturnType<typeof recordStore> };
  let keys = 0;

  before(async () => {
    server = await startServer();
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
    ports = { records: recordStore(database.db), artifacts, mostBytes: 1_000_000 };
  });
  after(async () => {
    await database?.close();
    await server?.stop();
    rmSync(root, { recursive: true, force: true });
  });

  const aRun = async () => (await runStore(database.db).create(wish(`records-${keys++}`))).run.number;
  const file = (name: string, text: string) => ({
    name,
    sha256: `sha256:${createHash('sha256').update(text).digest('hex')}`,
    bytes: Buffer.byteLength(text),
  });
  async function* once(text: string) {
    if (text !== '') yield Buffer.from(text);
  }
  /** As an agent does it. */
  async function bring(run: number, attempt: number, texts: Record<string, string>, through = ports) {
    const files = Object.entries(texts).map(([name, text]) => file(name, text));
    for (const sha256 of await keepOutputs(run, attempt, files, through)) {
      const name = files.find(one => one.sha256 === sha256)?.name ?? '';
      await takeContent(run, file('', texts[name] ?? ''), once(texts[name] ?? ''), through);
    }
    return await keepOutputs(run, attempt, files, through);
  }
  /** Nobody has wanted any content for two days. */
  const daysPass = () => database.pool.query("update contents set wanted_at = wanted_at - interval '2 days'");

  test('all outputs of an attempt are kept at once, and the newest attempt counts', async () => {
    const run = await aRun();
    assert.deepEqual(await ports.records.artifacts(run), []);
    assert.deepEqual(await bring(run, 1, { 'a.bin': 'one', 'b/c.bin': '' }), []);
    assert.deepEqual(await bring(run, 2, { 'a.bin': 'one', 'd.bin': 'two' }), []);
    assert.deepEqual(await ports.records.artifacts(run), [
      { attempt: 2, ...file('a.bin', 'one') },
      { attempt: 2, ...file('d.bin', 'two') },
    ]);
    assert.deepEqual(
      [await ports.records.hasOutputs(run, 1), await ports.records.hasOutputs(run, 3)],
      [true, false],
    );
  });

  test('repeated, or two at once, the result is the same', async () => {
    const run = await aRun();
    const texts = { 'a.bin': 'once more', 'b.bin': 'and more' };
    await Promise.all([bring(run, 1, texts), bring(run, 1, texts)]);
    await bring(run, 1, texts);
    assert.deepEqual(
      (await ports.records.artifacts(run)).map(one => one.name),
      ['a.bin', 'b.bin'],
    );
  });

  test('whatever breaks between two steps, what is told again is whole', async () => {
    const steps = ['expect', 'has', 'put', 'stored', 'keep'] as const;
    for (const [i, step] of steps.entries())
      for (const when of ['before', 'after'] as const) {
        let broken = false;
        const breaks =
          <A extends unknown[], R>(name: string, work: (...args: A) => Promise<R>) =>
          async (...args: A): Promise<R> => {
            const hit = name === step && !broken;
            if (hit) broken = true;
            if (hit && when === 'before') throw new Error('killed');
            const result = await work(...args);
            if (hit) throw new Error('killed');
            return result;
          };
        const { records } = ports;
        const failing = {
          ...ports,
          records: {
            ...records,
            expect: breaks('expect', records.expect),
            stored: breaks('stored', records.stored),
            keep: breaks('keep', records.keep),
          },
          artifacts: { ...artifacts, has: breaks('has', artifacts.has), put: breaks('put', artifacts.put) },
        };
        const run = await aRun();
        // One content is known already, so that the store is asked for it.
        await bring(await aRun(), 1, { 'old.bin': 'known' });
        const texts = { 'old.bin': 'known', 'new.bin': `content ${i} ${when}` };
        await assert.rejects(bring(run, 1, texts, failing), /killed/);
        assert.deepEqual(await bring(run, 1, texts, failing), []);
        for (const one of await records.artifacts(run)) assert.ok(await artifacts.has(one.sha256));
        assert.equal((await records.artifacts(run)).length, 2);
      }
  });

  test('content that the store has lost is asked for again', async () => {
    const run = await aRun();
    await bring(run, 1, { 'a.bin': 'lost later' });
    await artifacts.remove(file('', 'lost later').sha256);
    const again = await aRun();
    const wanted = await keepOutputs(again, 1, [file('a.bin', 'lost later')], ports);
    assert.deepEqual(wanted, [file('', 'lost later').sha256]);
    await bring(again, 1, { 'a.bin': 'lost later' });
    assert.ok(await artifacts.has(file('', 'lost later').sha256));
  });

  test('another content than announced, and more than is kept, are refused', async () => {
    const run = await aRun();
    const code = (wanted: string) => (err: unknown) =>
      err instanceof SignalboxError && err.fault.code === wanted;
    await assert.rejects(takeContent(run, file('', 'this'), once('that'), ports), code('CONTENT_REFUSED'));
    const much = { ...file('a.bin', 'x'), bytes: 1_000_001 };
    await assert.rejects(keepOutputs(run, 1, [much], ports), code('OUTPUTS_TOO_LARGE'));
    await assert.rejects(takeContent(run, much, once('x'), ports), code('OUTPUTS_TOO_LARGE'));
    assert.deepEqual(await ports.records.artifacts(run), []);
  });

  test('content goes a day after nobody names it, unless somebody holds it', async () => {
    const [gone, stays] = [await aRun(), await aRun()];
    await bring(gone, 1, { 'a.bin': 'goes', 'b.bin': 'shared', 'c.bin': 'held' });
    await bring(stays, 1, { 'b.bin': 'shared' });
    await takeContent(gone, file('', 'never named'), once('never named'), ports);
    const there = async (text: string) => artifacts.has(file('', text).sha256);
    assert.equal(
      await database.db.transaction().execute(tx => holdContent(tx, file('', 'held').sha256, 'digits 1')),
      true,
    );
    await database.db.deleteFrom('run_events').where('run', '=', gone).execute();
    await database.db.deleteFrom('surfaces').where('run', '=', gone).execute();
    await database.db.deleteFrom('runs').where('number', '=', gone).execute();

    await removeUnused(ports, quiet);
    assert.deepEqual([await there('goes'), await there('never named')], [true, true]);
    await daysPass();
    await removeUnused(ports, quiet);
    assert.deepEqual(
      [await there('goes'), await there('never named'), await there('shared'), await there('held')],
      [false, false, true, true],
    );
    assert.equal(
      await database.db.transaction().execute(tx => holdContent(tx, file('', 'goes').sha256, 'digits 2')),
      false,
    );
    // It may come back.
    await bring(stays, 2, { 'a.bin': 'goes' });
    assert.equal(await there('goes'), true);
  });

  test('content that is being removed is given to nobody, and its removal goes on after a kill', async () => {
    const run = await aRun();
    await takeContent(run, file('', 'going'), once('going'), ports);
    await daysPass();
    const { sha256 } = file('', 'going');
    assert.ok((await ports.records.takeUnused(1_000)).includes(sha256));
    // The remover is killed here.
    assert.deepEqual(await ports.records.takeUnused(1_000), []);
    assert.deepEqual(await keepOutputs(run, 1, [file('a.bin', 'going')], ports), [sha256]);
    await assert.rejects(takeContent(run, file('', 'going'), once('going'), ports), /being removed/);
    await daysPass();
    await removeUnused(ports, quiet);
    assert.equal(await artifacts.has(sha256), false);
    assert.deepEqual(await bring(run, 1, { 'a.bin': 'going' }), []);
    assert.equal(await artifacts.has(sha256), true);
  });

  test('what a machine says first of an attempt stays', async () => {
    const run = await aRun();
    const inputs = [file('data/a.csv', '1')];
    await ports.records.began(run, 1, { inputs, machine });
    await ports.records.began(run, 1, {
      inputs: [file('data/a.csv', '2')],
      machine: { ...machine, node: 'x' },
    });
    const { inputs: read, machine: said, held } = await ports.records.of(run, now);
    assert.deepEqual([read, said], [inputs, machine]);
    assert.deepEqual(held, { acceleratorHours: 0, cost: 0 });
    assert.deepEqual(await ports.records.inputs(run), { 'data/a.csv': file('', '1').sha256 });
  });

  test('what a run held is added up over its attempts, at the prices of then', async () => {
    const run = await aRun();
    const row = { run, pool: 'lab', node: 'lab-1', kind: 'gpu' as const };
    const at = (hours: number) => new Date(now.getTime() + hours * 3_600_000);
    await database.db
      .insertInto('allocations')
      .values([
        { ...row, attempt: 1, gpu: 0, price: 2, held_at: at(-3), released_at: at(-2) },
        { ...row, attempt: 2, gpu: 0, price: 3, held_at: at(-1), released_at: null },
        { ...row, attempt: 2, gpu: 1, price: 3, held_at: at(-1), released_at: null },
        { ...row, kind: 'cpu', attempt: 2, gpu: 0, price: 9, held_at: at(-1), released_at: null },
      ])
      .execute();
    assert.deepEqual((await ports.records.of(run, now)).held, { acceleratorHours: 3, cost: 8 });
  });
});
