import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { githubEdge } from '../../src/adapters/github/edge.ts';
import { signGitHub } from '../../src/adapters/github/signature.ts';
import { githubUnpack, listeners } from '../../src/adapters/github/unpack.ts';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../src/adapters/postgres/deliveries.ts';
import { impatient } from '../../src/adapters/postgres/impatient.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { deliver } from '../../src/app/deliver.ts';
import { ingest } from '../../src/app/ingest.ts';
import type { WebhookDefinition } from '../../src/core/webhook.ts';
import { webhooks } from '../../webhooks/index.ts';
import { start } from '../adapters/http/fixture.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { githubExamples } from '../support/github-examples.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { quietLine } from '../support/quiet-line.ts';

const secret = 'a-webhook-secret';
const body = JSON.stringify({ action: 'closed', number: 7, title: 'ü'.repeat(10_000) });
const clock = () => new Date();

const closed: WebhookDefinition = {
  name: 'github-closed',
  source: 'github',
  kind: 'pull_request',
  events: ['closed'],
  translate: (payload, deliveryId) => ({
    kind: 'ignore',
    why: `${deliveryId} ${JSON.stringify(payload).length}`,
  }),
};

let server: TestServer;
let url: string;
let database: Database;
before(async () => {
  server = await startServer('embedded');
  url = await server.database();
  database = openDatabase(url, { onError: () => {} });
  await migrate(database.pool);
});
after(async () => {
  await database?.close();
  await server?.stop();
});

/** The edge over HTTP, on a real store, and a worker for what it stored. */
async function setUp(t: TestContext, known: readonly WebhookDefinition[] = [closed], store?: Database) {
  const deliveries = deliveryStore(database.db, impatient((store ?? database).pool, 800));
  const refused: string[] = [];
  let ignored = 0;
  const { log } = recordingLog();
  const edge = githubEdge({
    secrets: [secret, 'old'],
    listens: (event, action) => listeners(known, event, action).length > 0,
    ingest: delivery => ingest(delivery, { deliveries, wakeups: { wake: () => {} } }),
    refusals: { refused: (_, why) => void refused.push(why) },
    ignored: () => {
      ignored += 1;
    },
    log,
  });
  const { ask } = await start(t, { edges: [edge] });
  const send = (guid: string, text = body, event = 'pull_request') =>
    ask('POST', '/webhooks/github', {
      raw: text,
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': guid,
        'x-hub-signature-256': signGitHub(secret, text),
      },
    });
  const effects: string[] = [];
  const none = async () => {
    throw new Error('nothing of the kind is wanted');
  };
  let failing: Error | null = null;
  const unpack = githubUnpack(known, { read: async () => null });
  const work = async () => {
    const recorded = recordingLog();
    for (const id of await deliveries.due(10_000))
      await deliver(
        id,
        {
          deliveries,
          log: recorded.log,
          unpack: (delivery, onTranslation) =>
            unpack(delivery, async said => {
              if (failing) throw failing;
              effects.push(said.kind === 'ignore' ? said.why : said.kind);
              if (said.kind === 'ignore') await onTranslation(said);
            }),
          surfaces: surfaceStore(database.db),
          wakeups: { wake: () => {} },
          audit: { append: none },
          dispatch: none,
          groupChanged: none,
          registryChanged: none,
          reviewed: async () => null,
          toPromote: async () => null,
          toRepeat: async () => null,
          repositoryChanged: none,
          standing: async () => 'none',
        },
        clock,
      );
    return recorded.lines.filter(([level]) => level === 'error').map(([, { err }]) => err);
  };
  return {
    ...{ send, work, effects, refused, deliveries },
    ignored: () => ignored,
    fail(err: Error | null) {
      failing = err;
    },
  };
}

const effect = (guid: string) => `${guid} ${body.length}`;

test('100 of one delivery at once, and replays of it later, have one effect', async t => {
  const { send, work, effects } = await setUp(t);
  const guid = randomUUID();
  const answers = await Promise.all(Array.from({ length: 100 }, () => send(guid)));
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
  await work();
  for (let i = 0; i < 3; i += 1) assert.equal(await (await send(guid.toUpperCase())).text(), 'known already');
  await work();
  assert.deepEqual(effects, [effect(guid)]);
});

test('the same id with another body is refused and reported, and the first stays', async t => {
  const { send, work, effects, refused } = await setUp(t);
  const guid = randomUUID();
  await send(guid);
  const other = await send(guid, body.replace('7', '8'));
  assert.equal(other.status, 409);
  assert.equal((await send(guid)).status, 202);
  await work();
  assert.deepEqual([effects, refused], [[effect(guid)], ['conflict']]);
});

