import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentStore } from '../../src/adapters/postgres/agents.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { stallStore } from '../../src/adapters/postgres/metrics.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { type TellStalledPorts, tellStalled } from '../../src/app/tell-stalled.ts';
import { system } from '../../src/core/actor.ts';
import type { Log } from '../../src/core/ports.ts';
import { startOf } from '../support/plan.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

/** Agents are seen by the clock of the database, so these tests are set in the hour that has just passed. */
const now = new Date();
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);

describe('runs that come to a halt', () => {
  let server: TestServer;
  let database: Database;
  before(async () => {
    server = await startServer();
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
  });
  after(async () => {
    await database?.close();
    await server?.stop();
  });

  /** A run at work on a machine that has been heard for an hour, whose steps came these seconds ago. */
  async function running(pool: string, stepsAgo: number[], place = wish('').place) {
    const { db } = database;
    const runs = runStore(db);
    const { run } = await runs.create(wish(`stall-${pool}`, { place }, { pool }));
    const plan = planStore(db, [pool]);
    assert.ok(await plan.commit(await plan.snapshot(now), [startOf(run.number, pool, [0])], ago(3_600)));
    const change = { type: 'running', attempt: 1, at: ago(3_600) } as const;
    assert.ok((await runs.change(run.number, change, ago(3_600), system)).ok);
    await agentStore(db).seen(pool, [], now);
    await database.pool.query("update agents set back_at = now() - interval '1 hour' where pool = $1", [
      pool,
    ]);
    for (const [i, at] of stepsAgo.entries())
      await runs.addPoints(run.number, 1, [{ name: 'loss', step: i, value: 1 }], [], ago(at));
    return run.number;
  }

  const told: unknown[] = [];
  const log: Log = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: fields => told.push(fields.run),
  };
  async function look(at = now, other: Partial<TellStalledPorts> = {}): Promise<string[]> {
    const woken: string[] = [];
    const { db } = database;
    const ports = {
      stalls: stallStore(db),
      runs: runStore(db),
      wakeups: { wake: (all: string[]) => woken.push(...all) },
      log,
    };
    await tellStalled({ ...ports, ...other }, at);
    return woken;
  }

  async function messages(run: number): Promise<{ kind: string; wanted: number; title: string | null }[]> {
    const { rows } = await database.pool.query(
      "select kind, wanted_seq as wanted, content ->> 'title' as title from surfaces where run = $1 order by kind",
      [run],
    );
    return rows;
  }
  const halted = [880, 840, 800, 760, 720];

  test('it is said once in the thread, by whichever workers look and however often', async () => {
    const run = await running('halted', halted);
    const [before] = await messages(run);
    assert.ok((await Promise.all([look(), look()])).some(woken => woken.length >= 2));
    await look();
    const [message, ...thread] = await messages(run);
    assert.deepEqual(
      thread.map(({ kind, title }) => [kind, title]),
      [['stalled', `#${run} digits: no step for 12 min`]],
    );
    assert.ok((message?.wanted ?? 0) > (before?.wanted ?? 0), 'its message is shown again');
    const { pace } = await runStore(database.db).reported(run);
    assert.equal(pace?.step, 4);
  });

  test('a run of which it cannot be said keeps no other one from it, and is told the next time', async () => {
    const [first, second] = [await running('stuck', halted), await running('free', halted)];
    const stalls = stallStore(database.db);
    await look(now, {
      stalls: {
        ...stalls,
        tell: async (run, ...rest) =>
          run.number === first
            ? await Promise.reject(new Error('the connection was lost'))
            : await stalls.tell(run, ...rest),
      },
    });
    assert.deepEqual([(await messages(first)).length, (await messages(second)).length], [1, 2]);
    assert.deepEqual(told, [first]);
    await look();
    assert.deepEqual([(await messages(first)).length, (await messages(second)).length], [2, 2]);
  });

  test('a step ends it, and the next halt is another one', async () => {
    const run = await running(
      'again',
      halted.map(one => one + 2_000),
    );
    await look(ago(2_000));
    assert.equal((await messages(run)).length, 2);
    const runs = runStore(database.db);
    await runs.addPoints(run, 1, [{ name: 'loss', step: 9, value: 1 }], [], ago(900));
    await look(ago(890));
    assert.equal((await messages(run)).length, 2);
    await look();
    assert.equal((await messages(run)).length, 2, 'twice its longest pause has not passed');
    await look(new Date(now.getTime() + 3_000_000));
    assert.equal((await messages(run)).length, 3);
  });

  const rows: [what: string, prepare: () => Promise<number>, messages: number][] = [
    ['its steps still come', () => running('goes', [200, 160, 120, 80, 40]), 1],
    ['it names no steps', () => running('silent', []), 1],
    [
      'its machine is silent',
      async () => {
        const run = await running('away', halted);
        await database.pool.query(
          "update agents set seen_at = now() - interval '1 minute' where pool = 'away'",
        );
        return run;
      },
      1,
    ],
    [
      'its machine was silent a moment ago',
      async () => {
        const run = await running('back', halted);
        await database.pool.query(
          "update agents set seen_at = now() - interval '1 minute' where pool = 'back'",
        );
        await agentStore(database.db).seen('back', [], now);
        return run;
      },
      1,
    ],
    [
      'it is being stopped',
      async () => {
        const run = await running('stopped', halted);
        const stop = { type: 'stop', actor: system, why: 'cancel', reason: 'x' } as const;
        await runStore(database.db).change(run, stop, now, system);
        return run;
      },
      1,
    ],
    ['it was asked for where there are no messages', () => running('http', halted, { kind: 'http' }), 0],
  ];
  for (const [what, prepare, count] of rows)
    test(`nothing is said where ${what}`, async () => {
      const run = await prepare();
      await look();
      assert.equal((await messages(run)).length, count);
    });
});
