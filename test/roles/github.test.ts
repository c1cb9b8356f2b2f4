import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createEmulator } from 'emulate';
import { policySchema } from '../../src/core/policy.ts';
import { start } from '../adapters/http/fixture.ts';
import { channel, developer, operator, team } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openTown } from './town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const admin = 'an-administrator';
const group = 'github:octo-org/release';
const given = (more: object) => policySchema.parse({ teams: { research: {}, platform: {} }, ...more });

/** A GitHub with an organisation that has a team, a GitHub App in it and an OAuth app; Signalbox with its pages; and Slack. */
async function openPlace(t: TestContext, members: readonly string[] = []) {
  const web = await start(t, {
    pages: [later('/auth/github/start'), later('/auth/github/callback')],
    edges: [edge()],
  });
  const hub = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { [admin]: { login: 'hubot', scopes: ['admin:org'] } },
      github: {
        users: [...new Set(['octocat', 'hubot', 'monalisa', ...members])].map(login => ({ login })),
        orgs: [{ login: 'octo-org', members: [{ login: 'hubot', role: 'admin' }] }],
        oauth_apps: [
          {
            ...{ client_id: 'Iv1.1', client_secret: 'a-client-secret', name: 'Signalbox' },
            redirect_uris: [`${web.url}/auth/github/callback`],
          },
        ],
        apps: [
          {
            ...{ app_id: 7, slug: 'signalbox', name: 'Signalbox' },
            permissions: { members: 'read' },
            installations: [{ installation_id: 70, account: 'octo-org' }],
          },
        ],
      },
    },
  });
  t.after(() => hub.close());
  const key = hub.generatedSecrets.find(secret => secret.kind === 'github.app_private_key')?.value ?? '';
  const asAdmin = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${hub.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  };
  const join = (login: string) => asAdmin('PUT', `/orgs/octo-org/teams/release/memberships/${login}`, {});
  await asAdmin('POST', '/orgs/octo-org/teams', { name: 'release' });
  for (const login of members) await join(login);
  const town = await openTown(t, server, {
    ...{ GITHUB_APP_ID: '7', GITHUB_PRIVATE_KEY: key, GITHUB_API_URL: hub.url, GITHUB_URL: hub.url },
    ...{ GITHUB_CLIENT_ID: 'Iv1.1', GITHUB_CLIENT_SECRET: 'a-client-secret', SIGNALBOX_URL: web.url },
  });
  made.set(t, town);

  function later(path: string) {
    return {
      path,
      handle: (request: Parameters<Town['github']['pages'][number]['handle']>[0]) =>
        made
          .get(t)
          ?.github.pages.find(one => one.path === path)
          ?.handle(request) ?? Promise.reject(),
    };
  }
  function edge(): Town['github']['edges'][number] {
    return {
      path: '/auth/github/start',
      limitBytes: 8_192,
      handle: request => made.get(t)?.github.edges[0]?.handle(request) ?? Promise.reject(),
    };
  }

  /** The address that Slack shows somebody who wants to link a GitHub account. */
  async function ask(user: string): Promise<string> {
    await town.say(user, '/signalbox', 'link github');
    const said = JSON.stringify(town.fake.ephemerals({ channel, user }));
    const address = [...said.matchAll(/http[^"|>]+\/auth\/github\/start\?ask=[\w.-]+/g)].at(-1)?.[0];
    assert.ok(address, 'an address is shown');
    return address;
  }
  return {
    town,
    web,
    ask,
    join,
    leave: (login: string) => asAdmin('DELETE', `/orgs/octo-org/teams/release/memberships/${login}`),
  };
}
type Town = Awaited<ReturnType<typeof openTown>>;
const made = new Map<TestContext, Town>();

interface Answer {
  status: number;
  text: string;
  headers: Headers;
  /** What the browser keeps from now on. */
  held: string;
}

/** One browser: it keeps a cookie, and follows nothing by itself. */
function browser(kept = '') {
  let held = kept;
  async function go(address: string, form?: Record<string, string>): Promise<Answer> {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: held ? { cookie: held } : {},
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    const set = response.headers.get('set-cookie')?.split(';')[0];
    if (set !== undefined) held = set;
    return { status: response.status, text: await response.text(), headers: response.headers, held };
  }
  return { go, copy: (): { go: typeof go } => browser(held) };
}
type Browser = ReturnType<typeof browser>;

const formIn = (text: string) => /name="form" value="([^"]+)"/.exec(text)?.[1] ?? '';

