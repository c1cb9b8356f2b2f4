import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { alertStore } from '../../src/adapters/postgres/alerts.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { tellAlerts } from '../../src/app/tell-alerts.ts';
import { system } from '../../src/core/actor.ts';
import type { Log } from '../../src/core/ports.ts';
import type { RunSpec } from '../../src/core/run.ts';
import { startOf } from '../support/plan.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

const noon = new Date('2026-01-01T12:00:00Z');
const later = (seconds: number) => new Date(noon.getTime() + seconds * 1_000);

describe('rules over what runs report', () => {
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

  async function begin(pool: string, number: number, attempt: number) {
    const { db } = database;
    const plan = planStore(db, [pool]);
    assert.ok(await plan.commit(await plan.snapshot(noon), [startOf(number, pool, [0])], noon));
    assert.ok((await runStore(db).change(number, { type: 'running', attempt, at: noon }, noon, system)).ok);
  }
  async function running(pool: string, alerts: RunSpec['alerts'], more: Partial<RunSpec> = {}) {
    const { run } = await runStore(database.db).create(
      wish(`alert-${pool}`, {}, { pool, ...(alerts ? { alerts } : {}), ...more }),
    );
    await begin(pool, run.number, 1);
    return run.number;
  }
  async function report(run: number, points: [name: string, step: number, value: number][], attempt = 1) {
    const all = points.map(([name, step, value]) => ({ name, step, value }));
    await runStore(database.db).addPoints(run, attempt, all, [], noon);
  }
  const told: unknown[] = [];
  const log: Log = {
    ...{ debug: () => {}, info: () => {}, error: () => {} },
    warn: fields => told.push(fields.run),
  };
  async function look(at = later(60), alerts = alertStore(database.db)): Promise<string[]> {
    const woken: string[] = [];
    const ports = { alerts, wakeups: { wake: (all: string[]) => woken.push(...all) }, log };
    await tellAlerts(ports, at);
    return woken;
  }
  async function said(run: number): Promise<string[]> {
    const { rows } = await database.pool.query(
      "select content ->> 'title' as title from surfaces where run = $1 and kind = 'alert' order by key",
      [run],
    );
    return rows.map(row => row.title);
  }
  const warns = [{ when: 'loss > 2', do: 'warn' as const }];

  test('one that holds is said once, by whichever workers look and however often', async () => {
    const run = await running('once', warns);
    await report(run, [['loss', 1, 1]]);
    assert.deepEqual(await look(), []);
    await report(run, [['loss', 2, 3]]);
    assert.ok((await Promise.all([look(), look()])).some(woken => woken.length >= 2));
    await report(run, [['loss', 3, 4]]);
    await look();
    assert.deepEqual(await said(run), [`#${run} digits warns by a rule: loss > 2`]);
    const runs = runStore(database.db);
    const { alerts } = await runs.reported(run);
    assert.deepEqual(
      alerts.map(({ rule, when, sentence }) => [rule, when, sentence]),
      [[0, 'loss > 2', 'loss is 3 at step 2.']],
    );
    const events = await runs.events(run);
    assert.equal(events.filter(event => event.type === 'warned').length, 1);
    assert.equal(events.at(-1)?.reason, 'Its rule "loss > 2" holds: loss is 3 at step 2.');
    assert.equal((await runs.get(run))?.state, 'running');
  });

  test('one that cannot be said of a run keeps no other run from hearing, and is said the next time', async () => {
    const [first, second] = [await running('stuck', warns), await running('free', warns)];
    for (const run of [first, second]) await report(run, [['loss', 2, 3]]);
    const alerts = alertStore(database.db);
    await look(later(60), {
      ...alerts,
      fire: async (one, now) =>
        one.run.number === first
          ? await Promise.reject(new Error('the connection was lost'))
          : await alerts.fire(one, now),
    });
    assert.deepEqual([(await said(first)).length, (await said(second)).length], [0, 1]);
    assert.deepEqual(told, [first]);
    await look();
    assert.deepEqual([(await said(first)).length, (await said(second)).length], [1, 1]);
    assert.deepEqual(told, [first]);
  });

  test('only runs with rules that have reported something new are looked at', async () => {
    const [quiet, plain] = [await running('quiet', warns), await running('plain', undefined)];
    await report(quiet, [['loss', 1, 1]]);
    await report(plain, [['loss', 1, 9]]);
    await look();
    const due = async (at = later(60)) => {
      const all = await alertStore(database.db).due(at);
      return all.map(one => one.run.number).filter(one => one === quiet || one === plain);
    };
    assert.deepEqual(await due(), []);
    await report(quiet, [['loss', 1, 1]]);
    assert.deepEqual(await due(), [], 'a repeat is nothing new');
    await report(quiet, [['loss', 2, Number.NaN]]);
    assert.deepEqual(await due(), [quiet], 'what is left out is new too');
  });

  test('a value that is not finite stops the run, with the rule as why it failed', async () => {
    const run = await running('nan', [
      { when: 'loss is NaN', do: 'stop' },
      { when: 'loss is NaN or acc < 0.1', do: 'warn' },
    ]);
    await report(run, [['loss', 5, 0.3]]);
    await report(run, [['loss', 6, Number.POSITIVE_INFINITY]]);
    const runs = runStore(database.db);
    const [summary] = await runs.metrics(run);
    assert.deepEqual([summary?.value, summary?.notFinite], [0.3, 6]);
    await look();
    assert.equal((await said(run)).length, 2, 'what warns is said before what stops');
    const stopping = await runs.get(run);
    assert.equal(stopping?.stopping, 'rule');
    assert.equal(stopping?.failure?.class, 'stopped-by-rule');
    const exit = {
      code: 143,
      signal: null,
      stopped: 'cancel',
      failure: null,
      lines: ['bye'] as string[],
      at: later(70),
    } as const;
    assert.ok((await runs.change(run, { type: 'exited', attempt: 1, exit }, later(70), system)).ok);
    const ended = await runs.get(run);
    assert.equal(ended?.state, 'failed');
    assert.deepEqual(ended?.failure, {
      class: 'stopped-by-rule',
      message: 'Its rule "loss is NaN" held: loss is not finite at step 6.',
      lines: ['bye'],
    });
  });

  async function end(run: number, code: number, at = later(30)) {
    const exit = { code, signal: null, stopped: null, failure: null, lines: [], at };
    assert.ok((await runStore(database.db).change(run, { type: 'exited', attempt: 1, exit }, at, system)).ok);
  }
  const lastWords: [what: string, code: number, at: Date, titles: string[]][] = [
    [
      'it succeeded',
      0,
      later(60),
      ['has ended, and a rule holds: acc < 0.8', 'has ended, and a rule holds: acc < 0.9'],
    ],
    ['it failed, which is told by itself', 1, later(60), []],
    ['it succeeded long ago', 0, later(2 * 86_400), []],
  ];
  for (const [i, [what, code, at, titles]] of lastWords.entries())
    test(`what a run reports right before its end is looked at behind it: ${what}`, async () => {
      const run = await running(`last-${i}`, [
        { when: 'acc < 0.8', do: 'warn' },
        { when: 'acc < 0.9', do: 'stop' },
        { when: 'acc < 0.9 after 10m', do: 'warn' },
      ]);
      await report(run, [['acc', 1, 0.7]]);
      await end(run, code);
      await look(at);
      await look(at);
      assert.deepEqual(
        await said(run),
        titles.map(title => `#${run} digits ${title}`),
      );
      const runs = runStore(database.db);
      const after = await runs.get(run);
      assert.deepEqual([after?.state, after?.stopping], [code === 0 ? 'succeeded' : 'failed', null]);
      assert.equal((await runs.events(run)).at(-1)?.type, after?.state, 'an end is an end');
      assert.equal((await runs.reported(run)).alerts.length, titles.length);
    });

  test('a run that ends while its rules are looked at hears of them as one that has ended', async () => {
    const run = await running('meanwhile', warns);
    await report(run, [['loss', 1, 3]]);
    const alerts = alertStore(database.db);
    await look(later(60), {
      ...alerts,
      due: async now => {
        const found = await alerts.due(now);
        await end(run, 0);
        return found;
      },
    });
    assert.deepEqual(await said(run), []);
    await look();
    assert.deepEqual(await said(run), [`#${run} digits has ended, and a rule holds: loss > 2`]);
  });

  test('a model that diverges in hundreds of metrics at once is stopped too', async () => {
    const run = await running('wide', [{ when: 'loss is NaN', do: 'stop' }]);
    await report(run, [['loss', 1, 0.3]]);
    const norms = Array.from({ length: 400 }, (_, i): [string, number, number] => [
      `grad/${i}`,
      2,
      Number.NaN,
    ]);
    await report(run, [...norms, ['loss', 2, Number.NaN]]);
    await look();
    assert.equal((await runStore(database.db).get(run))?.stopping, 'rule');
  });

  const finite: [what: string, points: [string, number, number][], notFinite: number | undefined][] = [
    [
      'a later value is finite',
      [
        ['loss', 5, Number.NaN],
        ['loss', 6, 1],
      ],
      undefined,
    ],
    [
      'an earlier one is not, told late',
      [
        ['loss', 6, 1],
        ['loss', 5, Number.NaN],
      ],
      undefined,
    ],
    [
      'both of one step',
      [
        ['loss', 6, 1],
        ['loss', 6, Number.NaN],
      ],
      6,
    ],
  ];
  for (const [i, [what, points, expected]] of finite.entries())
    test(`what was said last: ${what}`, async () => {
      const run = await running(`finite-${i}`, undefined);
      for (const point of points) await report(run, [point]);
      const [summary] = await runStore(database.db).metrics(run);
      assert.equal(summary?.notFinite, expected);
    });

  test('a time that comes is waited for', async () => {
    const run = await running('later', [{ when: 'loss > 2 after 10m', do: 'warn' }]);
    await report(run, [['loss', 1, 3]]);
    await look(later(60));
    assert.deepEqual(await said(run), []);
    await look(later(599));
    assert.deepEqual(await said(run), []);
    await look(later(600));
    assert.equal((await said(run)).length, 1);
  });

  test('epochs are counted as the run reports them', async () => {
    const run = await running('epochs', [{ when: 'no improvement for 2 epochs', do: 'warn' }], {
      primaryMetric: 'val_acc',
    });
    const epoch = (n: number, value: number) =>
      report(run, [
        ['val_acc', n * 100, value],
        ['epoch', n * 100, n],
      ]);
    await epoch(1, 0.8);
    await epoch(2, 0.9);
    await epoch(3, 0.85);
    await look();
    assert.deepEqual(await said(run), []);
    await epoch(4, 0.9);
    await look();
    assert.equal((await said(run)).length, 1);
    const { alerts } = await runStore(database.db).reported(run);
    assert.equal(
      alerts[0]?.sentence,
      'The best val_acc is 0.9 at step 200; 2 epochs later, at step 400, it is 0.9.',
    );
  });

  test('a later attempt is held to what it reports itself, and hears nothing twice', async () => {
    const run = await running('again', [
      { when: 'loss > 2', do: 'warn' },
      { when: 'loss < 0', do: 'warn' },
    ]);
    await report(run, [['loss', 9, -1]]);
    const runs = runStore(database.db);
    const lost = { type: 'lost', attempt: 1, reason: 'The machine is gone.' } as const;
    assert.ok((await runs.change(run, lost, noon, system)).ok);
    await begin('again', run, 2);
    await look();
    assert.deepEqual(await said(run), [], 'it has said nothing yet');
    await report(run, [['loss', 1, 5]], 2);
    await look();
    await look();
    assert.deepEqual(await said(run), [`#${run} digits warns by a rule: loss > 2`]);
  });
});
