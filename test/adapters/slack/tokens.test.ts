import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { slackClients } from '../../../src/adapters/slack/client.ts';
import { slackTokens } from '../../../src/adapters/slack/tokens.ts';
import { type InstallationStore, MessengerError } from '../../../src/core/ports.ts';
import { openFake, team, token } from '../../fakes/slack/fixture.ts';
import { installation, memoryInstallations } from './memory-installations.ts';
import { recordingLog } from './support.ts';

type State = 'live' | 'token_revoked' | 'account_inactive';

interface Given {
  botToken?: string | null;
  installations?: InstallationStore;
}

async function setUp(t: TestContext, { botToken = null, installations }: Given) {
  const fake = await openFake();
  t.after(() => fake.close());
  const { log } = recordingLog();
  let now = 0;
  const tokens = slackTokens({
    botToken,
    installations: installations ?? null,
    apiUrl: fake.apiUrl,
    log,
    clock: () => new Date(now),
  });
  const wait = (ms: number) => {
    now += ms;
  };
  const known = fake.world.tokens.get(token);
  const setState = (state: State | 'unknown') => {
    if (!known) throw new Error('the workspace has no such token');
    fake.world.tokens.delete(token);
    if (state !== 'unknown') fake.world.tokens.set(token, { ...known, state });
  };
  return { fake, tokens, log, wait, setState };
}

const org = installation('', 'xoxb-org', { team: null, enterprise: 'E000000001' });
const rows: [
  name: string,
  given: Given,
  team: string | null,
  enterprise: string | null,
  token: string | null,
][] = [
  ['the one bot, in its workspace', { botToken: token }, team, null, token],
  ['the one bot, elsewhere', { botToken: token }, 'T000000009', null, null],
  ['the one bot, nowhere', { botToken: token }, null, null, null],
  ['the one bot, in another organisation', { botToken: token }, null, 'E000000001', null],
  [
    'the one bot of an organisation, in a workspace of it',
    { botToken: 'xoxb-org' },
    'T000000003',
    'E000000001',
    'xoxb-org',
  ],
  ['the one bot of an organisation, elsewhere', { botToken: 'xoxb-org' }, 'T000000002', 'E000000009', null],
  [
    'an installation',
    { installations: memoryInstallations([installation('T5', 'xoxb-5')]).store },
    'T5',
    null,
    'xoxb-5',
  ],
  [
    'no installation',
    { installations: memoryInstallations([installation('T5', 'xoxb-5')]).store },
    'T6',
    null,
    null,
  ],
  [
    'an installation on an organisation',
    { installations: memoryInstallations([org]).store },
    'T7',
    'E000000001',
    'xoxb-org',
  ],
  [
    'both, in the workspace of the one bot',
    { botToken: token, installations: memoryInstallations([installation('T5', 'xoxb-5')]).store },
    team,
    null,
    token,
  ],
  [
    'both, in the other',
    { botToken: token, installations: memoryInstallations([installation('T5', 'xoxb-5')]).store },
    'T5',
    null,
    'xoxb-5',
  ],
];
for (const [name, given, inTeam, enterprise, expected] of rows)
  test(`tokens: ${name}: ${expected ? 'the bot speaks' : 'nobody speaks'}`, async t => {
    const { tokens } = await setUp(t, given);
    assert.equal(await tokens.tokenFor(inTeam, enterprise), expected);
  });

test('tokens: Slack is asked once which workspace the one bot is in, and not before it is needed', async t => {
  const { fake, tokens, wait } = await setUp(t, { botToken: token });
  assert.equal(fake.count('auth.test'), 0);
  await Promise.all([tokens.tokenFor(team, null), tokens.tokenFor('T000000009', null)]);
  wait(3_600_000);
  await tokens.tokenFor(team, null);
  assert.equal(fake.count('auth.test'), 1);
});

test('tokens: while Slack cannot be asked nobody is let in or turned away, and afterwards it is asked again', async t => {
  const { fake, tokens } = await setUp(t, { botToken: token });
  for (const fault of ['cut', 'server-error', 'rate-limited'] as const) {
    fake.faults.next('auth.test', fault);
    await assert.rejects(
      tokens.tokenFor(team, null),
      err => err instanceof MessengerError && err.outcome === 'retry' && err.afterMs > 0,
    );
  }
  assert.equal(await tokens.tokenFor(team, null), token);
});

test('tokens: what is known is kept for some seconds, an absence is not', async t => {
  const { store, asked } = memoryInstallations([installation('T5', 'xoxb-5')]);
  const { tokens, wait } = await setUp(t, { installations: store });
  for (const id of ['T5', 'T5', 'T6', 'T6']) await tokens.tokenFor(id, null);
  assert.deepEqual(asked, ['T5', 'T6', 'T6']);
  await store.save(installation('T6', 'xoxb-6'), new Date(0));
  assert.equal(await tokens.tokenFor('T6', null), 'xoxb-6');
  await store.revoke({ team: 'T5', enterprise: null }, 'by another process', new Date(0));
  wait(10_000);
  assert.equal(await tokens.tokenFor('T5', null), null);
  await store.save(installation('T6', 'xoxb-7'), new Date(0));
  tokens.forget();
  assert.equal(await tokens.tokenFor('T6', null), 'xoxb-7');
});

const failures: [name: string, state: State | 'unknown', stays: boolean][] = [
  ['revoked', 'token_revoked', false],
  ['of a bot that is gone', 'account_inactive', false],
  ['unknown to Slack', 'unknown', false],
  ['fine', 'live', true],
];
for (const [name, state, stays] of failures)
  test(`tokens: after a failed call, a token that is ${name} ${stays ? 'stays' : 'is revoked at once'}`, async t => {
    const { store } = memoryInstallations([installation(team, token)]);
    const { fake, tokens, log, setState } = await setUp(t, { installations: store });
    assert.equal(await tokens.tokenFor(team, null), token);
    setState(state);
    const client = slackClients({ apiUrl: fake.apiUrl, timeoutMs: 5_000, log })(token);
    const error = await client.chat.postMessage({ channel: 'C999', text: 'x' }).catch(err => err);
    await tokens.failed(token, team, null, error);
    assert.equal(await tokens.tokenFor(team, null), stays ? token : null);
  });

test('tokens: one refusal that Slack does not repeat revokes nothing', async t => {
  const { store } = memoryInstallations([installation(team, token)]);
  const { fake, tokens, log, setState } = await setUp(t, { installations: store });
  setState('unknown');
  const client = slackClients({ apiUrl: fake.apiUrl, timeoutMs: 5_000, log })(token);
  const error = await client.auth.test().catch(err => err);
  setState('live');
  await tokens.failed(token, team, null, error);
  assert.equal(await tokens.tokenFor(team, null), token);
});

test('tokens: a token that was replaced meanwhile is not revoked with the old one', async t => {
  const { store } = memoryInstallations([installation(team, 'xoxb-new')]);
  const { fake, tokens, log, setState } = await setUp(t, { installations: store });
  setState('token_revoked');
  const client = slackClients({ apiUrl: fake.apiUrl, timeoutMs: 5_000, log })(token);
  const error = await client.auth.test().catch(err => err);
  await tokens.failed(token, team, null, error);
  assert.equal(await tokens.tokenFor(team, null), 'xoxb-new');
});
