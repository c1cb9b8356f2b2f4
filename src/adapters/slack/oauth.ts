import { z } from 'zod';
import type { Page, PageRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault } from '../../core/errors.ts';
import { htmlPage } from '../../core/html-page.ts';
import type { Installation, InstallationStore, Log } from '../../core/ports.ts';
import { slackClients } from './client.ts';
import { slackCode } from './failure.ts';
import { installState, stateLifeS } from './install-state.ts';

interface SlackInstallOptions {
  clientId: string;
  clientSecret: string;
  /** Ids of workspaces and organisations that may install; `null`: all that Slack lets. */
  workspaces: readonly string[] | null;
  /** What the bot asks for. */
  scopes: readonly string[];
  apiUrl: string;
  /** Where people reach Signalbox; `null`: Slack returns them to the address in the app's settings. */
  publicUrl: string | null;
  installations: Pick<InstallationStore, 'save'>;
  /** What is known of the workspaces' bots is out of date. */
  onInstalled(): void;
  log: Log;
  clock: () => Date;
}

const paths = { install: '/slack/install', back: '/slack/oauth_redirect' };
const cookieName = 'signalbox_slack_install';
const timeoutMs = 8_000;

const namedSchema = z.object({ id: z.string().min(1), name: z.string().default('') });
/** https://docs.slack.dev/reference/methods/oauth.v2.access */
const accessSchema = z.object({
  access_token: z.string().min(1),
  token_type: z.literal('bot'),
  bot_user_id: z.string().default(''),
  scope: z.string().default(''),
  is_enterprise_install: z.boolean().default(false),
  team: namedSchema.nullish(),
  enterprise: namedSchema.nullish(),
  authed_user: z.object({ id: z.string() }),
  refresh_token: z.string().optional(),
});
type Access = z.infer<typeof accessSchema>;

/**
 * The pages by which a workspace takes the app in (https://docs.slack.dev/authentication/installing-with-oauth): the first sends the
 * browser to Slack with a state that is signed, short-lived and held by the browser too; the second gives the code that it comes back with
 * for the bot's token, which is stored encrypted.
 */
export function slackInstallPages(options: SlackInstallOptions): Page[] {
  const { clientId, clientSecret, scopes, apiUrl, publicUrl, installations, log, clock } = options;
  const state = installState(clientSecret);
  const clientFor = slackClients({ apiUrl, timeoutMs, log });
  const redirectUri: Record<string, string> =
    publicUrl === null ? {} : { redirect_uri: `${publicUrl}${paths.back}` };
  const secure = publicUrl?.startsWith('https:') ? '; Secure' : '';
  const cookie = (value: string, seconds: number) =>
    `${cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
  const again = `${publicUrl ?? ''}${paths.install}`;
  const failed = (reason: string): RawResponse =>
    page(fault('INSTALL_FAILED', { reason, address: again }), { 'set-cookie': cookie('', 0) });

  async function install(): Promise<RawResponse> {
    const made = state.make(clock());
    const to = new URL('/oauth/v2/authorize', apiUrl);
    const asked = { client_id: clientId, scope: scopes.join(','), state: made };
    to.search = new URLSearchParams({ ...asked, ...redirectUri }).toString();
    return { status: 302, headers: { location: to.href, 'set-cookie': cookie(made, stateLifeS) } };
  }

  async function back({ query, cookie: cookies }: PageRequest): Promise<RawResponse> {
    const checked = state.check(query.get('state') ?? '', heldIn(cookies), clock());
    if (checked !== 'ok') {
      log.warn({ why: checked }, 'slack installation refused');
      return failed(stateReasons[checked]);
    }
    const code = query.get('code');
    if (!code) return failed('Slack says that it was not agreed to.');
    const access = await exchange(code);
    if (typeof access === 'string') return failed(access);
    const refused = await refusedBy(access);
    if (refused) return failed(refused);
    const installation = installationOf(access);
    await installations.save(installation, clock());
    options.onInstalled();
    const { team, enterprise, name } = installation;
    log.info({ team, enterprise }, 'slack app installed');
    return htmlPage({
      status: 200,
      title: 'Signalbox is installed.',
      paragraphs: [`It now listens in ${name}.`, 'You can close this page and type /train in Slack.'],
      headers: { 'set-cookie': cookie('', 0) },
    });
  }

  async function exchange(code: string): Promise<Access | string> {
    try {
      const answer = await clientFor().oauth.v2.access({
        client_id: clientId,
        client_secret: clientSecret,
        code,
        ...redirectUri,
      });
      const parsed = accessSchema.safeParse(answer);
      if (parsed.success && (parsed.data.team ?? parsed.data.enterprise)) return parsed.data;
      log.warn({}, 'slack answered an installation without a bot token');
      return 'Slack gave no bot token.';
    } catch (err) {
      log.warn({ err }, 'slack did not finish an installation');
      const said = slackCode(err);
      return said === null ? 'Slack does not answer.' : `Slack refused the code (${said}).`;
    }
  }

  /** Why the installation may not stay; its token is given back then. */
  async function refusedBy(access: Access): Promise<string | null> {
    const { team, enterprise } = installationOf(access);
    const reason = access.refresh_token
      ? 'The Slack app has token rotation turned on, which Signalbox does not follow.'
      : options.workspaces && !options.workspaces.some(id => id === team || id === enterprise)
        ? 'SLACK_WORKSPACES does not name this workspace.'
        : null;
    if (reason === null) return null;
    log.warn({ team, enterprise, reason }, 'slack installation refused');
    await clientFor(access.access_token)
      .auth.revoke()
      .catch(err => log.warn({ err }, 'the token of a refused installation could not be given back'));
    return reason;
  }

  return [
    { path: paths.install, handle: install },
    { path: paths.back, handle: back },
  ];
}

const stateReasons = {
  forged: 'This address did not come from Signalbox.',
  old: 'It took more than ten minutes.',
  'other-browser': 'It was begun in another browser, or the browser keeps no cookies.',
};

function installationOf(access: Access): Installation {
  const { team, enterprise, is_enterprise_install: everywhere } = access;
  return {
    team: everywhere ? null : (team?.id ?? null),
    enterprise: enterprise?.id ?? null,
    name: (everywhere ? enterprise?.name : team?.name) || 'your workspace',
    botToken: access.access_token,
    botUser: access.bot_user_id,
    scopes: access.scope.split(',').filter(Boolean),
    installedBy: access.authed_user.id,
  };
}

function heldIn(cookies: string): string {
  const pairs = cookies.split(';').map(pair => pair.trim().split('='));
  return pairs.find(([name]) => name === cookieName)?.[1] ?? '';
}

function page(said: Fault, headers: Record<string, string>): RawResponse {
  return htmlPage({ status: said.status, title: said.what, paragraphs: [said.why, said.todo], headers });
}
