import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { lookStore } from '../../../src/adapters/postgres/looks.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { repositoryStore } from '../../../src/adapters/postgres/repositories.ts';
import { forgetOld } from '../../../src/adapters/postgres/retention.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';

const dayMs = 24 * 3_600_000;
const minuteMs = 60_000;
const daysAgo = (days: number) => new Date(Date.now() - days * dayMs);
const sha = (letter: string) => letter.repeat(40);

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[])
  describe(`repositories on ${kind}`, { skip: serverMissing(kind) }, () => {
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

    let repo = 0;
    const push = (pull: number | null, branch: string | null, after: string, days: number) =>
      repositoryStore(a.db).pushed({
        ...{ repo, pull, branch, after, before: null, forced: null },
        at: daysAgo(days),
      });

    const rows: { name: string; pushes: [string, number][]; left: string[] }[] = [
      {
        name: 'what is young stays',
        pushes: [
          ['a', 89],
          ['b', 1],
        ],
        left: ['a', 'b'],
      },
      {
        name: 'what is old goes, where something came after',
        pushes: [
          ['a', 92],
          ['b', 91],
        ],
        left: ['b'],
      },
      { name: 'the last of an old pull request stays', pushes: [['a', 399]], left: ['a'] },
      { name: 'after more than a year it goes too', pushes: [['a', 401]], left: [] },
    ];
    for (const { name, pushes, left } of rows)
      test(name, async () => {
        repo += 1;
        for (const [letter, days] of pushes) await push(1, null, sha(letter), days);
        // Another one's, of the same repository, makes nothing old.
        await push(2, null, sha('f'), 0);
        await push(null, 'main', sha('e'), 0);
        await forgetOld(a.db);
        const found = await repositoryStore(a.db).pushes(repo, 1, null);
        assert.deepEqual(
          found.map(one => one.after),
          left.map(sha),
        );
      });

    test('an approval stays for a year', async () => {
      repo += 1;
      const by = { kind: 'github', id: 'octocat', name: 'octocat' } as const;
      const store = repositoryStore(a.db);
      for (const days of [399, 401])
        await store.approve({ key: `${days}`, repo, pull: 1, sha: sha('a'), by, at: daysAgo(days) });
      await forgetOld(a.db);
      assert.equal((await store.approvals(repo, 1)).length, 1);
    });

    test('of each head the last is known', async () => {
      repo += 1;
      await push(1, null, sha('a'), 3);
      await push(1, null, sha('b'), 2);
      await push(null, 'wider', sha('c'), 1);
      const heads = await repositoryStore(b.db).heads(repo);
      assert.deepEqual(
        heads.map(one => [one.pull, one.branch, one.after]),
        [
          [1, null, sha('b')],
          [null, 'wider', sha('c')],
        ],
      );
    });

    test('that a commit came is known once, and no less later', async () => {
      repo += 1;
      const store = repositoryStore(a.db);
      const at = { repo, branch: 'main', sha: sha('a') };
      assert.equal(await store.arrival(repo, 'main', sha('a')), null);
      const told = [
        { pull: null, settled: false },
        { pull: 7, settled: true },
        { pull: null, settled: false },
      ];
      for (const one of told) await store.arrive({ ...at, ...one });
      assert.deepEqual(await repositoryStore(b.db).arrival(repo, 'main', sha('a')), {
        pull: 7,
        settled: true,
      });
      assert.equal(await store.arrival(repo, 'main2', sha('a')), null);
    });

    describe('the turn to look at one', () => {
      test("is one worker's at a time, and comes again when it is time", async () => {
        repo += 1;
        const [one, other] = [lookStore(a.db), lookStore(b.db)];
        const turns = await Promise.all(
          Array.from({ length: 6 }, (_, i) => (i % 2 ? one : other).begin(repo, 0, minuteMs)),
        );
        const [turn, ...others] = turns.filter(Boolean);
        assert.deepEqual([turn?.known, turn?.isWhole, others], [null, true, []]);
        const until = daysAgo(1);
        await one.done(repo, { until, isWhole: true, tags: { open: 'W/"1"' } });
        assert.equal(await other.begin(repo, minuteMs, minuteMs), null);
        const next = await other.begin(repo, 0, minuteMs);
        assert.deepEqual(next, { known: { from: until, until }, isWhole: false, tags: { open: 'W/"1"' } });
      });

      test('is free again when its worker is gone, or gives it back', async () => {
        repo += 1;
        const looks = lookStore(a.db);
        assert.ok(await looks.begin(repo, 0, -1));
        assert.ok(await looks.begin(repo, 0, minuteMs));
        assert.equal(await looks.begin(repo, 0, minuteMs), null);
        await looks.hold(repo, 0);
        assert.ok(await looks.begin(repo, 0, minuteMs));
        await looks.hold(repo, minuteMs);
        assert.equal(await looks.begin(repo, 0, minuteMs), null);
      });

      test('is forgotten where nobody looks for long', async () => {
        repo += 1;
        const looks = lookStore(a.db);
        await looks.begin(repo, 0, 0);
        await looks.done(repo, { until: new Date(), isWhole: true, tags: {} });
        await a.pool.query("update github_looks set tried_at = now() - interval '91 days' where repo = $1", [
          repo,
        ]);
        await forgetOld(a.db);
        assert.equal((await looks.begin(repo, 0, 0))?.known, null);
      });
    });
  });
