import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { baselineStore, runCosts } from '../../../src/adapters/postgres/baselines.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { system } from '../../../src/core/actor.ts';
import type { BaselineFilter } from '../../../src/core/baseline.ts';
import type { NewRun } from '../../../src/core/ports.ts';
import type { RunSpec } from '../../../src/core/run.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';
import { wish } from '../../support/run.ts';

describe('what runs are held against, in Postgres', () => {
  let server: TestServer;
  let database: Database;
  before(async () => {
    server = await startServer('embedded');
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
  });
  after(async () => {
    await database?.close();
    await server?.stop();
  });

  const second = (s: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, s));

  async function run(spec: Partial<RunSpec>, endedAt: number | null, changes: Partial<NewRun> = {}) {
    const runs = runStore(database.db);
    const { number } = (await runs.create(wish(`wish ${await runs.newestNumber()}`, changes, spec))).run;
    const at = second(1);
    await runs.change(number, { type: 'start', actor: system, reason: '' }, at, system);
    const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: second(endedAt ?? 0) };
    if (endedAt !== null) await runs.change(number, { type: 'exited', attempt: 1, exit }, at, system);
    return number;
  }

  test('the filter is kept, the newest first', async () => {
    const pull = { repo: 7, number: 17, base: 'main' };
    const place = {
      kind: 'github',
      installation: 1,
      repo: 7,
      name: 'octo-org/digits',
      issue: 17,
      pull: true,
      user: 'octocat',
    } as const;
    const old = await run({ trigger: 'merge' }, 10);
    await run({ project: 'others' }, 10);
    await run({}, null);
    await run({ kind: 'lease' }, 10);
    const mine = await run({ trigger: 'pull-request', pull }, 20);
    const before = await run({ trigger: 'pull-request' }, 20, { place });
    await run({ trigger: 'pull-request', pull: { ...pull, number: 18 } }, 20, { place });
    const late = await run({}, 30);

    const all: BaselineFilter = { project: 'digits', run: 0, endedBy: null, onlyBefore: false, pull: null };
    const found = async (filter: Partial<BaselineFilter>, limit = 10, from?: number) =>
      (await baselineStore(database.db).candidates({ ...all, ...filter }, limit, from)).map(
        one => one.number,
      );
    assert.deepEqual(await found({}), [late, old]);
    assert.deepEqual(await found({ run: late }), [old]);
    assert.deepEqual(await found({ run: mine, onlyBefore: true }), [old]);
    assert.deepEqual(await found({ endedBy: second(29) }), [old]);
    assert.deepEqual(await found({ endedBy: second(30) }), [late, old]);
    assert.deepEqual(await found({ pull }), [late, before, mine, old]);
    assert.deepEqual(await found({ pull }, 2), [late, before]);
    assert.deepEqual(await found({ pull }, 2, before), [mine, old]);
    assert.deepEqual(await found({ project: 'constructor' }), []);
  });

  test('what a run has cost is what each accelerator was held for, by its price then', async () => {
    const number = await run({ gpus: 2 }, null);
    const held = (gpu: number, kind: string, from: number, to: number | null, price: number) =>
      database.pool.query(
        `insert into allocations (run, attempt, pool, node, kind, gpu, held_at, released_at, price)
         values ($1, 1, 'local', 'n1', $2, $3, $4, $5, $6)`,
        [number, kind, gpu, second(from), to === null ? null : second(to), price],
      );
    const costs = runCosts(database.db);
    assert.deepEqual(await costs.of(number, second(0)), { hours: 0, money: 0 });
    await held(0, 'gpu', 0, 1_800, 2);
    await held(1, 'gpu', 0, null, 4);
    await held(0, 'cpu', 0, null, 0);
    assert.deepEqual(await costs.of(number, second(3_600)), { hours: 1.5, money: 5 });
    // Clocks of two machines differ.
    assert.deepEqual(await costs.of(number, second(-10)), { hours: 0.5, money: 1 });
  });
});
