import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { slackMessenger } from '../../../src/adapters/slack/messenger.ts';
import type { Place } from '../../../src/core/actor.ts';
import type { OutgoingMessage } from '../../../src/core/ports.ts';
import { type ReplyBlock, reply } from '../../../src/core/reply.ts';
import { recordingLog } from '../../adapters/slack/support.ts';
import { openWorkspace } from '../../adapters/slack/workspace.ts';
import {
  ask,
  channel,
  developer,
  elsewhere,
  type FakeSlack,
  openApp,
  openFake,
  team,
  token,
} from './fixture.ts';

/** A workspace with this bot, channel and person, whichever it is. */
interface Backend {
  apiUrl: string;
  origin: string;
  ask(method: string, args: Record<string, string>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

async function emulated(): Promise<Backend> {
  const { url, ask, close } = await openWorkspace();
  return { apiUrl: `${url}/api`, origin: url, ask, close };
}

async function faked(): Promise<Backend> {
  const fake = await openFake();
  return {
    apiUrl: fake.apiUrl,
    origin: fake.url,
    ask: (method, args) => ask(fake, method, args),
    close: fake.close,
  };
}

const place: Place = { kind: 'slack', team, channel, user: developer };
const confirm = { title: 'Cancel?', text: 'It ends at once.', yes: 'Cancel it', no: 'Keep it' };
const parts: ReplyBlock[] = [
  {
    kind: 'text',
    text: ['By ', { person: `slack:${team}/${developer}`, name: 'developer' }, ' ', { code: 'train.py' }],
  },
  { kind: 'fields', rows: [{ label: 'Started', value: [{ at: new Date(0) }] }] },
  {
    kind: 'table',
    columns: [{ title: 'GPU' }, { title: 'Use', align: 'right' }],
    rows: [
      ['0', '97 %'],
      ['1', ''],
    ],
  },
  { kind: 'table', columns: [{ title: 'GPU' }], rows: [['0']] },
  { kind: 'list', items: [['one'], [{ link: 'https://example.com/a?b=c', text: 'two' }]] },
  { kind: 'progress', done: 3, total: 9, label: 'epoch 3' },
  { kind: 'code', text: 'x'.repeat(20_000) },
  { kind: 'context', text: ['small'] },
  {
    kind: 'actions',
    actions: [
      { action: 'cancel', run: 1, label: 'Cancel', confirm },
      { action: 'why', run: 1, label: 'Why' },
    ],
  },
];

function message(
  title: string,
  more: Partial<OutgoingMessage> & { audience?: 'sender'; blocks?: ReplyBlock[] } = {},
): OutgoingMessage {
  const { audience = 'place', blocks = [], ...rest } = more;
  return {
    place,
    content: reply(title, blocks, { audience }),
    nonce: 'nonce-1',
    remote: null,
    thread: null,
    ...rest,
  };
}

function messengerOf(apiUrl: string, origin: string) {
  const { log, lines } = recordingLog();
  const tokens = { tokenFor: async () => token, failed: async () => {} };
  const signer = { sign: async (words: string) => `signed ${words}` };
  return { ...slackMessenger({ tokens, apiUrl, responseOrigins: [origin], signer, log }), lines };
}

for (const [name, open] of [
  ['the fake', faked],
  ['emulate', emulated],
] as const)
  describe(`all that the messenger says, to ${name}`, () => {
    let backend: Backend;
    before(async () => {
      backend = await open();
    });
    after(() => backend.close());

    const messenger = () => messengerOf(backend.apiUrl, backend.origin);
    const last = async () => {
      const { messages } = await backend.ask('conversations.history', { channel, limit: '1' });
      return (messages as { ts: string; text: string; blocks: unknown[] }[])[0];
    };

    test('a post with everything in it is taken with its blocks, and edited in place', async () => {
      const { send, find, lines } = messenger();
      const { remote } = await send(message('Run #1 <!here>', { blocks: parts }));
      assert.deepEqual(remote, { channel, ts: (await last())?.ts });
      assert.ok(Number((await last())?.blocks.length) > 3);
      await send(message('Run #1 works', { remote, blocks: parts }));
      assert.deepEqual([(await last())?.ts, (await last())?.text], [remote?.ts, 'ℹ️ Run #1 works']);
      await send(message('Run #1 ended', { remote }));
      assert.equal((await last())?.text, 'ℹ️ Run #1 ended');
      assert.deepEqual(await find(place, 'nonce-1', new Date(0)), remote);
      assert.deepEqual(lines, []);
    });

    test('a message in a thread is found there, and not in the channel', async () => {
      const { send, find } = messenger();
      const { remote: thread } = await send(message('Run #2', { nonce: 'nonce-2' }));
      const { remote } = await send(message('It ended', { thread, nonce: 'nonce-3' }));
      assert.deepEqual(await find(place, 'nonce-3', new Date(0), thread), remote);
      assert.equal(await find(place, 'nonce-3', new Date(0)), null);
      assert.equal(await find(place, 'nonce-4', new Date(0)), null);
    });

    test('a message for one person is in nobody’s history', async () => {
      const { send } = messenger();
      const before = await last();
      assert.deepEqual(await send(message('Only you', { audience: 'sender' })), { remote: null });
      assert.equal((await last())?.ts, before?.ts);
    });
  });

describe('what only the fake has', () => {
  let fake: FakeSlack;
  let app: Awaited<ReturnType<typeof openApp>>;
  before(async () => {
    fake = await openFake();
    app = await openApp();
    fake.sendTo(app.url);
  });
  after(async () => {
    await app.close();
    await fake.close();
  });

  const messenger = () => messengerOf(fake.apiUrl, fake.url);

  test('a command’s own address takes five answers also where the bot is no member, then there is no other way', async () => {
    const { responseUrl } = await fake.slash({ user: developer, channel: elsewhere, command: '/train' });
    const where: Place = { kind: 'slack', team, channel: elsewhere, user: developer, responseUrl };
    const whisper = () => messenger().send(message('Only you', { audience: 'sender', place: where }));
    for (let at = 0; at < 5; at++) await whisper();
    await assert.rejects(whisper(), /not_in_channel/);
    assert.equal(fake.ephemerals({ channel: elsewhere, user: developer }).length, 5);
  });

  test('where the answer to a post is lost, it is found by its nonce and not made again', async () => {
    fake.faults.next('chat.postMessage', 'lost');
    await assert.rejects(messenger().send(message('Run #5', { nonce: 'nonce-5' })));
    const [posted] = fake.messages({ channel }).slice(-1);
    assert.deepEqual(await messenger().find(place, 'nonce-5', new Date(0)), { channel, ts: posted?.ts });
  });

  test('an archived channel takes no message and no edit', async () => {
    const { remote } = await messenger().send(message('Run #6'));
    fake.archive({ channel });
    await assert.rejects(messenger().send(message('Run #6', { remote })), /is_inactive/);
    await assert.rejects(messenger().send(message('Run #7')), /is_archived/);
    fake.unarchive({ channel });
  });
});
