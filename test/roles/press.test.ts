import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { commands } from '../../commands/index.ts';
import { auditLog } from '../../src/adapters/postgres/audit.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { deliveryStore } from '../../src/adapters/postgres/deliveries.ts';
import { installationStore } from '../../src/adapters/postgres/installations.ts';
import { logStore } from '../../src/adapters/postgres/logs.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { planStore } from '../../src/adapters/postgres/plan.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { signer } from '../../src/adapters/postgres/signer.ts';
import { surfaceStore } from '../../src/adapters/postgres/surfaces.ts';
import { slackReceiver } from '../../src/adapters/slack/receive.ts';
import { deliver } from '../../src/app/deliver.ts';
import { dispatch } from '../../src/app/dispatch.ts';
import { publish } from '../../src/app/publish.ts';
import { loadConfig } from '../../src/config.ts';
import { system } from '../../src/core/actor.ts';
import type { Intent } from '../../src/core/intent.ts';
import type { PlanDecision } from '../../src/core/ports.ts';
import { openSlack } from '../../src/roles/slack.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import {
  channel,
  developer,
  elsewhere,
  openApp,
  openFake,
  operator,
  stranger,
  team,
  token,
} from '../fakes/slack/fixture.ts';
import { memory, memoryPorts, policy } from '../support/memory-ports.ts';
import { startServer, type TestServer } from '../support/postgres.ts';

const secret = 'C000000003';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** A workspace and Signalbox, from what Slack says to what Slack shows; only the projects' sources are made up. */
async function setUp(t: TestContext) {
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
    SLACK_BOT_TOKEN: token,
  });
  const { db } = database;
  const { log } = recordingLog();
  const clock = () => new Date();
  const slack = openSlack(config, installationStore(db, []), signer(db), log, clock);
  const [runs, surfaces, deliveries, audit] = [
    runStore(db),
    surfaceStore(db),
    deliveryStore(db, database.pool),
    auditLog(db),
  ];
  const { source } = memoryPorts(memory());
  const said = {
    commands,
    policy,
    ports: { runs, logs: logStore(db), plan: planStore(db, ['local']), source, audit },
  };
  const deliverPorts = {
    ...{ deliveries, surfaces, audit, log, unpack: slack.unpack },
    wakeups: { wake: () => {} },
    dispatch: (intent: Intent) => dispatch(intent, said, clock()),
  };
  const publishPorts = {
    ...{ surfaces, runs, log, messenger: slack.messenger },
    hash: (content: unknown) => JSON.stringify(content),
    outputOf: () => null,
  };

  /** What the workspace said last (or `text`) is stored and worked on, and what comes of it is shown. */
  async function work(text = app.requests.at(-1)?.text ?? ''): Promise<string[]> {
    const outcomes: string[] = [];
    const stored: number[] = [];
    const ingest: Parameters<typeof slackReceiver>[0]['ingest'] = async one => {
      const { id, outcome } = await deliveries.store(one);
      outcomes.push(outcome);
      stored.push(id);
      return { outcome };
    };
    await slackReceiver({ ingest, log })(text, clock());
    for (const id of stored) await deliver(id, deliverPorts, clock);
    await show();
    return outcomes;
  }
  async function show(): Promise<void> {
    await database.pool.query(
      "update surfaces set next_at = now() where next_at < now() + interval '1 minute'",
    );
    for (const id of await surfaces.due(20)) await publish(id, publishPorts, clock);
  }
  return {
    fake,
    runs,
    work,
    show,
    last: (part = '') => app.requests.findLast(request => request.text.includes(part))?.text ?? '',
    givenUp: async () =>
      (await database.pool.query('select error from surfaces where gave_up order by key desc')).rows.map(
        row => row.error,
      ),
    async ask(user = developer, where = channel) {
      await fake.slash({ user, channel: where, command: '/train', text: 'digits' });
      await work();
    },
    async press(
      actionId: string,
      more: {
        user?: string;
        channel?: string;
        ts: string;
        alter?: (payload: Record<string, unknown>) => Record<string, unknown>;
      },
    ) {
      const { user = developer, channel: where = channel, ts, alter } = more;
      await fake.click({ user, in: { channel: where, ts }, actionId, ...(alter ? { alter } : {}) });
      return await work();
    },
    shown: (where = channel) => fake.messages({ channel: where }),
    whispers: (user = developer, where = channel) =>
      fake.ephemerals({ channel: where, user }).map(one => one.text),
    refusals: async () =>
      (
        await database.pool.query(
          "select details->>'code' as code from audit where outcome = 'refused' order by seq",
        )
      ).rows.map(row => row.code),
    async works(number: number) {
      const run = await runs.get(number);
      assert.ok(run);
      const plan = planStore(db, ['local']);
      const start = {
        type: 'start' as const,
        run: number,
        pool: 'local',
        node: 'n',
        kind: 'cpu' as const,
        indices: [number],
        reason: '',
      } satisfies PlanDecision;
      await plan.commit(await plan.snapshot(clock()), [start], clock());
      await runs.change(number, { type: 'running', attempt: run.attempt + 1, at: clock() }, clock(), system);
      await show();
    },
  };
}

