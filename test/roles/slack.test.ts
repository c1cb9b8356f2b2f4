import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { auditLog } from '../../src/adapters/postgres/audit.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../src/adapters/postgres/deliveries.ts';
import { installationStore } from '../../src/adapters/postgres/installations.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { signer } from '../../src/adapters/postgres/signer.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { slackReceiver } from '../../src/adapters/slack/receive.ts';
import { deliver } from '../../src/app/deliver.ts';
import { loadConfig } from '../../src/config.ts';
import type { Intent } from '../../src/core/intent.ts';
import { reply } from '../../src/core/reply.ts';
import { openSlack } from '../../src/roles/slack.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import {
  channel,
  developer,
  type FakeSlack,
  openApp,
  openFake,
  stranger,
  team,
  token,
} from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const install = { SLACK_CLIENT_ID: '1.1', SLACK_CLIENT_SECRET: 'client-secret' };
const key = randomBytes(32);
const installedAt = new Date();

/** A workspace, and Signalbox as far as a delivery goes: stored, unpacked, dispatched or refused. */
async function setUp(t: TestContext, env: Record<string, string> = { SLACK_BOT_TOKEN: token }) {
  const fake = await openFake();
  const app = await openApp();
  fake.sendTo(app.url);
  const database = openDatabase(await server.database(), { onError: () => {} });
  await migrate(database.pool);
  t.after(async () => {
    await database.close();
    await app.close();
    await fake.close();
  });
  const config = loadConfig({
    SLACK_SIGNING_SECRET: 'signing-secret',
    SLACK_API_URL: fake.apiUrl,
    SIGNALBOX_SECRET_KEY: key.toString('base64'),
    ...env,
  });
  const { log, lines } = recordingLog();
  const clock = () => new Date();
  const { db } = database;
  const installations = installationStore(db, config.secretKeys);
  const slack = openSlack(config, installations, signer(db), log, clock);
  const intents: Intent[] = [];
  const deliveries = deliveryStore(db, database.pool);
  const surfaces = surfaceStore(db);
  const ports = {
    ...{
      deliveries,
      surfaces,
      log,
      unpack: slack.unpack,
      groupChanged: async () => {},
      registryChanged: async () => {},
      reviewed: async () => null,
      toPromote: async () => null,
      toRepeat: async () => null,
    },
    repositoryChanged: async () => {},
    audit: auditLog(db),
    wakeups: { wake: () => {} },
    standing: async () => 'none' as const,
    dispatch: async (intent: Intent) => {
      intents.push(intent);
      return { ok: true, reply: reply('Done.', [], { audience: 'sender' }) } as const;
    },
  };
  /** What the workspace said last is stored and worked on, and every message that comes of it is sent. */
  async function work(text = app.requests.at(-1)?.text ?? ''): Promise<void> {
    const stored: number[] = [];
    const receive = slackReceiver({
      ingest: async one => {
        const { id, outcome } = await deliveries.store(one);
        stored.push(id);
        return { outcome };
      },
      log,
    });
    await receive(text, clock());
    for (const id of stored) await deliver(id, ports, clock);
    for (const id of await surfaces.due(10)) {
      const surface = await surfaces.claim(id);
      if (!surface?.content) continue;
      const { place, content, nonce } = surface;
      await slack.messenger.send({ place, content, nonce, remote: null, thread: null }).catch(() => {});
      await surfaces.gaveUp(surface, 'sent');
    }
  }
  const audited = async () =>
    (
      await database.pool.query(
        `select action, subject, outcome, details->>'code' as code from audit order by seq`,
      )
    ).rows;
  return { fake, slack, installations, intents, work, audited, lines };
}

const said = (fake: FakeSlack, user: string) =>
  fake.ephemerals({ channel, user }).map(({ text, blocks }) => `${text} ${JSON.stringify(blocks)}`);
const train = { user: developer, channel, command: '/train', text: 'digits' };

test('slack: a member is heard', async t => {
  const { fake, intents, work, audited } = await setUp(t);
  await fake.slash(train);
  await work();
  assert.deepEqual(
    intents.map(({ actor, wish }) => [actor.id, wish]),
    [[`${team}/${developer}`, { kind: 'words', words: 'train digits' }]],
  );
  assert.deepEqual(await audited(), []);
});

