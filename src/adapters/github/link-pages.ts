import { randomBytes } from 'node:crypto';
import { type Actor, actorKey } from '../../core/actor.ts';
import type { Page, PageRequest, RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { fault } from '../../core/errors.ts';
import { htmlPage } from '../../core/html-page.ts';
import type {
  AuditLog,
  GitHubLinking,
  GitHubUser,
  GitHubUsers,
  Log,
  OnceStore,
  Signer,
} from '../../core/ports.ts';
import { GitHubError } from './errors.ts';
import { digestOf, type LinkWords, readWords, signWords } from './link-words.ts';
import type { GitHubOAuth } from './oauth.ts';

interface LinkPagesOptions {
  oauth: GitHubOAuth;
  /** Where people reach Signalbox. */
  publicUrl: string;
  /** Of GitHub's pages, for which a browser has to be allowed to leave. */
  webUrl: string;
  signer: Signer;
  once: OnceStore;
  users: Pick<GitHubUsers, 'link'>;
  audit: Pick<AuditLog, 'append'>;
  log: Log;
  clock: () => Date;
}

const paths = { start: '/auth/github/start', back: '/auth/github/callback' };
const cookieName = 'signalbox_github_link';
const lifeMs = 10 * 60_000;
const formBytes = 8_192;

/**
 * The pages by which somebody shows that a GitHub account is theirs. The address that Slack shows them is signed for their account; it says
 * whose account that is, and only a button on it goes on to GitHub. Whoever is lured to another's address sees that other's name; nobody can
 * press the button for them, or finish in their browser what was begun in another, as every step after the first needs the secret that this
 * browser keeps; and what comes back counts once.
 */
export function githubLinkPages(options: LinkPagesOptions): {
  linking: GitHubLinking;
  pages: Page[];
  edges: RawEdge[];
} {
  const { oauth, publicUrl, webUrl, signer, once, users, audit, log, clock } = options;
  const redirectUri = `${publicUrl}${paths.back}`;
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  const cookie = (value: string) =>
    `${cookieName}=${value}; Path=/auth/github; Max-Age=${value === '' ? 0 : lifeMs / 1_000}; HttpOnly; SameSite=Lax${secure}`;

  async function show({ query }: PageRequest): Promise<RawResponse> {
    const asked = await readWords(query.get('ask') ?? '', 'github-ask', signer, clock());
    if (typeof asked === 'string') return refused(asked);
    const held = randomBytes(24).toString('base64url');
    const form = await signWords({ ...asked, for: 'github-form', browser: digestOf(held) }, signer);
    return htmlPage({
      status: 200,
      title: 'Link a GitHub account',
      paragraphs: [
        `The GitHub account of this browser will belong with the Slack account ${asked.name} (slack:${asked.id}).`,
        'Go on only if that Slack account is yours, and you asked for this yourself a moment ago. Else close this page: whoever sent you here would be taken for you.',
      ],
      form: {
        action: paths.start,
        label: `I am ${asked.name}: go on to GitHub`,
        fields: { form },
        leadsTo: new URL(webUrl).origin,
      },
      headers: { 'set-cookie': cookie(held) },
    });
  }

  async function press({ headers, body }: RawRequest): Promise<RawResponse> {
    const fields = new URLSearchParams(Buffer.from(body).toString());
    const held = heldIn([headers.cookie ?? ''].flat().join('; '));
    const form = await readWords(fields.get('form') ?? '', 'github-form', signer, clock(), held);
    if (typeof form === 'string') return refused(form);
    const nonce = randomBytes(16).toString('base64url');
    const until = clock().getTime() + lifeMs;
    const state = await signWords({ ...form, for: 'github-state', nonce, until }, signer);
    const kept = {
      'set-cookie': cookie(held),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    };
    return { status: 303, headers: { ...kept, location: oauth.authorizeUrl(state, redirectUri) } };
  }

  async function back({ query, cookie: cookies }: PageRequest): Promise<RawResponse> {
    const held = heldIn(cookies);
    const state = await readWords(query.get('state') ?? '', 'github-state', signer, clock(), held);
    if (typeof state === 'string') return refused(state);
    if (!(await once.use(state.nonce ?? '', new Date(state.until), clock()))) return refused('used');
    const code = query.get('code');
    if (!code) return failed('GitHub says that it was not agreed to.');
    const user = await userOf(code);
    return typeof user === 'string' ? failed(user) : await link(user, state);
  }

  async function userOf(code: string): Promise<GitHubUser | string> {
    try {
      return await oauth.userOf(code, redirectUri);
    } catch (err) {
      if (!(err instanceof GitHubError)) throw err;
      log.warn({ err }, 'github did not say whose browser it is');
      return err.message;
    }
  }

  async function link(user: GitHubUser, { id, name }: LinkWords): Promise<RawResponse> {
    const actor: Actor = { kind: 'slack', id, name };
    const { account } = user;
    const linked = await users.link(user, actorKey(actor), actor, clock());
    if (!linked.ok) {
      const entry = { actor, action: 'account.link', subject: account, outcome: 'refused' as const };
      await audit.append({ ...entry, details: { code: 'LINK_TAKEN', github: user.id } }, clock());
      const { status, what, why, todo } = fault(
        'LINK_TAKEN',
        { word: account, example: `signalbox unlink ${account}` },
        '/',
      );
      return page(status, what, [why, todo]);
    }
    log.info({ account, actor: actor.id }, 'github account linked');
    return page(200, 'Your accounts are linked.', [
      `${account} and the Slack account ${name} (slack:${id}) are one person from now on.`,
      'You can close this page.',
    ]);
  }

  function refused(why: keyof typeof reasons): RawResponse {
    log.warn({ why }, 'a page for linking a github account was refused');
    return failed(reasons[why]);
  }

  function failed(reason: string): RawResponse {
    const { status, what, why, todo } = fault(
      'LINK_FAILED',
      { reason, example: 'signalbox link github' },
      '/',
    );
    return page(status, what, [why, todo]);
  }

  /** The last one: the browser has nothing to keep any more. */
  function page(status: number, title: string, paragraphs: readonly string[]): RawResponse {
    return htmlPage({ status, title, paragraphs, headers: { 'set-cookie': cookie('') } });
  }

  return {
    linking: {
      async startAddress({ id, name }, until) {
        const ask = await signWords({ for: 'github-ask', id, name, until: until.getTime() }, signer);
        return `${publicUrl}${paths.start}?ask=${ask}`;
      },
    },
    pages: [
      { path: paths.start, handle: show },
      { path: paths.back, handle: back },
    ],
    edges: [{ path: paths.start, limitBytes: formBytes, handle: press }],
  };
}

const reasons = {
  forged: 'This address did not come from Signalbox.',
  old: 'It took more than ten minutes.',
  'other-browser': 'It was begun in another browser, or the browser keeps no cookies.',
  used: 'It was used before.',
};

function heldIn(cookies: string): string {
  const pairs = cookies.split(';').map(pair => pair.trim().split('='));
  return pairs.find(([name]) => name === cookieName)?.[1] ?? '';
}