describe('a button on the message of a run', () => {
  test('Cancel: the run ends, its message says so, and only who pressed it is told', async t => {
    const one = await setUp(t);
    await one.ask();
    const [message] = one.shown();
    assert.ok(message);
    await one.press('cancel:1', { ts: message.ts });
    const run = await one.runs.get(1);
    assert.deepEqual([run?.state, run?.stoppedBy?.name], ['cancelled', 'developer']);
    assert.deepEqual(one.whispers(), ['ℹ️ Run #1 digits was cancelled.']);
    await one.show();
    assert.match(one.shown()[0]?.text ?? '', /#1 digits was cancelled/);
    assert.ok(
      !JSON.stringify(one.shown()[0]).includes('cancel:1'),
      'what cannot be cancelled has no such button',
    );
  });

  test('Run again: once for one press, however often it arrives; its end has the button too', async t => {
    const one = await setUp(t);
    await one.ask();
    const ts = one.shown()[0]?.ts ?? '';
    await one.press('cancel:1', { ts });
    await one.show();
    assert.deepEqual(await one.press('retry:1', { ts }), ['stored']);
    assert.deepEqual(await one.work(one.last()), ['duplicate']);
    assert.equal(await one.runs.newestNumber(), 2);
    assert.equal((await one.runs.get(2))?.spec.retryOf, 1);
    await one.press('retry:1', { ts });
    assert.equal(await one.runs.newestNumber(), 3, 'another press is another wish');
  });

  test('Why?, Logs and Extend answer who pressed them', async t => {
    const one = await setUp(t);
    await one.ask();
    const ts = one.shown()[0]?.ts ?? '';
    await one.press('why:1', { ts, user: operator });
    await one.works(1);
    await one.press('logs:1', { ts });
    assert.deepEqual(await one.press('extend:1', { ts }), ['stored']);
    assert.deepEqual(await one.work(one.last()), ['duplicate']);
    assert.deepEqual(one.whispers(operator), ['ℹ️ #1 digits is queued.']);
    assert.deepEqual(one.whispers(), [
      'ℹ️ #1 digits has no log: nothing was printed yet.',
      'ℹ️ Run #1 digits is running, and may take 5 h in all.',
    ]);
    assert.equal((await one.runs.get(1))?.extraS, 3_600);
    assert.equal(one.shown().length, 1);
  });

  test('of a run that has changed since: told as if it had been typed', async t => {
    const one = await setUp(t);
    await one.ask();
    const ts = one.shown()[0]?.ts ?? '';
    await one.runs.change(1, { type: 'stop', actor: system, why: 'cancel', reason: '' }, new Date(), system);
    await one.press('cancel:1', { ts });
    assert.deepEqual(one.whispers(), ['❌ Run #1 has already ended (cancelled).']);
  });

  const changed = (payload: Record<string, unknown>, change: (value: string) => string) => ({
    ...payload,
    actions: (payload.actions as { value: string }[]).map(one => ({ ...one, value: change(one.value) })),
  });
  const refused: [
    name: string,
    by: { user?: string; alter?: (payload: Record<string, unknown>) => Record<string, unknown> },
    code: string,
  ][] = [
    ['by somebody else', { user: operator }, 'ACCESS_DENIED'],
    ['by a guest from another workspace', { user: stranger }, 'SENDER_FOREIGN'],
    [
      'with a value for another run',
      { alter: given => changed(given, value => value.replace(/^./, 'X')) },
      'BUTTON_INVALID',
    ],
    [
      'without the end of its value',
      { alter: given => changed(given, value => value.slice(0, -1)) },
      'BUTTON_INVALID',
    ],
    [
      'in another channel',
      { alter: given => ({ ...given, channel: { id: elsewhere, name: 'elsewhere' } }) },
      'BUTTON_INVALID',
    ],
  ];
  for (const [name, by, code] of refused)
    test(`pressed ${name} -> ${code}, and nothing happens`, async t => {
      const one = await setUp(t);
      await one.ask();
      await one.press('cancel:1', { ts: one.shown()[0]?.ts ?? '', ...by });
      assert.equal((await one.runs.get(1))?.state, 'queued');
      assert.deepEqual(await one.refusals(), [code]);
      assert.equal(one.shown().length, 1);
      assert.equal(one.whispers(by.user).length, 1);
    });
});

describe('places that cannot show the message of a run', () => {
  type Town = Awaited<ReturnType<typeof setUp>>;
  const workspace = ({ fake }: Town) => fake.world.workspaces.get(team);
  const directOf = (one: Town) =>
    [...(workspace(one)?.channels.values() ?? [])].find(
      ({ kind, members }) => kind === 'im' && members.has(developer),
    )?.id ?? '';

  test('a private channel without the bot: to the person alone, where its buttons count and its end follows', async t => {
    const one = await setUp(t);
    await one.ask(developer, secret);
    assert.deepEqual(one.shown(secret), []);
    const where = directOf(one);
    const [message] = one.shown(where);
    assert.match(message?.text ?? '', /#1 digits is queued/);
    assert.match(JSON.stringify(message?.blocks), new RegExp(`You asked for it in .*${secret}.*cannot post`));
    await one.press('cancel:1', { channel: where, ts: message?.ts ?? '' });
    assert.equal((await one.runs.get(1))?.state, 'cancelled');
    await one.show();
    await one.show();
    assert.deepEqual(
      one.shown(where).map(({ thread_ts }) => thread_ts),
      [message?.ts, message?.ts],
    );
    assert.deepEqual(one.shown(secret), []);
    const { ts = '' } = one.shown(where)[1] ?? {};
    await one.press('retry:1', { channel: where, ts });
    assert.equal((await one.runs.get(2))?.spec.retryOf, 1);
  });

  test('a channel that is archived while it runs: its end comes to the person alone', async t => {
    const one = await setUp(t);
    await one.ask();
    one.fake.archive({ channel });
    await one.runs.change(1, { type: 'stop', actor: system, why: 'cancel', reason: '' }, new Date(), system);
    await one.show();
    assert.match(one.shown(directOf(one))[0]?.text ?? '', /#1 digits was cancelled/);
    const calls = one.fake.calls.length;
    await one.show();
    assert.equal(one.fake.calls.length, calls, 'nothing is tried again');
  });

  test('somebody who has left: given up with the reason, and nothing is tried again', async t => {
    const one = await setUp(t);
    await one.fake.slash({ user: developer, channel: secret, command: '/train', text: 'digits' });
    one.fake.deactivate({ user: developer });
    await one.work(one.last('command='));
    assert.deepEqual(await one.givenUp(), ['Slack refuses the message (user_disabled).']);
    await one.runs.change(1, { type: 'stop', actor: system, why: 'cancel', reason: '' }, new Date(), system);
    await one.show();
    assert.equal((await one.givenUp()).length, 2, 'nor is its end told');
    const calls = one.fake.calls.length;
    await one.show();
    assert.equal(one.fake.calls.length, calls);
  });
});
