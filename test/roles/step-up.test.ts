import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Page, RawEdge } from '../../src/core/edge.ts';
import { start } from '../adapters/http/fixture.ts';
import { channel, operator } from '../fakes/slack/fixture.ts';
import { type Answer, browser, openProvider } from '../support/oidc.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { summaryOf } from '../support/summary.ts';
import { dev, octocat, op, openPromotionTown, third } from './promotion-town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const mfa = ['pwd', 'otp', 'mfa'];
const accounts = {
  'sub-operator': { email: 'Operator@example.com', email_verified: true },
  'sub-hubot': { email: 'hubot@example.com', email_verified: true },
  'sub-nobody': { email: 'nobody@example.com', email_verified: true },
  'sub-unverified': { email: 'operator@example.com', email_verified: false },
  'sub-twice': { email: 'twice@example.com', email_verified: true },
};

/** Version 2 has been asked for in production, where an approval needs a second factor; the provider vouches for the operator. */
async function openPlace(
  t: TestContext,
  {
    env = {},
    more = {},
    configured = true,
  }: { env?: Record<string, string>; more?: Record<string, unknown>; configured?: boolean } = {},
) {
  const ways: { pages: Page[]; edges: RawEdge[] } = { pages: [], edges: [] };
  const page = (path: string): Page => ({
    path,
    handle: request => ways.pages.find(one => one.path === path)?.handle(request) ?? Promise.reject(),
  });
  const edge: RawEdge = {
    ...{ path: '/auth/step-up/start', limitBytes: 8_192 },
    handle: request => ways.edges[0]?.handle(request) ?? Promise.reject(),
  };
  const web = await start(t, {
    pages: [page('/auth/step-up/start'), page('/auth/step-up/callback')],
    edges: [edge],
  });
  const provider = await openProvider(`${web.url}/auth/step-up/callback`, accounts);
  t.after(() => provider.close());
  provider.state.signIn = { account: 'sub-operator', amr: mfa };
  const town = await openPromotionTown(t, server, new Date(), {
    ...(configured ? provider.environment : {}),
    ...{ SIGNALBOX_URL: web.url, ...env },
  });
  Object.assign(ways, town.stepUp);
  const people = (operators: Record<string, unknown> = { email: 'operator@example.com' }) => {
    const known = [
      town.person(octocat, 'approver'),
      town.person(dev, 'trainer'),
      { ...town.person(op, 'approver'), ...operators },
      { ...town.person(third, 'approver'), oidc: 'sub-hubot' },
    ];
    town.said.policy = { ...town.said.policy, people: known };
  };
  people();
  await town.version('a', [summaryOf('val_accuracy', 10, 0.92)], 0.2);
  await town.version('b');
  await town.live(1, 'staging');
  await town.live(1, 'production');
  await town.live(2, 'staging');
  town.declare({ stepUp: true, ...more });
  await town.says(dev, 'model promote digits 2 --to production');
  const [promotion] = await town.promotions.ofModel('digits', 1);
  assert.ok(promotion);
  const { number } = promotion;
  const whispered = () => JSON.stringify(town.fake.ephemerals({ channel, user: operator }));
  /** They press Approve. */
  async function press(): Promise<void> {
    await town.show();
    const ts = town.shown().findLast(one => one.text?.includes('waits for approval'))?.ts ?? '';
    await town.press(`promotion-approve:${number}`, { ts, user: operator });
  }
  /** The address that they are shown then. */
  async function ask(): Promise<string> {
    await press();
    const found = [...whispered().matchAll(/http[^"|>\\]+\/auth\/step-up\/start\?ask=[\w.-]+/g)].at(-1)?.[0];
    assert.ok(found, whispered());
    return found;
  }
  /** The way from a link to where the provider sends them back to. */
  async function signedIn(own: ReturnType<typeof browser>, address: string): Promise<string> {
    const { answer, to } = await own.press(address);
    assert.ok(to, answer.text);
    return await own.through(to);
  }
  return {
    town,
    web,
    provider,
    number,
    people,
    press,
    whispered,
    ask,
    signedIn,
    /** All of it. */
    async whole(own = browser()): Promise<Answer> {
      return await own.go(await signedIn(own, await ask()));
    },
    /** As it was at the beginning. */
    reset() {
      Object.assign(provider.state, {
        ...{ away: false, forged: false, claims: (own: Record<string, unknown>) => own },
        signIn: { account: 'sub-operator', amr: mfa },
      });
      people();
    },
    state: () => town.state(number),
    answers: async () => (await town.promotions.get(number))?.answers ?? [],
  };
}
type Place = Awaited<ReturnType<typeof openPlace>>;

describe('an approval with a second factor', () => {
  test('counts when they come back, and says so in the message and in the audit log', async t => {
    const place = await openPlace(t);
    const { town, number, provider } = place;
    const link = await place.ask();
    assert.equal(await place.state(), 'awaiting-approval', 'the press alone counts for nothing');
    assert.deepEqual(await place.answers(), []);
    assert.match(
      JSON.stringify(town.shown()),
      /from people with the role approver or above with a second factor/,
    );
    assert.ok(!JSON.stringify(town.shown()).includes('step-up/start'), 'nobody else sees the link');
    const own = browser();
    const answer = await own.go(await place.signedIn(own, link));
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /Your approval counts.*digits 2 to production is approved/s);
    assert.equal(await place.state(), 'approved');
    const [one] = await place.answers();
    assert.equal(one?.factor?.account, 'oidc:sub-operator');
    assert.ok(Math.abs((one?.factor?.at.getTime() ?? 0) - Date.now()) < 60_000);
    await town.show();
    assert.match(JSON.stringify(town.shown()), /operator approved it with a second factor/);
    const history = await town.dispatch(
      {
        ...{ key: 'history', actor: op, place: { kind: 'http' as const } },
        wish: { kind: 'words', words: 'model history digits' },
      },
      town.now,
    );
    assert.match(JSON.stringify(history), /Approved by operator \(with a second factor\)/);
    const entry = (await town.audited(number)).find(({ action }) => action === 'promotion.approved');
    assert.equal(entry?.who, 'operator');
    assert.deepEqual(entry?.details.secondFactor, {
      account: 'oidc:sub-operator',
      at: one?.factor?.at.toISOString(),
    });
    const { searchParams: asked } = provider.state.asked ?? assert.fail();
    assert.equal(asked.get('prompt'), 'login');
    assert.equal(asked.get('max_age'), '0');
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.ok((asked.get('nonce') ?? '').length >= 43);
    assert.equal(asked.get('acr_values'), null);
  });

  test('whose account is named by its subject', async t => {
    const place = await openPlace(t);
    place.people({ oidc: 'sub-operator', email: 'somebody-else@example.com' });
    assert.equal((await place.whole()).status, 200);
    assert.equal(await place.state(), 'approved');
  });

  test('where the name of such a sign-in is configured', async t => {
    const place = await openPlace(t, { env: { OIDC_ACR: 'phrh phr' } });
    place.provider.state.signIn = { account: 'sub-operator', acr: 'phr' };
    assert.equal((await place.whole()).status, 200);
    assert.equal(place.provider.state.asked?.searchParams.get('acr_values'), 'phrh phr');
  });

  test('signed in just before the clock of Signalbox says that it was asked for', async t => {
    const place = await openPlace(t);
    place.provider.state.signIn.at = Math.floor(Date.now() / 1_000) - 15;
    assert.equal((await place.whole()).status, 200);
  });

  test('its pages load, run and keep nothing, and say whose approval it is', async t => {
    const place = await openPlace(t);
    const own = browser();
    const link = await place.ask();
    const first = await own.go(link);
    assert.match(first.text, /digits 2 to production, approved by operator \(slack:/);
    const { answer, to } = await own.press(link);
    const last = await own.go(await own.through(to ?? ''));
    for (const page of [first, answer, last]) {
      assert.doesNotMatch(page.text, /<script|<img|<link/i);
      assert.match(
        page.headers.get('content-security-policy') ?? '',
        /default-src 'none';.*frame-ancestors 'none'/,
      );
      assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
      assert.equal(page.headers.get('cache-control'), 'no-store');
    }
    assert.match(first.headers.get('set-cookie') ?? '', /HttpOnly; SameSite=Lax/);
    assert.match(last.headers.get('set-cookie') ?? '', /Max-Age=0/);
    // Neither who, nor what, nor any secret: an id alone.
    const words = Buffer.from(new URL(link).searchParams.get('ask')?.split('.')[0] ?? '', 'base64url');
    assert.deepEqual(Object.keys(JSON.parse(words.toString())), ['for', 'about', 'until']);
  });

  test('of two that must approve, two links of one person are one', async t => {
    const place = await openPlace(t, { more: { approvals: { count: 2, from: 'approver' } } });
    const links = [await place.ask(), await place.ask()];
    assert.notEqual(links[0], links[1]);
    for (const link of links) {
      const own = browser();
      assert.equal((await own.go(await place.signedIn(own, link))).status, 200);
      assert.equal(await place.state(), 'awaiting-approval');
      assert.equal((await place.answers()).length, 1);
    }
    const { said } = (await place.town.promotions.get(place.number)) ?? assert.fail();
    assert.equal(said, 'operator approved it with a second factor: 1 of 2.');
  });
});

/** Each goes wrong in one way only, and counts for nothing. */
const rows: [name: string, says: RegExp, act: (place: Place) => Promise<Answer>, status?: number][] = [
  [
    "somebody else's account",
    /as hubot@example\.com, the account of hubot/,
    async place => {
      place.provider.state.signIn.account = 'sub-hubot';
      return await place.whole();
    },
  ],
  [
    'an account that nobody is named with',
    /as nobody@example\.com, and signalbox\.yml names nobody/,
    async place => {
      place.provider.state.signIn.account = 'sub-nobody';
      return await place.whole();
    },
  ],
  [
    'an address that the provider has not verified',
    /as sub-unverified, and signalbox\.yml names nobody/,
    async place => {
      place.provider.state.signIn.account = 'sub-unverified';
      return await place.whole();
    },
  ],
  [
    'an address where another account is named',
    /names nobody with that account/,
    async place => {
      place.people({ email: 'operator@example.com', oidc: 'sub-other' });
      return await place.whole();
    },
  ],
  [
    'an account that fits two persons',
    /fits several persons: operator, developer/,
    async place => {
      place.people({ email: 'twice@example.com' });
      const { said } = place.town;
      const [mine, ...others] = said.policy.people.toSorted(
        (a, b) => Number(b.name === 'operator') - Number(a.name === 'operator'),
      );
      assert.ok(mine);
      const people = [
        mine,
        ...others.map(one => (one.name === 'developer' ? { ...one, oidc: 'sub-twice' } : one)),
      ];
      said.policy = { ...said.policy, people };
      place.provider.state.signIn.account = 'sub-twice';
      return await place.whole();
    },
  ],
  [
    'a sign-in of before',
    /signed in there before you were asked to/,
    async place => {
      place.provider.state.signIn.at = Math.floor(Date.now() / 1_000) - 45;
      return await place.whole();
    },
  ],
  [
    'a sign-in of which nobody says when',
    /does not say when you signed in/,
    async place => {
      place.provider.state.claims = ({ auth_time: _, ...rest }) => rest;
      return await place.whole();
    },
  ],
  [
    'one factor alone',
    /with a second factor \(mfa in amr\)/,
    async place => {
      place.provider.state.signIn.amr = ['pwd'];
      return await place.whole();
    },
  ],
  [
    'a factor that is called alike',
    /mfa in amr/,
    async place => {
      place.provider.state.signIn.amr = ['mfa-optional'];
      return await place.whole();
    },
  ],
  [
    'a link that is altered',
    /did not come from Signalbox/,
    async place => {
      const link = new URL(await place.ask());
      const ask = link.searchParams.get('ask') ?? '';
      link.searchParams.set('ask', `${ask.startsWith('A') ? 'B' : 'A'}${ask.slice(1)}`);
      return await browser().go(link.href);
    },
  ],
  [
    'a link for a GitHub account',
    /did not come from Signalbox/,
    async place => {
      const link = new URL(await place.ask());
      const text = Buffer.from(link.searchParams.get('ask')?.split('.')[0] ?? '', 'base64url').toString();
      assert.match(text, /step-up-ask/);
      const other = await place.town.sign(text.replace('step-up-ask', 'github-ask'));
      link.searchParams.set('ask', other);
      return await browser().go(link.href);
    },
  ],
  [
    'a link that is too old',
    /more than ten minutes/,
    async place => {
      const link = await place.ask();
      place.town.later(11 * 60_000);
      const answer = await browser().go(link);
      place.town.later(-11 * 60_000);
      return answer;
    },
  ],
  [
    'a way back that took too long',
    /more than ten minutes/,
    async place => {
      const own = browser();
      const back = await place.signedIn(own, await place.ask());
      place.town.later(11 * 60_000);
      const answer = await own.go(back);
      place.town.later(-11 * 60_000);
      return answer;
    },
  ],
  [
    'another browser than the one that began',
    /another browser/,
    async place => await browser().go(await place.signedIn(browser(), await place.ask())),
  ],
  [
    'another browser, which has begun one of its own',
    /another browser/,
    async place => {
      const other = browser();
      await place.signedIn(other, await place.ask());
      return await other.go(await place.signedIn(browser(), await place.ask()));
    },
  ],
  [
    'a state that is altered',
    /did not come from Signalbox/,
    async place => {
      const own = browser();
      const back = new URL(await place.signedIn(own, await place.ask()));
      const state = back.searchParams.get('state') ?? '';
      back.searchParams.set('state', `${state.slice(0, -1)}${state.endsWith('A') ? 'B' : 'A'}`);
      return await own.go(back.href);
    },
  ],
  [
    'the state of another visit of the same browser',
    /says invalid_grant/,
    async place => {
      const own = browser();
      const link = await place.ask();
      const first = new URL(await place.signedIn(own, link));
      const { to } = await own.press(link);
      const second = new URL(to ?? '');
      first.searchParams.set('state', second.searchParams.get('state') ?? '');
      return await own.go(first.href);
    },
  ],
  [
    'a code that nobody gave',
    /says invalid_grant/,
    async place => {
      const own = browser();
      const back = new URL(await place.signedIn(own, await place.ask()));
      back.searchParams.set('code', 'made-up');
      return await own.go(back.href);
    },
  ],
  [
    'the answer of another provider',
    /not what was asked for, or is not from it/,
    async place => {
      const own = browser();
      const back = new URL(await place.signedIn(own, await place.ask()));
      back.searchParams.set('iss', 'https://login.example.org');
      return await own.go(back.href);
    },
  ],
  [
    'somebody who did not agree',
    /says access_denied/,
    async place => {
      place.provider.state.signIn.error = 'access_denied';
      return await place.whole();
    },
  ],
  ...(
    [
      ['for another client', own => ({ ...own, aud: 'somebody-else' })],
      ['of another provider', own => ({ ...own, iss: 'https://login.example.org' })],
      ['with another nonce', own => ({ ...own, nonce: 'another' })],
      ['that is over', own => ({ ...own, exp: Math.floor(Date.now() / 1_000) - 600 })],
    ] satisfies [string, Place['provider']['state']['claims']][]
  ).map(([what, claims]): (typeof rows)[number] => [
    `an ID token ${what}`,
    /not what was asked for, or is not from it/,
    async place => {
      place.provider.state.claims = claims;
      return await place.whole();
    },
  ]),
  [
    'an ID token with the signature of somebody else',
    /not what was asked for, or is not from it/,
    async place => {
      place.provider.state.forged = true;
      return await place.whole();
    },
  ],
  [
    'who approves no more since',
    /You may not|role approver/,
    async place => {
      const own = browser();
      const back = await place.signedIn(own, await place.ask());
      place.people({ email: 'operator@example.com', role: 'trainer' });
      return await own.go(back);
    },
    403,
  ],
  [
    'who is named no more since',
    /names nobody with that account/,
    async place => {
      const own = browser();
      const back = await place.signedIn(own, await place.ask());
      place.people({});
      return await own.go(back);
    },
  ],
  [
    'what it is decided on has changed since',
    /has changed since you were shown it/,
    async place => {
      const own = browser();
      const back = await place.signedIn(own, await place.ask());
      place.town.declare({ gates: ['val_accuracy >= 0.9'] });
      return await own.go(back);
    },
    409,
  ],
];

/** In a browser in which nobody is signed in yet. */
async function arrive(place: Place, link: string): Promise<Answer> {
  const own = browser();
  return await own.go(await place.signedIn(own, link));
}

describe('nothing is approved by', () => {
  test('what is wrong in one way', async t => {
    const place = await openPlace(t);
    for (const [name, says, act, status = 400] of rows)
      await t.test(name, async () => {
        place.reset();
        const answer = await act(place);
        assert.match(answer.text, says);
        assert.equal(answer.status, status);
        assert.equal(await place.state(), 'awaiting-approval');
        assert.deepEqual(await place.answers(), []);
      });
  });

  test('another name of a sign-in than the configured one', async t => {
    const place = await openPlace(t, { env: { OIDC_ACR: 'phr' } });
    place.provider.state.signIn = { account: 'sub-operator', acr: 'pwd', amr: mfa };
    assert.match((await place.whole()).text, /signed in by phr \(acr\)/);
    assert.deepEqual(await place.answers(), []);
  });

  test('a link once more, from its beginning and from its end', async t => {
    const place = await openPlace(t, { more: { approvals: { count: 2, from: 'approver' } } });
    const own = browser();
    const link = await place.ask();
    const before = await own.press(link);
    const back = await place.signedIn(own, link);
    assert.equal((await own.go(back)).status, 200);
    assert.equal((await place.answers()).length, 1);
    for (const again of [
      await own.go(link),
      await own.go(back),
      await own.press(link).then(one => one.answer),
    ])
      assert.match(again.text, /used before|another browser/);
    assert.ok(before.to);
    assert.match((await browser().go(link)).text, /used before/);
    assert.equal((await place.answers()).length, 1);
  });

  test('two ways back of one link at once: one counts', async t => {
    const place = await openPlace(t);
    const [one, other] = [browser(), browser()];
    const link = await place.ask();
    const backs = [await place.signedIn(one, link), await place.signedIn(other, link)];
    const answers = await Promise.all([one.go(backs[0] ?? ''), other.go(backs[1] ?? '')]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
    assert.equal((await place.answers()).length, 1);
  });

  test('a promotion that was decided meanwhile', async t => {
    const place = await openPlace(t);
    const own = browser();
    const back = await place.signedIn(own, await place.ask());
    await place.town.says(third, `model reject P${place.number} --reason "worse on 4"`);
    const answer = await own.go(back);
    assert.equal(answer.status, 409);
    assert.match(answer.text, /is over.*worse on 4/s);
    assert.equal(await place.state(), 'rejected', 'and a rejection needs no second factor');
  });

  test('a provider that is away, until it is back: the link is as good as before', async t => {
    const place = await openPlace(t);
    const { host } = new URL(place.provider.issuer);
    const own = browser();
    const link = await place.ask();
    place.provider.state.away = true;
    const { answer } = await own.press(link);
    assert.equal(answer.status, 503);
    assert.match(answer.text, new RegExp(`${host} does not answer`));
    place.provider.state.away = false;
    const back = await place.signedIn(own, link);
    place.provider.state.away = true;
    const second = await own.go(back);
    assert.equal(second.status, 503);
    assert.match(second.text, /Open the link in Slack again/);
    place.provider.state.away = false;
    assert.equal((await own.go(await place.signedIn(own, link))).status, 200);
    assert.equal(await place.state(), 'approved');
  });

  test('an account that is not theirs, until it is: the refusal is written down', async t => {
    const place = await openPlace(t);
    const link = await place.ask();
    place.provider.state.signIn.account = 'sub-hubot';
    assert.equal((await arrive(place, link)).status, 400);
    const refused = (await place.town.audited(place.number)).filter(one => one.action === 'promotion.factor');
    assert.deepEqual(
      refused.map(({ who, details }) => [who, details.account]),
      [['operator', 'oidc:sub-hubot']],
    );
    place.provider.state.signIn.account = 'sub-operator';
    assert.equal((await arrive(place, link)).status, 200);
  });
});

describe('no link is given', () => {
  test('to who may not approve', async t => {
    const place = await openPlace(t);
    assert.equal(await place.town.says(dev, `model approve P${place.number}`), 'ACCESS_DENIED');
  });

  test('to who is not named', async t => {
    const place = await openPlace(t);
    place.people({});
    await place.press();
    assert.match(place.whispered(), /does not say who you are at the provider/);
  });

  test('where no provider is configured', async t => {
    const place = await openPlace(t, { configured: false });
    await place.press();
    assert.match(place.whispered(), /no OpenID Connect provider is configured/);
    assert.deepEqual(await place.answers(), []);
  });

  test('on GitHub, and to a token', async t => {
    const place = await openPlace(t);
    const words = `model approve P${place.number}`;
    const token = { kind: 'token' as const, id: 'cli', name: 'cli' };
    const { people } = place.town.said.policy;
    const named = people.map(one =>
      one.name === 'operator' ? { ...one, github: 'octo-operator', tokens: [token.id] } : one,
    );
    place.town.said.policy = { ...place.town.said.policy, people: named };
    const result = await place.town.dispatch(
      {
        key: 'cli',
        actor: token,
        scopes: ['admin'],
        place: { kind: 'http' },
        wish: { kind: 'words', words },
      },
      place.town.now,
    );
    assert.equal(result.ok ? '' : result.fault.code, 'STEP_UP_ELSEWHERE');
    const there = {
      ...{
        kind: 'github' as const,
        installation: 70,
        repo: 1,
        name: 'octo-org/digits',
        issue: 5,
        pull: true,
      },
      user: 'octo-operator',
    };
    const actor = { kind: 'github' as const, id: 'octo-operator', name: 'octo-operator' };
    const said = await place.town.dispatch(
      { key: 'review', actor, place: there, wish: { kind: 'words', words } },
      place.town.now,
    );
    assert.equal(said.ok ? '' : said.fault.code, 'STEP_UP_ELSEWHERE');
    assert.deepEqual(await place.answers(), []);
  });

  test('twice for one press', async t => {
    const place = await openPlace(t);
    await place.ask();
    await place.town.work(place.town.last());
    const { rows: stored } = await place.town.database.pool.query('select 1 from step_ups');
    assert.equal(stored.length, 1);
  });
});

test('an approval of before the second factor was wanted does not count any more', async t => {
  const place = await openPlace(t, { more: { stepUp: false, approvals: { count: 2, from: 'approver' } } });
  await place.town.says(op, `model approve P${place.number}`);
  assert.equal((await place.answers()).length, 1);
  place.town.declare({ stepUp: true });
  await place.town.goOn();
  await place.town.show();
  assert.match(JSON.stringify(place.town.shown()), /has changed since operator approved it/);
});
