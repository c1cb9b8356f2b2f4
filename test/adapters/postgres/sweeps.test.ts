import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { addSurface } from '../../../src/adapters/postgres/run-rows.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { surfaceStore } from '../../../src/adapters/postgres/surfaces.ts';
import { sweepStore } from '../../../src/adapters/postgres/sweeps.ts';
import { tendSweeps } from '../../../src/app/tend-sweeps.ts';
import { system } from '../../../src/core/actor.ts';
import { medianRule } from '../../../src/core/early-stop.ts';
import type { NewSweep } from '../../../src/core/ports.ts';
import type { Exit } from '../../../src/core/run.ts';
import { sweepReply } from '../../../src/core/sweep-reply.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { octocat, spec, wish } from '../../support/run.ts';

const now = new Date('2026-01-01T00:00:00Z');
const exit: Exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: now };
const nothing = () => {};
const failed = (fields: unknown) => assert.fail(String(Object.values(fields ?? {})));
const log = { debug: nothing, info: nothing, warn: failed, error: failed };
const github = {
  kind: 'github',
  installation: 1,
  repo: 1,
  name: 'octo-org/digits',
  issue: 7,
  pull: true,
  user: 'octocat',
} as const;

function asked(key: string, values = [0.1, 0.2, 0.3, 0.4], changes: Partial<NewSweep> = {}): NewSweep {
  return {
    key,
    spec: {
      project: 'digits',
      axes: [{ name: 'lr', values }],
      metric: 'auc',
      better: 'higher',
      earlyStop: 'median',
    },
    members: values.map(lr => spec({ parameters: { lr }, primaryMetric: 'auc' })),
    priority: 'normal',
    requestedBy: octocat,
    place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' },
    at: now,
    ...changes,
  };
}

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`sweeps on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    let a: Database;
    let b: Database;
    before(async () => {
      server = await startServer(kind);
      const url = await server.database();
      a = openDatabase(url, { onError: () => {} });
      b = openDatabase(url, { onError: () => {} });
      await migrate(a.pool);
    });
    after(async () => {
      await Promise.all([a?.close(), b?.close()]);
      await server?.stop();
    });

    async function begin(number: number) {
      const runs = runStore(a.db);
      await runs.change(number, { type: 'start', actor: system, reason: '' }, now, system);
      await runs.change(number, { type: 'running', attempt: 1, at: now }, now, system);
    }
    const end = (number: number, how: Partial<Exit> = {}) =>
      runStore(a.db).change(number, { type: 'exited', attempt: 1, exit: { ...exit, ...how } }, now, system);
    const report = (number: number, values: number[]) =>
      runStore(a.db).addPoints(
        number,
        1,
        values.map((value, i) => ({ name: 'auc', step: i + 1, value })),
      );
    const woken: string[] = [];
    async function tend(db = a.db) {
      await db.updateTable('sweeps').set({ next_at: now }).execute();
      const wakeups = { wake: (subjects: string[]) => void woken.push(...subjects) };
      await tendSweeps({ sweeps: sweepStore(db), runs: runStore(db), wakeups, log }, now);
    }
    const stateOf = async (number: number) => (await runStore(a.db).get(number))?.state;
    async function messages(sweep: number) {
      const rows = await a.db.selectFrom('surfaces').selectAll().where('sweep', '=', sweep).execute();
      return rows.map(row => row.kind).sort();
    }

    test('one key makes one sweep with all its runs, also when two processes ask at once', async () => {
      const made = await Promise.all(
        Array.from({ length: 12 }, (_, i) => sweepStore(i % 2 ? a.db : b.db).create(asked('one-key'))),
      );
      assert.equal(made.filter(one => one.created).length, 1);
      assert.equal(new Set(made.map(one => one.runs.map(run => run.number).join())).size, 1);
      const [first] = made;
      assert.ok(first);
      assert.deepEqual(
        first.runs.map(({ spec: { parameters, sweep }, state }) => [parameters.lr, sweep?.member, state]),
        [0.1, 0.2, 0.3, 0.4].map((lr, i) => [lr, i + 1, 'queued']),
      );
      const audit = await a.pool.query(
        "select count(*)::int as count from audit where action = 'sweep.requested'",
      );
      assert.equal(audit.rows[0].count, 1);
      assert.deepEqual(await messages(first.sweep.number), ['sweep']);
      const own = await a.db
        .selectFrom('surfaces')
        .select('kind')
        .where(
          'run',
          'in',
          first.runs.map(run => run.number),
        )
        .execute();
      assert.deepEqual(own, [], 'its runs have no messages of their own');
    });

    test('all of it or nothing: where one member cannot be stored, none is', async () => {
      await runStore(a.db).create(wish('torn#3'));
      const runs = await runStore(a.db).newestNumber();
      await assert.rejects(sweepStore(a.db).create(asked('torn')));
      assert.equal(await runStore(a.db).newestNumber(), runs);
      const rows = await a.pool.query("select 1 from sweeps where request_key = 'torn'");
      assert.equal(rows.rowCount, 0);
    });

    test('a member that ends is no message; at a pull request there is one comment, and no checks', async () => {
      const { sweep, runs } = await sweepStore(a.db).create(asked('on-github', [1, 2], { place: github }));
      for (const { number } of runs) {
        await begin(number);
        await end(number);
      }
      await tend();
      assert.deepEqual(await messages(sweep.number), ['sweep']);
    });

    test('the averages of those that succeeded go as far as the member has come', async () => {
      const store = sweepStore(a.db);
      const { sweep, runs } = await store.create(asked('averages', [1, 2, 3, 4, 5]));
      const [one = 0, two = 0, failed = 0, late = 0, asks = 0] = runs.map(run => run.number);
      for (const { number } of runs) await begin(number);
      await report(one, [0, 1, 2, 3, 4, 1000]);
      await report(two, [1e300, 4, 4, 4, 4, 4]);
      await report(failed, [9, 9, 9, 9, 9, 9]);
      await runStore(a.db).addPoints(late, 1, [{ name: 'auc', step: 50, value: 9 }]);
      await report(asks, [0.5, 0.9, 0.5, 0.5, 0.4]);
      for (const number of [one, two, late]) await end(number);
      await end(failed, { code: 1 });
      const trials = await store.trials(sweep, medianRule.values);
      assert.deepEqual(
        trials.map(({ averages, ...trial }) => [trial, averages.toSorted()]),
        [[{ run: asks, step: 5, values: 5, best: 0.9 }, [2, 4]]],
      );
      assert.deepEqual(await store.trials(sweep, 6), []);
    });

    test('a hopeless member is stopped once and by name, the others go on, and the end is told once', async () => {
      const store = sweepStore(a.db);
      const { sweep, runs } = await store.create(asked('hopeless', [1, 2, 3, 4, 5]));
      const [one = 0, two = 0, three = 0, bad = 0, good = 0] = runs.map(run => run.number);
      for (const { number } of runs) await begin(number);
      for (const number of [one, two]) {
        await report(number, [0.6, 0.7, 0.8, 0.8, 0.8]);
        await end(number);
      }
      await report(bad, [0.1, 0.2, 0.2, 0.2, 0.2]);
      await report(good, [0.6, 0.8, 0.7, 0.7, 0.7]);
      await tend();
      assert.equal((await runStore(a.db).get(bad))?.stopping, null, 'two that succeeded are too few');

      await report(three, [0.5, 0.6, 0.6, 0.6, 0.6]);
      await end(three);
      await Promise.all([tend(a.db), tend(b.db)]);
      const stopped = await runStore(a.db).get(bad);
      assert.deepEqual([stopped?.stopping, stopped?.stoppedBy?.id], ['cancel', 'early-stop']);
      const events = await runStore(a.db).events(bad);
      const reasons = events.filter(event => event.type === 'stopping').map(event => event.reason);
      assert.deepEqual(reasons, [
        `The median rule of sweep S${sweep.number} stopped it at step 5: its best auc by then, 0.2, is worse than 0.74, the median of what 3 runs that succeeded had on average by then.`,
      ]);
      assert.equal((await runStore(a.db).get(good))?.stopping, null);

      await end(bad, { code: null, signal: 'SIGTERM', stopped: 'cancel' });
      await tend();
      assert.deepEqual(await messages(sweep.number), ['sweep']);
      await end(good);
      await Promise.all([tend(a.db), tend(b.db), tend(a.db)]);
      assert.deepEqual(await messages(sweep.number), ['sweep', 'sweep-ended']);
      assert.ok((await store.get(sweep.number))?.endedAt);
      assert.equal(await stateOf(good), 'succeeded');
    });

    test('what was found before a worker was killed is stopped by the next', async () => {
      const store = sweepStore(a.db);
      const { runs } = await store.create(asked('killed'));
      const [number = 0] = runs.map(run => run.number);
      await begin(number);
      const stop = { step: 9, value: 0.1, median: 0.5, completed: 3 };
      await store.found(number, stop, now);
      await store.found(number, { ...stop, median: 0.9 }, now);
      await tend();
      const members = await store.members({ number: runs[0]?.spec.sweep?.number ?? 0, spec: asked('').spec });
      assert.deepEqual(members[0]?.stop, stop);
      assert.equal(members[0]?.run.stopping, 'cancel');
    });

    test('a sweep that is to be stopped is stopped by whoever looks next', async () => {
      const store = sweepStore(a.db);
      const { sweep, runs } = await store.create(asked('cancelled'));
      const [first = 0, ...others] = runs.map(run => run.number);
      await begin(first);
      assert.equal(await store.cancel(sweep.number, octocat), true);
      await tend();
      assert.equal((await runStore(a.db).get(first))?.stopping, 'cancel');
      assert.deepEqual(await Promise.all(others.map(stateOf)), ['cancelled', 'cancelled', 'cancelled']);
      await end(first, { stopped: 'cancel' });
      await tend();
      assert.equal(await store.cancel(sweep.number, octocat), false, 'it has ended');
      assert.equal((await store.get(sweep.number))?.cancelledBy?.name, 'octocat');
    });

    test('its message is wanted where something changed, and only then', async () => {
      const store = sweepStore(a.db);
      const { sweep, runs } = await store.create(asked('shown'));
      const wanted = async () => {
        await tend();
        const rows = await a.db
          .selectFrom('surfaces')
          .selectAll()
          .where('sweep', '=', sweep.number)
          .execute();
        return rows[0]?.wanted_seq;
      };
      const first = (await wanted()) ?? 0;
      assert.equal(await wanted(), first);
      await begin(runs[0]?.number ?? 0);
      assert.equal(await wanted(), first + 1);
      await report(runs[0]?.number ?? 0, [0.5]);
      assert.equal(await wanted(), first + 2);
      await report(runs[0]?.number ?? 0, [0.5]);
      assert.equal(await wanted(), first + 2, 'the same again changes nothing');
      const [id] = await surfaceStore(a.db).ofSweep(sweep.number);
      assert.ok(id);
    });

    test('what is said of a member besides is said in the thread of the sweep', async () => {
      const { sweep, runs } = await sweepStore(a.db).create(asked('thread'));
      const [run] = runs;
      assert.ok(run);
      // Only so many of one place are due at once.
      await a.db.updateTable('surfaces').set({ gave_up: true }).where('sweep', '<>', sweep.number).execute();
      const said = { audience: 'place', tone: 'warning', title: 'Halted', blocks: [] } as const;
      await a.db.transaction().execute(async tx => {
        await addSurface(tx, `stalled-${run.number}`, 'stalled', run, { ...said, blocks: [] });
      });
      const surfaces = surfaceStore(a.db);
      const [id = ''] = await surfaces.ofRun(run.number);
      const early = await surfaces.claim(id);
      assert.deepEqual([early?.thread, early?.threadGone], [null, false]);
      if (early) await surfaces.waits(early, 'no thread yet', 0);
      assert.ok(!(await surfaces.due(500)).includes(id));
      await a.db
        .updateTable('surfaces')
        .set({ remote: JSON.stringify({ channel: 'C1', ts: '1.1' }) })
        .where('sweep', '=', sweep.number)
        .where('kind', '=', 'sweep')
        .execute();
      assert.ok((await surfaces.due(500)).includes(id));
      assert.deepEqual((await surfaces.claim(id))?.thread, { channel: 'C1', ts: '1.1' });
    });

    test('runs by a metric: final values of those that succeeded, or the best of any', async () => {
      const runs = runStore(a.db);
      const of = async (key: string, values: number[], ends: boolean) => {
        const { number } = (await runs.create(wish(key, {}, { project: 'sorted' }))).run;
        await begin(number);
        await runs.addPoints(
          number,
          1,
          values.map((value, i) => ({ name: 'f1', step: i + 1, value })),
        );
        if (ends) await end(number);
        return number;
      };
      const fell = await of('fell', [0.9, 0.3], true);
      const rose = await of('rose', [0.2, 0.5], true);
      const runs3 = await of('works', [0.95, 0.1], false);
      await runs.create(wish('silent', {}, { project: 'sorted' }));
      const sorted = async (by: 'final' | 'best', better: 'higher' | 'lower' | null, limit = 9) =>
        (await runs.sorted({ project: 'sorted', limit }, { metric: 'f1', by, better })).map(
          one => one.run.number,
        );
      assert.deepEqual(await sorted('final', 'higher'), [rose, fell]);
      assert.deepEqual(await sorted('final', 'lower'), [fell, rose]);
      assert.deepEqual(await sorted('final', null), [rose, fell]);
      assert.deepEqual(await sorted('best', 'higher'), [runs3, fell, rose]);
      assert.deepEqual(await sorted('best', 'lower'), [runs3, rose, fell]);
      assert.deepEqual(await sorted('best', 'higher', 1), [runs3]);
    });

    test('a member that reports what adds no point changes the message too', async () => {
      const sweeps = sweepStore(a.db);
      const { sweep, runs } = await sweeps.create(asked('shown', [0.1, 0.2]));
      const [number = 0] = runs.map(run => run.number);
      const wanted = async () => {
        await sweeps.show(sweep.number);
        const { rows } = await a.pool.query(
          "select wanted_seq from surfaces where sweep = $1 and kind = 'sweep'",
          [sweep.number],
        );
        return z.int().parse(rows[0]?.wanted_seq);
      };
      await begin(number);
      await report(number, [0.1, 0.2]);
      const before = await wanted();
      await report(number, [0.1, 0.2]);
      assert.equal(await wanted(), before, 'a repeat is nothing new');
      await report(number, [0.1, 0.2, Number.NaN]);
      assert.equal(await wanted(), before + 1);
    });

    const lastWords: [what: string, values: number[], isRanked: boolean][] = [
      ['its last word is no number', [0.2, 0.9, Number.NaN], false],
      ['it came back from one that is none', [0.2, Number.NaN, 0.9], true],
    ];
    for (const [i, [what, values, isRanked]] of lastWords.entries())
      test(`what has no final value is neither ranked nor listed by one: ${what}`, async () => {
        const sweeps = sweepStore(a.db);
        const { sweep, runs } = await sweeps.create(asked(`last-${i}`, [0.1, 0.2]));
        const [plain, odd] = runs.map(run => run.number);
        assert.ok(plain !== undefined && odd !== undefined);
        for (const [number, reported] of [
          [plain, [0.1, 0.5]],
          [odd, values],
        ] as const) {
          await begin(number);
          await report(number, [...reported]);
          await end(number);
        }
        const { data } = sweepReply(sweep, await sweeps.members(sweep), null, now);
        const { members } = z
          .object({
            members: z.array(
              z.object({ run: z.int(), final: z.number().nullable(), rank: z.int().nullable() }),
            ),
          })
          .parse(data);
        assert.deepEqual(members, [
          ...(isRanked ? [{ run: odd, final: 0.9, rank: 1 }] : []),
          { run: plain, final: 0.5, rank: isRanked ? 2 : 1 },
          ...(isRanked ? [] : [{ run: odd, final: null, rank: null }]),
        ]);
        const listed = async (by: 'final' | 'best') => {
          const found = await runStore(a.db).sorted({ limit: 99 }, { metric: 'auc', by, better: 'higher' });
          return found.map(one => one.run.number).filter(one => one === plain || one === odd);
        };
        assert.deepEqual(await listed('final'), isRanked ? [odd, plain] : [plain]);
        assert.deepEqual(await listed('best'), [odd, plain]);
      });
  });
}
