import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { auditLog } from '../../../src/adapters/postgres/audit.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { installationStore } from '../../../src/adapters/postgres/installations.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import type { Installation } from '../../../src/core/ports.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';

const key = randomBytes(32);
const now = new Date('2026-01-01T00:00:10Z');
const earlier = new Date('2026-01-01T00:00:09Z');

let server: TestServer;
let database: Database;
before(async () => {
  server = await startServer();
  database = openDatabase(await server.database(), { onError: () => {} });
  await migrate(database.pool);
});
after(async () => {
  await database?.close();
  await server?.stop();
});

const store = (keys: Uint8Array[] = [key]) => installationStore(database.db, keys);
const inTeam = (team: string, more: Partial<Installation> = {}): Installation => ({
  team,
  enterprise: null,
  name: team,
  botToken: `xoxb-${team}`,
  botUser: 'UBOT',
  scopes: ['commands'],
  installedBy: 'U1',
  ...more,
});
const inOrg = (enterprise: string): Installation => ({
  ...inTeam('T0', { enterprise, botToken: `xoxb-${enterprise}` }),
  team: null,
});

test('installations: the workspace comes before its organisation, and nothing else is found', async () => {
  await store().save(inTeam('TA', { enterprise: 'EA' }), now);
  await store().save(inOrg('EA'), now);
  await store().save(inTeam('TB', { enterprise: 'EB' }), now);
  const rows: [team: string | null, enterprise: string | null, token: string | null][] = [
    ['TA', 'EA', 'xoxb-TA'],
    ['TA', null, 'xoxb-TA'],
    ['TC', 'EA', 'xoxb-EA'],
    [null, 'EA', 'xoxb-EA'],
    // Installed in one workspace of an organisation is not installed on all of it.
    ['TD', 'EB', null],
    [null, 'EB', null],
    ['TC', null, null],
    ['ta', null, null],
    ['', null, null],
    [null, null, null],
  ];
  for (const [team, enterprise, token] of rows) {
    const found = await store().find(team, enterprise);
    assert.equal(found?.botToken ?? null, token, `${team} ${enterprise}`);
  }
});

test('installations: no token is in the table as it is', async () => {
  await store().save(inTeam('TE', { botToken: 'xoxb-plainly-visible' }), now);
  const { rows } = await database.pool.query(
    'select row_to_json(installations)::text as row, token from installations',
  );
  assert.ok(rows.length > 0);
  for (const { row, token } of rows) assert.ok(!`${row}${token.toString('latin1')}`.includes('xoxb'));
});

test('installations: a token that was moved to another workspace is refused', async () => {
  await store().save(inTeam('TF'), now);
  await store().save(inTeam('TG'), now);
  await database.pool.query(
    `update installations set token = (select token from installations where workspace = 'TF') where workspace = 'TG'`,
  );
  await assert.rejects(store().find('TG', null), /auth/);
  assert.equal((await store().find('TF', null))?.botToken, 'xoxb-TF');
});

test('installations: keys are changed without a new installation', async () => {
  await store().save(inTeam('TH'), now);
  const next = randomBytes(32);
  assert.equal((await store([next, key]).find('TH', null))?.botToken, 'xoxb-TH');
  await assert.rejects(store([next]).find('TH', null), /SIGNALBOX_SECRET_KEY does not hold/);
});

test('installations: installed again, the newest counts', async () => {
  await store().save(inTeam('TI'), now);
  await store().save(inTeam('TI', { botToken: 'xoxb-again', scopes: ['commands', 'chat:write'] }), now);
  const found = await store().find('TI', null);
  assert.deepEqual([found?.botToken, found?.scopes], ['xoxb-again', ['commands', 'chat:write']]);
});

type Only = NonNullable<Parameters<ReturnType<typeof store>['revoke']>[3]>;
const revocations: [name: string, only: Only, revoked: boolean][] = [
  ['whatever is there', {}, true],
  ['one installed before', { installedBefore: now }, true],
  ['one installed since', { installedBefore: earlier }, false],
  ['its token', { botToken: 'xoxb-TJ' }, true],
  ['another token', { botToken: 'xoxb-TJ2' }, false],
  ['its bot', { botUsers: ['UOTHER', 'UBOT'] }, true],
  ['other bots', { botUsers: ['UOTHER'] }, false],
  ['no bots', { botUsers: [] }, false],
];
for (const [name, only, revoked] of revocations) {
  test(`installations: asked to revoke ${name}, it ${revoked ? 'does' : 'does not'}`, async () => {
    await store().save(inTeam('TJ'), now);
    assert.equal(
      await store().revoke({ team: 'TJ', enterprise: null }, 'app_uninstalled', now, only),
      revoked,
    );
    assert.equal((await store().find('TJ', null))?.botToken ?? null, revoked ? null : 'xoxb-TJ');
    const { rows } = await database.pool.query(
      `select length(token) as bytes from installations where workspace = 'TJ'`,
    );
    assert.equal(rows[0].bytes === 0, revoked);
  });
}

test('installations: what is not there is not revoked, and a second time nothing happens', async () => {
  await store().save(inTeam('TK'), now);
  assert.equal(await store().revoke({ team: 'TL', enterprise: null }, 'x', now), false);
  assert.equal(await store().revoke({ team: null, enterprise: null }, 'x', now), false);
  assert.equal(await store().revoke({ team: 'TK', enterprise: null }, 'x', now), true);
  assert.equal(await store().revoke({ team: 'TK', enterprise: null }, 'x', now), false);
});

test('installations: who installed and who removed is in the audit log', async () => {
  await store().save(inTeam('TM'), now);
  await store().revoke({ team: 'TM', enterprise: null }, 'tokens_revoked', now);
  const { rows } = await database.pool.query(
    `select action, actor->>'id' as actor, details from audit where subject = 'slack:TM' order by seq`,
  );
  assert.deepEqual(rows, [
    { action: 'slack.install', actor: 'TM/U1', details: { name: 'TM', scopes: ['commands'] } },
    { action: 'slack.uninstall', actor: 'signalbox', details: { why: 'tokens_revoked' } },
  ]);
  assert.equal((await auditLog(database.db).verify()).broken, null);
});