/** From the page on to GitHub; the address there. */
async function press(from: Browser, address: string): Promise<URL> {
  const page = await from.go(address);
  assert.equal(page.status, 200);
  const gone = await from.go(address.split('?')[0] ?? '', { form: formIn(page.text) });
  assert.equal(gone.status, 303);
  return new URL(gone.headers.get('location') ?? '');
}

/** Somebody agrees at GitHub; the address to which their browser is sent then. */
async function agree(at: URL, login: string): Promise<string> {
  const fields = Object.fromEntries(
    ['redirect_uri', 'state', 'client_id'].map(name => [name, at.searchParams.get(name) ?? '']),
  );
  const response = await fetch(`${at.origin}/login/oauth/callback`, {
    method: 'POST',
    body: new URLSearchParams({ ...fields, login, scope: '' }),
    redirect: 'manual',
  });
  return response.headers.get('location') ?? '';
}

async function linkAs(ask: (user: string) => Promise<string>, user: string, login: string): Promise<Answer> {
  const own = browser();
  return await own.go(await agree(await press(own, await ask(user)), login));
}

const cancelled = async (town: Town) => (await town.runs.get(1))?.state === 'cancelled';
const links = async (town: Town) =>
  (await town.database.pool.query('select account, person from links order by account')).rows;
const newest = async (town: Town) => (await town.runs.newestNumber()) ?? 0;

