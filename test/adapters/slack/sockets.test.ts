import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { createLogger } from '../../../src/adapters/logger/logger.ts';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../../src/adapters/postgres/deliveries.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { slackReceiver } from '../../../src/adapters/slack/receive.ts';
import { slackSockets } from '../../../src/adapters/slack/sockets.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { NewDelivery } from '../../../src/core/ports.ts';
import { until } from '../../e2e/until.ts';
import { channel, developer, type FakeSlack, openFake } from '../../fakes/slack/fixture.ts';
import { acceptWebSocket, type WebSocketLine } from '../../fakes/slack/web-socket.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';

const appToken = 'xapp-1';
const quick = { shortestMs: 10, longestMs: 50, lingerMs: 300 };

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

type Store = (delivery: NewDelivery) => Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;

interface Given {
  /** Before and around what is stored. */
  around?(store: Store, delivery: NewDelivery): ReturnType<Store>;
  pace?: Parameters<typeof slackSockets>[0]['pace'];
  token?: string;
}

/** One web process: its sockets, and what it stored. */
function webProcess(t: TestContext, apiUrl: string, { around, pace, token = appToken }: Given = {}) {
  const deliveries = deliveryStore(database.db, database.pool);
  const outcomes: string[] = [];
  const lines: string[] = [];
  const log = createLogger('trace', [], line => lines.push(line) > 0);
  const store: Store = async delivery => {
    const { outcome } = await deliveries.store(delivery);
    outcomes.push(outcome);
    return { outcome };
  };
  const receive = slackReceiver({
    ingest: delivery => (around ? around(store, delivery) : store(delivery)),
    log,
  });
  const sockets = slackSockets({
    appToken: token,
    apiUrl,
    receive,
    pace: { ...quick, ...pace },
    log,
    clock: () => new Date(),
  });
  t.after(() => sockets.close());
  return { sockets, outcomes, lines };
}

async function openWorkspace(t: TestContext): Promise<FakeSlack> {
  const fake = await openFake({ socketMode: true });
  t.after(() => fake.close());
  return fake;
}

const lines = (fake: FakeSlack, count: number) =>
  until(`${count} sockets`, () => fake.sockets.count() === count);
const slash = (fake: FakeSlack, text = 'digits') =>
  fake.slash({ user: developer, channel, command: '/train', text });

