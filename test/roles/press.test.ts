import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { system } from '../../src/core/actor.ts';
import { channel, developer, elsewhere, operator, stranger, team } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

const secret = 'C000000003';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

describe('a button on the message of a run', () => {
  test('Cancel: the run ends, its message says so, and only who pressed it is told', async t => {
    const one = await openTown(t, server);
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
    const one = await openTown(t, server);
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
    const one = await openTown(t, server);
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
    const one = await openTown(t, server);
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
      const one = await openTown(t, server);
      await one.ask();
      await one.press('cancel:1', { ts: one.shown()[0]?.ts ?? '', ...by });
      assert.equal((await one.runs.get(1))?.state, 'queued');
      assert.deepEqual(await one.refusals(), [code]);
      assert.equal(one.shown().length, 1);
      assert.equal(one.whispers(by.user).length, 1);
    });
});

describe('Approve', () => {
  const person = (user: string, role: 'trainer' | 'approver') => ({
    ...{ slack: `${team}/${user}`, name: user, role, teams: [], groups: [] },
  });
  /** A run that waits for somebody to say yes to this. */
  async function asking(t: Parameters<typeof openTown>[0], cost = 51.2468) {
    const one = await openTown(t, server);
    one.people([person(developer, 'approver'), person(operator, 'approver')]);
    await one.ask();
    const asks = async (amount: number) => {
      const waiting = JSON.stringify({
        code: 'needs-approval',
        sentence: 'It costs something.',
        cost: amount,
      });
      await one.database.pool.query('update runs set waiting = $1', [waiting]);
      await one.database.pool.query("update surfaces set wanted_seq = wanted_seq + 1 where kind = 'run'");
    };
    await asks(cost);
    await one.show();
    const ts = one.shown()[0]?.ts ?? '';
    return { one, asks, ts, run: () => one.runs.get(1) };
  }

  test('by an approver: the cost that was shown is approved once, and the button goes', async t => {
    const { one, ts, run } = await asking(t);
    assert.match(JSON.stringify(one.shown()[0]), /Approve 51\.25/);
    assert.deepEqual(await one.press('approve:1', { ts, user: operator }), ['stored']);
    assert.deepEqual(await one.work(one.last()), ['duplicate']);
    const approval = (await run())?.approval;
    assert.deepEqual([approval?.cost, approval?.by.id], [51.2468, `${team}/${operator}`]);
    await one.show();
    assert.ok(!JSON.stringify(one.shown()[0]).includes('approve:1'));
    const { rows } = await one.database.pool.query("select details from audit where action = 'run.approved'");
    assert.deepEqual(
      rows.map(row => row.details.cost),
      [51.2468],
    );
  });

  test('by whoever asked for it: refused, whatever their role', async t => {
    const { one, ts, run } = await asking(t);
    await one.press('approve:1', { ts });
    assert.equal((await run())?.approval, null);
    assert.deepEqual(await one.refusals(), ['APPROVAL_OWN']);
  });

  test('by somebody who was an approver when the button was shown: decided when it is pressed', async t => {
    const { one, ts, run } = await asking(t);
    one.people([person(developer, 'trainer'), person(operator, 'trainer')]);
    await one.press('approve:1', { ts, user: operator });
    assert.equal((await run())?.approval, null);
    assert.deepEqual(await one.refusals(), ['ACCESS_DENIED']);
  });

  test('of a cost that has grown since it was shown: refused', async t => {
    const { one, ts, run, asks } = await asking(t);
    await one.database.pool.query("update surfaces set next_at = now() + interval '1 day'");
    await asks(60);
    await one.press('approve:1', { ts, user: operator });
    assert.equal((await run())?.approval, null);
    assert.deepEqual(await one.refusals(), ['APPROVAL_LESS']);
  });
});

describe('the buttons of a lease', () => {
  test('Extend and Release', async t => {
    const one = await openTown(t, server);
    await one.say(developer, '/gpu', 'request 0 --for 1h --team research');
    const ts = one.shown()[0]?.ts ?? '';
    await one.works(1);
    await one.press('lease-extend:1', { ts });
    assert.equal((await one.runs.get(1))?.extraS, 3_600);
    await one.press('lease-release:1', { ts, user: operator });
    assert.deepEqual(await one.refusals(), ['ACCESS_DENIED']);
    await one.press('lease-release:1', { ts });
    assert.equal((await one.runs.get(1))?.stopping, 'cancel');
  });
});

describe('places that cannot show the message of a run', () => {
  type Town = Awaited<ReturnType<typeof openTown>>;
  const workspace = ({ fake }: Town) => fake.world.workspaces.get(team);
  const directOf = (one: Town) =>
    [...(workspace(one)?.channels.values() ?? [])].find(
      ({ kind, members }) => kind === 'im' && members.has(developer),
    )?.id ?? '';

  test('a private channel without the bot: to the person alone, where its buttons count and its end follows', async t => {
    const one = await openTown(t, server);
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
    const one = await openTown(t, server);
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
    const one = await openTown(t, server);
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
