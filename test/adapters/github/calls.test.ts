import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Octokit } from 'octokit';
import { githubCalls } from '../../../src/adapters/github/calls.ts';
import { GitHubError, githubError } from '../../../src/adapters/github/errors.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { rateBudget } from '../../../src/adapters/postgres/rates.ts';
import { clientOf, fixture } from '../../fakes/github/fixture.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';

const comments = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
const minuteMs = 60_000;

describe('what GitHub lets all processes together do', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  /** Two processes with one database, at a GitHub that counts. */
  async function setUp(t: TestContext) {
    const { github, clock, repo, at } = await fixture(t);
    const issue_number = await repo.issue('octocat', 'x');
    const url = await server.database();
    const databases: Database[] = [1, 2].map(() => openDatabase(url, { onError: () => {} }));
    const [first] = databases;
    assert.ok(first);
    await migrate(first.pool);
    t.after(() => Promise.all(databases.map(one => one.close())));
    const app = {
      // With a token of its own: none gets too old.
      inInstallation: <T>(id: number, call: (of: Octokit) => Promise<T>) =>
        call(clientOf(github, id)).catch((cause: unknown) => {
          throw githubError(cause, new Date(clock.now()));
        }),
    };
    const processes = databases.map(one => githubCalls(app, rateBudget(one.db)));
    /** Whether it was let through; else how long it is to wait. */
    async function go(process: number, use: { writes: boolean; patient?: boolean }): Promise<number> {
      const call = processes[process];
      assert.ok(call);
      try {
        await call(repo.installation, use, async of => {
          if (use.writes) await of.rest.issues.createComment({ ...at, issue_number, body: 'x' });
          else await of.rest.issues.get({ ...at, issue_number });
        });
        return 0;
      } catch (error) {
        assert.ok(error instanceof GitHubError && error.busy, String(error));
        return error.afterMs;
      }
    }
    async function pass(ms: number) {
      clock.advance(ms);
      await first?.pool.query(
        `update rate_slots set free_at = free_at - $1 * interval '1 ms', held_until = held_until - $1 * interval '1 ms'`,
        [ms],
      );
    }
    const refused = () => github.requests.filter(one => one.status === 403 || one.status === 429).length;
    const asked = () => github.requests.length;
    return { github, clock, go, pass, refused, asked };
  }

  test('however fast both go on, GitHub never has to refuse: 80 a minute, 500 an hour', async t => {
    const { github, go, pass, refused } = await setUp(t);
    const flood = async (process: number) => {
      while ((await go(process, { writes: true })) === 0);
    };
    const made = () => github.requests.filter(one => one.route === comments && one.status === 201).length;
    let inFirst = 0;
    for (let quarter = 0; quarter < 4 * 60; quarter += 1) {
      await Promise.all([flood(0), flood(1)]);
      if (quarter === 3) inFirst = made();
      await pass(minuteMs / 4);
    }
    assert.equal(refused(), 0);
    assert.ok(inFirst > 60 && inFirst <= 80, String(inFirst));
    assert.ok(made() > 450 && made() <= 500, String(made()));
  });

  for (const fault of ['secondary', 'too-many'] as const)
    test(`${fault}: what one is told both keep to, for as long as it says`, async t => {
      const { github, go, pass, asked } = await setUp(t);
      // The door answers before anybody counts: both meet it, at most once each.
      github.faults.next(comments, fault);
      assert.equal(await go(0, { writes: true }), minuteMs);
      const before = asked();
      for (const process of [0, 1])
        for (const writes of [true, false]) assert.ok((await go(process, { writes })) > minuteMs / 2);
      await pass(minuteMs - 5_000);
      assert.ok((await go(1, { writes: false })) > 0);
      assert.equal(asked(), before);
      await pass(5_000);
      assert.deepEqual([await go(1, { writes: true }), await go(0, { writes: false })], [0, 0]);
    });

  test('where the hour is used up, both wait until it is over', async t => {
    const { github, clock, go, pass, asked } = await setUp(t);
    github.limits.set({ primary: 1 });
    assert.equal(await go(0, { writes: false }), 0);
    const wait = await go(0, { writes: false });
    assert.ok(wait > 59 * minuteMs && wait <= 60 * minuteMs, String(wait));
    const before = asked();
    assert.ok((await go(1, { writes: false })) > 59 * minuteMs);
    assert.equal(asked(), before);
    const now = clock.now();
    await pass(wait);
    assert.ok(clock.now() > now);
    assert.equal(await go(1, { writes: false }), 0);
  });

  test('what says only how far something is leaves room for what matters more', async t => {
    const { go } = await setUp(t);
    while ((await go(0, { writes: true, patient: true })) === 0);
    assert.equal(await go(1, { writes: true }), 0);
  });
});