test('a redelivery after a crash in the middle completes, once', async t => {
  const { send, work, effects, deliveries } = await setUp(t);
  const guid = randomUUID();
  await send(guid);
  const [id = 0] = await deliveries.due(10);
  // A worker took it and is gone.
  assert.ok(await deliveries.claim(id));
  assert.equal(await (await send(guid)).text(), 'known already');
  await work();
  assert.deepEqual(effects, []);
  await database.pool.query("update deliveries set claimed_until = '-infinity' where id = $1", [id]);
  await work();
  await work();
  assert.deepEqual(effects, [effect(guid)]);
});

test('what was laid aside is tried again when it is told again', async t => {
  const { send, work, effects, fail } = await setUp(t);
  const guid = randomUUID();
  await send(guid);
  fail(new Error('GitHub is away'));
  for (let i = 0; i < 12; i += 1) {
    assert.equal((await work()).length, 1);
    await database.pool.query('update deliveries set next_at = now() where delivery_id = $1', [guid]);
  }
  await work();
  fail(null);
  assert.equal(await (await send(guid)).text(), 'stored');
  assert.equal(await (await send(guid)).text(), 'known already');
  await work();
  assert.deepEqual(effects, [effect(guid)]);
});

test('without its database it says so within a second, and takes the redelivery', async t => {
  const line = await quietLine(url);
  const slow = openDatabase(line.url, { onError: () => {}, connectTimeoutMs: 800 });
  const { send, work, effects } = await setUp(t, [closed], slow);
  const guid = randomUUID();
  await send(randomUUID());
  line.silent(true);
  const from = performance.now();
  const refused = await send(guid);
  assert.ok(performance.now() - from < 1_500, `${performance.now() - from} ms`);
  assert.equal(refused.status, 503);
  assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
  line.silent(false);
  assert.equal((await send(guid)).status, 202);
  await work();
  assert.ok(effects.includes(effect(guid)));
  await slow.close();
  await line.close();
});

const actionOf = ({ action }: Record<string, unknown>) => (typeof action === 'string' ? action : null);

const depth = 100_000;
const odd: [name: string, text: string][] = [
  ['objects in objects', `{"action":"created","comment":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`],
  ['lists where an object belongs', `{"action":"created","issue":${'['.repeat(depth)}${']'.repeat(depth)}}`],
  [
    'a field that would set a prototype',
    '{"action":"created","__proto__":{"comment":{"body":"/train digits"}}}',
  ],
  [
    'keys that come twice',
    '{"action":"deleted","action":"created","comment":{"body":1,"body":"/train digits"}}',
  ],
  [
    'numbers beyond all',
    '{"action":"created","installation":{"id":1e999},"repository":{"id":9007199254740993}}',
  ],
  ['no JSON in the middle', `{"action":"created","comment":{"body":"${'x'.repeat(8_000)}",}}`],
  ['a body of 3 MB', `{"action":"created","comment":{"body":"${'/train x\\n'.repeat(300_000)}"}}`],
];
for (const [name, text] of odd)
  test(`signed, stored and worked on without harm: ${name}`, async t => {
    const { send, work, effects } = await setUp(t, webhooks);
    const { status } = await send(randomUUID(), text, 'issue_comment');
    assert.equal(status, 202);
    assert.deepEqual(await work(), []);
    assert.equal(effects.length, 1);
    assert.match(effects[0] ?? '', /^(?:not a new comment: |the payload is no JSON$)/);
  });

test('every payload that GitHub published passes, whatever is made of it', async t => {
  const events = githubExamples().flatMap(({ name, examples }) =>
    examples.map(example => ({ name, example })),
  );
  assert.ok(events.length > 300);
  const { send, work, effects, ignored } = await setUp(t, webhooks);
  for (const { name, example } of events) {
    const { status } = await send(randomUUID(), JSON.stringify(example), name);
    assert.ok(status === 202 || (name === 'ping' && status === 200), `${name}: ${status}`);
  }
  // All that was stored is worked on.
  assert.deepEqual(await work(), []);
  const heard = events.filter(({ name, example }) => listeners(webhooks, name, actionOf(example)).length > 0);
  assert.equal(effects.length, heard.length);
  assert.ok(new Set(effects).size > 5, [...new Set(effects)].join());
  // What nobody listens to goes no further than the edge; its translation is asked all the same.
  const unpack = githubUnpack(webhooks, { read: async () => null });
  const reasons: string[] = [];
  for (const { name: kind, example } of events) {
    const delivery = {
      id: 1,
      source: 'github',
      kind,
      deliveryId: randomUUID(),
      receivedAt: clock(),
    } as const;
    await unpack({ ...delivery, body: JSON.stringify(example) }, async said => {
      if (said.kind === 'ignore') reasons.push(said.why);
    });
  }
  assert.ok(reasons.every(why => why !== ''));
  const unheard = reasons.filter(why => why.startsWith("nothing listens to GitHub's")).length;
  const pings = events.filter(({ name }) => name === 'ping').length;
  assert.equal(ignored(), unheard - pings);
});
