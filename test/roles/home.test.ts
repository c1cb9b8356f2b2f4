import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { system } from '../../src/core/actor.ts';
import { channel, developer, operator, team, token } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

type Town = Awaited<ReturnType<typeof openTown>>;

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const shownTo = (one: Town, user = developer) => JSON.stringify(one.fake.home({ user })?.given ?? null);
const viewOf = (one: Town, user = developer) => one.fake.home({ user })?.id ?? '';
const published = (one: Town) => one.fake.count('views.publish');
const end = (one: Town, number: number) =>
  one.runs.change(number, { type: 'stop', actor: system, why: 'cancel', reason: '' }, new Date(), system);
const directOf = ({ fake }: Town, user = developer) =>
  [...(fake.world.workspaces.get(team)?.channels.values() ?? [])].find(
    ({ kind, members }) => kind === 'im' && members.has(user),
  )?.id ?? '';

async function press(one: Town, actionId: string, alter?: (payload: Record<string, unknown>) => object) {
  const change = alter && ((payload: Record<string, unknown>) => ({ ...payload, ...alter(payload) }));
  const where = { user: developer, in: { view: viewOf(one) }, actionId };
  await one.fake.click({ ...where, ...(change ? { alter: change } : {}) });
  return await one.work();
}

describe('the Home of a person', () => {
  test('opened: what is free, and how to begin; opened again, nothing is sent that is there already', async t => {
    const one = await openTown(t, server);
    assert.deepEqual(await one.look(), ['stored']);
    assert.match(
      shownTo(one),
      /Free now.*Your runs.*You have not asked for a run yet.*\/train .*Nobody else waits/,
    );
    await one.look();
    assert.equal(published(one), 1);
    assert.equal(shownTo(one, operator), 'null', 'who does not look has none');
  });

  test('follows the runs: asked for, on a machine, ended; others see them in the queue', async t => {
    const one = await openTown(t, server);
    await one.look();
    await one.look(operator);
    await one.ask();
    await one.sweepHomes();
    assert.match(shownTo(one), /#1 digits is queued/);
    assert.match(shownTo(one, operator), /Others in the queue.*#1 digits, 1 CPU slot in pool local/);
    await one.works(1);
    await one.sweepHomes();
    assert.match(shownTo(one), /#1 digits is running/);
    assert.match(shownTo(one, operator), /Nobody else waits/);
    await end(one, 1);
    await one.sweepHomes();
    assert.match(shownTo(one), /#1 digits is being stopped/);
    const before = published(one);
    await one.sweepHomes();
    assert.equal(published(one), before, 'what did not change is not sent again');
  });

  test('why a run waits, as the plan says it later', async t => {
    const one = await openTown(t, server);
    await one.look();
    await one.ask();
    await one.sweepHomes();
    await one.waits(1, 'The pool rests until Monday.');
    await one.sweepHomes();
    assert.match(shownTo(one), /The pool rests until Monday\. It is next in its queue\./);
  });

  test('ten changes within a pause are one update', async t => {
    const one = await openTown(t, server);
    await one.look();
    const { rows } = await one.database.pool.query(
      "select next_at > now() + interval '5 seconds' as rests from surfaces where kind = 'home'",
    );
    assert.deepEqual(rows, [{ rests: true }]);
    for (let i = 0; i < 5; i += 1) await one.ask();
    for (let number = 1; number <= 5; number += 1) await end(one, number);
    assert.equal(published(one), 1);
    await one.sweepHomes();
    assert.equal(published(one), 2);
    assert.match(shownTo(one), /#5 digits was cancelled/);
  });

  test('progress of a running run is shown now and then, though nothing else changes', async t => {
    const one = await openTown(t, server);
    await one.ask();
    await one.works(1);
    await one.look();
    const point = (name: string, value: number) => ({ name, value, step: 1 });
    await one.runs.addPoints(1, 1, [point('epoch', 3), point('epochs', 4)]);
    await one.sweepHomes();
    assert.doesNotMatch(shownTo(one), /75 %/);
    await one.database.pool.query(
      "update surfaces set next_at = now() - interval '1 minute' where kind = 'home'",
    );
    await one.surfaces.wantHomes();
    await one.show();
    assert.match(shownTo(one), /75 %/);
  });

  test('nobody opened it for two weeks: left as it is, until it is opened', async t => {
    const one = await openTown(t, server);
    await one.look();
    await one.database.pool.query(
      "update surfaces set opened_at = now() - interval '15 days' where kind = 'home'",
    );
    await one.ask();
    await one.sweepHomes();
    assert.equal(published(one), 1);
    await one.look();
    assert.match(shownTo(one), /#1 digits is queued/);
  });

  test('Slack knows nothing of what was shown (the app was installed anew): it is shown again', async t => {
    const one = await openTown(t, server);
    await one.look();
    const opened = JSON.parse(one.last('app_home_opened'));
    await one.work(JSON.stringify({ ...opened, event_id: 'Ev2' }));
    assert.equal(published(one), 2);
  });

  test('the app was removed: given up quietly, and shown again when it is opened', async t => {
    const one = await openTown(t, server);
    await one.ask();
    const held = one.fake.world.tokens.get(token);
    assert.ok(held);
    held.state = 'account_inactive';
    await one.look();
    assert.deepEqual(await one.givenUp(), ['Slack refuses the message (account_inactive).']);
    const calls = one.fake.calls.length;
    await one.sweepHomes();
    assert.equal(one.fake.calls.length, calls);
    held.state = 'live';
    await one.look();
    assert.match(shownTo(one), /#1 digits is queued/);
  });
});

describe('a button on a Home', () => {
  test('Cancel: the run ends, and the person is told in their conversation with Signalbox', async t => {
    const one = await openTown(t, server);
    await one.ask();
    await one.look();
    assert.deepEqual(await press(one, 'cancel:1'), ['stored']);
    const run = await one.runs.get(1);
    assert.deepEqual([run?.state, run?.stoppedBy?.name], ['cancelled', 'developer']);
    assert.deepEqual(
      one.shown(directOf(one)).map(({ text }) => text),
      ['ℹ️ Run #1 digits was cancelled.'],
    );
    await one.sweepHomes();
    assert.match(shownTo(one), /Ended lately.*#1 digits was cancelled/);
  });

  test('Run again: its message is in the conversation with Signalbox', async t => {
    const one = await openTown(t, server);
    await one.ask();
    await end(one, 1);
    await one.look();
    await press(one, 'retry:1');
    assert.equal((await one.runs.get(2))?.spec.retryOf, 1);
    assert.match(one.shown(directOf(one))[0]?.text ?? '', /#2 digits is queued/);
  });

  test('Train a model: opens the form', async t => {
    const one = await openTown(t, server);
    await one.look();
    assert.deepEqual(await press(one, 'open:train'), [], 'nothing is left for the worker');
    assert.match(JSON.stringify(one.fake.modals({ user: developer })), /Train a model/);
  });

  const valueOn = (message: { blocks?: unknown[] } | undefined) =>
    /"action_id":"cancel:1".*?"value":"([^"]+)"/.exec(JSON.stringify(message?.blocks))?.[1] ?? '';
  test('a value from a message does not count on a Home, nor one from a Home in a channel', async t => {
    const one = await openTown(t, server);
    await one.ask();
    await one.look();
    const [message] = one.shown(channel);
    const home = { blocks: [one.fake.home({ user: developer })?.given] };
    const withValue = (value: string) => (payload: Record<string, unknown>) => ({
      actions: (payload.actions as object[]).map(action => ({ ...action, value })),
    });
    assert.ok(valueOn(message) && valueOn(home));
    await press(one, 'cancel:1', withValue(valueOn(message)));
    const ts = message?.ts ?? '';
    await one.press('cancel:1', {
      ts,
      alter: payload => ({ ...payload, ...withValue(valueOn(home))(payload) }),
    });
    assert.deepEqual(await one.refusals(), ['BUTTON_INVALID', 'BUTTON_INVALID']);
    assert.equal((await one.runs.get(1))?.state, 'queued');
    assert.equal(one.shown(directOf(one)).length, 1, 'told where they can see it');
  });
});
