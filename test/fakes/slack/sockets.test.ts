import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SocketModeReceiver } from '@slack/bolt';
import { handClock } from './clock.ts';
import { ask, channel, developer, type FakeSlack, openFake } from './fixture.ts';

let clock: ReturnType<typeof handClock>;
let fake: FakeSlack;
let open: WebSocket[] = [];
beforeEach(async () => {
  clock = handClock(Date.now());
  fake = await openFake({ socketMode: true }, clock);
});
afterEach(async () => {
  for (const socket of open) socket.close();
  open = [];
  await fake.close();
});

type Heard = { type: string; envelope_id?: string; [key: string]: unknown };
type Socket = Awaited<ReturnType<typeof connect>>;

/** A socket of the app: what it heard, and the next of it that fits. */
async function connect() {
  const { url } = await ask(fake, 'apps.connections.open', {}, 'xapp-1');
  const socket = new WebSocket(String(url));
  open.push(socket);
  const heard: Heard[] = [];
  let wake = () => {};
  let closed = false;
  socket.onmessage = ({ data }) => {
    heard.push(JSON.parse(String(data)));
    wake();
  };
  socket.onclose = () => {
    closed = true;
    wake();
  };
  const until = async <T>(find: () => T | undefined | false): Promise<T> => {
    for (;;) {
      const found = find();
      if (found) return found;
      await new Promise<void>(resolve => {
        wake = resolve;
      });
    }
  };
  return {
    heard,
    next: (type: string, nth = 0) => until(() => heard.filter(one => one.type === type)[nth]),
    closed: () => until(() => closed),
    ack: (id = '', payload: object = {}) => socket.send(JSON.stringify({ envelope_id: id, payload })),
    url: String(url),
  };
}

const slash = () => fake.slash({ user: developer, channel, command: '/train', text: 'digits' });
const envelopes = ({ heard }: Socket) => heard.filter(({ envelope_id }) => envelope_id !== undefined);

describe('Socket Mode', () => {
  test('a socket begins with hello, and its address is good once', async () => {
    const first = await connect();
    assert.deepEqual((await first.next('hello')).num_connections, 1);
    assert.equal((await (await connect()).next('hello')).num_connections, 2);
    await assert.rejects(
      new Promise((resolve, reject) => {
        const again = new WebSocket(first.url);
        again.onopen = resolve;
        again.onerror = () => reject(new Error('refused'));
      }),
      /refused/,
    );
  });

  test('a command is answered in its acknowledgement', async () => {
    const socket = await connect();
    await socket.next('hello');
    const typed = slash();
    const { envelope_id, accepts_response_payload, payload } = await socket.next('slash_commands');
    assert.deepEqual([accepts_response_payload, (payload as { text: string }).text], [true, 'digits']);
    socket.ack(envelope_id, { text: 'Queued' });
    assert.equal((await typed).shown, 'answer');
    assert.equal(fake.ephemerals({ channel, user: developer }).at(-1)?.text, 'Queued');
  });

  test('each envelope goes to one socket, in turn', async () => {
    const sockets = [await connect(), await connect()];
    for (const socket of sockets) await socket.next('hello');
    const typed = Array.from({ length: 4 }, slash);
    for (const socket of sockets)
      for (const nth of [0, 1]) socket.ack((await socket.next('slash_commands', nth)).envelope_id);
    await Promise.all(typed);
    assert.deepEqual(
      sockets.map(socket => envelopes(socket).length),
      [2, 2],
    );
  });

  test('without a socket, and without an answer, a command fails', async () => {
    assert.equal((await slash()).shown, 'dispatch_failed');
    const socket = await connect();
    await socket.next('hello');
    const typed = slash();
    await socket.next('slash_commands');
    clock.advance(3_000);
    assert.equal((await typed).shown, 'operation_timeout');
  });

  test('a command whose socket breaks fails; the same envelope can come again over another', async () => {
    const [first, second] = [await connect(), await connect()];
    await second.next('hello');
    fake.sockets.dropAfterNext();
    const typed = await slash();
    await first.closed();
    assert.equal(typed.shown, 'dispatch_failed');
    const again = fake.replay(typed.delivery);
    const { envelope_id } = await second.next('slash_commands');
    assert.equal(envelope_id, typed.delivery.id);
    second.ack(envelope_id);
    assert.equal((await again).problem, null);
  });

  test('an event that is not acknowledged comes again over another socket, with its number', async () => {
    const [first, second] = [await connect(), await connect()];
    await second.next('hello');
    fake.sockets.dropAfterNext();
    const event = fake.openHome({ user: developer });
    await first.closed();
    const { envelope_id, retry_attempt, retry_reason, payload } = await second.next('events_api');
    second.ack(envelope_id);
    await event.done;
    assert.deepEqual([retry_attempt, retry_reason, event.state], [1, 'connection_failed', 'taken']);
    assert.equal((payload as { event_id: string }).event_id, event.id);
  });

  test('a socket that is to be renewed gets nothing new', async () => {
    const [first, second] = [await connect(), await connect()];
    await second.next('hello');
    fake.sockets.disconnect('warning');
    assert.equal((await first.next('disconnect')).reason, 'warning');
    const typed = [slash(), slash()];
    for (const nth of [0, 1]) second.ack((await second.next('slash_commands', nth)).envelope_id);
    await Promise.all(typed);
    assert.equal(envelopes(first).length, 0);
  });

  test('ten sockets, and not an eleventh', async () => {
    for (let at = 0; at < 10; at++) await (await connect()).next('hello');
    const one = await connect();
    assert.equal((await one.next('disconnect')).reason, 'too_many_websockets');
    await one.closed();
    assert.equal(fake.sockets.count(), 10);
  });

  test('Slack’s own client connects, answers, and comes back after a renewal and after a break', async () => {
    const receiver = new SocketModeReceiver({
      appToken: 'xapp-1',
      installerOptions: { clientOptions: { slackApiUrl: fake.apiUrl } },
      clientPingTimeout: 300,
      logger: quiet,
    });
    const heard: string[] = [];
    receiver.init({
      processEvent: async ({ body, ack }: { body: { text: string }; ack(said: object): Promise<void> }) => {
        heard.push(body.text);
        await ack({ text: 'Queued' });
      },
    } as never);
    await receiver.start();
    assert.equal((await slash()).shown, 'answer');
    for (const end of [() => fake.sockets.disconnect('refresh_requested'), () => fake.sockets.drop()]) {
      const back = new Promise(resolve => receiver.client.once('connected', resolve));
      end();
      await back;
      assert.equal((await slash()).shown, 'answer');
    }
    assert.deepEqual(heard, ['digits', 'digits', 'digits']);
    await receiver.client.disconnect();
  });
});

const nothing = () => {};
const quiet = {
  ...{ debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing, setName: nothing },
  getLevel: () => 'error' as never,
};
