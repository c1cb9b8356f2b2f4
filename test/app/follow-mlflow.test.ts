import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { mlflowFollows } from '../../src/adapters/postgres/mlflow-follows.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { mlflowFollower } from '../../src/app/follow-mlflow.ts';
import { MlflowError, type MlflowPoint, type MlflowPort } from '../../src/core/ports.ts';
import type { RunChange } from '../../src/core/run.ts';
import { later, noon } from '../support/live-run.ts';
import { startOf } from '../support/plan.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

const system = { kind: 'system', id: 'agent', name: 'the agent' } as const;

/** A tracking server in memory, whose tokens are offsets as MLflow's own are. */
function memoryMlflow() {
  const runs = new Map<string, { key: string; attempt: number; metrics: Map<string, MlflowPoint[]> }>();
  const asked: string[] = [];
  const state = { error: null as MlflowError | null, hasPages: true, hook: async (_: string) => {} };
  const one = (id: string) => {
    const { attempt, metrics } = runs.get(id) ?? { attempt: 1, metrics: new Map<string, MlflowPoint[]>() };
    const latest = [...metrics].flatMap(([name, points]) => {
      const [last] = points.toSorted((a, b) => b.step - a.step || b.timestamp - a.timestamp);
      return last ? [{ name, ...last }] : [];
    });
    return { id, experiment: '1', attempt, startedAt: 0, isNested: false, latest };
  };
  const ask = async (what: string) => {
    asked.push(what);
    await state.hook(what);
    if (state.error) throw state.error;
  };
  const port: MlflowPort = {
    async find(key) {
      await ask('find');
      return [...runs].filter(([, run]) => run.key === key).map(([id]) => one(id));
    },
    async get(id) {
      await ask(`get ${id}`);
      return runs.has(id) ? one(id) : null;
    },
    async history(id, name, token, most) {
      await ask(`history ${id} ${name} ${token ?? 0}`);
      const all = (runs.get(id)?.metrics.get(name) ?? []).toSorted((a, b) => a.timestamp - b.timestamp);
      if (!state.hasPages) return { points: all, next: null };
      const from = Number(token ?? 0);
      const points = all.slice(from, from + most);
      return { points, next: from + most < all.length ? String(from + most) : null };
    },
    address: ({ id }) => `http://mlflow/${id}`,
  };
  return {
    port,
    asked,
    state,
    begin(id: string, key: string, attempt = 1) {
      runs.set(id, { key, attempt, metrics: new Map() });
    },
    log(id: string, name: string, ...points: [step: number, value: number, timestamp?: number][]) {
      const metrics = runs.get(id)?.metrics;
      const known = metrics?.get(name) ?? [];
      for (const [step, value, timestamp = step] of points) known.push({ step, value, timestamp });
      metrics?.set(name, known);
    },
  };
}

