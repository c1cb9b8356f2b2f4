import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { leaseStore } from '../../../src/adapters/postgres/leases.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../../src/adapters/postgres/plan.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { usageStore } from '../../../src/adapters/postgres/usage.ts';
import { warnLeases } from '../../../src/app/warn-leases.ts';
import type { Actor } from '../../../src/core/actor.ts';
import type { NewRun } from '../../../src/core/ports.ts';
import type { RunSpec } from '../../../src/core/run.ts';
import { later, noon } from '../../support/live-run.ts';
import { startOf } from '../../support/plan.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { octocat, wish } from '../../support/run.ts';

const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const lease: Partial<RunSpec> = { kind: 'lease', project: '(lease)', source: '', sha: '', timeLimitS: 3_600 };

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`leases and approvals on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    /** Two pools stand for two processes. */
    let a: Database;
    let b: Database;

    before(async () => {
      server = await startServer(kind);
    });
    after(() => server?.stop());
    const fresh = async (t: { after(done: () => Promise<void>): void }) => {
      const url = await server.database();
      a = openDatabase(url, { onError: () => {} });
      b = openDatabase(url, { onError: () => {} });
      t.after(async () => void (await Promise.all([a.close(), b.close()])));
      await migrate(a.pool);
    };

    async function begun(key: string, spec: Partial<RunSpec>, slot: number, more: Partial<NewRun> = {}) {
      const runs = runStore(a.db);
      const { run } = await runs.create(wish(key, more, spec));
      const plan = planStore(a.db, ['lab']);
      const start = startOf(run.number, 'lab', [slot], { kind: 'gpu', flavor: 'a100', price: 2 });
      assert.ok(await plan.commit(await plan.snapshot(noon), [start], noon));
      await runs.change(run.number, { type: 'running', attempt: 1, at: noon }, noon, octocat);
      return run.number;
    }
    const surfaces = async (number: number) => {
      const rows = await a.db
        .selectFrom('surfaces')
        .select(['kind', 'key'])
        .where('run', '=', number)
        .execute();
      return rows.filter(row => row.kind === 'warning').map(row => row.key);
    };
    const warnWith = async (database: Database, at: Date) => {
      const woken: string[] = [];
      const wakeups = { wake: (subjects: string[]) => void woken.push(...subjects) };
      await warnLeases({ leases: leaseStore(database.db), wakeups }, at);
      return woken.length;
    };

    test('whoever holds one is warned a tenth of its time before its end, and a quarter of an hour at most', async t => {
      await fresh(t);
      const hour = await begun('hour', lease, 0);
      const day = await begun('day', { ...lease, timeLimitS: 86_400 }, 1);
      const training = await begun('training', { timeLimitS: 60 }, 2);
      const rows: [seconds: number, warned: number[]][] = [
        [0, []],
        [3_239, []],
        [3_241, [hour]],
        [3_600, []],
        [86_400 - 901, []],
        [86_400 - 899, [day]],
        [90_000, []],
      ];
      for (const [seconds, warned] of rows) {
        const found = await leaseStore(a.db).ending(later(seconds));
        assert.deepEqual(
          found.map(run => run.number),
          warned,
          `after ${seconds} s`,
        );
        await warnWith(a, later(seconds));
      }
      assert.deepEqual(
        [await surfaces(hour), await surfaces(day), await surfaces(training)].map(list => list.length),
        [1, 1, 0],
      );
    });

    test('of many at once one warns, and again only before another end', async t => {
      await fresh(t);
      const number = await begun('many', lease, 0);
      const woken = await Promise.all(
        [1, 2, 3, 4].map(turn => warnWith(turn % 2 === 0 ? a : b, later(3_500))),
      );
      assert.equal(
        woken.reduce((sum, one) => sum + one, 0),
        1,
      );
      const extend = { type: 'extend', actor: octocat, key: 'more', byS: 3_600, mostS: null } as const;
      await runStore(a.db).change(number, extend, later(3_500), octocat);
      assert.equal(await warnWith(a, later(3_600)), 0);
      assert.equal(await warnWith(a, later(7_100)), 1);
      assert.deepEqual(await surfaces(number), [`run:${number}:warning:3600`, `run:${number}:warning:7200`]);
    });

    test('where it was extended or let go since it was looked at, nothing is said', async t => {
      await fresh(t);
      const [extended, released] = [await begun('extended', lease, 0), await begun('released', lease, 1)];
      const store = leaseStore(a.db);
      const found = await store.ending(later(3_500));
      assert.equal(found.length, 2);
      const runs = runStore(b.db);
      await runs.change(
        extended,
        { type: 'extend', actor: octocat, key: 'k', byS: 60, mostS: null },
        noon,
        octocat,
      );
      await runs.change(
        released,
        { type: 'stop', actor: octocat, why: 'cancel', reason: 'released' },
        noon,
        octocat,
      );
      for (const run of found) assert.equal(await store.warn(run, 3_600), null);
      assert.deepEqual([await surfaces(extended), await surfaces(released)], [[], []]);
    });

    test('who asked elsewhere than in Slack has no message, and is not looked at again', async t => {
      await fresh(t);
      await begun('http', lease, 0, { place: { kind: 'http' } });
      assert.equal((await leaseStore(a.db).ending(later(3_500))).length, 1);
      assert.equal(await warnWith(a, later(3_500)), 0);
      assert.deepEqual(await leaseStore(a.db).ending(later(3_500)), []);
    });

    test('of two approvals at once one counts, with one row in the audit log; a higher cost counts again', async t => {
      await fresh(t);
      const { run } = await runStore(a.db).create(wish('dear'));
      const approve = (database: Database, actor: Actor, cost: number) =>
        runStore(database.db).change(
          run.number,
          { type: 'approve', actor, cost, sentence: 'It may.' },
          noon,
          actor,
        );
      const before = await planStore(a.db, ['lab']).snapshot(noon);
      const both = await Promise.all([approve(a, octocat, 51.25), approve(b, hubot, 51.25)]);
      assert.deepEqual(both.map(one => (one.ok ? 'ok' : one.code)).sort(), ['ok', 'stale']);
      const stored = await runStore(b.db).get(run.number);
      assert.equal(stored?.approval?.cost, 51.25);
      const rows = () =>
        a.db.selectFrom('audit').selectAll().where('action', '=', 'run.approved').orderBy('seq').execute();
      assert.deepEqual(
        (await rows()).map(row => row.details.cost),
        [51.25],
      );
      const after = await planStore(a.db, ['lab']).snapshot(noon);
      assert.ok(after.wantedSeq > before.wantedSeq, 'it wants a plan');
      assert.equal(after.queued[0]?.approved, 51.25);
      assert.ok((await approve(a, hubot, 60)).ok);
      assert.deepEqual(
        (await rows()).map(row => row.details.cost),
        [51.25, 60],
      );
    });

    test('another priority is stored, wants a plan and is written down; the same one is not', async t => {
      await fresh(t);
      const runs = runStore(a.db);
      const { run } = await runs.create(wish('urgent'));
      const before = await planStore(a.db, ['lab']).snapshot(noon);
      const bump = { type: 'bump', actor: octocat, priority: 'high' } as const;
      assert.ok((await runs.change(run.number, bump, noon, octocat)).ok);
      assert.deepEqual(await runs.change(run.number, bump, noon, octocat), { ok: false, code: 'stale' });
      const after = await planStore(a.db, ['lab']).snapshot(noon);
      assert.deepEqual([after.queued[0]?.priority, after.wantedSeq - before.wantedSeq], ['high', 1]);
      const rows = await a.db
        .selectFrom('audit')
        .select('action')
        .where('action', '=', 'run.bumped')
        .execute();
      assert.equal(rows.length, 1);
    });

    test('lists tell leases and runs apart', async t => {
      await fresh(t);
      const runs = runStore(a.db);
      await runs.create(wish('train'));
      await runs.create(wish('lease', {}, lease));
      const kinds = await Promise.all(
        ([undefined, 'train', 'lease'] as const).map(one => runs.list({ kinds: one && [one], limit: 9 })),
      );
      assert.deepEqual(
        kinds.map(found => found.map(run => run.spec.project)),
        [['(lease)', 'digits'], ['digits'], ['(lease)']],
      );
    });

    test('usage adds up what was held of a stretch of time, by team, person and project', async t => {
      await fresh(t);
      const first = await begun('first', { ...lease, team: 'vision' }, 0);
      await begun('second', { team: 'speech', timeLimitS: 7_200 }, 1, { requestedBy: hubot });
      const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: later(1_800) };
      await runStore(a.db).change(first, { type: 'exited', attempt: 1, exit }, later(1_800), octocat);
      const { run: slot } = await runStore(a.db).create(wish('slot'));
      const plan = planStore(a.db, ['lab']);
      await plan.commit(await plan.snapshot(noon), [startOf(slot.number, 'lab')], noon);

      const usage = usageStore(a.db);
      const rows = await usage.between({ since: later(-3_600), until: later(3_600), limit: 9 });
      const brief = rows.map(row => [row.by, row.shown, row.runs, row.askedHours, row.heldHours, row.cost]);
      assert.deepEqual(brief, [
        ['all', '', 2, 3, 1.5, 3],
        ['person', 'hubot', 1, 2, 1, 2],
        ['person', 'octocat', 1, 1, 0.5, 1],
        ['project', 'digits', 1, 2, 1, 2],
        ['project', '(lease)', 1, 1, 0.5, 1],
        ['team', 'speech', 1, 2, 1, 2],
        ['team', 'vision', 1, 1, 0.5, 1],
      ]);
      const held = async (filter: { since: Date; until: Date; team?: string }) => {
        const [all] = await usage.between({ ...filter, limit: 1 });
        return all?.heldHours;
      };
      assert.equal(await held({ since: later(900), until: later(1_800) }), 0.5, 'only what lies in it');
      assert.equal(await held({ since: later(-3_600), until: later(3_600), team: 'vision' }), 0.5);
      assert.equal(await held({ since: later(1_800), until: later(3_600), team: 'vision' }), 0);
      assert.equal(await held({ since: later(-3_600), until: noon }), 0);
      assert.equal((await usage.between({ since: noon, until: later(60), limit: 1 })).length, 4);
    });
  });
}
