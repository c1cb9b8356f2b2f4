import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handClock } from './clock.ts';
import {
  ask,
  channel,
  developer,
  type FakeSlack,
  openApp,
  openFake,
  operator,
  type Said,
  section,
} from './fixture.ts';

const clock = handClock();
let fake: FakeSlack;
before(async () => {
  fake = await openFake({ fileProcessingMs: 500 }, clock);
});
after(() => fake.close());

type Shown = { ts: string; text: string; blocks?: unknown[]; metadata?: object; reply_count?: number };
const post = async (more: object = {}) =>
  String((await ask(fake, 'chat.postMessage', { channel, text: 'a', ...more })).ts);
const shown = async (method: string, more: object = {}) => {
  const said = await ask(fake, method, { channel, ...more });
  return said.messages as Shown[];
};
const newest = async (more: object = {}) => (await shown('conversations.history', { limit: 1, ...more }))[0];
const metadata = { event_type: 'kept', event_payload: { nonce: '1' } };

describe('messages', () => {
  test('timestamps in a channel are unique and in order, also within one moment', async () => {
    const all = [await post(), await post(), await post()];
    assert.equal(new Set(all).size, 3);
    assert.deepEqual([...all].sort(), all);
  });

  test('metadata is kept and given back only where it is asked for', async () => {
    await post({ metadata });
    assert.deepEqual((await newest({ include_all_metadata: true }))?.metadata, metadata);
    assert.deepEqual((await newest())?.metadata, { event_type: 'kept' });
  });

  const edits: [name: string, edit: object, text: string, blocks: boolean, metadata: boolean][] = [
    ['text alone takes the blocks away', { text: 'b' }, 'b', false, true],
    ['blocks alone leave the text', { blocks: [section('c')] }, 'a', true, true],
    ['text and blocks', { text: 'b', blocks: [section('c')] }, 'b', true, true],
    ['empty blocks', { text: 'b', blocks: [] }, 'b', false, true],
    ['empty metadata takes it away', { text: 'b', metadata: {} }, 'b', false, false],
  ];
  for (const [name, edit, text, blocks, kept] of edits)
    test(`edit: ${name}`, async () => {
      const ts = await post({ blocks: [section('a')], metadata });
      assert.equal((await ask(fake, 'chat.update', { channel, ts, ...edit })).ok, true);
      const now = await newest({ include_all_metadata: true });
      assert.deepEqual(
        [now?.text, now?.blocks !== undefined, now?.metadata !== undefined],
        [text, blocks, kept],
      );
    });

  const refused: [name: string, edit: object, error: string | null][] = [
    ['4,000 characters', { text: 'x'.repeat(4000) }, null],
    ['4,001 characters', { text: 'x'.repeat(4001) }, 'msg_too_long'],
    ['nothing', {}, 'no_text'],
    ['empty text', { text: '' }, 'no_text'],
  ];
  for (const [name, edit, error] of refused)
    test(`edit: ${name} -> ${error ?? 'ok'}`, async () => {
      const said = await ask(fake, 'chat.update', { channel, ts: await post(), ...edit });
      assert.equal(said.ok ? null : said.error, error);
    });

  test('what a person wrote, and what one person sees, the bot neither edits nor deletes', async () => {
    const { ts } = fake.say({ user: developer, channel, text: 'mine' });
    const { message_ts: secret } = await ask(fake, 'chat.postEphemeral', {
      channel,
      user: operator,
      text: 's',
    });
    for (const one of [ts, secret]) {
      assert.equal(
        (await ask(fake, 'chat.update', { channel, ts: one, text: 'b' })).error,
        'cant_update_message',
      );
      assert.equal((await ask(fake, 'chat.delete', { channel, ts: one })).error, 'cant_delete_message');
    }
  });

  test('in an archived channel nothing is edited any more', async () => {
    const ts = await post();
    fake.archive({ channel });
    assert.equal((await ask(fake, 'chat.update', { channel, ts, text: 'b' })).error, 'is_inactive');
    assert.equal((await ask(fake, 'chat.postMessage', { channel, text: 'b' })).error, 'is_archived');
    fake.unarchive({ channel });
    assert.equal((await ask(fake, 'chat.update', { channel, ts, text: 'b' })).ok, true);
  });

  test('a thread counts its replies, keeps them out of the history, and leaves a stone where it began', async () => {
    const ts = await post({ text: 'first' });
    const reply = await post({ thread_ts: ts, text: 'second' });
    await post({ thread_ts: reply, text: 'third' });
    const thread = await shown('conversations.replies', { ts: reply });
    assert.deepEqual(
      thread.map(({ text }) => text),
      ['first', 'second', 'third'],
    );
    assert.deepEqual([(await newest())?.text, (await newest())?.reply_count], ['first', 2]);
    await post({ thread_ts: ts, text: 'to all', reply_broadcast: true });
    assert.equal((await newest())?.text, 'to all');
    await ask(fake, 'chat.delete', { channel, ts });
    assert.equal(fake.messages({ channel }).find(message => message.ts === ts)?.subtype, 'tombstone');
  });

  test('what one person alone sees is in nobody’s history, and the test sees it for that person', async () => {
    await ask(fake, 'chat.postEphemeral', { channel, user: operator, text: 'only you' });
    assert.notEqual((await newest())?.text, 'only you');
    assert.equal(fake.ephemerals({ channel, user: operator }).at(-1)?.text, 'only you');
    assert.ok(!fake.ephemerals({ channel, user: developer }).some(({ text }) => text === 'only you'));
  });

  test('the history is bounded at both ends, outside or including', async () => {
    const [a, b, c] = [await post(), await post(), await post()];
    const between = (more: object) => shown('conversations.history', { oldest: a, latest: c, ...more });
    assert.deepEqual(
      (await between({})).map(({ ts }) => ts),
      [b],
    );
    assert.deepEqual(
      (await between({ inclusive: true })).map(({ ts }) => ts),
      [c, b, a],
    );
  });

  test('a reaction is there once', async () => {
    const args = { channel, timestamp: await post(), name: 'eyes' };
    assert.equal((await ask(fake, 'reactions.add', args)).ok, true);
    assert.equal((await ask(fake, 'reactions.add', args)).error, 'already_reacted');
    assert.equal((await ask(fake, 'reactions.add', { ...args, name: 'not one' })).error, 'invalid_name');
  });

  test('a file is shared some time after its upload is complete', async () => {
    const given = await ask(fake, 'files.getUploadURLExternal', { filename: 'log.txt', length: 3 });
    const complete = (): Promise<Said> =>
      ask(fake, 'files.completeUploadExternal', {
        files: [{ id: given.file_id, title: 'Log' }],
        channel_id: channel,
      });
    assert.equal((await complete()).error, 'file_not_found');
    const send = (body: string) => fetch(String(given.upload_url), { method: 'POST', body });
    assert.deepEqual(
      [(await send('four')).status, (await send('log')).status, (await send('log')).status],
      [400, 200, 404],
    );
    assert.equal((await complete()).ok, true);
    assert.equal(fake.files()[0]?.state, 'processing');
    assert.equal(fake.messages({ channel }).at(-1)?.files, undefined);
    clock.advance(500);
    assert.deepEqual(fake.messages({ channel }).at(-1)?.files, [{ id: given.file_id, title: 'Log' }]);
    assert.equal((await complete()).error, 'file_not_found');
  });

  test('a mention is told to the app as such, where it has asked for it', async t => {
    const app = await openApp();
    t.after(() => app.close());
    fake.sendTo(app.url);
    fake.world.app.events = ['app_mention'];
    const { event } = fake.say({ user: developer, channel, text: '<@U00000BOT1> hello' });
    await event.done;
    assert.equal(JSON.parse(app.requests[0]?.text ?? '').event.type, 'app_mention');
    assert.equal(fake.say({ user: developer, channel, text: 'hello' }).event.state, 'not-asked-for');
  });
});
