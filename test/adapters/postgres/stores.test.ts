import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentStore } from '../../../src/adapters/postgres/agents.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../../src/adapters/postgres/deliveries.ts';
import { impatient } from '../../../src/adapters/postgres/impatient.ts';
import { logStore } from '../../../src/adapters/postgres/logs.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../../src/adapters/postgres/plan.ts';
import { forgetOld } from '../../../src/adapters/postgres/retention.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { signer } from '../../../src/adapters/postgres/signer.ts';
import { surfaceStore } from '../../../src/adapters/postgres/surfaces.ts';
import { checkIdempotency, tokenStore } from '../../../src/adapters/postgres/tokens.ts';
import { type Actor, actorKey, system } from '../../../src/core/actor.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { Exit } from '../../../src/core/run.ts';
import { startOf } from '../../support/plan.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { quietLine } from '../../support/quiet-line.ts';
import { octocat, wish } from '../../support/run.ts';

const now = new Date('2026-01-01T00:00:00Z');
const hubot: Actor = { kind: 'slack', id: 'T1/U2', name: 'hubot' };
const exit: Exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: now };

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`stores on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    let url: string;
    /** Two pools stand for two processes. */
    let a: Database;
    let b: Database;

    before(async () => {
      server = await startServer(kind);
      url = await server.database();
      a = openDatabase(url, { onError: () => {} });
      b = openDatabase(url, { onError: () => {} });
      await Promise.all([migrate(a.pool), migrate(b.pool)]);
    });
    after(async () => {
      await Promise.all([a?.close(), b?.close()]);
      await server?.stop();
    });

    /** One run that holds CPU slot `slot` of a pool of its own. */
    async function startedRun(pool: string, slot = 0) {
      const runs = runStore(a.db);
      const { run } = await runs.create(wish(`start-${pool}-${slot}`, {}, { pool }));
      const plan = planStore(a.db, [pool]);
      const snapshot = await plan.snapshot(now);
      const start = startOf(run.number, pool, [slot]);
      assert.equal(await plan.commit(snapshot, [start], now), true);
      return run.number;
    }

    describe('migrations', () => {
      test('two processes at once apply each once', async () => {
        const rows = await a.pool.query('select name from schema_migrations');
        assert.equal(new Set(rows.rows.map(row => row.name)).size, rows.rowCount);
      });

      test('a schema from a later version is left alone and works', async () => {
        await a.pool.query("insert into schema_migrations (name) values ('9999-from-the-future')");
        assert.deepEqual(await migrate(b.pool), { applied: [] });
      });
    });

    describe('runs', () => {
      test('one key makes one run, also when two processes ask at once', async () => {
        const made = await Promise.all(
          Array.from({ length: 20 }, (_, i) => runStore(i % 2 ? a.db : b.db).create(wish('one-key'))),
        );
        assert.equal(new Set(made.map(one => one.run.number)).size, 1);
        assert.equal(made.filter(one => one.created).length, 1);
        const number = made[0]?.run.number ?? 0;
        const events = await runStore(a.db).events(number);
        assert.deepEqual(
          events.map(event => [event.seq, event.type]),
          [
            [1, 'requested'],
            [2, 'queued'],
          ],
        );
      });

      test('other keys make other runs', async () => {
        const [one, two] = await Promise.all([
          runStore(a.db).create(wish('key-1')),
          runStore(b.db).create(wish('key-2')),
        ]);
        assert.notEqual(one.run.number, two.run.number);
      });

      test('what was stored comes back as it was', async () => {
        const { run } = await runStore(a.db).create(
          wish('round-trip', { priority: 'high' }, { note: 'ü "quoted" \u2028', gpus: 2 }),
        );
        const read = await runStore(b.db).get(run.number);
        assert.deepEqual(read, run);
        assert.equal(read?.priority, 'high');
        assert.equal(await runStore(b.db).get(999_999), null);
      });

      test('of two cancels at once one changes the run', async () => {
        const { run } = await runStore(a.db).create(wish('cancel-twice'));
        const stop = { type: 'stop' as const, actor: octocat, why: 'cancel' as const, reason: 'not needed' };
        const results = await Promise.all([
          runStore(a.db).change(run.number, stop, now, octocat),
          runStore(b.db).change(run.number, stop, now, octocat),
        ]);
        assert.deepEqual(results.map(result => result.ok).sort(), [false, true]);
        assert.equal((await runStore(a.db).get(run.number))?.state, 'cancelled');
      });

      test('ahead counts the higher priority and the earlier, not the later nor other pools', async () => {
        const runs = runStore(a.db);
        const at = (minute: number) => new Date(now.getTime() + minute * 60_000);
        const make = async (
          key: string,
          minute: number,
          priority: 'low' | 'normal' | 'high',
          pool = 'ahead',
        ) => (await runs.create(wish(key, { at: at(minute), priority }, { pool }))).run;
        const low = await make('ahead-low', 0, 'low');
        const first = await make('ahead-1', 1, 'normal');
        const second = await make('ahead-2', 2, 'normal');
        const high = await make('ahead-high', 3, 'high');
        await make('ahead-other', 0, 'high', 'elsewhere');
        const counts = await Promise.all([high, first, second, low].map(run => runs.ahead(run)));
        assert.deepEqual(counts, [0, 1, 2, 3]);
      });

      test('lists newest first, page by page, by filter', async () => {
        const runs = runStore(a.db);
        for (let i = 0; i < 5; i += 1) await runs.create(wish(`list-${i}`, {}, { project: 'listed' }));
        const first = await runs.list({ project: 'listed', limit: 3 });
        const rest = await runs.list({ project: 'listed', limit: 3, before: first.at(-1)?.number });
        const numbers = [...first, ...rest].map(run => run.number);
        assert.equal(numbers.length, 5);
        assert.deepEqual(
          numbers,
          [...numbers].sort((x, y) => y - x),
        );
        assert.equal((await runs.list({ project: 'listed', states: ['running'], limit: 9 })).length, 0);
        const by = async (...requesters: string[]) =>
          (await runs.list({ project: 'listed', requesters, limit: 9 })).length;
        await runs.create(wish('list-hubot', { requestedBy: hubot }, { project: 'listed' }));
        assert.equal(await by(actorKey(octocat)), 5);
        assert.equal(await by(actorKey(hubot)), 1);
        assert.equal(await by(actorKey(hubot), actorKey(octocat)), 6, 'two accounts of one person');
        assert.equal(await by(actorKey(system)), 0);
      });

      test('metrics: the first value of a step stays, a later attempt overwrites, the last is its own', async () => {
        const runs = runStore(a.db);
        const { run } = await runs.create(wish('metrics'));
        await runs.addPoints(run.number, 1, [
          { name: 'loss', step: 1, value: 0.9 },
          { name: 'loss', step: 2, value: 0.5 },
          { name: 'loss', step: 2, value: 0.6 },
        ]);
        await runs.addPoints(run.number, 1, [{ name: 'loss', step: 1, value: 7 }]);
        assert.deepEqual(
          (await runs.series(run.number, ['loss'], 99))[0]?.points.map(point => point.value),
          [0.9, 0.5],
        );
        await runs.addPoints(run.number, 2, [{ name: 'loss', step: 1, value: 0.8 }]);
        assert.deepEqual(
          (await runs.series(run.number, ['loss'], 99))[0]?.points.map(point => point.value),
          [0.8, 0.5],
        );
        assert.deepEqual(await runs.metrics(run.number), [
          {
            name: 'loss',
            // The newest attempt has come to step 1 so far.
            step: 1,
            value: 0.8,
            count: 2,
            least: { value: 0.5, step: 2 },
            most: { value: 0.8, step: 1 },
          },
        ]);
      });
    });

    describe('more time', () => {
      const extend = (key: string, mostS: number | null = null) =>
        ({ type: 'extend', actor: octocat, key, byS: 60, mostS }) as const;
      const change = (db: Database, number: number, key: string, mostS?: number) =>
        runStore(db.db).change(number, extend(key, mostS), now, octocat);

      test('one wish counts once, also when two processes grant it at once', async () => {
        const number = await startedRun('extended');
        const results = await Promise.all(
          Array.from({ length: 6 }, (_, i) => change(i % 2 ? a : b, number, 'wish-1')),
        );
        assert.deepEqual(results.map(result => result.ok).sort(), [false, false, false, false, false, true]);
        assert.equal((await runStore(a.db).get(number))?.extraS, 60);
        const events = await runStore(a.db).events(number);
        assert.deepEqual(
          events.filter(event => event.type === 'extended').map(event => event.reason),
          ['octocat gave it 1 min more, 1 h 1 min in all.'],
        );
        const audit = await a.pool.query('select action from audit where subject = $1', [`run:${number}`]);
        assert.equal(audit.rows.filter(row => row.action === 'run.extended').length, 1);
      });

      test('two wishes are two, and of two at once only one gets what is left', async () => {
        const number = await startedRun('extended-twice');
        assert.ok((await change(a, number, 'wish-1')).ok);
        const results = await Promise.all([
          change(a, number, 'wish-2', 3_720),
          change(b, number, 'wish-3', 3_720),
        ]);
        assert.deepEqual(results.map(result => (result.ok ? 'ok' : result.code)).sort(), ['ok', 'too-much']);
        assert.equal((await runStore(a.db).get(number))?.extraS, 120);
      });

      test('a wish that was refused may come again; the machine hears the whole limit, the spec stays', async () => {
        const number = await startedRun('extended-later');
        assert.deepEqual(await change(a, number, 'wish-1', 3_600), { ok: false, code: 'too-much' });
        assert.ok((await change(a, number, 'wish-1', 3_660)).ok);
        const [one] = await agentStore(b.db).assignments('extended-later');
        assert.equal(one?.spec.timeLimitS, 3_660);
        assert.equal((await runStore(a.db).get(number))?.spec.timeLimitS, 3_600);
      });
    });

    describe('planning', () => {
      test('of two plans on one epoch one is committed', async () => {
        const [one, two] = [planStore(a.db, ['p']), planStore(b.db, ['p'])];
        const [first, second] = await Promise.all([one.snapshot(now), two.snapshot(now)]);
        assert.equal(first.epoch, second.epoch);
        const committed = await Promise.all([one.commit(first, [], now), two.commit(second, [], now)]);
        assert.deepEqual(committed.sort(), [false, true]);
      });

      test('the database itself refuses to give one accelerator twice', async () => {
        await startedRun('twice', 0);
        const { run } = await runStore(a.db).create(wish('twice-other', {}, { pool: 'twice' }));
        const plan = planStore(a.db, ['twice']);
        const start = startOf(run.number, 'twice', [0]);
        await assert.rejects(plan.commit(await plan.snapshot(now), [start], now), /allocations_once/);
        assert.equal(
          (await runStore(a.db).get(run.number))?.state,
          'queued',
          'nothing of the plan was stored',
        );
        const snapshot = await planStore(a.db, ['twice']).snapshot(now);
        assert.equal(snapshot.held.filter(held => held.pool === 'twice').length, 1);
      });

      test('a run cancelled after the snapshot does not start', async () => {
        const { run } = await runStore(a.db).create(wish('cancelled-meanwhile', {}, { pool: 'late' }));
        const plan = planStore(a.db, ['late']);
        const snapshot = await plan.snapshot(now);
        await runStore(b.db).change(
          run.number,
          { type: 'stop', actor: octocat, why: 'cancel', reason: '' },
          now,
          octocat,
        );
        const start = startOf(run.number, 'late', [0]);
        assert.equal(await plan.commit(snapshot, [start], now), true);
        assert.equal((await runStore(a.db).get(run.number))?.state, 'cancelled');
        assert.equal((await plan.snapshot(now)).held.filter(held => held.pool === 'late').length, 0);
        assert.equal(await plan.wanted(), true, 'the cancel has asked for another plan');
      });

      test('a reason is written once, shown, and gone when the run starts', async () => {
        const { run } = await runStore(a.db).create(wish('reasoned', {}, { pool: 'reasons' }));
        const plan = planStore(a.db, ['reasons']);
        const [id = ''] = await surfaceStore(a.db).ofRun(run.number);
        const seq = async () =>
          (await a.pool.query('select wanted_seq from surfaces where id = $1', [id])).rows[0]?.wanted_seq;
        const hold = {
          type: 'hold' as const,
          run: run.number,
          code: 'flavor-full' as const,
          sentence: 'All 2 slots are held.',
        };
        const before = await seq();
        await plan.commit(await plan.snapshot(now), [hold], now);
        await plan.commit(await plan.snapshot(now), [hold], now);
        assert.deepEqual((await runStore(a.db).get(run.number))?.waiting, {
          code: hold.code,
          sentence: hold.sentence,
        });
        assert.equal(await seq(), before + 1, 'the second plan said nothing new');
        const start = startOf(run.number, 'reasons', [0]);
        await plan.commit(await plan.snapshot(now), [start], now);
        assert.equal((await runStore(a.db).get(run.number))?.waiting, null);
      });

      test('the end of a run gives its accelerator back and wants a plan', async () => {
        const number = await startedRun('giveback');
        const plan = planStore(a.db, ['giveback']);
        await plan.commit(await plan.snapshot(now), [], now);
        assert.equal(await plan.wanted(), false);
        await runStore(a.db).change(number, { type: 'exited', attempt: 1, exit }, now, system);
        assert.equal(await plan.wanted(), true);
        assert.equal((await plan.snapshot(now)).held.filter(held => held.pool === 'giveback').length, 0);
      });

      test('an agent that was never seen is out of reach; one just seen is not', async () => {
        const slot = {
          node: 'n1',
          index: 0,
          kind: 'cpu' as const,
          model: 'cpu',
          resource: 'cpu',
          device: null,
          memoryMb: 0,
          healthy: true,
        };
        await agentStore(a.db).seen('seen', [slot], now);
        const { pools } = await planStore(b.db, ['seen', 'never']).snapshot(now);
        assert.deepEqual(
          pools.map(pool => [pool.name, pool.reachable, pool.accelerators.length]),
          [
            ['seen', true, 1],
            ['never', false, 0],
          ],
        );
      });

      test('an accelerator that is no longer reported is forgotten, or unhealthy while a run holds it', async () => {
        const gpu = {
          node: 'n1',
          kind: 'gpu' as const,
          resource: 'nvidia.com/mig-1g.10gb',
          model: 'A100 MIG 1g.10gb',
          memoryMb: 10_240,
          healthy: true,
        };
        const held = { ...gpu, index: 3, device: 'MIG-3' };
        const free = { ...gpu, index: 4, device: 'MIG-4' };
        const plan = planStore(a.db, ['flaky']);
        const shown = async () => (await plan.snapshot(now)).pools[0]?.accelerators;
        const agents = agentStore(a.db);
        await agents.seen('flaky', [held, free], now);
        assert.deepEqual(await shown(), [held, free]);
        const { run } = await runStore(a.db).create(wish('on-a-slice', {}, { pool: 'flaky', gpus: 1 }));
        await a.pool.query(
          "insert into allocations (run, attempt, pool, node, kind, gpu, held_at) values ($1, 1, 'flaky', 'n1', 'gpu', 3, now())",
          [run.number],
        );
        await agents.seen('flaky', [], now);
        assert.deepEqual(await shown(), [{ ...held, healthy: false }]);
        await agents.seen('flaky', [held], now);
        assert.deepEqual(await shown(), [held]);
        await a.pool.query('update allocations set released_at = now() where run = $1', [run.number]);
        await agents.seen('flaky', [], now);
        assert.deepEqual(await shown(), []);
      });

      test('a row from before there were resources is one of the kind that there was', async () => {
        await a.pool.query(
          "insert into accelerators (pool, node, kind, index, model, memory_mb, healthy) values ('older', 'n', 'gpu', 0, 'A100', 1, true), ('older', 'n', 'cpu', 0, 'cpu', 0, true)",
        );
        const [pool] = (await planStore(a.db, ['older']).snapshot(now)).pools;
        assert.deepEqual(
          pool?.accelerators.map(({ kind, resource, device }) => [kind, resource, device]).sort(),
          [
            ['cpu', 'cpu', null],
            ['gpu', 'nvidia.com/gpu', null],
          ],
        );
      });

      test('a run from before there were secrets counts as asked for by a command', async () => {
        const runs = runStore(a.db);
        const { run } = await runs.create(wish('before-secrets', {}, { pool: 'before' }));
        await a.pool.query(
          "update runs set spec = (spec::jsonb - 'trigger' - 'secrets')::json where number = $1",
          [run.number],
        );
        assert.deepEqual((await runs.get(run.number))?.spec, run.spec);
      });

      test('assignments carry spec, accelerators and the wish to stop', async () => {
        const number = await startedRun('assigned', 5);
        await runStore(a.db).change(
          number,
          { type: 'stop', actor: octocat, why: 'cancel', reason: '' },
          now,
          octocat,
        );
        const [one] = await agentStore(b.db).assignments('assigned');
        assert.deepEqual(
          [one?.run, one?.attempt, one?.kind, one?.indices, one?.stop],
          [number, 1, 'cpu', [5], 'cancel'],
        );
        assert.deepEqual(await agentStore(b.db).assignments('other'), []);
      });
    });

    describe('deliveries', () => {
      const delivery = (deliveryId: string, body = 'body') => ({
        source: 'slack' as const,
        kind: 'command',
        deliveryId,
        body,
      });

      for (const count of [1, 4, 5, 40, 1_200]) {
        test(`${count} deliveries at once, and one of them twice, keep their bodies under their ids`, async () => {
          const ids = Array.from({ length: count }, (_, i) => `many-${count}-${i}`);
          const store = deliveryStore(a.db, a.pool);
          const stored = await Promise.all(
            [...ids, `many-${count}-0`].map(id => store.store(delivery(id, id))),
          );
          assert.deepEqual(
            stored.map(one => one.outcome),
            [...ids.map(() => 'stored'), 'duplicate'],
          );
          const rows = await a.pool.query<{ id: number; body: Buffer }>(
            'delete from deliveries where delivery_id like $1 returning id, body',
            [`many-${count}-%`],
          );
          assert.deepEqual(
            new Map(rows.rows.map(row => [row.id, row.body.toString()])),
            new Map(ids.map((id, i) => [stored[i]?.id, id])),
          );
        });
      }

      test('what GitHub tells is kept compressed, and comes back as it came', async () => {
        const store = deliveryStore(a.db, a.pool);
        const told = (deliveryId: string, body: string | Uint8Array) =>
          store.store({ source: 'github', kind: 'push', deliveryId, body });
        const text = JSON.stringify({ ref: 'ü\u0000', commits: Array(1_000).fill({ id: 'abc' }) });
        const { id } = await told('zstd', Buffer.from(text));
        await store.store(delivery('zstd', 'of another source'));
        const { rows } = await a.pool.query<{ encoding: string; size: number }>(
          'select encoding, octet_length(body) as size from deliveries where id = $1',
          [id],
        );
        assert.equal(rows[0]?.encoding, 'zstd');
        assert.ok((rows[0]?.size ?? 0) < text.length / 10);
        assert.equal((await told('zstd', text)).outcome, 'duplicate');
        assert.equal((await told('zstd', `${text} `)).outcome, 'conflict');
        assert.equal((await told('zstd', '')).outcome, 'conflict');
        const claimed = await store.claim(id);
        assert.deepEqual([claimed?.source, claimed?.kind, claimed?.body], ['github', 'push', text]);
        const empty = await told('empty', '');
        assert.equal((await store.claim(empty.id))?.body, '');
      });

      test('a repeat of what was laid aside is work again, once', async () => {
        const store = deliveryStore(a.db, a.pool);
        const { id } = await store.store(delivery('aside'));
        await a.pool.query('update deliveries set laid_aside = true, done_at = now() where id = $1', [id]);
        assert.equal((await store.store(delivery('aside', 'other'))).outcome, 'conflict');
        assert.equal(await store.claim(id), null);
        assert.deepEqual(await store.store(delivery('aside')), { id, outcome: 'stored' });
        assert.equal((await store.store(delivery('aside'))).outcome, 'duplicate');
        const claimed = await store.claim(id);
        assert.ok(claimed);
        await store.done(claimed);
      });

      test('100 of one delivery at once are one', async () => {
        const [one, two] = [deliveryStore(a.db, a.pool), deliveryStore(b.db, b.pool)];
        const stored = await Promise.all(
          Array.from({ length: 100 }, (_, i) => (i % 2 ? one : two).store(delivery('same'))),
        );
        assert.equal(stored.filter(result => result.outcome === 'stored').length, 1);
        assert.equal(stored.filter(result => result.outcome === 'duplicate').length, 99);
        assert.equal(new Set(stored.map(result => result.id)).size, 1);
      });

      test('the same id with another body is a conflict', async () => {
        const store = deliveryStore(a.db, a.pool);
        await store.store(delivery('conflict', 'one'));
        assert.equal((await store.store(delivery('conflict', 'two'))).outcome, 'conflict');
      });

      test('a claim excludes others; done is done; a claim that was lost changes nothing', async () => {
        const store = deliveryStore(a.db, a.pool);
        const { id } = await store.store(delivery('claim', 'NUL \u0000 and ü'));
        const mine = await store.claim(id);
        assert.equal(mine?.body, 'NUL \u0000 and ü');
        assert.equal(await deliveryStore(b.db, b.pool).claim(id), null);
        await a.pool.query("update deliveries set claimed_until = '-infinity' where id = $1", [id]);
        const other = await deliveryStore(b.db, b.pool).claim(id);
        assert.ok(mine && other);
        await store.done(mine);
        assert.ok((await store.due(100_000)).includes(id) === false, 'still claimed by the other');
        await a.pool.query("update deliveries set claimed_until = '-infinity' where id = $1", [id]);
        assert.ok((await store.due(100_000)).includes(id), 'the late `done` of the first changed nothing');
        const third = await store.claim(id);
        assert.ok(third);
        await store.done(third);
        assert.equal(await store.claim(id), null);
      });

      test('a failed one is due again later, and laid aside after many tries', async () => {
        const store = deliveryStore(a.db, a.pool);
        const { id } = await store.store(delivery('fails'));
        for (let i = 0; i < 12; i += 1) {
          await a.pool.query('update deliveries set next_at = now() where id = $1', [id]);
          const claimed = await store.claim(id);
          assert.ok(claimed, `try ${i}`);
          await store.failed(claimed, 'no');
          assert.equal(await store.claim(id), null, 'not due at once');
        }
        const row = await a.pool.query('select laid_aside, error from deliveries where id = $1', [id]);
        assert.deepEqual(row.rows[0], { laid_aside: true, error: 'no' });
      });

      test('what is long done is forgotten, what is undone or laid aside is not', async () => {
        const store = deliveryStore(a.db, a.pool);
        const ids: Record<string, number> = {};
        for (const name of ['old', 'fresh', 'undone', 'aside'])
          ids[name] = (await store.store(delivery(`forget-${name}`))).id;
        const age = (name: string, set: string) =>
          a.pool.query(`update deliveries set ${set} where id = $1`, [ids[name]]);
        await age('old', "done_at = now() - interval '15 days'");
        await age('fresh', "done_at = now() - interval '13 days'");
        await age('undone', "received_at = now() - interval '90 days'");
        await age('aside', "done_at = now() - interval '90 days', laid_aside = true");
        await forgetOld(a.db);
        const left = await a.pool.query(
          "select delivery_id from deliveries where delivery_id like 'forget-%' order by 1",
        );
        assert.deepEqual(
          left.rows.map(row => row.delivery_id),
          ['forget-aside', 'forget-fresh', 'forget-undone'],
        );
      });

      test('what failed is tried after a pause, and not before whoever was asked says', async () => {
        const store = deliveryStore(a.db, a.pool);
        for (const [name, waitMs, least, most] of [
          ['soon', undefined, 1, 3],
          ['in-an-hour', 3_600_000, 3_598, 3_601],
        ] as const) {
          const { id } = await store.store(delivery(`again-${name}`));
          const claimed = await store.claim(id);
          assert.ok(claimed);
          await store.failed(claimed, 'later', waitMs);
          const { rows } = await a.pool.query(
            'select extract(epoch from next_at - now())::float8 as wait from deliveries where id = $1',
            [id],
          );
          assert.ok(rows[0].wait > least && rows[0].wait < most, `${name}: ${rows[0].wait}`);
        }
      });

      test('a database that falls silent is said as such, and used again when it speaks', async () => {
        const line = await quietLine(url);
        const slow = openDatabase(line.url, {
          onError: () => {},
          connectTimeoutMs: 300,
        });
        const store = deliveryStore(slow.db, impatient(slow.pool, 300));
        assert.equal((await store.store(delivery('before-silence'))).outcome, 'stored');
        line.silent(true);
        await assert.rejects(
          store.store(delivery('in-silence')),
          err => err instanceof SignalboxError && err.fault.code === 'STORE_UNAVAILABLE',
        );
        line.silent(false);
        assert.equal((await store.store(delivery('after-silence'))).outcome, 'stored');
        await slow.close();
        await line.close();
      });

      test('a database that is away is said as such', async () => {
        const away = openDatabase('postgres://signalbox@127.0.0.1:1/none', { onError: () => {} });
        const store = deliveryStore(away.db, away.pool);
        await assert.rejects(
          store.store(delivery('away')),
          err => err instanceof SignalboxError && err.fault.code === 'STORE_UNAVAILABLE',
        );
        await away.close();
      });
    });

    describe('surfaces', () => {
      test('a run in Slack has one message, and one more at its end; a run over HTTP has none', async () => {
        const runs = runStore(a.db);
        const surfaces = surfaceStore(a.db);
        const { run } = await runs.create(wish('surfaced'));
        assert.equal((await surfaces.ofRun(run.number)).length, 1);
        await runs.change(
          run.number,
          { type: 'stop', actor: octocat, why: 'cancel', reason: '' },
          now,
          octocat,
        );
        assert.equal((await surfaces.ofRun(run.number)).length, 2);
        const silent = await runs.create(wish('silent', { place: { kind: 'http' } }));
        assert.equal((await surfaces.ofRun(silent.run.number)).length, 0);
      });

      test('what changed while it was sent is sent again; what was shown is not', async () => {
        const runs = runStore(a.db);
        const surfaces = surfaceStore(a.db);
        const { run } = await runs.create(wish('again'));
        const [id = ''] = await surfaces.ofRun(run.number);
        const claimed = await surfaces.claim(id);
        assert.ok(claimed);
        assert.equal(await surfaceStore(b.db).claim(id), null, 'claimed');
        await runs.addPoints(run.number, 1, [{ name: 'loss', step: 1, value: 1 }]);
        await surfaces.shown(claimed, 'hash', { channel: 'C1', ts: '1.1' }, 0);
        const again = await surfaces.claim(id);
        assert.equal(again?.shownHash, 'hash');
        assert.ok(again);
        await surfaces.shown(again, 'hash2', again.remote, 0);
        assert.equal(await surfaces.claim(id), null, 'nothing more to show');
      });

      test('a note is said once, whoever adds it', async () => {
        const place = { kind: 'slack' as const, team: 'T1', channel: 'C1', user: 'U1' };
        const words = [{ at: new Date('2026-01-01T12:00:00Z') }, ' ', { command: 'train list' }];
        const blocks = [{ kind: 'text' as const, text: words }];
        const content = { audience: 'sender' as const, tone: 'info' as const, title: 'hello', blocks };
        const ids = await Promise.all([
          surfaceStore(a.db).addNote('note', place, content),
          surfaceStore(b.db).addNote('note', place, content),
        ]);
        assert.equal(ids[0], ids[1]);
        const claimed = await surfaceStore(a.db).claim(ids[0] ?? '');
        assert.deepEqual(claimed?.content, content);
        assert.ok(claimed);
        assert.equal(await surfaceStore(a.db).posting(claimed), true);
        await surfaceStore(a.db).gaveUp(claimed, 'gone');
        assert.equal(await surfaceStore(a.db).claim(ids[0] ?? ''), null);
      });

      test('a worker whose claim was taken over may not begin to post', async () => {
        const { run } = await runStore(a.db).create(wish('fenced'));
        const [id = ''] = await surfaceStore(a.db).ofRun(run.number);
        const slow = await surfaceStore(a.db).claim(id);
        await a.pool.query("update surfaces set claimed_until = '-infinity' where id = $1", [id]);
        const other = await surfaceStore(b.db).claim(id);
        assert.ok(slow && other);
        assert.equal(await surfaceStore(a.db).posting(slow), false);
        assert.equal(await surfaceStore(b.db).posting(other), true);
      });
    });

    describe('surfaces that cannot be shown where they belong', () => {
      test('moved: the same message, due at once in another place, where its thread follows it', async () => {
        const [runs, surfaces] = [runStore(a.db), surfaceStore(a.db)];
        const { run } = await runs.create(wish('moved'));
        const [id = ''] = await surfaces.ofRun(run.number);
        const first = await surfaces.claim(id);
        assert.ok(first);
        await surfaces.posting(first);
        const place = { kind: 'slack', team: 'T1', channel: 'D1', user: 'U1', askedIn: 'C1' } as const;
        await surfaces.move(first, place, 'no');
        const again = await surfaceStore(b.db).claim(id);
        assert.ok(again);
        assert.deepEqual([again.place, again.nonce, again.postingSince], [place, first.nonce, null]);
        await surfaces.move(first, run.place, 'late');
        await surfaces.shown(again, 'hash', { channel: 'D1', ts: '1.1' }, 0);
        const stop = { type: 'stop', actor: octocat, why: 'cancel', reason: '' } as const;
        await runs.change(run.number, stop, now, octocat);
        const ids = await surfaces.ofRun(run.number);
        const ended = await surfaces.claim(ids.find(one => one !== id) ?? '');
        assert.deepEqual([ended?.place, ended?.thread], [run.place, { channel: 'D1', ts: '1.1' }]);
      });

      test('waiting for another message is no failure', async () => {
        const surfaces = surfaceStore(a.db);
        const { run } = await runStore(a.db).create(wish('waits'));
        const [id = ''] = await surfaces.ofRun(run.number);
        for (let i = 0; i < 3; i += 1) {
          const claimed = await surfaces.claim(id);
          assert.equal(claimed?.attempts, 0);
          assert.ok(claimed);
          await surfaces.waits(claimed, 'for another', 0);
        }
      });
    });

    describe('logs', () => {
      test('each byte once, whatever is repeated or comes too early', async () => {
        const number = await startedRun('logged');
        const logs = logStore(a.db);
        assert.equal(await logs.append(number, 1, 0, 'één\n', [{ name: 'loss', step: 1, value: 1 }]), 6);
        assert.equal(await logs.append(number, 1, 0, 'één\n', []), 6, 'repeated');
        assert.equal(await logs.append(number, 1, 99, 'gap\n', []), 6, 'too early');
        assert.equal(await logs.append(number, 1, 6, 'two\nthree\n', []), 16);
        assert.deepEqual(await logs.read(number, 1, 0, 1_000), {
          text: 'één\ntwo\nthree\n',
          next: 16,
          dropped: false,
        });
        assert.deepEqual(await logs.read(number, 1, 6, 5), { text: 'two\n', next: 10, dropped: false });
        assert.deepEqual(await logs.read(number, 1, 16, 5), { text: '', next: 16, dropped: false });
        assert.deepEqual(await logs.tail(number, 1, 2), ['two', 'three']);
        assert.deepEqual(await logs.tail(number, 2, 2), []);
        assert.equal((await runStore(a.db).metrics(number)).length, 1);
      });

      test('the oldest part goes when it grows too long', async () => {
        const number = await startedRun('long-log');
        const logs = logStore(a.db);
        const line = `${'x'.repeat(1024 * 1024 - 1)}\n`;
        let size = 0;
        for (let i = 0; i < 20; i += 1) size = await logs.append(number, 1, size, line, []);
        assert.equal(size, 20 * 1024 * 1024);
        const read = await logs.read(number, 1, 0, 10);
        assert.equal(read.dropped, true);
        assert.equal((await logs.read(number, 1, size - 5, 10)).text, 'xxxx\n');
      });
    });

    describe('tokens', () => {
      test('a secret is found until it is revoked, and is not in the database', async () => {
        const tokens = tokenStore(a.db);
        const { token, secret } = await tokens.create({ name: 'ci', scopes: ['runs:read'] }, now);
        assert.equal((await tokens.find(secret))?.id, token.id);
        assert.equal(await tokens.find(`${secret}x`), null);
        assert.equal(await tokens.findRevoked(secret), null);
        const dump = await a.pool.query('select t::text as row from tokens t');
        assert.ok(dump.rows.every(row => !row.row.includes(secret)));
        assert.equal(await tokens.revoke(token.id, now), true);
        assert.equal(await tokens.revoke(token.id, now), false);
        assert.equal(await tokens.find(secret), null);
        assert.equal((await tokens.findRevoked(secret))?.id, token.id);
        assert.equal(await tokens.findRevoked(`${secret}x`), null);
      });

      test("an attempt's token speaks for that attempt while it lives", async () => {
        const number = await startedRun('token');
        const secret = await tokenStore(a.db).forAttempt(number, 1);
        assert.deepEqual(await tokenStore(b.db).attemptOf(secret), { run: number, attempt: 1 });
        const next = secret.replace(`${number}.1.`, `${number}.2.`);
        assert.equal(await tokenStore(b.db).attemptOf(next), null, 'another attempt');
        assert.equal(await tokenStore(b.db).attemptOf('sba_1.1.x'), null, 'not one at all');
        await runStore(a.db).change(number, { type: 'exited', attempt: 1, exit }, now, system);
        assert.equal(await tokenStore(b.db).attemptOf(secret), null, 'ended');
      });

      test('what was signed is read by every process, and nothing that was changed', async () => {
        const text = '["button","T1","C1","cancel",42]';
        const value = await signer(a.db).sign(text);
        assert.equal(await signer(b.db).read(value), text);
        const [head = '', mac = ''] = value.split('.');
        const other = await signer(a.db).sign(text.replace('42', '43'));
        const changed = [
          '',
          head,
          `${head}.`,
          `${value}x`,
          ` ${value}`,
          `${value}.${mac}`,
          `${other.split('.')[0]}.${mac}`,
          `${head}.${mac.slice(1)}${mac[0]}`,
          ...[...'AEIMQUYcgkosw048'].map(last => `${head}.${mac.slice(0, -1)}${last}`),
          ...[...'ABCDEFGHIJKLMNOP'].map(last => `${head.slice(0, -1)}${last}.${mac}`),
          `sba_42.1.${mac}`,
        ].filter(one => one !== value);
        for (const one of changed) assert.equal(await signer(b.db).read(one), null, one);
      });

      test('an idempotency key stands for one request', async () => {
        assert.equal(await checkIdempotency(a.db, 't1', 'k', 'd1'), 'new');
        assert.equal(await checkIdempotency(b.db, 't1', 'k', 'd1'), 'same');
        assert.equal(await checkIdempotency(b.db, 't1', 'k', 'd2'), 'conflict');
        assert.equal(await checkIdempotency(b.db, 't2', 'k', 'd2'), 'new');
      });
    });
  });
}
