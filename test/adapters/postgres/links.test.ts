import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { auditLog } from '../../../src/adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { linkStore } from '../../../src/adapters/postgres/links.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import type { LinkStore } from '../../../src/core/ports.ts';
import { later, noon } from '../../support/live-run.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';
import { octocat } from '../../support/run.ts';

const [slack, other, github, stranger] = [
  'slack:T1/U1',
  'slack:T2/U2',
  'github:octocat',
  'slack:T1/U9',
] as const;
const until = later(600);

describe('links between accounts', () => {
  let server: TestServer;
  let a: Database;
  let b: Database;
  let links: LinkStore;
  before(async () => {
    server = await startServer();
  });
  beforeEach(async () => {
    const url = await server.database();
    [a, b] = [openDatabase(url, { onError: () => {} }), openDatabase(url, { onError: () => {} })];
    await migrate(a.pool);
    links = linkStore(a.db);
  });
  afterEach(async () => {
    await Promise.all([a.close(), b.close()]);
  });
  after(() => server.stop());

  const take = async (account: string, of: string, at = noon) =>
    await links.redeem(account, await links.issue(of, `${of} ${account}`, until), octocat, at);
  const known = async () => Object.fromEntries(await links.all());

  test('a code links the account that says it with the one that asked', async () => {
    assert.deepEqual(await take(github, slack), { ok: true, with: slack });
    assert.deepEqual(await known(), { [github]: slack });
    const actions = (await a.pool.query('select action, subject from audit order by seq')).rows;
    assert.deepEqual(actions, [{ action: 'account.link', subject: github }]);
    assert.equal((await auditLog(a.db).verify()).broken, null);
  });

  test('the same wish gets the same code, another one another', async () => {
    const code = await links.issue(slack, 'a', until);
    assert.match(code, /^[2-9A-HJ-NP-Z]{8}$/);
    assert.equal(await links.issue(slack, 'a', until), code);
    assert.notEqual(await links.issue(slack, 'b', until), code);
    assert.notEqual(await links.issue(other, 'b', until), await links.issue(slack, 'b', until));
  });

  test('a code is not kept as it is', async () => {
    const code = await links.issue(slack, 'a', until);
    const { rows } = await a.pool.query('select to_jsonb(link_codes) as row from link_codes');
    assert.equal(JSON.stringify(rows).includes(code), false);
  });

  const refused: [name: string, account: string, code: () => Promise<string>, at: Date, why: string][] = [
    ['one that nobody was given', github, async () => 'AAAAAAAA', noon, 'unknown'],
    [
      'one of another case',
      github,
      async () => (await links.issue(slack, 'a', until)).toLowerCase(),
      noon,
      'unknown',
    ],
    ['one whose time is over', github, () => links.issue(slack, 'a', until), until, 'unknown'],
    [
      'one that a newer one made void',
      github,
      async () => {
        const old = await links.issue(slack, 'a', until);
        await links.issue(slack, 'b', until);
        return old;
      },
      noon,
      'unknown',
    ],
    ['their own', slack, () => links.issue(slack, 'a', until), noon, 'own'],
  ];
  for (const [name, account, code, at, why] of refused)
    test(`${name} links nothing`, async () => {
      assert.deepEqual(await links.redeem(account, await code(), octocat, at), { ok: false, why });
      assert.deepEqual(await known(), {});
    });

  test('a code is good once', async () => {
    const code = await links.issue(slack, 'a', until);
    await links.redeem(github, code, octocat, noon);
    assert.deepEqual(await links.redeem(stranger, code, octocat, noon), { ok: false, why: 'unknown' });
  });

  test('who is linked already is not taken over, and stays where they are', async () => {
    await take(github, slack);
    assert.deepEqual(await take(github, stranger), { ok: false, why: 'taken' });
    assert.deepEqual(await known(), { [github]: slack });
  });

  test('linking the same two again changes nothing, whoever asks', async () => {
    await take(github, slack);
    assert.deepEqual(await take(github, slack), { ok: true, with: slack });
    assert.deepEqual(await take(slack, github), { ok: true, with: github });
    assert.deepEqual(await known(), { [github]: slack });
  });

  test('who stands for others brings them along', async () => {
    await take(github, slack);
    await take(slack, other);
    assert.deepEqual(await known(), { [github]: other, [slack]: other });
  });

  test('one code, two accounts at once on two connections: one of them', async () => {
    const code = await links.issue(slack, 'a', until);
    const all = await Promise.all([
      links.redeem(github, code, octocat, noon),
      linkStore(b.db).redeem(stranger, code, octocat, noon),
    ]);
    assert.equal(all.filter(one => one.ok).length, 1);
    assert.equal(Object.keys(await known()).length, 1);
  });

  test('two that take each other at once make no circle', async () => {
    const [one, two] = [await links.issue(slack, 'a', until), await links.issue(other, 'b', until)];
    await Promise.all([
      links.redeem(other, one, octocat, noon),
      linkStore(b.db).redeem(slack, two, octocat, noon),
    ]);
    const found = await links.all();
    assert.equal(found.size, 1);
    assert.ok([...found.values()].every(person => !found.has(person)));
  });

  test('an account that parts leaves the others together', async () => {
    await take(github, slack);
    await take(other, slack);
    assert.equal(await links.unlink(slack, octocat, noon), true);
    assert.deepEqual(await known(), { [other]: github });
    assert.equal(await links.unlink(github, octocat, noon), true);
    assert.deepEqual(await known(), {});
    assert.equal(await links.unlink(github, octocat, noon), false);
  });
});
