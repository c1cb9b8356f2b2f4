import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handClock } from './clock.ts';
import {
  ask,
  channel,
  developer,
  elsewhere,
  type FakeSlack,
  leaver,
  openFake,
  operator,
  section,
  stranger,
  team,
  token,
} from './fixture.ts';

let fake: FakeSlack;
before(async () => {
  fake = await openFake();
});
after(() => fake.close());

const archived = 'C000000004';
const secret = 'C000000003';
const x = (length: number) => 'x'.repeat(length);

type Row = [name: string, method: string, args: object, error: string | null, by?: string];
const rows: Row[] = [
  ['a post', 'chat.postMessage', { channel, text: 'a' }, null],
  ['no token', 'auth.test', {}, 'not_authed', ''],
  ['unknown token', 'auth.test', {}, 'invalid_auth', 'xoxb-other'],
  ['unknown method', 'chat.shout', {}, 'unknown_method'],
  ['token of the app', 'auth.test', {}, 'not_allowed_token_type', 'xapp-1'],
  ['token of a bot for a socket', 'apps.connections.open', {}, 'not_allowed_token_type'],
  ['scope that is missing', 'users.info', { user: developer }, 'missing_scope', 'xoxb-narrow'],
  ['scope of a public channel', 'conversations.info', { channel }, 'missing_scope', 'xoxb-narrow'],
  ['app token without its scope', 'apps.connections.open', {}, 'missing_scope', 'xapp-narrow'],
  ['no channel', 'chat.postMessage', { text: 'a' }, 'invalid_arguments'],
  ['unknown channel', 'chat.postMessage', { channel: 'C999999999', text: 'a' }, 'channel_not_found'],
  ['private channel of others', 'chat.postMessage', { channel: secret, text: 'a' }, 'channel_not_found'],
  ['public channel of others', 'chat.postMessage', { channel: elsewhere, text: 'a' }, null],
  [
    'the same without chat:write.public',
    'chat.postMessage',
    { channel: elsewhere, text: 'a' },
    'not_in_channel',
    'xoxb-narrow',
  ],
  ['channel by name', 'chat.postMessage', { channel: '#general', text: 'a' }, null],
  ['archived channel', 'chat.postMessage', { channel: archived, text: 'a' }, 'is_archived'],
  [
    'channel of another workspace',
    'chat.postMessage',
    { channel: 'C000000021', text: 'a' },
    'channel_not_found',
  ],
  ['person', 'chat.postMessage', { channel: developer, text: 'a' }, null],
  ['person who has left', 'chat.postMessage', { channel: leaver, text: 'a' }, 'is_archived'],
  ['nothing to say', 'chat.postMessage', { channel, text: '' }, 'no_text'],
  ['blocks alone', 'chat.postMessage', { channel, blocks: [section('a')] }, null],
  ['no blocks and no text', 'chat.postMessage', { channel, blocks: [] }, 'no_text'],
  ['blocks that are no JSON', 'chat.postMessage', { channel, blocks: '[{' }, 'invalid_blocks_format'],
  ['blocks that are not good', 'chat.postMessage', { channel, blocks: [section('')] }, 'invalid_blocks'],
  ['long text', 'chat.postMessage', { channel, text: x(40_000) }, null],
  ['longer text', 'chat.postMessage', { channel, text: x(40_001) }, 'msg_too_long'],
  [
    'metadata without payload',
    'chat.postMessage',
    { channel, text: 'a', metadata: { event_type: 'a' } },
    'invalid_metadata_format',
  ],
  [
    'thread that there is not',
    'chat.postMessage',
    { channel, text: 'a', thread_ts: '1.000001' },
    'thread_not_found',
  ],
  ['ephemeral', 'chat.postEphemeral', { channel, user: operator, text: 'a' }, null],
  [
    'ephemeral for somebody elsewhere',
    'chat.postEphemeral',
    { channel, user: 'U999999999', text: 'a' },
    'user_not_in_channel',
  ],
  [
    'ephemeral where the bot is not',
    'chat.postEphemeral',
    { channel: elsewhere, user: developer, text: 'a' },
    'not_in_channel',
  ],
  ['edit of nothing', 'chat.update', { channel, ts: '1.000001', text: 'a' }, 'message_not_found'],
  ['deletion of nothing', 'chat.delete', { channel, ts: '1.000001' }, 'message_not_found'],
  ['history', 'conversations.history', { channel }, null],
  ['history of others', 'conversations.history', { channel: elsewhere }, 'not_in_channel'],
  ['history from a wrong cursor', 'conversations.history', { channel, cursor: 'x' }, 'invalid_cursor'],
  ['history since nonsense', 'conversations.history', { channel, oldest: 'x' }, 'invalid_ts_oldest'],
  ['replies to nothing', 'conversations.replies', { channel, ts: '1.000001' }, 'thread_not_found'],
  ['list of all', 'conversations.list', { types: 'public_channel,private_channel' }, null],
  ['list of a wrong kind', 'conversations.list', { types: 'secret_channel' }, 'invalid_types'],
  ['join', 'conversations.join', { channel }, null],
  ['join an archived channel', 'conversations.join', { channel: archived }, 'is_archived'],
  ['join a secret channel', 'conversations.join', { channel: secret }, 'channel_not_found'],
  ['talk with two', 'conversations.open', { users: `${developer},${operator}` }, null],
  ['talk with nobody', 'conversations.open', {}, 'users_list_not_supplied'],
  ['talk with somebody who has left', 'conversations.open', { users: leaver }, 'user_disabled'],
  ['person by id', 'users.info', { user: developer }, null],
  ['unknown person', 'users.info', { user: 'U999999999' }, 'user_not_found'],
  ['person by mail', 'users.lookupByEmail', { email: 'U000000001@Example.com' }, null],
  ['stranger by mail', 'users.lookupByEmail', { email: 'u000000009@example.com' }, 'users_not_found'],
  ['people of a group', 'usergroups.users.list', { usergroup: 'S000000001' }, null],
  ['people of no group', 'usergroups.users.list', { usergroup: 'S000000009' }, 'no_such_subteam'],
  ['team', 'team.info', {}, null],
  ['bot', 'bots.info', { bot: 'B000000001' }, null],
  [
    'Home of nobody',
    'views.publish',
    { user_id: 'U999999999', view: { type: 'home', blocks: [] } },
    'invalid_arguments',
  ],
  ['permalink of nothing', 'chat.getPermalink', { channel, message_ts: '1.000001' }, 'message_not_found'],
  [
    'reaction to nothing',
    'reactions.add',
    { channel, timestamp: '1.000001', name: 'eyes' },
    'message_not_found',
  ],
  [
    'organisation without the workspace',
    'chat.postMessage',
    { channel: 'C000000021', team_id: team, text: 'a' },
    'team_access_not_granted',
    'xoxb-org',
  ],
  [
    'organisation, first workspace',
    'chat.postMessage',
    { channel: 'C000000021', text: 'a' },
    null,
    'xoxb-org',
  ],
  [
    'organisation, second workspace',
    'chat.postMessage',
    { channel: 'C000000031', team_id: 'T000000003', text: 'a' },
    null,
    'xoxb-org',
  ],
];