describe('a GitHub team', () => {
  const trainers = given({ roles: { trainer: [group] }, defaultRole: 'viewer' });

  test('gives its role to whoever linked the account that is in it, until it is out', async t => {
    const { town, ask, leave } = await openPlace(t, ['octocat']);
    await town.groups(trainers);
    await town.ask(developer);
    assert.equal(await newest(town), 0, 'not linked');
    assert.equal((await linkAs(ask, developer, 'octocat')).status, 200);
    await town.ask(developer);
    assert.equal(await newest(town), 1);
    await leave('octocat');
    await town.age(0);
    await town.sync();
    await town.say(developer, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
  });

  test('gives nothing to another account', async t => {
    const { town, ask } = await openPlace(t, ['octocat']);
    await town.groups(trainers);
    await linkAs(ask, developer, 'monalisa');
    await town.ask(developer);
    assert.equal(await newest(town), 0);
  });

  const unknown: [name: string, group: string, gone: boolean, error: RegExp | null][] = [
    ['that is not there', 'github:octo-org/nobody', true, null],
    ['of an organisation without the app', 'github:other-org/release', false, /not installed in other-org/],
  ];
  for (const [name, one, gone, error] of unknown)
    test(`${name} gives nothing`, async t => {
      const { town } = await openPlace(t);
      await town.groups(given({ roles: { trainer: [one] } }));
      const [state] = await town.groupStates();
      assert.equal(state?.gone, gone);
      if (error) assert.match(state?.error ?? '', error);
      else assert.equal(state?.error, null);
    });

  test('that is larger than a page is read whole', async t => {
    const many = Array.from({ length: 101 }, (_, i) => `octocat-${i}`);
    const { town } = await openPlace(t, many);
    await town.groups(trainers);
    assert.equal((await town.groupStates())[0]?.members, many.length);
  });
});

describe('a GitHub account linked over OAuth', () => {
  test('makes the two count as one, with an audit row', async t => {
    const { town, ask } = await openPlace(t);
    const named = {
      slack: `${team}/${operator}`,
      github: 'octocat',
      name: 'Octocat',
      role: 'trainer' as const,
      teams: [],
    };
    town.people([named]);
    await town.ask(developer);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), false);
    const done = await linkAs(ask, developer, 'octocat');
    assert.equal(done.status, 200);
    assert.match(done.text, /github:octocat/);
    await town.say(operator, '/train', 'cancel 1');
    assert.equal(await cancelled(town), true);
    const { rows } = await town.database.pool.query(
      "select subject, details->>'with' as asked from audit where action = 'account.link'",
    );
    assert.deepEqual(rows, [{ subject: 'github:octocat', asked: `slack:${team}/${developer}` }]);
  });

  test('that another person has is refused', async t => {
    const { town, ask } = await openPlace(t);
    await linkAs(ask, developer, 'octocat');
    const before = await links(town);
    const second = await linkAs(ask, operator, 'octocat');
    assert.equal(second.status, 409);
    assert.deepEqual(await links(town), before);
    assert.equal((await linkAs(ask, developer, 'octocat')).status, 200, 'once more by the same');
  });

  test('is shown whose it will be, on a page that loads, runs and keeps nothing', async t => {
    const { ask } = await openPlace(t);
    const page = await browser().go(await ask(developer));
    assert.match(page.text, new RegExp(`slack:${team}/${developer}`));
    assert.doesNotMatch(page.text, /<script|<img|<link/i);
    assert.match(
      page.headers.get('content-security-policy') ?? '',
      /default-src 'none';.*frame-ancestors 'none'/,
    );
    assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.match(page.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Lax/);
  });

  /** Each goes wrong in one way only. */
  const rows: [
    name: string,
    says: RegExp,
    act: (place: Awaited<ReturnType<typeof openPlace>>) => Promise<Answer>,
  ][] = [
    [
      'what came back is used twice',
      /used before/,
      async ({ ask }) => {
        const own = browser();
        const back = new URL(await agree(await press(own, await ask(developer)), 'octocat'));
        const copy = own.copy();
        const first = new URL(back);
        first.searchParams.delete('code');
        await own.go(first.href);
        return await copy.go(back.href);
      },
    ],
    [
      'the state is altered',
      /did not come from Signalbox/,
      async ({ ask }) => {
        const own = browser();
        const back = new URL(await agree(await press(own, await ask(developer)), 'octocat'));
        const state = back.searchParams.get('state') ?? '';
        back.searchParams.set('state', `${state.startsWith('A') ? 'B' : 'A'}${state.slice(1)}`);
        return await own.go(back.href);
      },
    ],
    [
      'the address of the first page stands for the state',
      /did not come from Signalbox/,
      async ({ ask }) => {
        const own = browser();
        const address = await ask(developer);
        const back = new URL(await agree(await press(own, address), 'octocat'));
        back.searchParams.set('state', new URL(address).searchParams.get('ask') ?? '');
        return await own.go(back.href);
      },
    ],
    [
      'it takes too long',
      /more than ten minutes/,
      async ({ ask, town }) => {
        const own = browser();
        const back = await agree(await press(own, await ask(developer)), 'octocat');
        town.wait(10 * 60_000);
        return await own.go(back);
      },
    ],
    [
      'the address was given long ago',
      /more than ten minutes/,
      async ({ ask, town }) => {
        const address = await ask(developer);
        town.wait(11 * 60_000);
        return await browser().go(address);
      },
    ],
    [
      'another browser finishes it',
      /another browser/,
      async ({ ask }) =>
        await browser().go(await agree(await press(browser(), await ask(developer)), 'octocat')),
    ],
    [
      'another browser, which has begun one of its own, finishes it',
      /another browser/,
      async ({ ask }) => {
        const other = browser();
        await press(other, await ask(operator));
        return await other.go(await agree(await press(browser(), await ask(developer)), 'octocat'));
      },
    ],
    [
      'the button is pressed from elsewhere',
      /another browser/,
      async ({ ask, web }) => {
        const form = formIn((await browser().go(await ask(developer))).text);
        return await browser().go(`${web.url}/auth/github/start`, { form });
      },
    ],
    [
      'the address itself is sent as if the button was pressed',
      /did not come from Signalbox/,
      async ({ ask, web }) => {
        const form = new URL(await ask(developer)).searchParams.get('ask') ?? '';
        return await browser().go(`${web.url}/auth/github/start`, { form });
      },
    ],
    [
      'GitHub does not know the code',
      /bad_verification_code/,
      async ({ ask }) => {
        const own = browser();
        const back = new URL(await agree(await press(own, await ask(developer)), 'octocat'));
        back.searchParams.set('code', 'made-up');
        return await own.go(back.href);
      },
    ],
    [
      'it was not agreed to',
      /not agreed to/,
      async ({ ask }) => {
        const own = browser();
        const back = new URL(await agree(await press(own, await ask(developer)), 'octocat'));
        back.searchParams.delete('code');
        back.searchParams.set('error', 'access_denied');
        return await own.go(back.href);
      },
    ],
  ];
  for (const [name, says, act] of rows)
    test(`is refused where ${name}`, async t => {
      const place = await openPlace(t);
      const answer = await act(place);
      assert.equal(answer.status, 400);
      assert.match(answer.text, says);
      assert.deepEqual(await links(place.town), []);
    });
});

test('without an OAuth app the command says what to do, and a code works', async t => {
  const town = await openTown(t, server);
  await town.say(developer, '/signalbox', 'link github');
  assert.deepEqual(await town.refusals(), ['LINK_GITHUB_OFF']);
});
