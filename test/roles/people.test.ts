import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { developer, operator, team } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

type Town = Awaited<ReturnType<typeof openTown>>;

/** One account asks for a code, the other says it. */
async function link(town: Town, asks: string, says: string): Promise<void> {
  await town.say(asks, '/signalbox', 'link');
  const code = /link ([2-9A-Z]{8})/.exec(
    JSON.stringify(town.fake.ephemerals({ channel: 'C000000001', user: asks })),
  )?.[1];
  assert.ok(code, 'a code is shown');
  await town.say(says, '/signalbox', `link ${code}`);
}

const cancelled = async (town: Town) => (await town.runs.get(1))?.state === 'cancelled';

describe('two accounts', () => {
  test('of two people: one does not change what the other asked for', async t => {
    const town = await openTown(t, server);
    await town.ask(developer);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
    assert.deepEqual(await town.refusals(), ['ACCESS_DENIED']);
  });

  test('that were linked by a code count as one', async t => {
    const town = await openTown(t, server);
    await town.ask(developer);
    await link(town, developer, operator);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), true);
  });

  test('that signalbox.yml names together count as one', async t => {
    const town = await openTown(t, server);
    const slack = [`${team}/${developer}`, `${team}/${operator}`];
    town.people([{ slack, name: 'Octocat', role: 'trainer', teams: [] }]);
    await town.ask(developer);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), true);
  });

  test('that were parted again are two', async t => {
    const town = await openTown(t, server);
    await town.ask(developer);
    await link(town, developer, operator);
    await town.say(operator, '/signalbox', 'unlink');
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
  });

  test('of which the other is an operator: a linked account has the role of the person', async t => {
    const town = await openTown(t, server);
    town.people([{ slack: `${team}/${operator}`, name: 'Octocat', role: 'operator', teams: [] }], 'viewer');
    await town.say(developer, '/train', 'digits');
    assert.equal(await town.runs.newestNumber(), null);
    await link(town, operator, developer);
    await town.say(developer, '/train', 'digits');
    assert.equal(await town.runs.newestNumber(), 1);
  });
});

describe('somebody who is removed', () => {
  test('between asking and pressing a button is refused at the press', async t => {
    const town = await openTown(t, server);
    await town.ask(developer);
    const ts = town.shown()[0]?.ts ?? '';
    town.people([{ slack: `${team}/${developer}`, name: 'Octocat', role: 'none', teams: [] }]);
    await town.press('cancel:1', { ts });
    assert.equal(await cancelled(town), false);
    assert.deepEqual(await town.refusals(), ['ACCESS_DENIED']);
    assert.equal(town.whispers().length, 1, 'and is told alone');
  });

  test('from being a viewer by default, in a moment, too', async t => {
    const town = await openTown(t, server);
    await town.ask(developer);
    town.people([], 'viewer');
    await town.say(developer, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
  });
});
