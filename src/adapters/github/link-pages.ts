import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
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
import { type VisitRefusal, visit, visitReasons } from '../../core/visit.ts';
import { GitHubError } from './errors.ts';
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

/** Whose account is to be linked: of Slack. */
const aboutSchema = z.strictObject({ id: z.string(), name: z.string() });
type About = z.infer<typeof aboutSchema>;

/** The pages by which somebody shows that a GitHub account is theirs. The address that Slack shows them is signed for their account. */
export function githubLinkPages(options: LinkPagesOptions): {
  linking: GitHubLinking;
  pages: Page[];
  edges: RawEdge[];
} {
  const { oauth, publicUrl, webUrl, signer, once, users, audit, log, clock } = options;
  const pages = visit({
    ...{ name: 'github', about: aboutSchema, publicUrl, signer, once, clock },
    random: bytes => randomBytes(bytes).toString('base64url'),
    digest: text => createHash('sha256').update(text).digest('base64url'),
  });

  async function show(request: PageRequest): Promise<RawResponse> {
    const asked = await pages.opened(request);
    if (!asked.ok) return refused(asked.why);
    const { id, name } = asked.about;
    return htmlPage({
      status: 200,
      title: 'Link a GitHub account',
      paragraphs: [
        `The GitHub account of this browser will belong with the Slack account ${name} (slack:${id}).`,
        'Go on only if that Slack account is yours, and you asked for this yourself a moment ago. Else close this page: whoever sent you here would be taken for you.',
      ],
      form: {
        action: pages.paths.start,
        label: `I am ${name}: go on to GitHub`,
        fields: asked.fields,
        leadsTo: new URL(webUrl).origin,
      },
      headers: { 'set-cookie': asked.cookie },
    });
  }

  async function press(request: RawRequest): Promise<RawResponse> {
    const pressed = await pages.pressed(request);
    if (!pressed.ok) return refused(pressed.why);
    const kept = {
      'set-cookie': pressed.cookie,
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    };
    const location = oauth.authorizeUrl(pressed.state, pages.backUrl);
    return { status: 303, headers: { ...kept, location } };
  }

  async function back(request: PageRequest): Promise<RawResponse> {
    const returned = await pages.returned(request);
    if (!returned.ok) return refused(returned.why);
    const code = request.query.get('code');
    if (!code) return failed('GitHub says that it was not agreed to.');
    const user = await userOf(code);
    return typeof user === 'string' ? failed(user) : await link(user, returned.about);
  }

  async function userOf(code: string): Promise<GitHubUser | string> {
    try {
      return await oauth.userOf(code, pages.backUrl);
    } catch (err) {
      if (!(err instanceof GitHubError)) throw err;
      log.warn({ err }, 'github did not say whose browser it is');
      return err.message;
    }
  }

  async function link(user: GitHubUser, { id, name }: About): Promise<RawResponse> {
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

  function refused(why: VisitRefusal): RawResponse {
    log.warn({ why }, 'a page for linking a github account was refused');
    return failed(visitReasons[why]);
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
    return htmlPage({ status, title, paragraphs, headers: { 'set-cookie': pages.forget } });
  }

  return {
    linking: { startAddress: ({ id, name }, until) => pages.startAddress({ id, name }, until) },
    pages: [
      { path: pages.paths.start, handle: show },
      { path: pages.paths.back, handle: back },
    ],
    edges: [pages.edge(press)],
  };
}