describe('following runs in MLflow', () => {
  let server: TestServer;
  let a: Database;
  let b: Database;
  let mlflow = memoryMlflow();
  const clock = { now: noon.getTime() };
  const warned: string[] = [];
  const said: string[] = [];
  const log = {
    debug() {},
    info: (_: object, text: string) => void said.push(text),
    warn: (_: object, text: string) => void warned.push(text),
    error() {},
  };

  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());
  beforeEach(async t => {
    const url = await server.database();
    a = openDatabase(url, { onError: () => {} });
    b = openDatabase(url, { onError: () => {} });
    if ('after' in t) t.after(async () => void (await Promise.all([a.close(), b.close()])));
    await migrate(a.pool);
    mlflow = memoryMlflow();
    clock.now = noon.getTime();
    warned.length = 0;
    said.length = 0;
  });

  const follower = (database = a) =>
    mlflowFollower(
      { mlflow: mlflow.port, follows: mlflowFollows(database.db), runs: runStore(database.db), log },
      () => new Date(clock.now),
    );
  const change = (run: number, what: RunChange, at = noon) => runStore(a.db).change(run, what, at, system);

  /** A run at work, with its run in MLflow beside it. */
  async function begun(key = 'k', slot = 0) {
    const { run } = await runStore(a.db).create(wish(key));
    await start(run.number, slot);
    await change(run.number, { type: 'running', attempt: 1, at: noon });
    const follows = mlflowFollows(a.db);
    await follows.begin([run.number, run.number]);
    await follows.begin([run.number]);
    mlflow.begin(`m${run.number}`, await follows.keyOf(run.number));
    return run.number;
  }
  async function start(number: number, slot = 0) {
    const plan = planStore(a.db, ['local']);
    const began = startOf(number, 'local', [slot]);
    assert.ok(await plan.commit(await plan.snapshot(noon), [began], noon));
  }
  const exited = (attempt = 1): RunChange => ({
    type: 'exited',
    attempt,
    exit: { code: 0, signal: null, stopped: null, failure: null, lines: [], at: noon },
  });
  /** As if the pause until the next look was over. */
  const wait = () =>
    a.db
      .updateTable('mlflow_follows')
      .set({ next_at: new Date(0) })
      .execute();
  const curve = async (run: number, name = 'loss') =>
    (await runStore(a.db).series(run, [name], 1_000_000))[0]?.points.map(({ step, value }) => [
      step,
      value,
    ]) ?? [];
  const row = async (run: number) =>
    await a.db.selectFrom('mlflow_follows').selectAll().where('run', '=', run).executeTakeFirstOrThrow();
  const histories = () => mlflow.asked.filter(what => what.startsWith('history'));

  test('what moves is read, what does not is not asked for', async () => {
    const run = await begun();
    const look = follower();
    mlflow.log(`m${run}`, 'loss', [1, 0.5]);
    mlflow.log(`m${run}`, 'accuracy', [1, 0.9]);
    await look();
    assert.deepEqual(await curve(run), [[1, 0.5]]);
    assert.equal((await runStore(a.db).get(run))?.mlflow, `http://mlflow/m${run}`);

    mlflow.asked.length = 0;
    await look();
    assert.deepEqual(mlflow.asked, [], 'its pause is not over');
    await wait();
    mlflow.log(`m${run}`, 'loss', [2, 0.4]);
    await look();
    assert.deepEqual(mlflow.asked, [`get m${run}`, `history m${run} loss 0`]);
    assert.deepEqual(await curve(run), [
      [1, 0.5],
      [2, 0.4],
    ]);
    await wait();
    mlflow.asked.length = 0;
    await look();
    assert.deepEqual(mlflow.asked, [`get m${run}`]);
  });

  test('a long curve is read once, and then from near its end', async () => {
    const run = await begun();
    const look = follower();
    mlflow.log(
      `m${run}`,
      'loss',
      ...Array.from({ length: 25_000 }, (_, step) => [step, step] as [number, number]),
    );
    await look();
    assert.deepEqual(histories(), [
      `history m${run} loss 0`,
      `history m${run} loss 10000`,
      `history m${run} loss 20000`,
      `history m${run} loss 20000`,
    ]);
    assert.equal((await curve(run)).length, 25_000);
    mlflow.asked.length = 0;
    // One of them late, from before what was read last.
    mlflow.log(`m${run}`, 'loss', [25_000, 1], [30_000, 2, 24_950.5]);
    await wait();
    await look();
    assert.deepEqual(histories(), [`history m${run} loss 24800`]);
    assert.equal((await curve(run)).length, 25_002);
  });

  test('a server without pages is asked for the whole, once', async () => {
    const run = await begun();
    mlflow.state.hasPages = false;
    const look = follower();
    mlflow.log(
      `m${run}`,
      'loss',
      ...Array.from({ length: 2_000 }, (_, step) => [step, step] as [number, number]),
    );
    await look();
    mlflow.asked.length = 0;
    mlflow.log(`m${run}`, 'loss', [2_000, 1]);
    await wait();
    await look();
    assert.equal(histories().length, 1);
    assert.equal((await curve(run)).length, 2_001);
  });

  test('after the end there is one more look, at once and from the start; then none', async () => {
    const run = await begun();
    const look = follower();
    mlflow.log(`m${run}`, 'loss', [1, 1], [2, 2]);
    await look();
    // Late, and from before what is known: nothing of it is seen in the latest value.
    mlflow.log(`m${run}`, 'loss', [0, 7, 0.5]);
    await change(run, exited());
    await look();
    assert.deepEqual(await curve(run), [
      [0, 7],
      [1, 1],
      [2, 2],
    ]);
    assert.ok((await row(run)).done_at);
    mlflow.asked.length = 0;
    await wait();
    await look();
    assert.deepEqual(mlflow.asked, []);
  });

  test('a run that began and ended between two looks is read all the same', async () => {
    const run = await begun();
    mlflow.log(`m${run}`, 'loss', [1, 1]);
    await change(run, exited());
    await follower()();
    assert.deepEqual(await curve(run), [[1, 1]]);
    assert.ok((await row(run)).done_at);
  });

  test('what is read late, or again at the end, does not look as if the run had begun again', async () => {
    const run = await begun();
    const look = follower();
    mlflow.log(`m${run}`, 'loss', [99, 1], [100, 1]);
    await look();
    const { pace } = await runStore(a.db).reported(run);
    assert.equal(pace?.step, 100);
    mlflow.log(`m${run}`, 'validation', [50, 1]);
    await wait();
    await look();
    await change(run, exited());
    await look();
    assert.deepEqual(await curve(run, 'validation'), [[50, 1]]);
    assert.deepEqual((await runStore(a.db).reported(run)).pace, pace);
  });

  test('each attempt has its own run there, and one that goes on with an older one counts as itself', async () => {
    const run = await begun();
    const look = follower();
    const ms = (seconds: number) => later(seconds).getTime();
    mlflow.log(`m${run}`, 'loss', [1, 1, ms(1)], [2, 1, ms(2)]);
    await look();
    await change(run, { type: 'lost', attempt: 1, reason: 'gone' });
    mlflow.asked.length = 0;
    await look();
    assert.ok(mlflow.asked.length > 0, 'once more after the attempt');
    mlflow.asked.length = 0;
    await wait();
    await look();
    assert.deepEqual(mlflow.asked, [], 'while it waits there is nothing to see');

    await start(run);
    await change(run, { type: 'running', attempt: 2, at: later(100) }, later(100));
    mlflow.begin('again', await mlflowFollows(a.db).keyOf(run), 2);
    mlflow.log('again', 'loss', [2, 20, ms(101)]);
    mlflow.log(`m${run}`, 'resumed', [1, 1, ms(50)], [2, 2, ms(102)]);
    await wait();
    await look();
    assert.deepEqual(await curve(run), [
      [1, 1],
      [2, 20],
    ]);
    const attempts = await a.db
      .selectFrom('metric_points')
      .select(['step', 'attempt'])
      .where('name', '=', 'resumed')
      .orderBy('step')
      .execute();
    assert.deepEqual(
      attempts.map(({ attempt }) => attempt),
      [1, 2],
    );
    assert.equal((await runStore(a.db).get(run))?.mlflow, 'http://mlflow/again');
  });

  test('two workers share the runs, and none is looked at by both at a time', async () => {
    const runs: number[] = [];
    for (let at = 0; at < 12; at++) {
      const run = await begun(`k${at}`, at);
      mlflow.log(`m${run}`, 'loss', [1, 1]);
      runs.push(run);
    }
    const [one, other] = [follower(a), follower(b)];
    // Slow enough that both work at the same time.
    let both = 0;
    mlflow.state.hook = () =>
      new Promise(resolve => {
        both += 1;
        setImmediate(() => resolve());
      });
    await Promise.all([one(), other(), one(), other()]);
    assert.equal(both, 24);
    assert.deepEqual(
      histories().toSorted(),
      runs.map(run => `history m${run} loss 0`).toSorted(),
      'each once',
    );
    for (const run of runs) assert.deepEqual(await curve(run), [[1, 1]]);
  });

  test('what a worker was at that is gone is taken over; a late word of it changes nothing', async () => {
    const run = await begun();
    const [gone] = await mlflowFollows(a.db).claim(1);
    assert.ok(gone);
    mlflow.log(`m${run}`, 'loss', [1, 1]);
    await follower(b)();
    assert.deepEqual(await curve(run), [], 'it is still claimed');
    await a.db
      .updateTable('mlflow_follows')
      .set({ claimed_until: new Date(0) })
      .execute();
    await follower(b)();
    assert.deepEqual(await curve(run), [[1, 1]]);
    const now = await row(run);
    await mlflowFollows(a.db).looked(gone, {
      cursor: { ...now.cursor, runs: [] } as never,
      ...{ address: 'http://late', endedAttempt: 9, done: true, pauseMs: 0 },
    });
    await mlflowFollows(a.db).failed(gone, 0, true);
    assert.equal(await mlflowFollows(a.db).keep(gone), false);
    assert.deepEqual(await row(run), now);
    assert.equal((await runStore(a.db).get(run))?.mlflow, `http://mlflow/m${run}`);
  });

  test('while the server is away one look tries it now and then, and that is said once', async () => {
    const run = await begun();
    for (let at = 1; at < 9; at++) await begun(`k${at}`, at);
    const look = follower();
    mlflow.state.error = new MlflowError('it does not answer', 'away');
    await look();
    const atFirst = mlflow.asked.length;
    assert.ok(atFirst <= 4, `${atFirst} asked`);
    await look();
    assert.equal(mlflow.asked.length, atFirst, 'not at once again');
    for (let tries = 1; tries <= 5; tries++) {
      clock.now += 60_000;
      await wait();
      await look();
      assert.equal(mlflow.asked.length, atFirst + tries, 'one of all runs');
    }
    assert.deepEqual(warned, ['metrics of runs cannot be read from MLflow']);
    mlflow.state.error = null;
    mlflow.log(`m${run}`, 'loss', [1, 1]);
    clock.now += 60_000;
    await wait();
    await look();
    await look();
    assert.deepEqual(said, ['MLflow answers again']);
    assert.deepEqual(await curve(run), [[1, 1]]);
  });

  test('trouble with one run keeps nobody from the others, and is said once', async () => {
    const odd = await begun('odd', 0);
    const fine = await begun('fine', 1);
    mlflow.log(`m${odd}`, 'loss', [1, 1]);
    mlflow.log(`m${fine}`, 'loss', [1, 1]);
    mlflow.state.hook = async what => {
      if (what.startsWith(`history m${odd} `)) throw new MlflowError('its answer is none', 'odd');
    };
    const look = follower();
    await look();
    await wait();
    await look();
    assert.deepEqual(await curve(fine), [[1, 1]]);
    assert.equal((await row(odd)).failures, 2);
    assert.deepEqual(warned, ['metrics of runs cannot be read from MLflow']);
  });

  test('a day after the end of a run nobody tries any more, and that is said', async () => {
    const run = await begun();
    await change(run, exited());
    mlflow.state.error = new MlflowError('it does not answer', 'away');
    const look = follower();
    await look();
    assert.equal((await row(run)).done_at, null);
    clock.now += 24 * 3_600_000 + 1;
    await wait();
    await look();
    assert.ok((await row(run)).done_at);
    assert.equal(warned.at(-1), 'the last metrics of a run were not read from MLflow');
  });

  test('more metrics than one look may ask for come in several, each in its turn', async () => {
    const run = await begun();
    const names = Array.from({ length: 450 }, (_, at) => `m${at}`);
    for (const name of names) mlflow.log(`m${run}`, name, [1, 1]);
    const look = follower();
    for (let looks = 0; looks < 3; looks++) {
      await look();
      await wait();
      // All of them move, all the time.
      for (const name of names) mlflow.log(`m${run}`, name, [2 + looks, 1]);
    }
    assert.equal((await runStore(a.db).metrics(run)).length, 450);
    await change(run, exited());
    for (let looks = 0; looks < 3; looks++) await look();
    assert.ok((await row(run)).done_at);
    assert.deepEqual(
      (await runStore(a.db).metrics(run)).map(({ count }) => count),
      names.map(() => 4),
    );
  });

  test('a run that was deleted there is no more', async () => {
    const run = await begun();
    const { port } = mlflow;
    await follower()();
    mlflow.port.get = async () => null;
    await wait();
    await follower()();
    assert.equal((await row(run)).failures, 0);
    mlflow.port.get = port.get;
  });

  test('the key of a run is its own, and another installation has another', async () => {
    const follows = mlflowFollows(a.db);
    const key = await follows.keyOf(1);
    assert.match(key, /^[0-9a-f]{32}$/);
    assert.equal(await mlflowFollows(b.db).keyOf(1), key);
    assert.notEqual(await follows.keyOf(2), key);
    const elsewhere = openDatabase(await server.database(), { onError: () => {} });
    await migrate(elsewhere.pool);
    assert.notEqual(await mlflowFollows(elsewhere.db).keyOf(1), key);
    await elsewhere.close();
  });
});