test('sockets: two are held, and an envelope is stored before it is acknowledged', async t => {
  const fake = await openWorkspace(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  const { outcomes } = webProcess(t, fake.apiUrl, {
    around: async (store, delivery) => {
      const stored = await store(delivery);
      await promise;
      return stored;
    },
  });
  await lines(fake, 2);
  let acked = false;
  const said = slash(fake).then(result => {
    acked = true;
    return result;
  });
  await until('it is stored', () => outcomes.length === 1);
  assert.equal(acked, false);
  resolve();
  const { shown, delivery } = await said;
  assert.deepEqual([shown, delivery.ack.status, delivery.ack.body], ['nothing', 200, undefined]);
});

test('sockets: a line that breaks before the acknowledgement: it comes again and has one effect', async t => {
  const fake = await openWorkspace(t);
  const { outcomes } = webProcess(t, fake.apiUrl);
  await lines(fake, 2);
  fake.sockets.dropAfterNext();
  const { delivery } = await slash(fake, 'dropped');
  assert.equal(delivery.ack.problem, 'connection_failed');
  await until('it is stored all the same', () => outcomes.length === 1);
  const again = await fake.replay(delivery);
  assert.equal(again.problem, null);
  assert.deepEqual(outcomes, ['stored', 'duplicate']);
  await lines(fake, 2);
});

test('sockets: a line that breaks while it is stored: it comes again and has one effect', async t => {
  const fake = await openWorkspace(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const { outcomes } = webProcess(t, fake.apiUrl, {
    around: async (store, delivery) => {
      if (begun++ === 0) await promise;
      return await store(delivery);
    },
  });
  await lines(fake, 2);
  const first = slash(fake, 'slow');
  await until('it arrived', () => begun === 1);
  fake.sockets.drop(0);
  fake.sockets.drop(0);
  const { delivery } = await first;
  assert.equal(delivery.ack.problem, 'connection_failed');
  await lines(fake, 2);
  assert.equal((await fake.replay(delivery)).problem, null);
  resolve();
  await until('both were stored', () => outcomes.length === 2);
  assert.deepEqual(outcomes.toSorted(), ['duplicate', 'stored']);
});

test('sockets: the same over a socket and over HTTP has one effect', async t => {
  const fake = await openWorkspace(t);
  const { outcomes } = webProcess(t, fake.apiUrl);
  await lines(fake, 2);
  const { delivery } = await slash(fake, 'over both * ways');
  const { payload } = delivery.envelope;
  const text = new URLSearchParams(
    Object.entries(payload).map(([name, value]) => [name, String(value)] as [string, string]),
  );
  const deliveries = deliveryStore(database.db, database.pool);
  const overHttp: string[] = [];
  const log = createLogger('silent');
  const receive = slackReceiver({
    ingest: async one => {
      const { outcome } = await deliveries.store(one);
      overHttp.push(outcome);
      return { outcome };
    },
    log,
  });
  await receive(text.toString(), new Date());
  assert.deepEqual([outcomes, overHttp], [['stored'], ['duplicate']]);
});

const reasons = ['warning', 'refresh_requested'] as const;
for (const reason of reasons)
  test(`sockets: a line that Slack renews (${reason}) is replaced at once, and what it brought is still acknowledged`, async t => {
    const fake = await openWorkspace(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { outcomes } = webProcess(t, fake.apiUrl, {
      around: async (store, delivery) => {
        await promise;
        return await store(delivery);
      },
    });
    await lines(fake, 2);
    const [first, second] = [slash(fake, `${reason} 1`), slash(fake, `${reason} 2`)];
    await until('both are on their way', () => fake.sockets.sent.length === 2);
    fake.sockets.disconnect(reason, 0);
    await lines(fake, 3);
    resolve();
    for (const { delivery } of await Promise.all([first, second])) assert.equal(delivery.ack.problem, null);
    assert.deepEqual(outcomes, ['stored', 'stored']);
    // The old one is let go.
    await lines(fake, 2);
  });

test('sockets: when all lines break at once, all come back', async t => {
  const fake = await openWorkspace(t);
  const { outcomes } = webProcess(t, fake.apiUrl);
  for (let round = 0; round < 3; round++) {
    await lines(fake, 2);
    fake.sockets.drop('all');
  }
  await lines(fake, 2);
  assert.equal((await slash(fake, 'after it')).shown, 'nothing');
  assert.deepEqual(outcomes, ['stored']);
});

test('sockets: two web processes share the envelopes, and each envelope is stored once', async t => {
  const fake = await openWorkspace(t);
  const processes = [webProcess(t, fake.apiUrl), webProcess(t, fake.apiUrl)];
  await lines(fake, 4);
  const said = await Promise.all(Array.from({ length: 20 }, (_, i) => slash(fake, `shared ${i}`)));
  assert.ok(said.every(({ shown }) => shown === 'nothing'));
  const counts = processes.map(({ outcomes }) => outcomes.length);
  assert.deepEqual([counts[0], counts[1]], [10, 10]);
  assert.ok(processes.every(({ outcomes }) => outcomes.every(outcome => outcome === 'stored')));
});

test('sockets: an event that cannot be stored is not acknowledged, and a command is refused to its sender', async t => {
  const fake = await openWorkspace(t);
  webProcess(t, fake.apiUrl, {
    around: async () => {
      throw new SignalboxError('STORE_UNAVAILABLE');
    },
  });
  await lines(fake, 2);
  const { shown, delivery } = await slash(fake);
  assert.equal(shown, 'answer');
  assert.match(JSON.stringify(delivery.ack.body), /cannot store your request now/);
  const home = fake.openHome({ user: developer });
  await until('the event went out', () =>
    fake.sockets.sent.some(({ envelope }) => envelope.type === 'events_api'),
  );
  fake.sockets.drop('all');
  await home.first;
  assert.deepEqual(home.attempts[0]?.problem, 'connection_failed');
});

test('sockets: closing answers what is being answered', async t => {
  const fake = await openWorkspace(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const { sockets, outcomes } = webProcess(t, fake.apiUrl, {
    around: async (store, delivery) => {
      begun += 1;
      await promise;
      return await store(delivery);
    },
  });
  await lines(fake, 2);
  const said = slash(fake, 'at the end');
  await until('it arrived', () => begun === 1);
  const closed = sockets.close();
  resolve();
  assert.equal((await said).delivery.ack.problem, null);
  await closed;
  await lines(fake, 0);
  assert.deepEqual(outcomes, ['stored']);
});

const away: [name: string, prepare: (fake: FakeSlack) => void][] = [
  ['answers errors', fake => fake.faults.next('apps.connections.open', 'server-error', 3)],
  ['breaks the line', fake => fake.faults.next('apps.connections.open', 'cut', 3)],
  ['asks to wait', fake => fake.faults.next('apps.connections.open', 'rate-limited', 2)],
];
for (const [name, prepare] of away)
  test(`sockets: a Slack that ${name} at first is tried until it does not`, async t => {
    const fake = await openWorkspace(t);
    prepare(fake);
    const { sockets } = webProcess(t, fake.apiUrl);
    assert.equal(sockets.open(), 0);
    await lines(fake, 2);
  });

for (const token of ['xapp-unknown', 'xapp-narrow', 'xoxb-bot'])
  test(`sockets: with ${token} nothing is opened, nothing ends, and it is not asked for again and again`, async t => {
    const fake = await openWorkspace(t);
    const { sockets, lines: said } = webProcess(t, fake.apiUrl, { token });
    await until(
      'both were refused',
      () => said.filter(line => line.includes('cannot be opened')).length === 2,
    );
    assert.equal(fake.count('apps.connections.open'), 2);
    await sockets.close();
    assert.ok(!said.join('').includes(token), 'the token is in the log');
  });

test('sockets: neither tokens nor tickets are in the log, at any level', async t => {
  const fake = await openWorkspace(t);
  const { sockets, lines: said } = webProcess(t, fake.apiUrl);
  await lines(fake, 2);
  const { responseUrl } = await slash(fake, 'a-private-word');
  fake.sockets.drop('all');
  await lines(fake, 2);
  await sockets.close();
  const all = said.join('');
  for (const secret of [appToken, 'ticket=', 'a-private-word', responseUrl, 'verification-token'])
    assert.ok(!all.includes(secret), secret);
});

/** A Slack that only says hello, and pings or not. */
async function openQuietSlack(t: TestContext, pingEveryMs: number | null) {
  const open: WebSocketLine[] = [];
  let made = 0;
  const slack = createServer((_, response) => {
    const { port } = slack.address() as AddressInfo;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ok: true, url: `ws://127.0.0.1:${port}/link` }));
  });
  slack.on('upgrade', (request, socket) => {
    made += 1;
    const line = acceptWebSocket(request, socket, { onText: () => {}, onEnd: () => {} });
    open.push(line);
    line.send('{"type":"hello"}');
  });
  const pingAll = () => {
    for (const line of open) line.ping();
  };
  const pings = pingEveryMs === null ? undefined : setInterval(pingAll, pingEveryMs);
  await new Promise<void>(resolve => slack.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    clearInterval(pings);
    for (const line of open) line.drop();
    slack.close();
  });
  return { apiUrl: `http://127.0.0.1:${(slack.address() as AddressInfo).port}/api/`, made: () => made };
}

test('sockets: a line on which nothing is heard any more is replaced', async t => {
  const slack = await openQuietSlack(t, null);
  webProcess(t, slack.apiUrl, { pace: { silenceMs: 100 } });
  await until('each was replaced', () => slack.made() >= 4);
});

test('sockets: pings are enough to keep a line', async t => {
  const slack = await openQuietSlack(t, 50);
  const { sockets } = webProcess(t, slack.apiUrl, { pace: { silenceMs: 2_000 } });
  await until('both are open', () => sockets.open() === 2);
  const began = performance.now();
  await until('more time passed than silence may last', () => performance.now() - began > 3_000);
  assert.equal(slack.made(), 2);
});
