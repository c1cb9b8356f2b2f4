import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readSlackBody } from '../../../src/adapters/slack/body.ts';
import { verifySlack } from '../../../src/adapters/slack/signature.ts';
import { handClock } from './clock.ts';
import {
  ask,
  channel,
  developer,
  elsewhere,
  type FakeSlack,
  leaver,
  openApp,
  openFake,
  operator,
  stranger,
  team,
  words,
} from './fixture.ts';

let clock: ReturnType<typeof handClock>;
let fake: FakeSlack;
let app: Awaited<ReturnType<typeof openApp>>;
beforeEach(async () => {
  clock = handClock(Date.now());
  fake = await openFake(
    { events: ['app_home_opened', 'member_joined_channel', 'user_change', 'app_uninstalled'] },
    clock,
  );
  app = await openApp();
  fake.sendTo(app.url);
});
afterEach(async () => {
  await app.close();
  await fake.close();
});

const slash = (more: object = {}) =>
  fake.slash({ user: developer, channel, command: '/train', text: 'digits', ...more });
const verified = () => app.requests.map(request => verifySlack('signing-secret', request).ok);

describe('commands', () => {
  test('they are signed, have ids of their own, and are told apart', async () => {
    const [first, second] = [await slash(), await slash()];
    assert.deepEqual(verified(), [true, true]);
    assert.notEqual(first.triggerId, second.triggerId);
    const fields = new URLSearchParams(app.requests[0]?.text);
    assert.deepEqual(
      ['team_id', 'channel_id', 'channel_name', 'user_id', 'command', 'text', 'response_url'].map(name =>
        fields.get(name),
      ),
      [team, channel, 'general', developer, '/train', 'digits', first.responseUrl],
    );
    assert.equal(fields.has('enterprise_id'), false);
    const bodies = app.requests.map(({ text }) => readSlackBody(text));
    assert.deepEqual(
      bodies.map(({ type }) => type),
      ['delivery', 'delivery'],
    );
  });

  test('a replay is the same to the byte', async () => {
    const { delivery } = await slash();
    await fake.replay(delivery);
    assert.equal(app.requests[0]?.text, app.requests[1]?.text);
    assert.equal(
      app.requests[0]?.headers['x-slack-signature'],
      app.requests[1]?.headers['x-slack-signature'],
    );
  });

  const places: [name: string, where: () => object, field: string, value: string][] = [
    ['a channel without the bot', () => ({ channel: elsewhere }), 'channel_name', 'elsewhere'],
    ['a private channel', () => ({ channel: 'C000000003' }), 'channel_name', 'privategroup'],
    [
      'a direct message',
      () => ({ channel: fake.direct({ user: developer }).id }),
      'channel_name',
      'directmessage',
    ],
    ['a stranger', () => ({ user: stranger }), 'user_id', stranger],
    [
      'a grid',
      () => ({ team: 'T000000002', user: 'U000000021', channel: 'C000000021' }),
      'enterprise_id',
      'E000000001',
    ],
    [
      'a grid',
      () => ({ team: 'T000000002', user: 'U000000021', channel: 'C000000021' }),
      'is_enterprise_install',
      'true',
    ],
    [
      'an altered field',
      () => ({ alter: (fields: object) => ({ ...fields, user_id: operator }) }),
      'user_id',
      operator,
    ],
  ];
  for (const [name, where, field, value] of places)
    test(`from ${name}: ${field} is ${value}`, async () => {
      await slash(where());
      assert.equal(new URLSearchParams(app.requests[0]?.text).get(field), value);
    });

  const impossible: [name: string, more: object][] = [
    ['somebody who has left', { user: leaver }],
    ['an archived channel', { channel: 'C000000004' }],
    ['somebody who is not in a private channel', { channel: 'C000000003', user: stranger }],
    ['nobody', { user: 'U999999999' }],
  ];
  for (const [name, more] of impossible) test(`not from ${name}`, () => assert.rejects(slash(more)));

  test('an error or no answer within 3 s is shown to the person', async () => {
    app.answer({ status: 500 });
    assert.equal((await slash()).shown, 'dispatch_failed');
    app.answer('silent');
    const waiting = slash();
    await until(() => app.requests.length === 2);
    clock.advance(3_000);
    assert.equal((await waiting).shown, 'operation_timeout');
    assert.match(fake.ephemerals({ channel, user: developer }).at(-1)?.text ?? '', /operation_timeout/);
  });
});