const strangers: [
  name: string,
  alter: (fields: Record<string, unknown>) => Record<string, unknown>,
  told: boolean,
][] = [
  ['of another workspace', fields => ({ ...fields, team_id: 'T000000009' }), true],
  ['of no workspace', ({ team_id: _, ...fields }) => ({ ...fields, team_id: 'T' }), true],
  [
    'of another organisation',
    fields => ({
      ...fields,
      team_id: 'T000000009',
      enterprise_id: 'E000000009',
      is_enterprise_install: 'true',
    }),
    true,
  ],
  [
    'of another workspace, without an address for answers',
    ({ response_url: _, ...fields }) => ({ ...fields, team_id: 'T000000009' }),
    false,
  ],
  [
    'of another workspace, with an address that is not Slack’s',
    fields => ({ ...fields, team_id: 'T000000009', response_url: 'http://127.0.0.1:9/commands/x' }),
    false,
  ],
];
for (const [name, alter, told] of strangers)
  test(`slack: a command ${name} does nothing, and ${told ? 'its sender alone hears why' : 'nobody hears of it'}`, async t => {
    const { fake, intents, work, audited, lines } = await setUp(t);
    await fake.slash({ ...train, alter });
    const before = fake.calls.length;
    await work();
    assert.deepEqual(intents, []);
    assert.deepEqual(
      (await audited()).map(({ action, outcome, code }) => [action, outcome, code]),
      [['delivery.refused', 'refused', 'WORKSPACE_UNKNOWN']],
    );
    assert.ok(lines.some(([level, , message]) => level === 'warn' && message === 'delivery refused'));
    const heard = said(fake, developer);
    assert.equal(heard.length, told ? 1 : 0);
    if (told) assert.match(heard[0] ?? '', /does not serve this Slack workspace/);
    assert.deepEqual(fake.messages({ channel }), []);
    // Nothing but the question which workspace the bot is in.
    assert.deepEqual(
      fake.calls.slice(before).map(({ method }) => method),
      ['auth.test'],
    );
  });

async function postButton(slack: Awaited<ReturnType<typeof setUp>>['slack']) {
  const action = { action: 'cancel', run: 42, label: 'Cancel' } as const;
  const content = reply('Run #42', [{ kind: 'actions', actions: [action] }], { audience: 'place' });
  const place = { kind: 'slack', team, channel, user: developer } as const;
  const { remote } = await slack.messenger.send({ place, content, nonce: 'n', remote: null, thread: null });
  if (!remote) throw new Error('the message is nowhere');
  return { in: { channel, ts: remote.ts }, actionId: 'cancel:42' };
}

test('slack: a member who presses a button is heard', async t => {
  const { fake, slack, intents, work } = await setUp(t);
  await fake.click({ ...(await postButton(slack)), user: developer });
  await work();
  assert.deepEqual(
    intents.map(({ actor }) => actor.id),
    [`${team}/${developer}`],
  );
});

test('slack: a guest of Slack Connect who presses a button does nothing, and hears why alone', async t => {
  const { fake, slack, intents, work, audited } = await setUp(t);
  await fake.click({ ...(await postButton(slack)), user: stranger });
  await work();
  assert.deepEqual(intents, []);
  assert.deepEqual(
    (await audited()).map(({ action, code }) => [action, code]),
    [['delivery.refused', 'SENDER_FOREIGN']],
  );
  assert.match(said(fake, stranger)[0] ?? '', /as a guest from another one, over Slack Connect/);
  assert.deepEqual(said(fake, developer), []);
  assert.equal(fake.messages({ channel }).length, 1);
});

const bot = { enterprise: null, name: 'example', botUser: 'U00000BOT1', scopes: [], installedBy: developer };

