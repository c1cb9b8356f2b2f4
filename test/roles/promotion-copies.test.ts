import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Place } from '../../src/core/actor.ts';
import { startGitHub } from '../fakes/github/fake.ts';
import { secret } from '../fakes/github/fixture.ts';
import { ask, channel, elsewhere, operator, team } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { dev, op, openPromotionTown } from './promotion-town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** Private, and without Signalbox. */
const uninvited = 'C000000003';

/** A promotion that is asked for in one channel, of a run of a pull request, with another channel for the approvers. */
async function copies(t: TestContext, approvers = elsewhere) {
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits', { roles: { octocat: 'write' } });
  await repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'wide = True\n' } });
  const pull = await repo.open({ by: 'octocat', from: 'wider' });
  const town = await openPromotionTown(t, server, new Date(), {
    GITHUB_APP_ID: String(github.app.id),
    GITHUB_PRIVATE_KEY: github.app.privateKey,
    GITHUB_WEBHOOK_SECRET: secret,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_URL: github.url,
  });
  if (approvers === elsewhere)
    assert.equal((await ask(town.fake, 'conversations.join', { channel: elsewhere })).ok, true);
  const place: Place = {
    ...{ kind: 'github', installation: repo.installation, repo: repo.state.id, name: 'octo-org/digits' },
    ...{ isPublic: true, issue: pull, pull: true, user: 'octocat' },
  };
  await town.version('a');
  await town.version('b', undefined, 0.1, place);
  await town.live(1, 'staging');
  await town.live(1, 'production');
  await town.live(2, 'staging');
  town.declare({ channel: `${team}/${approvers}` });
  await town.says(dev, 'model promote digits 2 --to production --reason "fewer mistakes"');
  const [promotion] = await town.promotions.ofModel('digits', 1);
  const number = promotion?.number ?? 0;
  const title = `P${number}: digits 2 to production`;
  const show = async () => {
    for (let round = 0; round < 3; round++) await town.show();
  };
  await show();
  const message = (where: string) => town.shown(where).find(one => one.text?.includes(title));
  /** What each copy says, as it is read where it stands. */
  const read = () => ({
    asked: JSON.stringify(message(channel) ?? null),
    approvers: JSON.stringify(message(approvers) ?? null),
    pull: repo.comments(pull).find(one => one.viaApp && one.body.includes(title))?.body ?? '',
  });
  return { ...town, number, message, read, show };
}

const buttons =
  /promotion-approve:|open:model reject|open:model rollback|model (?:approve|reject|rollback) P\d+/;

test('a decision is read back from two channels and a pull request, and the buttons are gone from all', async t => {
  const one = await copies(t);
  for (const [where, text] of Object.entries(one.read())) {
    assert.match(text, /waits for approval/, where);
    assert.match(text, buttons, where);
  }
  // Pressed on the copy in the approvers' channel.
  const ts = one.message(elsewhere)?.ts ?? '';
  await one.press(`promotion-approve:${one.number}`, { ts, user: operator, channel: elsewhere });
  await one.show();
  assert.equal(await one.state(one.number), 'approved');
  for (const [where, text] of Object.entries(one.read())) {
    assert.match(text, /is approved/, where);
    assert.match(text, /operator approved it/, where);
    assert.doesNotMatch(text, buttons, where);
  }
  await one.goOn();
  await one.show();
  for (const [where, text] of Object.entries(one.read())) {
    assert.match(text, /is live/, where);
    assert.match(text, /model rollback/, where);
  }
  await one.says(op, `model rollback P${one.number} --reason "it confuses 3 and 8"`);
  await one.goOn();
  await one.show();
  for (const [where, text] of Object.entries(one.read())) {
    assert.match(text, /was live/, where);
    assert.doesNotMatch(text, buttons, where);
  }
});

test('a button counts in its own place alone', async t => {
  const one = await copies(t);
  const { rows } = await one.database.pool.query(
    'select id, channel from promotion_buttons where promotion = $1 order by channel',
    [one.number],
  );
  assert.deepEqual(
    rows.map(row => row.channel),
    [channel, elsewhere],
  );
  assert.notEqual(rows[0].id, rows[1].id);
  assert.equal(await one.says(op, `model approve ${rows[1].id}`), 'PROMOTION_UNKNOWN');
  assert.equal(
    await one.says(op, `model approve ${rows[0].id}`, { channel: elsewhere }),
    'PROMOTION_UNKNOWN',
  );
  assert.equal(await one.state(one.number), 'awaiting-approval');
});

test('a channel that Signalbox was not invited to keeps the others from nothing, and nobody gets its copy instead', async t => {
  const one = await copies(t, uninvited);
  const { asked, approvers, pull } = one.read();
  assert.match(asked, /waits for approval/);
  assert.match(pull, /waits for approval/);
  assert.equal(approvers, 'null');
  // GitHub knows no commit of the run, whose check is given up too.
  const slack = (await one.givenUp()).filter(error => error.startsWith('Slack'));
  assert.deepEqual(slack, ['Slack refuses the message (channel_not_found).']);
});
