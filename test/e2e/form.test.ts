import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { channel, developer, type FakeSlack, openFake, team, token } from '../fakes/slack/fixture.ts';
import { type Environment, type Served, serve } from './process.ts';
import { until } from './until.ts';

const policy = `
teams: { research: {} }
pools: { local: { slots: 2, accelerators: none } }
projects:
  echo:
    team: research
    source: project
    command: [echo, "lr is {lr}"]
    parameters: { lr: { type: number, default: 0.1, min: 0 }, tag: { type: choice, default: a, choices: [a, b] } }
`;

interface Input {
  block_id: string;
  element: { action_id: string };
}

/** The service as it is started, a workspace, and a person in it who fills in forms. */
for (const mode of ['over HTTP', 'over a socket'] as const)
  describe(`the form for a run, ${mode}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-form-'));
    const me = { user: developer };
    let fake: FakeSlack;
    let service: Served;
    let settings: Environment;

    async function start() {
      service = await serve(['--role', 'all'], settings);
      if (mode === 'over HTTP') fake.sendTo(`${service.url}/slack/events`);
      else await until('a socket', async () => fake.sockets.count() > 0);
    }

    before(async () => {
      fake = await openFake({ socketMode: mode === 'over a socket' });
      mkdirSync(join(folder, 'project'));
      writeFileSync(join(folder, 'project', 'read.me'), 'x');
      writeFileSync(join(folder, 'signalbox.yml'), policy);
      const way =
        mode === 'over HTTP'
          ? { SLACK_SIGNING_SECRET: fake.world.app.signingSecret }
          : { SLACK_APP_TOKEN: 'xapp-1' };
      settings = {
        SIGNALBOX_CONFIG: join(folder, 'signalbox.yml'),
        SIGNALBOX_DATA: join(folder, 'data'),
        SLACK_BOT_TOKEN: token,
        SLACK_API_URL: fake.apiUrl,
        ...way,
      };
      await start();
    });
    after(async () => {
      await service.stop();
      await fake.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const fill = (values: Record<string, unknown>) => {
      const view = fake.modals(me).at(-1);
      const inputs = ((view?.given.blocks ?? []) as Input[]).filter(block => 'element' in block);
      return Object.fromEntries(
        Object.entries(values).map(([name, value]) => {
          const input = inputs.find(one => one.element.action_id === name);
          assert.ok(input, `no field ${name}`);
          return [input.block_id, { [name]: value }];
        }),
      );
    };
    const open = async () => {
      const { shown, delivery } = await fake.slash({ ...me, channel, command: '/train' });
      assert.equal(shown, 'nothing', JSON.stringify(delivery.ack));
    };
    /** What stands in a channel, without what is in threads. */
    const own = (where: string) =>
      fake.messages({ channel: where }).filter(({ ts, thread_ts = ts }) => thread_ts === ts);
    const runMessage = (where: string, words: RegExp) =>
      until(`a message ${words}`, async () => own(where).find(({ text }) => words.test(text)));

    test('makes a run with one message, and nobody is told how to use the command', async () => {
      await open();
      const wrong = await fake.submit({ ...me, filled: fill({ 'parameter:lr': '-1' }) });
      assert.equal(wrong.outcome, 'errors');
      const { outcome } = await fake.submit({
        ...me,
        filled: fill({ 'parameter:lr': '3e-4', note: 'from the form' }),
      });
      assert.equal(outcome, 'closed');
      const { blocks } = await runMessage(channel, /#1 echo succeeded/);
      assert.match(JSON.stringify(blocks), /lr=0\.0003/);
      assert.match(JSON.stringify(blocks), /from the form/);
      assert.equal(own(channel).length, 1);
      assert.deepEqual(fake.ephemerals({ channel, ...me }), []);
    });

    test('is filled in from the last run', async () => {
      await open();
      assert.match(JSON.stringify(fake.modals(me).at(-1)?.given), /"initial_value":"0\.0003"/);
    });

    test('that was sent survives the end of the service', async () => {
      const { outcome } = await fake.submit({ ...me, filled: fill({ 'parameter:tag': 'b' }) });
      assert.equal(outcome, 'closed');
      await service.kill();
      // Slack may take a while to see that a line is dead; what it sends there is lost to the person, not to Signalbox.
      fake.sockets.drop('all');
      await start();
      const { blocks } = await runMessage(channel, /#2 echo succeeded/);
      assert.match(JSON.stringify(blocks), /tag=b/);
    });

    test('tells what only Git knows when it was sent', async () => {
      await open();
      const text = { type: 'plain_text', text: 'nowhere' };
      const { outcome } = await fake.submit({ ...me, filled: fill({ ref: { text, value: 'nowhere' } }) });
      assert.equal(outcome, 'closed');
      const said = await until('a word about the ref', async () =>
        fake.ephemerals({ channel, ...me }).at(-1),
      );
      assert.match(said.text, /nowhere/);
    });

    test('opened from anywhere, shows the run in a direct message', async () => {
      await fake.shortcut({ ...me, callbackId: 'train' });
      const { outcome } = await fake.submit({ ...me, filled: fill({ ref: null }) });
      assert.equal(outcome, 'closed');
      const direct = fake.direct({ ...me, team });
      const { blocks } = await runMessage(direct.id, /#3 echo succeeded/);
      // Its buttons count where it is.
      assert.match(JSON.stringify(blocks), /"type":"button"/);
      const ts = own(direct.id)[0]?.ts ?? '';
      await fake.click({ ...me, in: { channel: direct.id, ts }, actionId: 'logs:3' });
      await until('the log', async () =>
        fake.ephemerals({ channel: direct.id, ...me }).find(one => /lr is 0\.0003/.test(JSON.stringify(one))),
      );
    });
  });
