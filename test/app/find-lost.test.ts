import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { githubApp } from '../../src/adapters/github/app.ts';
import { GitHubError } from '../../src/adapters/github/errors.ts';
import { githubHook } from '../../src/adapters/github/hook.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { lostDeliveries } from '../../src/adapters/postgres/lost-deliveries.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { findLost } from '../../src/app/find-lost.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { startGitHub } from '../fakes/github/fake.ts';
import { listener, secret } from '../fakes/github/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';

let server: TestServer;
before(async () => {
  server = await startServer('embedded');
});
after(() => server?.stop());

/** A GitHub whose app hears, and any number of workers that look for what it did not. */
async function setUp(t: TestContext) {
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const heard = await listener(t);
  github.sendTo(heard.url);
  const repo = await github.repo('octo-org/digits', { roles: { octocat: 'write' } });
  const number = await repo.issue('octocat', 'x');
  await github.deliveries.settled();
  const database: Database = openDatabase(await server.database(), { onError: () => {} });
  t.after(() => database.close());
  await migrate(database.pool);
  const { log, lines } = recordingLog();
  const clock = () => new Date();
  const app = githubApp({
    appId: String(github.app.id),
    privateKey: github.app.privateKey,
    apiUrl: github.apiUrl,
    log,
    clock,
  });
  const ports = (everyMs: number) => ({
    lost: lostDeliveries(database.db, everyMs),
    hook: githubHook(app),
    waitFor: (err: unknown) => (err instanceof GitHubError && err.outcome === 'retry' ? err.afterMs : null),
    log,
  });
  const look = async (now = new Date(), everyMs = 0) => {
    await findLost(ports(everyMs), now);
    await github.deliveries.settled();
  };
  /** As if the pause were over. */
  const wait = () =>
    database.pool.query(
      "update lost_deliveries set next_at = '-infinity'; update lost_deliveries_read set next_at = '-infinity'",
    );
  const known = async () => (await database.pool.query('select guid, asks from lost_deliveries')).rows;
  const asked = () => github.count('POST /app/hook/deliveries/{delivery_id}/attempts');
  return { github, heard, repo, number, look, wait, known, asked, lines };
}

test('what failed is asked for once, and is no longer lost when it came', async t => {
  const { github, heard, repo, number, look, wait, known, asked } = await setUp(t);
  heard.answer(503);
  await repo.comment('octocat', number, '/train digits');
  await github.deliveries.settled();
  const guid = heard.all.at(-1)?.guid;
  heard.answer(202);
  await repo.comment('octocat', number, 'arrives');
  await github.deliveries.settled();
  await look();
  assert.equal(asked(), 1);
  assert.equal(heard.all.at(-1)?.guid, guid);
  assert.deepEqual(await known(), [{ guid, asks: 1 }]);
  await wait();
  await look();
  assert.deepEqual([asked(), await known()], [1, []]);
});

test('what fails again is asked for again only after a pause', async t => {
  const { github, heard, repo, number, look, wait, asked } = await setUp(t);
  heard.answer(503);
  await repo.comment('octocat', number, '/train digits');
  await github.deliveries.settled();
  for (let i = 0; i < 3; i += 1) await look();
  assert.equal(asked(), 1);
  await wait();
  await look();
  assert.equal(asked(), 2);
  heard.answer(202);
  await wait();
  await look();
  await wait();
  await look();
  await wait();
  await look();
  assert.equal(asked(), 3);
});

test('of workers that look at once one does', async t => {
  const { github, heard, repo, number, look, asked } = await setUp(t);
  heard.answer(500);
  await repo.comment('octocat', number, 'x');
  await github.deliveries.settled();
  heard.answer(202);
  const before = github.count('GET /app/hook/deliveries');
  await Promise.all(Array.from({ length: 5 }, () => look(new Date(), 60_000)));
  assert.deepEqual([asked(), github.count('GET /app/hook/deliveries') - before], [1, 1]);
});

test('where nothing was lost, nothing is asked, and the next look reads one page', async t => {
  const { github, look, asked } = await setUp(t);
  await look();
  const before = github.count('GET /app/hook/deliveries');
  await look();
  assert.deepEqual([asked(), github.count('GET /app/hook/deliveries') - before], [0, 1]);
});

test('after three days it is given up', async t => {
  const { github, heard, repo, number, look, wait, known, asked } = await setUp(t);
  heard.answer(500);
  await repo.comment('octocat', number, 'x');
  await github.deliveries.settled();
  await look();
  await wait();
  await look(new Date(Date.now() + 3 * 24 * 3_600_000 + 60_000));
  assert.deepEqual([asked(), await known()], [1, []]);
});
