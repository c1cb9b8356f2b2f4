import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { rateBudget } from '../../../src/adapters/postgres/rates.ts';
import { forgetOld } from '../../../src/adapters/postgres/retention.ts';
import type { Rate } from '../../../src/core/rate.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';

/** So slow that nothing comes back while a test runs, unless time is moved. */
const hourMs = 3_600_000;
const rate = (key: string, burst: number): Rate => ({ key, everyMs: hourMs, burst });

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[])
  describe(`rates on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    /** Two pools stand for two processes. */
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

    /** As if so much time had passed. */
    const pass = (ms: number) =>
      a.pool.query(
        `update rate_slots set free_at = free_at - $1 * interval '1 ms', held_until = held_until - $1 * interval '1 ms'`,
        [ms],
      );

    /** How many of `times` wishes, from both at once, were granted. */
    async function granted(times: number, rates: (at: number) => Rate[]): Promise<number> {
      const budgets = [rateBudget(a.db), rateBudget(b.db)] as const;
      const all = await Promise.all(
        Array.from({ length: times }, (_, at) => budgets[at % 2 === 0 ? 0 : 1].reserve(rates(at))),
      );
      for (const { waitMs } of all) assert.ok(waitMs >= 0 && waitMs <= hourMs);
      return all.filter(({ waitMs }) => waitMs === 0).length;
    }

    test('never more than there are, whoever asks, and one more each time', async () => {
      const seven = [rate('seven', 7)];
      assert.equal(await granted(60, () => seven), 7);
      assert.equal(await granted(20, () => seven), 0);
      await pass(hourMs);
      assert.equal(await granted(20, () => seven), 1);
      await pass(3 * hourMs);
      assert.equal(await granted(20, () => seven), 3);
      await pass(100 * hourMs);
      assert.equal(await granted(60, () => seven), 7, 'what was not used is not kept');
    });

    test('of all or of none, and in whatever order they are named', async () => {
      const [narrow, wide] = [rate('narrow', 3), rate('wide', 10)];
      assert.equal(await granted(40, at => (at % 3 === 0 ? [narrow, wide] : [wide, narrow])), 3);
      assert.equal(await granted(40, () => [wide]), 7, 'what was refused used up nothing');
    });

    test('who can wait leaves some to who cannot', async () => {
      assert.equal(await granted(20, () => [rate('left', 2)]), 2);
      assert.equal(await granted(20, () => [rate('left', 5)]), 3);
    });

    test('held for everybody, as long as was said last and longest', async () => {
      await rateBudget(a.db).hold('held', 60_000);
      await rateBudget(b.db).hold('held', 1_000);
      const { waitMs } = await rateBudget(b.db).reserve([rate('held', 5)]);
      assert.ok(waitMs > 1_000 && waitMs <= 60_000, String(waitMs));
      await pass(60_000);
      assert.equal(await granted(20, () => [rate('held', 5)]), 5);
    });

    test('what has long been whole again is forgotten', async () => {
      await rateBudget(a.db).reserve([rate('old', 1)]);
      await pass(30 * 24 * hourMs);
      await rateBudget(a.db).reserve([rate('new', 1)]);
      await forgetOld(a.db);
      const { rows } = await a.pool.query('select key from rate_slots');
      assert.deepEqual(rows, [{ key: 'new' }]);
    });
  });