describe('clicks', () => {
  const button = { type: 'button', action_id: 'cancel', text: words('Cancel'), value: 'opaque' };
  const options = ['a', 'b'].map(value => ({ text: words(value), value }));
  const blocks = [
    { type: 'actions', block_id: 'b', elements: [button, { type: 'overflow', action_id: 'more', options }] },
  ];
  const post = async () => String((await ask(fake, 'chat.postMessage', { channel, text: 'Run', blocks })).ts);

  test('a button says where, by whom and what', async () => {
    const ts = await post();
    const { responseUrl, triggerId } = await fake.click({
      user: operator,
      in: { channel, ts },
      actionId: 'cancel',
    });
    const { user, container, actions, response_url, trigger_id, type } = app.payload();
    assert.deepEqual([type, response_url, trigger_id], ['block_actions', responseUrl, triggerId]);
    assert.deepEqual(user, { id: operator, username: 'operator', name: 'operator', team_id: team });
    assert.deepEqual(container, {
      type: 'message',
      message_ts: ts,
      channel_id: channel,
      is_ephemeral: false,
    });
    const [action] = actions as Record<string, unknown>[];
    assert.deepEqual([action?.action_id, action?.block_id, action?.value], ['cancel', 'b', 'opaque']);
    assert.deepEqual(verified(), [true]);
  });

  test('a stranger’s click names their own workspace, and a menu says what was chosen', async () => {
    await fake.click({ user: stranger, in: { channel, ts: await post() }, actionId: 'more', choice: 'b' });
    const { user, actions } = app.payload() as {
      user: { team_id: string };
      actions: { selected_option: unknown }[];
    };
    assert.deepEqual([user.team_id, actions[0]?.selected_option], ['T000000009', options[1]]);
  });

  test('a payload can be altered before it is signed', async () => {
    const alter = (payload: object) => ({ ...payload, actions: [{ ...button, value: 'other' }] });
    await fake.click({ user: operator, in: { channel, ts: await post() }, actionId: 'cancel', alter });
    assert.equal((app.payload().actions as { value: string }[])[0]?.value, 'other');
    assert.deepEqual(verified(), [true]);
  });

  test('nobody clicks what they do not see or what is not there', async () => {
    const ts = await post();
    const { message_ts } = await ask(fake, 'chat.postEphemeral', {
      channel,
      user: developer,
      text: 'a',
      blocks,
    });
    const secret = { channel, ts: String(message_ts) };
    await assert.rejects(
      fake.click({ user: operator, in: { channel, ts }, actionId: 'retry' }),
      /answers to retry/,
    );
    await assert.rejects(fake.click({ user: operator, in: secret, actionId: 'cancel' }), /sees no message/);
    await fake.click({ user: developer, in: secret, actionId: 'cancel' });
    assert.equal(app.payload().message, undefined);
  });

  test('shortcuts come with a trigger, that of a message with the message', async () => {
    await fake.shortcut({ user: developer, callbackId: 'train' });
    assert.deepEqual([app.payload().type, app.payload().callback_id], ['shortcut', 'train']);
    const { ts } = fake.say({ user: operator, channel: elsewhere, text: 'see abc123' });
    await fake.messageShortcut({ user: developer, channel: elsewhere, ts, callbackId: 'train-from' });
    const { type, message } = app.payload() as { type: string; message: { text: string } };
    assert.deepEqual([type, message.text], ['message_action', 'see abc123']);
  });
});

describe('events', () => {
  test('one that is taken is told once, signed', async () => {
    const event = fake.openHome({ user: developer });
    await event.done;
    assert.deepEqual([event.state, app.requests.length, verified()], ['taken', 1, [true]]);
    const body = JSON.parse(app.requests[0]?.text ?? '');
    assert.deepEqual(
      [body.type, body.team_id, body.event.type, body.event.tab],
      ['event_callback', team, 'app_home_opened', 'home'],
    );
  });

  test('one that is refused is told again at once, after a minute and after five more, with the same id', async () => {
    app.answer({ status: 503 });
    const event = fake.join({ user: operator, channel: elsewhere });
    await until(() => event.attempts.length === 2);
    clock.advance(59_999);
    assert.equal(app.requests.length, 2);
    clock.advance(1);
    await until(() => event.attempts.length === 3);
    clock.advance(300_000);
    await event.done;
    assert.equal(event.state, 'given-up');
    assert.deepEqual(
      app.requests.map(({ headers }) => [headers['x-slack-retry-num'], headers['x-slack-retry-reason']]),
      [
        [undefined, undefined],
        ['1', 'http_error'],
        ['2', 'http_error'],
        ['3', 'http_error'],
      ],
    );
    assert.equal(new Set(app.requests.map(({ text }) => text)).size, 1);
  });

  test('no answer within 3 s is as good as none', async () => {
    app.answer('silent');
    const event = fake.openHome({ user: developer });
    await until(() => app.requests.length === 1);
    app.answer({});
    clock.advance(3_000);
    await event.done;
    assert.deepEqual(
      [event.state, event.attempts.map(({ problem }) => problem)],
      ['taken', ['http_timeout', null]],
    );
  });

  test('an app that asks for it is not told again', async () => {
    app.answer({ status: 500, headers: { 'x-slack-no-retry': '1' } });
    const event = fake.openHome({ user: developer });
    await event.done;
    assert.deepEqual([event.state, app.requests.length], ['given-up', 1]);
  });

  test('somebody leaves: the app hears it, and they are in no channel and can do nothing', async () => {
    await fake.deactivate({ user: operator }).done;
    assert.equal(JSON.parse(app.requests[0]?.text ?? '').event.user.deleted, true);
    const { members } = await ask(fake, 'conversations.members', { channel });
    assert.ok(!(members as string[]).includes(operator));
    await assert.rejects(slash({ user: operator }), /has left/);
  });

  test('the app is removed: its tokens are of no use', async () => {
    await fake.uninstall().done;
    assert.equal((await ask(fake, 'auth.test')).error, 'account_inactive');
    assert.equal((await ask(fake, 'auth.test', {}, 'xoxb-org')).ok, true);
  });
});

/** Waits for what the app or the fake is about to do. */
async function until(done: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!done()) {
    assert.ok(Date.now() < end, 'nothing came of it');
    await new Promise(resolve => setImmediate(resolve));
  }
}
