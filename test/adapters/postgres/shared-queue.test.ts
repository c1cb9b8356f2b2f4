import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { agentStore } from '../../../src/adapters/postgres/agents.ts';
import { auditLog } from '../../../src/adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { logStore } from '../../../src/adapters/postgres/logs.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../../src/adapters/postgres/plan.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { schedule } from '../../../src/app/schedule.ts';
import { system } from '../../../src/core/actor.ts';
import type { PlanSnapshot } from '../../../src/core/ports.ts';
import type { Exit, RunSpec } from '../../../src/core/run.ts';
import type { Decision, Hold, Preempt, Start } from '../../../src/core/scheduler/world.ts';
import { startOf } from '../../support/plan.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { octocat, wish } from '../../support/run.ts';

const noon = new Date('2026-01-31T12:00:00Z');
const later = (seconds: number) => new Date(noon.getTime() + seconds * 1_000);
const week = 7 * 86_400;
const exit: Exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: noon };
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const key = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`the shared queue on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    let database: Database;
    let other: Database;

    before(async () => {
      server = await startServer(kind);
      const url = await server.database();
      database = openDatabase(url, { onError: () => {} });
      other = openDatabase(url, { onError: () => {} });
      await migrate(database.pool);
    });
    after(async () => {
      await Promise.all([database?.close(), other?.close()]);
      await server?.stop();
    });

    const runs = () => runStore(database.db);
    const agents = () => agentStore(database.db);
    const plans = () => planStore(database.db, ['a', 'b', 'c']);

    async function asked(name: string, spec: Partial<RunSpec> = {}): Promise<number> {
      return (await runs().create(wish(name, { at: noon }, { pool: 'a', ...spec }))).run.number;
    }

    async function commit(decisions: Decision[], at = noon): Promise<PlanSnapshot> {
      const snapshot = await plans().snapshot(at);
      assert.equal(await plans().commit(snapshot, decisions, at), true);
      return await plans().snapshot(at);
    }

    /** Slots and GPUs of their own for each test. */
    let next = 0;
    const free = (count = 1) => Array.from({ length: count }, () => next++);
    const gpus = (run: number, count: number, more: Partial<Start> = {}) =>
      startOf(run, 'a', free(count), { kind: 'gpu', flavor: 'a100', ...more });

    async function ends(run: number, at: Date, changes: Partial<Exit> = {}): Promise<void> {
      const attempt = (await runs().get(run))?.attempt ?? 0;
      const change = { type: 'exited', attempt, exit: { ...exit, at, ...changes } } as const;
      assert.ok((await runs().change(run, change, at, system)).ok);
    }

    describe('starts', () => {
      test('in another pool: it is that pool’s from then on, at the price of that moment', async () => {
        const run = await asked('moves', { pools: ['a', 'b'] });
        const waiting = (await plans().snapshot(noon)).queued.find(one => one.number === run);
        assert.deepEqual([waiting?.pool, waiting?.pools], ['a', ['a', 'b']]);
        const start = startOf(run, 'b', free(2), { kind: 'gpu', flavor: 'h100', price: 2.5 });
        const { working, held } = await commit([start]);
        const { pool, flavor, price, since } = working.find(one => one.number === run) ?? {};
        assert.deepEqual(
          { pool, flavor, price, since },
          { pool: 'b', flavor: 'h100', price: 2.5, since: noon },
        );
        assert.equal(held.filter(one => one.run === run && one.pool === 'b').length, 2);
        assert.equal((await runs().get(run))?.pool, 'b');
        assert.deepEqual((await agents().assignments('a')).map(one => one.run).includes(run), false);
        const assigned = (await agents().assignments('b')).find(one => one.run === run);
        assert.deepEqual([assigned?.attempt, assigned?.taken, assigned?.indices.length], [1, null, 2]);
        assert.equal(await logStore(database.db).poolOf(run, 1), 'b');
      });

      test('many at once are events, attempts and audit rows, each of its own run', async () => {
        const numbers = await Promise.all(Array.from({ length: 20 }, (_, i) => asked(`many-${i}`)));
        await commit(numbers.map(run => startOf(run, 'a', free())));
        for (const run of numbers) {
          const events = await runs().events(run);
          assert.deepEqual(
            events.map(event => [event.seq, event.type]),
            [
              [1, 'requested'],
              [2, 'queued'],
              [3, 'starting'],
            ],
          );
        }
        assert.equal((await auditLog(database.db).verify()).broken, null);
        assert.equal(await plans().wanted(), false, 'a plan knows what it has started');
      });

      test('an accelerator is given out no earlier than it was given back, where a run ends just as a plan is made', async () => {
        const [first, second] = [await asked('ends-meanwhile'), await asked('has-it-next')];
        const [place] = free();
        await commit([startOf(first, 'a', [place ?? 0])]);
        let seconds = 10;
        const meanwhile = {
          ...plans(),
          async snapshot(at: Date) {
            seconds = 12;
            await ends(first, later(11));
            return await plans().snapshot(at);
          },
        };
        const ports = { show: async () => {}, wakeups: { wake() {} }, log: silent };
        const decide = () => [startOf(second, 'a', [place ?? 0])];
        await schedule({ ...ports, plan: meanwhile, decide }, () => later(seconds));
        const { rows } = await database.pool.query(
          'select run, held_at, released_at from allocations where pool = $1 and gpu = $2 order by id',
          ['a', place],
        );
        assert.deepEqual(rows, [
          { run: first, held_at: noon, released_at: later(11) },
          { run: second, held_at: later(12), released_at: null },
        ]);
      });
    });

    describe('holds', () => {
      const hold = (run: number, more: Partial<Hold> = {}): Hold => ({
        type: 'hold',
        run,
        code: 'needs-approval',
        sentence: 'It may cost 12.00 USD.',
        cost: 12,
        ...more,
      });
      const version = async (run: number) =>
        (await database.pool.query('select xmin from runs where number = $1', [run])).rows[0]?.xmin;

      test('say what is to be approved, and are written only where they change', async () => {
        const run = await asked('held');
        await commit([hold(run)]);
        const { cost, code } = (await runs().get(run))?.waiting ?? {};
        assert.deepEqual([code, cost], ['needs-approval', 12]);
        const seen = await version(run);
        await commit([hold(run)]);
        assert.equal(await version(run), seen, 'the same');
        await commit([hold(run, { cost: 13 })]);
        assert.notEqual(await version(run), seen, 'another cost');
        await commit([{ type: 'hold', run, code: 'flavor-full', sentence: 'All are held.' }]);
        assert.deepEqual((await runs().get(run))?.waiting, {
          code: 'flavor-full',
          sentence: 'All are held.',
        });
      });
    });

    describe('a preemption', () => {
      const preempt = (run: number): Preempt => ({
        type: 'preempt',
        run,
        by: 57,
        rule: 'reclaim',
        reason: '#57 of vision reclaims 2 GPUs that are its own.',
      });
      const told = async (run: number) =>
        await database.db
          .selectFrom('surfaces')
          .select(['key', 'kind', sql<string>`content ->> 'title'`.as('title')])
          .where('run', '=', run)
          .where('kind', '=', 'preempted')
          .execute();

      test('stops it for the other, is recorded with both, and uses up none of its attempts', async () => {
        const run = await asked('gives-way');
        await commit([gpus(run, 2)]);
        const { working } = await commit([preempt(run)], later(10));
        assert.equal(working.find(one => one.number === run)?.stopping, 'preempt');
        assert.equal((await agents().assignments('a')).find(one => one.run === run)?.stop, 'preempt');
        assert.deepEqual((await runs().get(run))?.preemptedBy, {
          run: 57,
          rule: 'reclaim',
          reason: preempt(run).reason,
        });
        assert.deepEqual(await told(run), [], 'it may still end by itself');
        await commit([preempt(run)], later(11));
        const stops = (await runs().events(run)).filter(event => event.type === 'stopping');
        assert.equal(stops.length, 1, 'asked once');
        const { rows } = await database.pool.query(
          "select details -> 'preemptedBy' ->> 'rule' as rule from audit where subject = $1 and action = 'run.stopping'",
          [`run:${run}`],
        );
        assert.deepEqual(rows, [{ rule: 'reclaim' }]);
        await ends(run, later(20), { code: 143, stopped: 'preempt' });
        const after = await runs().get(run);
        assert.deepEqual([after?.state, after?.attempt, after?.preemptions], ['queued', 1, 1]);
        assert.equal((await plans().snapshot(noon)).held.filter(one => one.run === run).length, 0);
        assert.deepEqual(await told(run), [
          {
            key: `run:${run}:preempted:1`,
            kind: 'preempted',
            title: `#${run} digits was preempted for #57 (reclaim)`,
          },
        ]);
      });

      test('of one that has ended by itself meanwhile changes nothing, and tells nobody', async () => {
        const run = await asked('was-quick');
        await commit([startOf(run, 'a', free())]);
        const snapshot = await plans().snapshot(noon);
        await ends(run, later(5));
        assert.equal(await plans().commit(snapshot, [preempt(run)], later(6)), true);
        assert.equal((await runs().get(run))?.state, 'succeeded');
        assert.deepEqual(await told(run), []);
      });
    });

    describe('who takes an attempt', () => {
      const withdraw = (run: number) => ({
        type: 'withdraw' as const,
        run,
        pool: 'a',
        reason: 'Its machine is silent.',
      });
      const taken = async (run: number) => (await runs().get(run))?.taken;

      async function started(name: string): Promise<number> {
        await agents().seen('a', [], noon);
        await agents().take('a', []);
        const run = await asked(name);
        await commit([startOf(run, 'a', free())]);
        return run;
      }
      const isUntaken = async (run: number) =>
        (await plans().snapshot(noon)).working.find(one => one.number === run)?.untaken;

      test('it is the machine’s once it has taken it, under the first key', async () => {
        const run = await started('taken');
        assert.equal(await isUntaken(run), true);
        await agents().take('a', [{ run, attempt: 1, key: key('1') }]);
        await agents().take('a', [{ run, attempt: 1, key: key('2') }]);
        assert.equal(await taken(run), key('1'));
        assert.equal(await isUntaken(run), false);
        assert.equal((await agents().assignments('a')).find(one => one.run === run)?.taken, key('1'));
        await commit([withdraw(run)]);
        assert.equal((await runs().get(run))?.state, 'starting', 'it is not taken back any more');
      });

      const others = [
        { name: 'of another pool', pool: 'b', attempt: 1 },
        { name: 'of an attempt that is not there yet', pool: 'a', attempt: 2 },
        { name: 'of an attempt before', pool: 'a', attempt: 0 },
      ];
      for (const { name, pool, attempt } of others)
        test(`a take ${name} takes nothing`, async () => {
          const run = await started(`not-taken ${name}`);
          await agents().take(pool, [{ run, attempt, key: key('3') }]);
          assert.equal(await taken(run), null);
        });

      test('taken back, it waits where it was in the queue, its accelerators are free, and a late take is refused', async () => {
        const run = await started('withdrawn');
        await commit([withdraw(run)], later(30));
        const { state, queuedAt, attempt, preemptions, waiting } = (await runs().get(run)) ?? {};
        assert.deepEqual([state, queuedAt, attempt, preemptions, waiting], ['queued', noon, 1, 1, null]);
        const snapshot = await plans().snapshot(noon);
        assert.equal(snapshot.held.filter(one => one.run === run).length, 0);
        assert.equal(await plans().wanted(), true, 'it may start elsewhere');
        await agents().take('a', [{ run, attempt: 1, key: key('4') }]);
        assert.equal(await taken(run), null);
        await commit([startOf(run, 'b', free(), { node: 'n2' })], later(31));
        await agents().take('a', [
          { run, attempt: 1, key: key('4') },
          { run, attempt: 2, key: key('4') },
        ]);
        assert.equal(await taken(run), null, 'the second attempt is another pool’s');
        await agents().take('b', [{ run, attempt: 2, key: key('5') }]);
        assert.equal(await taken(run), key('5'));
        const late = await runs().change(run, { type: 'exited', attempt: 1, exit }, later(40), system);
        assert.deepEqual(
          late,
          { ok: false, code: 'stale' },
          'what the first machine says of it means nothing',
        );
        const store = logStore(database.db);
        assert.deepEqual([await store.poolOf(run, 1), await store.poolOf(run, 2)], ['a', 'b']);
      });

      test('of a take and of taking back at once, one is so', async () => {
        for (let round = 0; round < 10; round += 1) {
          const run = await started(`race-${round}`);
          const snapshot = await plans().snapshot(noon);
          await Promise.all([
            planStore(other.db, ['a']).commit(snapshot, [withdraw(run)], noon),
            agents().take('a', [{ run, attempt: 1, key: key('6') }]),
          ]);
          const { state, taken: by } = (await runs().get(run)) ?? {};
          assert.ok(
            (state === 'queued' && by === null) || (state === 'starting' && by === key('6')),
            `${state} ${by}`,
          );
        }
      });

      test('an agent that does not say what it takes may have begun it already', async () => {
        const run = await started('unspoken');
        await agents().take('a', null);
        assert.equal(await isUntaken(run), false);
        await agents().take('a', []);
        assert.equal(await isUntaken(run), true);
      });
    });

    describe('what teams had', () => {
      const served = async (team: string) =>
        (await plans().snapshot(noon)).served.find(one => one.team === team) ?? null;
      const had = (gpuCount: number, seconds: number, halfLife = week) =>
        (gpuCount * halfLife * (1 - 2 ** (-seconds / halfLife))) / Math.LN2;
      const near = (value: number | undefined, expected: number) =>
        assert.ok(
          Math.abs((value ?? 0) - expected) < 1e-6 * Math.max(1, expected),
          `${value} is not ${expected}`,
        );

      test('is counted when it is given back, and falls by half in a week', async () => {
        const first = await asked('served-1', { team: 'vision' });
        const second = await asked('served-2', { team: 'vision' });
        await commit([gpus(first, 4), gpus(second, 1)]);
        assert.equal(await served('vision'), null, 'what is held is not counted yet');
        await ends(first, later(week));
        near((await served('vision'))?.served, had(4, week));
        assert.deepEqual((await served('vision'))?.at, later(week));
        await ends(second, later(2 * week));
        near((await served('vision'))?.served, had(4, week) / 2 + had(1, 2 * week));
      });

      test('what comes late by another clock counts as of its own time', async () => {
        const early = await asked('clock-1', { team: 'speech' });
        const late = await asked('clock-2', { team: 'speech' });
        await commit([gpus(early, 1), gpus(late, 1)]);
        await ends(late, later(week));
        await ends(early, later(week / 2));
        near((await served('speech'))?.served, had(1, week) + had(1, week / 2) * 2 ** -0.5);
        assert.deepEqual((await served('speech'))?.at, later(week));
      });

      test('CPU slots are no accelerators, and what a plan takes back counts too', async () => {
        const slot = await asked('slots', { team: 'words' });
        const back = await asked('back', { team: 'words' });
        await commit([startOf(slot, 'a', free(4)), gpus(back, 2)]);
        await ends(slot, later(3_600));
        assert.equal(await served('words'), null);
        await commit(
          [{ type: 'withdraw', run: back, pool: 'a', reason: 'Its machine is silent.' }],
          later(60),
        );
        near((await served('words'))?.served, had(2, 60));
      });

      test('a transaction that fails counts nothing, and its repeat once', async () => {
        const run = await asked('crash', { team: 'robots' });
        await commit([gpus(run, 3)]);
        await database.pool.query(
          'alter table audit add constraint broken check (subject <> $$run:0$$) not valid',
        );
        await database.pool.query(`alter table audit drop constraint broken`);
        await database.pool.query(
          `alter table audit add constraint broken check (subject <> 'run:${run}') not valid`,
        );
        const change = { type: 'exited', attempt: 1, exit: { ...exit, at: later(100) } } as const;
        await assert.rejects(runs().change(run, change, later(100), system), /broken/);
        assert.equal(await served('robots'), null);
        await database.pool.query('alter table audit drop constraint broken');
        await ends(run, later(100));
        near((await served('robots'))?.served, had(3, 100));
        assert.deepEqual(await runs().change(run, change, later(100), system), { ok: false, code: 'ended' });
        near((await served('robots'))?.served, had(3, 100));
      });

      test('another half-life counts from the next plan on', async () => {
        const run = await asked('half-life', { team: 'short' });
        await commit([gpus(run, 1)]);
        const store = planStore(database.db, ['a'], () => 100);
        assert.ok(await store.commit(await store.snapshot(noon), [], noon));
        await ends(run, later(300));
        near((await served('short'))?.served, had(1, 300, 100));
        await commit([]);
      });

      test('money is counted by the month that it was spent in', async () => {
        const run = await asked('money', { team: 'payers' });
        const free_ = await asked('free', { team: 'payers' });
        await commit([gpus(run, 2, { price: 3 }), gpus(free_, 1)]);
        // From noon on the last of January, for 24 hours.
        await ends(run, later(86_400));
        await ends(free_, later(86_400));
        const spentIn = async (at: string) =>
          (await plans().snapshot(new Date(at))).spent.filter(one => one.team === 'payers');
        assert.deepEqual(await spentIn('2026-01-31T23:59:59Z'), [{ team: 'payers', amount: 2 * 12 * 3 }]);
        assert.deepEqual(await spentIn('2026-02-01T00:00:00Z'), [{ team: 'payers', amount: 2 * 12 * 3 }]);
        assert.deepEqual(await spentIn('2026-03-01T00:00:00Z'), []);
        const again = await asked('money-again', { team: 'payers' });
        await commit([gpus(again, 1, { price: 1 })], later(86_400));
        await ends(again, later(86_400 + 3_600));
        assert.deepEqual(await spentIn('2026-02-01T00:00:00Z'), [{ team: 'payers', amount: 73 }]);
      });
    });

    test('500 starts and 10,000 new reasons are few statements', async () => {
      await sql`
        insert into runs (request_key, spec, project, team, pool, gpus, state, priority, requested_by, requester, place, created_at, queued_at)
        select 'bulk-' || i, ${JSON.stringify(wish('x').spec)}::json, 'digits', 'research', 'c', 1, 'queued', 1,
          ${JSON.stringify(octocat)}::jsonb, 'slack:T1/U1', ${JSON.stringify(wish('x').place)}::jsonb, ${noon}, ${noon}
        from generate_series(1, 10500) as i`.execute(database.db);
      await sql`
        insert into surfaces (key, kind, run, place) select 'run:' || number || ':message', 'run', number, place
        from runs where pool = 'c'`.execute(database.db);
      const plan = planStore(database.db, ['c']);
      const begun = performance.now();
      const snapshot = await plan.snapshot(noon);
      const read = performance.now() - begun;
      const bulk = snapshot.queued.filter(one => one.pool === 'c').map(one => one.number);
      const starts = bulk
        .slice(0, 500)
        .map((run, at) => startOf(run, 'c', [at % 8], { kind: 'gpu', node: `n${Math.floor(at / 8)}` }));
      const holds = bulk
        .slice(500)
        .map(
          (run, at): Hold => ({ type: 'hold', run, code: 'runs-ahead', sentence: `${at} runs are ahead.` }),
        );
      const counter = await counted(database, () => plan.commit(snapshot, [...starts, ...holds], noon));
      const again = await counted(database, async () => plan.commit(await plan.snapshot(noon), holds, noon));
      console.log(
        `${kind}: snapshot ${Math.round(read)} ms, commit ${Math.round(counter.ms)} ms in ${counter.statements} statements, the same again ${Math.round(again.ms)} ms`,
      );
      assert.ok(counter.statements < 30, `${counter.statements} statements`);
      assert.ok(counter.ms < 10_000, `${counter.ms} ms`);
      const { rows } = await database.pool.query(
        "select state, count(*)::int as count, count(waiting)::int as told from runs where pool = 'c' group by state order by state",
      );
      assert.deepEqual(rows, [
        { state: 'queued', count: 10_000, told: 10_000 },
        { state: 'starting', count: 500, told: 0 },
      ]);
      assert.equal((await auditLog(database.db).verify()).broken, null);
    });
  });
}

/** How many statements the work sends, and how long it takes. */
async function counted(
  { pool }: Database,
  work: () => Promise<boolean>,
): Promise<{ statements: number; ms: number }> {
  let statements = 0;
  const client = await pool.connect();
  const prototype = Object.getPrototypeOf(client);
  const { query } = prototype;
  client.release();
  prototype.query = function (...args: unknown[]) {
    statements += 1;
    return query.apply(this, args);
  };
  const begun = performance.now();
  try {
    assert.equal(await work(), true);
  } finally {
    prototype.query = query;
  }
  return { statements, ms: performance.now() - begun };
}
