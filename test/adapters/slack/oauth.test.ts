import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createEmulator } from 'emulate';
import { createLogger } from '../../../src/adapters/logger/logger.ts';
import { slackInstallPages } from '../../../src/adapters/slack/oauth.ts';
import type { Page } from '../../../src/core/edge.ts';
import { type FakeSlack, openFake } from '../../fakes/slack/fixture.ts';
import { start } from '../http/fixture.ts';
import { memoryInstallations } from './memory-installations.ts';

const clientId = '12345.67890';
const clientSecret = 'a-client-secret';
const scopes = ['chat:write', 'commands'];

interface Given {
  workspaces?: string[] | undefined;
  /** Opens a Slack that knows the address to which it is to return people; where its Web API is. */
  slack(redirectUri: string): Promise<string> | string;
}

/** Signalbox's own HTTP server with the two pages, and a browser's way through them. */
async function setUp(t: TestContext, { workspaces, slack }: Given) {
  const { store, all } = memoryInstallations();
  const lines: string[] = [];
  const log = createLogger('trace', [clientSecret], line => lines.push(line) > 0);
  let pages: Page[] = [];
  const handle = (path: string): Page => ({
    path,
    handle: request => pages.find(page => page.path === path)?.handle(request) ?? Promise.reject(),
  });
  const { url } = await start(t, { pages: [handle('/slack/install'), handle('/slack/oauth_redirect')] });
  const apiUrl = await slack(`${url}/slack/oauth_redirect`);
  let now = new Date('2026-01-05T09:00:00Z').getTime();
  let told = 0;
  pages = slackInstallPages({
    ...{ clientId, clientSecret, scopes, apiUrl, publicUrl: url, log },
    workspaces: workspaces ?? null,
    installations: store,
    onInstalled: () => {
      told += 1;
    },
    clock: () => new Date(now),
  });

  /** Follows `/slack/install`; what Slack is asked, and what the browser keeps. */
  async function begin() {
    const response = await fetch(`${url}/slack/install`, { redirect: 'manual' });
    assert.equal(response.status, 302);
    const cookie = response.headers.get('set-cookie') ?? '';
    return {
      link: new URL(response.headers.get('location') ?? ''),
      cookie,
      held: cookie.split(';')[0] ?? '',
    };
  }
  async function comeBack(address: string | URL, held: string) {
    const response = await fetch(address, { headers: held ? { cookie: held } : {}, redirect: 'manual' });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
  const wait = (ms: number) => {
    now += ms;
  };
  return { url, apiUrl, all, lines, begin, comeBack, wait, told: () => told };
}

async function openEmulator(t: TestContext, redirectUri: string): Promise<string> {
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      slack: {
        oauth_apps: [
          {
            client_id: clientId,
            client_secret: clientSecret,
            name: 'Signalbox',
            redirect_uris: [redirectUri],
          },
        ],
      },
    },
  });
  t.after(() => emulator.close());
  return `${emulator.url.replace('localhost', '127.0.0.1')}/api/`;
}

/** Somebody presses their name on the page that Slack shows. Returns where they are sent. */
async function agree(link: URL): Promise<string> {
  const page = await (await fetch(link)).text();
  const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page);
  assert.ok(form, page);
  const fields = [...(form[2] ?? '').matchAll(/<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"/g)].map(
    ([, name, value]): [string, string] => [name ?? '', (value ?? '').replaceAll('&amp;', '&')],
  );
  const sent = await fetch(new URL(form[1] ?? '', link), {
    method: 'POST',
    body: new URLSearchParams(fields),
    redirect: 'manual',
  });
  return sent.headers.get('location') ?? '';
}