test('slack: each workspace that installed it is spoken to with its own token, and others are not heard', async t => {
  const { fake, slack, installations, intents, work, audited } = await setUp(t, install);
  await fake.slash(train);
  await work();
  assert.deepEqual([intents.length, (await audited()).length], [0, 1]);
  await installations.save({ ...bot, team, botToken: token }, installedAt);
  const org = { ...bot, team: null, enterprise: 'E000000001', botToken: 'xoxb-org' };
  await installations.save(org, installedAt);
  const inOrg = { team: 'T000000003', user: 'U000000031', channel: 'C000000031' };
  await fake.slash({ ...train, text: 'second' });
  await work();
  await fake.slash({ ...inOrg, command: '/train' });
  await work();
  const places = intents.map(({ place }) => (place.kind === 'slack' ? [place.team, place.enterprise] : null));
  assert.deepEqual(places, [
    [team, undefined],
    ['T000000003', 'E000000001'],
  ]);
  for (const { place } of intents)
    await slack.messenger.send({
      place,
      content: reply('To all.', [], { audience: 'place' }),
      nonce: 'n',
      remote: null,
      thread: null,
    });
  const posts = fake.calls.filter(({ method }) => method === 'chat.postMessage');
  assert.deepEqual(
    posts.map(post => [post.team, post.error]),
    [
      [team, null],
      ['T000000003', null],
    ],
  );
});

test('slack: a bot whose token was taken back is not tried again, and its workspace not heard', async t => {
  const { fake, slack, installations, intents, work } = await setUp(t, install);
  await installations.save({ ...bot, team, botToken: token }, installedAt);
  fake.setToken(token, 'token_revoked');
  const place = { kind: 'slack', team, channel, user: developer } as const;
  const message = {
    place,
    content: reply('To all.', [], { audience: 'place' }),
    nonce: 'n',
    remote: null,
    thread: null,
  };
  await assert.rejects(slack.messenger.send(message), /token_revoked/);
  const before = fake.calls.length;
  await assert.rejects(slack.messenger.send(message), /removed the app/);
  await fake.slash(train);
  await work();
  assert.equal(fake.calls.length, before);
  assert.deepEqual(intents, []);
  assert.equal(await installations.find(team, null), null);
});

const eventAt = 1_767_225_600;
const leaving = (event: object, more: object = {}) =>
  JSON.stringify({
    ...{ type: 'event_callback', event_id: 'Ev1', team_id: team, event_time: eventAt },
    event,
    ...more,
  });
const uninstalled = leaving({ type: 'app_uninstalled' });
const partings: [name: string, body: string, installedS: number, stays: boolean][] = [
  ['the app was removed', uninstalled, eventAt - 60, false],
  ['it was removed, and has been installed again since', uninstalled, eventAt + 1, true],
  [
    'another workspace removed it',
    leaving({ type: 'app_uninstalled' }, { team_id: 'T000000009' }),
    eventAt - 60,
    true,
  ],
  [
    'the bot’s token was taken back',
    leaving({ type: 'tokens_revoked', tokens: { bot: [bot.botUser] } }),
    eventAt - 60,
    false,
  ],
  [
    'a person’s token was taken back',
    leaving({ type: 'tokens_revoked', tokens: { oauth: [developer] } }),
    eventAt - 60,
    true,
  ],
  [
    'somebody wrote that it was removed',
    leaving({ type: 'message', text: 'app_uninstalled' }),
    eventAt - 60,
    true,
  ],
];
for (const [name, body, installedS, stays] of partings)
  test(`slack: ${name}: the installation ${stays ? 'stays' : 'is revoked'}`, async t => {
    const { installations, slack, work } = await setUp(t, install);
    await installations.save({ ...bot, team, botToken: token }, new Date(installedS * 1000));
    assert.equal(await slack.tokens.tokenFor(team, null), token);
    await work(body);
    assert.equal(await slack.tokens.tokenFor(team, null), stays ? token : null);
  });

test('slack: while Slack cannot say which workspace the bot is in, a command waits and is not refused', async t => {
  const { fake, intents, work, audited, lines } = await setUp(t);
  fake.faults.next('auth.test', 'cut');
  await fake.slash(train);
  await work();
  assert.deepEqual([intents, await audited(), said(fake, developer)], [[], [], []]);
  assert.ok(lines.some(([level, , message]) => level === 'error' && message === 'delivery failed'));
});