describe('Web API: who may do what', () => {
  for (const [name, method, args, error, by = token] of rows)
    test(`${name} -> ${error ?? 'ok'}`, async () => {
      const said = await ask(fake, method, args, by);
      assert.equal(said.ok ? null : said.error, error);
    });

  test('a missing scope is named, with those that are there', async () => {
    const { needed, provided } = await ask(fake, 'users.info', { user: developer }, 'xoxb-narrow');
    assert.deepEqual([needed, provided], ['users:read', 'chat:write']);
  });

  test('a token that is revoked, expired or of a removed app says so, and works again', async () => {
    for (const state of ['token_revoked', 'account_inactive', 'token_expired'] as const) {
      fake.setToken(token, state);
      assert.equal((await ask(fake, 'auth.test')).error, state);
    }
    fake.setToken(token, 'live');
    assert.equal((await ask(fake, 'auth.test')).team_id, team);
  });

  test('a form says the same as JSON, and blocks in it are JSON text', async () => {
    const form = new URLSearchParams({ channel, text: 'form', blocks: JSON.stringify([section('a')]) });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${fake.apiUrl}chat.postMessage`, { method: 'POST', headers, body: form });
    assert.match(answer.headers.get('x-oauth-scopes') ?? '', /chat:write/);
    assert.equal(((await answer.json()) as { ok: boolean }).ok, true);
    assert.equal(fake.messages({ channel }).at(-1)?.blocks?.length, 1);
  });

  test('somebody from another workspace is a stranger, with that workspace as theirs', async () => {
    const { user } = (await ask(fake, 'users.info', { user: stranger })) as never as {
      user: { is_stranger: boolean; team_id: string; profile: object };
    };
    assert.deepEqual([user.is_stranger, user.team_id], [true, 'T000000009']);
    assert.ok(!('email' in user.profile));
  });

  test('lists come in pages', async () => {
    const first = await ask(fake, 'users.list', { limit: 3 });
    const { next_cursor: cursor } = first.response_metadata as { next_cursor: string };
    const second = await ask(fake, 'users.list', { limit: 3, cursor });
    assert.deepEqual(
      [first, second].map(({ members }) => (members as unknown[]).length),
      [3, 2],
    );
  });
});

describe('OAuth', () => {
  const link = (more = {}) =>
    `https://slack.com/oauth/v2/authorize?${new URLSearchParams({ client_id: '1.1', scope: 'chat:write,users:read', state: 's', redirect_uri: 'https://app.example.com/done', ...more })}`;
  const give = (given: FakeSlack, code: string, secret = 'client-secret') =>
    ask(given, 'oauth.v2.access', { client_id: '1.1', client_secret: secret, code }, '');

  test('a code becomes a token once, within ten minutes, for who knows the secret', async t => {
    const clock = handClock();
    const other = await openFake({ redirectUris: ['https://app.example.com/done'] }, clock);
    t.after(() => other.close());
    const agree = () => new URL(other.approve(link(), team, developer));
    const back = agree();
    assert.equal(back.searchParams.get('state'), 's');
    const code = back.searchParams.get('code') ?? '';
    assert.equal((await give(other, code, 'wrong')).error, 'bad_client_secret');
    const given = await give(other, code);
    assert.deepEqual([given.scope, given.team], ['chat:write,users:read', { id: team, name: 'example' }]);
    assert.equal(
      (await ask(other, 'chat.postMessage', { channel, text: 'a' }, String(given.access_token))).ok,
      true,
    );
    assert.equal((await give(other, code)).error, 'code_already_used');
    assert.equal((await give(other, 'x')).error, 'invalid_code');
    const late = agree().searchParams.get('code') ?? '';
    clock.advance(600_001);
    assert.equal((await give(other, late)).error, 'code_expired');
    assert.throws(
      () => other.approve(link({ redirect_uri: 'https://evil.example.com' }), team, developer),
      /bad_redirect_uri/,
    );
  });

  test('an installation on a whole enterprise names no workspace', async () => {
    const code = new URL(fake.approve(link(), 'T000000002', 'U000000021')).searchParams.get('code') ?? '';
    const given = await give(fake, code);
    assert.deepEqual([given.team, given.is_enterprise_install], [null, true]);
    assert.deepEqual(given.enterprise, { id: 'E000000001', name: 'grid' });
  });
});
