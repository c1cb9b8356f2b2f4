import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { auditLog } from '../../../src/adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { githubUsers } from '../../../src/adapters/postgres/github-users.ts';
import { groupStore } from '../../../src/adapters/postgres/groups.ts';
import { linkStore } from '../../../src/adapters/postgres/links.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { onceStore } from '../../../src/adapters/postgres/once.ts';
import { longestStaleMs } from '../../../src/core/groups.ts';
import type { GitHubUsers, GroupStore } from '../../../src/core/ports.ts';
import { later, noon } from '../../support/live-run.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';
import { octocat } from '../../support/run.ts';

const group = 'slack:T1/S1';
const [one, two] = ['slack:T1/U1', 'slack:T1/U2'] as const;

let server: TestServer;
let a: Database;
let b: Database;
before(async () => {
  server = await startServer();
});
beforeEach(async () => {
  const url = await server.database();
  [a, b] = [openDatabase(url, { onError: () => {} }), openDatabase(url, { onError: () => {} })];
  await migrate(a.pool);
});
afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
});
after(() => server.stop());

describe('groups', () => {
  let groups: GroupStore;
  beforeEach(() => {
    groups = groupStore(a.db);
  });
  const read = async (members: string[] | null) =>
    await groups.store(group, await groups.begin(group), members, noon);

  test('hold who was read last, for a day and not longer', async () => {
    await read([one, two, one]);
    await read([two]);
    const at = (ms: number) => groups.of([one, two], new Date(noon.getTime() + ms));
    assert.deepEqual(await at(0), [group]);
    assert.deepEqual(await at(longestStaleMs - 1), [group]);
    assert.deepEqual(await at(longestStaleMs), []);
    assert.deepEqual(await groups.of([one], noon), []);
    assert.deepEqual(await groups.of([], noon), []);
  });

  test('that are not there hold nobody', async () => {
    await read([one]);
    await read(null);
    assert.deepEqual(await groups.of([one], noon), []);
    assert.deepEqual(await groups.states([group]), [
      { name: group, readAt: noon, gone: true, error: null, members: 0 },
    ]);
  });

  test('do not take what was read before something newer was known', async () => {
    const old = await groups.begin(group);
    await read([two]);
    assert.deepEqual(await groups.store(group, old, [one], noon), { stored: false, recovered: false });
    assert.deepEqual(await groups.of([one], noon), []);
  });

  test('do not take back whoever was removed while they were read', async () => {
    await read([one, two]);
    const began = await groups.begin(group);
    await groups.remove(group, [one]);
    await groups.store(group, began, [one, two], noon);
    assert.deepEqual(await groups.of([one], noon), []);
    assert.deepEqual(await groups.of([two], noon), [group]);
  });

  test('are due once for all workers, and again after a while', async () => {
    const both = [a, b].map(({ db }) => groupStore(db).take([group], noon, later(300)));
    assert.equal((await Promise.all(both)).flat().length, 1);
    assert.deepEqual(await groups.take([group], later(299), later(600)), []);
    assert.deepEqual(await groups.take([group], later(300), later(600)), [group]);
  });

  test('say once that they cannot be read, and that they can again', async () => {
    await read([one]);
    const fail = async () => await groups.failed(group, await groups.begin(group), 'Away.', later(60));
    assert.deepEqual(await fail(), { first: true });
    assert.deepEqual(await fail(), { first: false });
    assert.equal((await groups.states([group]))[0]?.error, 'Away.');
    assert.deepEqual(await read([one]), { stored: true, recovered: true });
  });

  test('of many are read whole', async () => {
    const many = Array.from({ length: 12_345 }, (_, i) => `slack:T1/U${i}`);
    await read(many);
    assert.equal((await groups.states([group]))[0]?.members, many.length);
    await read([one]);
    assert.equal((await groups.states([group]))[0]?.members, 1);
  });
});

describe('GitHub accounts', () => {
  let users: GitHubUsers;
  beforeEach(() => {
    users = githubUsers(a.db);
  });
  const account = (login: string) => `github:${login}`;
  const link = (id: number, login: string, asked: string) =>
    users.link({ id, account: account(login) }, asked, octocat, noon);
  const see = (...seen: [id: number, login: string][]) =>
    users.seen(
      seen.map(([id, login]) => ({ id, account: account(login) })),
      noon,
    );
  const links = async () => Object.fromEntries(await linkStore(a.db).all());

  test('are linked once, with one person', async () => {
    assert.deepEqual(await link(1, 'octocat', one), { ok: true });
    assert.deepEqual(await link(1, 'octocat', one), { ok: true });
    assert.deepEqual(await link(1, 'octocat', two), { ok: false, why: 'taken' });
    assert.deepEqual(await links(), { 'github:octocat': one });
  });

  test('that stand for another account are not taken from it', async () => {
    await link(1, 'octocat', two);
    await linkStore(a.db).redeem(one, await linkStore(a.db).issue(two, 'x', later(60)), octocat, noon);
    await linkStore(a.db).unlink(two, octocat, noon);
    assert.deepEqual(await links(), { [one]: 'github:octocat' });
    assert.deepEqual(await link(1, 'octocat', two), { ok: false, why: 'taken' });
    assert.deepEqual(await link(1, 'octocat', one), { ok: true });
  });

  const rows: [name: string, seen: [number, string][], after: Record<string, string>][] = [
    [
      'as they were',
      [
        [1, 'octocat'],
        [2, 'hubot'],
      ],
      { 'github:octocat': one, 'github:hubot': two },
    ],
    ['others', [[3, 'monalisa']], { 'github:octocat': one, 'github:hubot': two }],
    ['with another login', [[1, 'mona']], { 'github:mona': one, 'github:hubot': two }],
    ['whose login somebody else has now', [[3, 'octocat']], { 'github:hubot': two }],
    [
      'with another login, while somebody else has the old one',
      [
        [3, 'octocat'],
        [1, 'mona'],
      ],
      { 'github:mona': one, 'github:hubot': two },
    ],
    [
      'that changed places',
      [
        [1, 'hubot'],
        [2, 'octocat'],
      ],
      { 'github:hubot': one, 'github:octocat': two },
    ],
    ['of which one took the login of the other', [[1, 'hubot']], { 'github:hubot': one }],
  ];
  for (const [name, seen, expected] of rows)
    test(`are followed where GitHub shows them ${name}`, async () => {
      await link(1, 'octocat', one);
      await link(2, 'hubot', two);
      await see(...seen);
      assert.deepEqual(await links(), expected);
      await see(...seen);
      assert.deepEqual(await links(), expected);
      assert.equal((await auditLog(a.db).verify()).broken, null);
    });

  test('whose login somebody else had are linked anew', async () => {
    await link(1, 'octocat', one);
    assert.deepEqual(await link(3, 'octocat', two), { ok: true });
    assert.deepEqual(await links(), { 'github:octocat': two });
  });
});

test('a word is used once, by whichever process', async () => {
  const both = [a, b].map(({ db }) => onceStore(db).use('nonce', later(60), noon));
  assert.deepEqual((await Promise.all(both)).sort(), [false, true]);
  assert.equal(await onceStore(a.db).use('another', later(60), noon), true);
});