test('install: from the first page to a token that works', async t => {
  const { begin, comeBack, all, lines, told, url, apiUrl } = await setUp(t, {
    slack: redirectUri => openEmulator(t, redirectUri),
  });
  const { link, cookie, held } = await begin();
  assert.equal(link.pathname, '/oauth/v2/authorize');
  assert.equal(link.searchParams.get('scope'), 'chat:write,commands');
  assert.equal(link.searchParams.get('redirect_uri'), `${url}/slack/oauth_redirect`);
  assert.match(cookie, /; HttpOnly; SameSite=Lax/);
  const back = await agree(link);
  const said = await comeBack(back, held);
  assert.equal(said.status, 200, said.text);
  assert.match(said.text, /Signalbox is installed\./);
  assert.match(said.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(said.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(said.headers.get('referrer-policy'), 'no-referrer');
  const [made] = all();
  assert.ok(made);
  assert.deepEqual([made.team, made.enterprise, made.scopes], ['T000000001', null, scopes]);
  const asked = await fetch(`${apiUrl}auth.test`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.botToken}` },
  });
  assert.equal(((await asked.json()) as { user_id: string }).user_id, made.botUser);
  assert.equal(told(), 1);
  const code = new URL(back).searchParams.get('code') ?? '';
  for (const secret of [made.botToken, clientSecret, code, held]) {
    assert.ok(secret.length > 8);
    assert.ok(!lines.join('').includes(secret), 'a secret is in the log');
    assert.ok(!said.text.includes(secret), 'a secret is on the page');
  }

  const again = await comeBack(back, held);
  assert.equal(again.status, 400, 'a code is of use once');
  assert.match(again.text, /refused the code \(invalid_code\)/);
  assert.equal(all().length, 1);
});

test('install: without a public address Slack takes the one in its settings', async () => {
  const [first] = slackInstallPages({
    ...{ clientId, clientSecret, scopes, workspaces: null, publicUrl: null },
    apiUrl: 'https://slack.com/api/',
    installations: memoryInstallations().store,
    onInstalled: () => {},
    log: createLogger('silent'),
    clock: () => new Date(),
  });
  const said = await first?.handle({ params: {}, query: new URLSearchParams(), cookie: '' });
  const link = new URL(said?.headers?.location ?? '');
  assert.equal(link.origin + link.pathname, 'https://slack.com/oauth/v2/authorize');
  assert.equal(link.searchParams.get('redirect_uri'), null);
});

type Begun = { state: string; held: string; wait(ms: number): void };
const refused: [
  name: string,
  given: (begun: Begun) => { query: Record<string, string>; held: string },
  says: RegExp,
][] = [
  ['no state', ({ held }) => ({ query: { code: 'c' }, held }), /did not come from Signalbox/],
  [
    'a state of nobody',
    ({ held }) => ({ query: { code: 'c', state: 'x' }, held }),
    /did not come from Signalbox/,
  ],
  [
    'a state that was changed',
    ({ state, held }) => ({
      query: { code: 'c', state: state.replace(/^\d/, digit => String((Number(digit) + 1) % 10)) },
      held,
    }),
    /did not come from Signalbox/,
  ],
  [
    'a state without its end',
    ({ state, held }) => ({ query: { code: 'c', state: state.slice(0, -1) }, held }),
    /did not come/,
  ],
  [
    'a state of eleven minutes ago',
    ({ state, held, wait }) => {
      wait(660_000);
      return { query: { code: 'c', state }, held };
    },
    /more than ten minutes/,
  ],
  [
    'a state that another browser holds',
    ({ state }) => ({ query: { code: 'c', state }, held: '' }),
    /another browser/,
  ],
  [
    'a state beside the one of another beginning',
    ({ state }) => ({
      query: { code: 'c', state },
      held: `signalbox_slack_install=${state.replace(/\w$/, '!')}`,
    }),
    /another browser/,
  ],
  ['a no', ({ state, held }) => ({ query: { error: 'access_denied', state }, held }), /not agreed to/],
  [
    'a code that Slack does not know',
    ({ state, held }) => ({ query: { code: 'c', state }, held }),
    /refused the code \(invalid_code\)/,
  ],
  [
    'a code that would be markup',
    ({ state, held }) => ({ query: { code: '<script>', state }, held }),
    /refused the code \(invalid_code\)/,
  ],
];
for (const [name, given, says] of refused)
  test(`install: ${name} installs nothing`, async t => {
    const { url, begin, comeBack, all, wait } = await setUp(t, { slack: uri => openEmulator(t, uri) });
    const { link, held } = await begin();
    const { query, held: kept } = given({ state: link.searchParams.get('state') ?? '', held, wait });
    const said = await comeBack(`${url}/slack/oauth_redirect?${new URLSearchParams(query)}`, kept);
    assert.equal(said.status, 400);
    assert.match(said.text, says);
    assert.match(said.text, new RegExp(`Begin again at ${url}/slack/install`));
    assert.ok(!said.text.includes('<script'));
    assert.deepEqual(all(), []);
  });

async function overFake(t: TestContext, workspaces?: string[]) {
  const fake = await openFake({ clientId, clientSecret });
  t.after(() => fake.close());
  return { fake, ...(await setUp(t, { slack: () => fake.apiUrl, workspaces })) };
}
const install = async (
  fake: FakeSlack,
  { begin, comeBack }: Awaited<ReturnType<typeof setUp>>,
  team: string,
  user: string,
) => {
  const { link, held } = await begin();
  return await comeBack(fake.approve(link.href, team, user), held);
};

const allowed: [name: string, workspaces: string[] | undefined, team: string, installed: string | null][] = [
  ['any workspace, where none is named', undefined, 'T000000001', 'T000000001'],
  ['one that is named', ['T000000009', 'T000000001'], 'T000000001', 'T000000001'],
  ['one that is not', ['T000000009'], 'T000000001', null],
  ['an organisation', undefined, 'T000000002', 'E000000001'],
  ['an organisation that is named', ['E000000001'], 'T000000002', 'E000000001'],
  ['an organisation that is not', ['T000000001'], 'T000000002', null],
];
for (const [name, workspaces, team, installed] of allowed)
  test(`install: ${name} ${installed ? 'is taken in' : 'is refused, and its token given back'}`, async t => {
    const { fake, ...signalbox } = await overFake(t, workspaces);
    const { status, text } = await install(
      fake,
      signalbox,
      team,
      team === 'T000000001' ? 'U000000001' : 'U000000021',
    );
    const made = signalbox.all()[0];
    assert.equal(made ? (made.team ?? made.enterprise) : null, installed, text);
    assert.equal(status, installed ? 200 : 400);
    assert.equal(fake.count('auth.revoke'), installed ? 0 : 1);
    if (!installed) assert.match(text, /SLACK_WORKSPACES does not name this workspace/);
  });

test('install: a second time the new token counts', async t => {
  const { fake, ...signalbox } = await overFake(t);
  await install(fake, signalbox, 'T000000001', 'U000000001');
  const before = signalbox.all()[0]?.botToken;
  await install(fake, signalbox, 'T000000001', 'U000000002');
  assert.equal(signalbox.all().length, 1);
  assert.notEqual(signalbox.all()[0]?.botToken, before);
  assert.deepEqual(signalbox.all()[0]?.installedBy, 'U000000002');
});

for (const fault of ['server-error', 'cut', 'rate-limited'] as const)
  test(`install: where Slack is away (${fault}) it is said, and nothing is installed`, async t => {
    const { fake, ...signalbox } = await overFake(t);
    fake.faults.next('oauth.v2.access', fault);
    const { status, text } = await install(fake, signalbox, 'T000000001', 'U000000001');
    assert.equal(status, 400);
    assert.match(text, /Slack does not answer\./);
    assert.deepEqual(signalbox.all(), []);
  });

test('install: with another secret than the app has nothing is installed', async t => {
  const fake = await openFake({ clientId, clientSecret: 'another' });
  t.after(() => fake.close());
  const signalbox = await setUp(t, { slack: () => fake.apiUrl });
  const { text } = await install(fake, signalbox, 'T000000001', 'U000000001');
  assert.match(text, /refused the code \(bad_client_secret\)/);
  assert.deepEqual(signalbox.all(), []);
});
