import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handClock } from './clock.ts';
import {
  ask,
  channel,
  developer,
  elsewhere,
  type FakeSlack,
  openApp,
  openFake,
  operator,
  section,
} from './fixture.ts';

const clock = handClock();
let fake: FakeSlack;
let app: Awaited<ReturnType<typeof openApp>>;
before(async () => {
  fake = await openFake({}, clock);
  app = await openApp();
  fake.sendTo(app.url);
});
after(async () => {
  await app.close();
  await fake.close();
});

async function say(url: string, message: object): Promise<[status: number, error: string | null]> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(message) });
  const body = await answer.text();
  return [answer.status, body === 'ok' ? null : JSON.parse(body).error];
}

const address = async (where = channel) =>
  (await fake.slash({ user: developer, channel: where, command: '/train' })).responseUrl;
const mine = (where = channel) =>
  fake.ephemerals({ channel: where, user: developer }).map(({ text }) => text);

describe('response_url', () => {
  test('five answers, and not a sixth', async () => {
    const url = await address();
    for (let at = 0; at < 5; at++) assert.deepEqual(await say(url, { text: `${at}` }), [200, null]);
    assert.deepEqual(await say(url, { text: '5' }), [404, 'used_url']);
    assert.deepEqual(mine().slice(-5), ['0', '1', '2', '3', '4']);
  });

  test('thirty minutes, and not a moment more', async () => {
    const [url, other] = [await address(), await address()];
    clock.advance(30 * 60_000);
    assert.deepEqual(await say(url, { text: 'just' }), [200, null]);
    clock.advance(1);
    assert.deepEqual(await say(other, { text: 'late' }), [404, 'expired_url']);
  });

  const refused: [name: string, message: object, expected: [number, string | null]][] = [
    ['says nothing', {}, [400, 'no_text']],
    ['has bad blocks', { blocks: [section('')] }, [400, 'invalid_blocks']],
    ['has good blocks', { blocks: [section('a')] }, [200, null]],
  ];
  for (const [name, message, expected] of refused)
    test(`an answer that ${name} -> ${expected[0]}`, async () => {
      assert.deepEqual(await say(await address(), message), expected);
    });

  test('an address that somebody made up is none', async () => {
    assert.deepEqual(await say(`${await address()}x`, { text: 'a' }), [404, 'no_service']);
  });

  test('it works where the bot is no member: for one person, or for all', async () => {
    const url = await address(elsewhere);
    await say(url, { text: 'for you' });
    await say(url, { text: 'for all', response_type: 'in_channel' });
    assert.deepEqual(mine(elsewhere), ['for you']);
    assert.equal(fake.messages({ channel: elsewhere }).at(-1)?.text, 'for all');
    assert.deepEqual(fake.ephemerals({ channel: elsewhere, user: operator }), []);
  });

  test('an answer is replaced and taken away', async () => {
    const url = await address(elsewhere);
    const before = mine(elsewhere).length;
    await say(url, { text: 'first' });
    await say(url, { text: 'second', replace_original: true });
    assert.deepEqual(mine(elsewhere).slice(before), ['second']);
    await say(url, { delete_original: true });
    assert.equal(mine(elsewhere).length, before);
  });

  test('from a button the message itself is replaced', async () => {
    const button = { type: 'button', action_id: 'go', text: { type: 'plain_text', text: 'Go' }, value: '1' };
    const blocks = [{ type: 'actions', elements: [button] }];
    const { ts } = await ask(fake, 'chat.postMessage', { channel, text: 'Sure?', blocks });
    const { responseUrl } = await fake.click({
      user: operator,
      in: { channel, ts: String(ts) },
      actionId: 'go',
    });
    await say(responseUrl, { text: 'Done', replace_original: true });
    const message = fake.messages({ channel }).find(one => one.ts === ts);
    assert.deepEqual([message?.text, message?.blocks], ['Done', undefined]);
  });

  test('a fault on the way back leaves the answer shown', async () => {
    const url = await address();
    fake.faults.next('response_url', 'lost');
    await assert.rejects(say(url, { text: 'shown' }));
    assert.equal(mine().at(-1), 'shown');
  });

  const answers: [name: string, body: unknown, shown: string, mine: number, all: number][] = [
    ['nothing', undefined, 'nothing', 0, 0],
    ['text', 'hello', 'answer', 1, 0],
    ['a message for the sender', { text: 'hello' }, 'answer', 1, 0],
    ['a message for all', { text: 'hello', response_type: 'in_channel' }, 'answer', 0, 1],
    ['a message that is not good', { blocks: [section('')] }, 'invalid_answer', 0, 0],
  ];
  for (const [name, body, shown, toMe, toAll] of answers)
    test(`a command answered at once with ${name} -> ${shown}`, async () => {
      app.answer({ body });
      const before = [mine().length, fake.messages({ channel }).length];
      const result = await fake.slash({ user: developer, channel, command: '/train', text: 'digits' });
      app.answer({});
      assert.equal(result.shown, shown);
      assert.deepEqual(
        [mine().length - Number(before[0]), fake.messages({ channel }).length - Number(before[1])],
        [toMe, toAll],
      );
    });
});
