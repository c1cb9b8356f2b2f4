import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { signSlack } from '../../src/adapters/slack/signature.ts';
import { browser, openProvider, type TestProvider } from '../support/oidc.ts';
import { type House, openHouse } from './house.ts';
import { botToken, signingSecret } from './people.ts';
import { cli } from './process.ts';
import { until } from './until.ts';

const team = 'T000000001';
const channel = 'C000000001';
const approver = 'U000000003';

const policy = `
teams: { research: {} }
pools: { here: { slots: 2, accelerators: none } }
projects:
  digits: { team: research, source: repository, command: [sh, make.sh], outputs: [model.json] }
targets:
  hook: { kind: webhook, url: 'http://127.0.0.1:9/models', secret: DEPLOY_SECRET }
models:
  digits:
    project: digits
    output: model.json
    environments:
      production:
        target: hook
        stepUp: true
        # It stays approved, so that the test sees it.
        quiet: [{ days: [mon, tue, wed, thu, fri, sat, sun], from: '00:00', to: '24:00' }]
people:
  - { slack: ${team}/${approver}, name: An approver, role: approver, email: approver@example.com }
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>(resolve => server.close(() => resolve()));
  if (!address || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}

describe('an approval with a second factor, through the whole service', () => {
  let house: House;
  let provider: TestProvider;
  before(async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    provider = await openProvider(`${url}/auth/step-up/callback`, {
      'sub-approver': { email: 'approver@example.com', email_verified: true },
    });
    house = await openHouse(
      { ...provider.environment, PORT: String(port), SIGNALBOX_URL: url, DEPLOY_SECRET: 'a-secret' },
      { policy, files: { 'make.sh': 'echo "{}" > "$SIGNALBOX_OUTPUT_DIR/model.json"\n' } },
    );
  });
  after(async () => {
    await house?.close();
    await provider?.close();
  });

  /** The button of the channel's message, as Slack has it. */
  async function button(action: string): Promise<{ ts: string; value: string } | null> {
    const answer = await fetch(`${house.people.url}/api/conversations.history`, {
      method: 'POST',
      headers: { authorization: `Bearer ${botToken}` },
      body: new URLSearchParams({ channel }),
    });
    const { messages } = (await answer.json()) as {
      messages: { ts: string; blocks?: { elements?: { action_id?: string; value?: string }[] }[] }[];
    };
    for (const { ts, blocks = [] } of messages)
      for (const { action_id: id = '', value } of blocks.flatMap(({ elements = [] }) => elements))
        if (id.startsWith(`${action}:`) && value !== undefined) return { ts, value };
    return null;
  }

  async function press({ ts, value }: { ts: string; value: string }): Promise<void> {
    const payload = {
      type: 'block_actions',
      ...{ team: { id: team }, channel: { id: channel }, trigger_id: randomBytes(8).toString('hex') },
      user: { id: approver, username: 'approver' },
      container: { type: 'message', message_ts: ts, channel_id: channel },
      actions: [{ type: 'button', action_id: 'promotion-approve:1', value }],
    };
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const timestamp = Math.floor(Date.now() / 1_000);
    const answer = await fetch(`${house.service().url}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': String(timestamp),
        'x-slack-signature': signSlack(signingSecret, timestamp, body),
      },
      body,
    });
    assert.equal(answer.status, 200);
  }

  test('press, link, provider, and the message says so', async () => {
    const { number } = await house.request({ project: 'digits' });
    assert.equal((await house.reaches(number, 'succeeded', 'failed')).state, 'succeeded');
    await until('a version', async () => (await house.query('select 1 from model_versions')).length === 1);
    await house.people.says(house.service().url, '/model promote digits 1');
    const pressed = await until('the button', () => button('promotion-approve'));
    await press(pressed);
    const link = await until('the link, for the approver alone', () => {
      const told = house.people.calls.findLast(
        ({ path, body }) =>
          path === '/api/chat.postEphemeral' && new URLSearchParams(body).get('user') === approver,
      );
      const blocks = new URLSearchParams(told?.body).get('blocks') ?? '';
      return /http[^"|>\\]+\/auth\/step-up\/start\?ask=[\w.-]+/.exec(blocks)?.[0];
    });
    const state = async () =>
      (await house.query<{ state: string }>('select state from promotions'))[0]?.state;
    assert.equal(await state(), 'awaiting-approval');
    const own = browser();
    provider.state.signIn = { account: 'sub-approver', amr: ['pwd'] };
    const { to } = await own.press(link);
    const refused = await own.go(await own.through(to ?? ''));
    assert.match(refused.text, /with a second factor \(mfa in amr\)/);
    assert.equal(await state(), 'awaiting-approval');
    provider.state.signIn.amr = ['pwd', 'otp', 'mfa'];
    const again = await own.press(link);
    const answer = await own.go(await own.through(again.to ?? ''));
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /digits 1 to production is approved/);
    assert.equal(await state(), 'approved');
    const shown = await until('the message to say so', async () => {
      const found = (await house.people.messages()).find(({ text }) =>
        text.includes('P1: digits 1 to production'),
      );
      return found?.text.includes('is approved') && found;
    });
    assert.match(shown.text, /Approved by: @U000000003 with a second factor/);
    const [entry] = await house.query<{ account: string }>(
      "select details->'secondFactor'->>'account' as account from audit where action = 'promotion.approved'",
    );
    assert.equal(entry?.account, 'oidc:sub-approver');
    const doctor = await house.cli('doctor');
    assert.match(doctor.stdout, /ok +oidc +127\.0\.0\.1:\d+ answers; a second factor is mfa in amr/);
  });

  test('doctor says what is missing where a model wants a second factor that nobody can ask for', async () => {
    const none = { OIDC_ISSUER: undefined, OIDC_CLIENT_ID: undefined, OIDC_CLIENT_SECRET: undefined };
    const doctor = await cli(['doctor'], { ...house.settings, ...none });
    assert.match(
      doctor.stdout,
      /broken +oidc +OIDC_ISSUER is not set, and nobody can approve digits in production/,
    );
    assert.equal(doctor.code, 1);
  });
});
