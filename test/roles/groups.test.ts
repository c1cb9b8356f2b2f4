import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { policySchema } from '../../src/core/policy.ts';
import { developer, operator, team, token } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

type Town = Awaited<ReturnType<typeof openTown>>;

/** In the fixture the developer is in it. */
const id = 'S000000001';
const group = `slack:${team}/${id}`;
const given = (more: object) => policySchema.parse({ teams: { research: {}, platform: {} }, ...more });
const trainersOnly = given({ roles: { trainer: [group] }, defaultRole: 'viewer' });
const operators = given({ roles: { operator: [group] } });

const cancelled = async (town: Town) => (await town.runs.get(1))?.state === 'cancelled';
const newest = async (town: Town) => (await town.runs.newestNumber()) ?? 0;

/** Slack's last events of a changed group are taken, as a worker takes them. */
async function change(town: Town, users: string[]): Promise<void> {
  const { changed, updated } = town.fake.setGroup({ group: id, users });
  await Promise.all([changed?.done, updated?.done]);
  await town.work(town.last('"subteam_members_changed"'));
}

describe('a role by a group', () => {
  test('is given to whoever is in it, and to nobody else', async t => {
    const town = await openTown(t, server);
    await town.groups(trainersOnly);
    await town.say(operator, '/train', 'digits');
    assert.equal(await newest(town), 0);
    await town.say(developer, '/train', 'digits');
    assert.equal(await newest(town), 1);
  });

  test('counts from the moment at which Slack says that somebody came in', async t => {
    const town = await openTown(t, server);
    await town.groups(operators);
    await town.ask(developer);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
    await change(town, [operator]);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), true);
  });

  test('is gone at the next click of whoever was taken out of it', async t => {
    const town = await openTown(t, server);
    await town.groups(trainersOnly);
    await town.ask(developer);
    const ts = town.shown()[0]?.ts ?? '';
    await change(town, []);
    await town.press('cancel:1', { ts });
    assert.equal(await cancelled(town), false);
    assert.deepEqual(await town.refusals(), ['ACCESS_DENIED']);
  });

  test('is gone also where Slack cannot be asked any more', async t => {
    const town = await openTown(t, server);
    await town.groups(trainersOnly);
    await town.ask(developer);
    const ts = town.shown()[0]?.ts ?? '';
    const { changed, updated } = town.fake.setGroup({ group: id, users: [] });
    await Promise.all([changed?.done, updated?.done]);
    town.fake.world.tokens.get(token)?.scopes.delete('usergroups:read');
    await town.work(town.last('"subteam_members_changed"'));
    assert.match((await town.groupStates())[0]?.error ?? '', /usergroups:read/);
    await town.press('cancel:1', { ts });
    assert.equal(await cancelled(town), false);
  });

  test('is gone where the group is disabled, and there again where it is enabled', async t => {
    const town = await openTown(t, server);
    await town.groups(trainersOnly);
    await town.fake.setGroupEnabled({ group: id, enabled: false })?.done;
    await town.work();
    await town.ask(developer);
    assert.equal(await newest(town), 0);
    assert.equal((await town.groupStates())[0]?.gone, true);
    await town.fake.setGroupEnabled({ group: id, enabled: true })?.done;
    await town.work();
    await town.ask(developer);
    assert.equal(await newest(town), 1);
  });

  test('is not what counts for somebody whom signalbox.yml names', async t => {
    const town = await openTown(t, server);
    town.people([{ slack: `${team}/${developer}`, name: 'Octocat', role: 'viewer', teams: [] }]);
    await town.groups(operators);
    await town.ask(developer);
    assert.equal(await newest(town), 0);
  });

  test('is not given by a group that is not there', async t => {
    const town = await openTown(t, server);
    await town.groups(given({ roles: { trainer: [`slack:${team}/S000000009`] }, defaultRole: 'viewer' }));
    await town.ask(developer);
    assert.equal(await newest(town), 0);
    assert.equal((await town.groupStates())[0]?.gone, true);
  });

  test('is not given any more once signalbox.yml does not name the group', async t => {
    const town = await openTown(t, server);
    await town.groups(trainersOnly);
    await town.groups(given({ defaultRole: 'viewer' }));
    await town.ask(developer);
    assert.equal(await newest(town), 0);
  });

  test('is seen by whoever has it, with the group', async t => {
    const town = await openTown(t, server);
    await town.groups(given({ teams: { research: { groups: [group] } }, roles: { approver: [group] } }));
    await town.say(developer, '/signalbox', 'whoami');
    const said = JSON.stringify(town.fake.ephemerals({ channel: 'C000000001', user: developer }));
    assert.match(said, new RegExp(`approver[^}]*}[^}]*by[^}]*}[^}]*${group}`));
    assert.match(said, new RegExp(`research[^}]*}[^}]*by[^}]*}[^}]*${group}`));
  });
});

describe('a group that cannot be read', () => {
  const unreadable = async (town: Town) => {
    await town.groups(trainersOnly);
    town.fake.world.tokens.get(token)?.scopes.delete('usergroups:read');
  };

  test('keeps its members for a day, and is in the log once', async t => {
    const town = await openTown(t, server);
    await unreadable(town);
    for (const hours of [11, 12]) {
      await town.age(hours);
      await town.sync();
    }
    await town.ask(developer);
    assert.equal(await newest(town), 1);
    const warned = town.logged.filter(([level, , message]) => level === 'warn' && /group/.test(message));
    assert.equal(warned.length, 1);
    const [state] = await town.groupStates();
    assert.equal(state?.error, 'The Slack app lacks the scope usergroups:read.');
  });

  test('has nobody in it after that', async t => {
    const town = await openTown(t, server);
    await unreadable(town);
    await town.age(24);
    await town.sync();
    await town.ask(developer);
    assert.equal(await newest(town), 0);
  });

  test('has its members again once it can be read', async t => {
    const town = await openTown(t, server);
    await unreadable(town);
    await town.age(24);
    await town.sync();
    town.fake.world.tokens.get(token)?.scopes.add('usergroups:read');
    await town.age(0);
    await town.sync();
    await town.ask(developer);
    assert.equal(await newest(town), 1);
    assert.equal((await town.groupStates())[0]?.error, null);
  });

  test('has nobody in it where it never could be read', async t => {
    const town = await openTown(t, server);
    town.fake.world.tokens.get(token)?.scopes.delete('usergroups:read');
    await town.groups(trainersOnly);
    await town.ask(developer);
    assert.equal(await newest(town), 0);
  });
});
