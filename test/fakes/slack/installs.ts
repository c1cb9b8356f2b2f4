import { need, text } from './args.ts';
import type { Answer } from './call.ts';
import { SlackError } from './error.ts';
import { addBotToken, type World, workspaceOf } from './world.ts';

const codeLifeMs = 10 * 60_000;

interface Grant {
  team: string;
  user: string;
  redirectUri: string;
  scopes: string[];
  at: number;
  used: boolean;
}

/** The steps of OAuth v2 that are Slack's: somebody agrees and gets a code, the app gives the code and gets a token. */
export function installs(world: World) {
  const grants = new Map<string, Grant>();

  /**
   * Somebody follows the app's link to `/oauth/v2/authorize` and agrees. Returns the address of the app to which they are sent then.
   * Throws where Slack would show its own error page.
   */
  function approve(link: string, team: string, user: string): string {
    const asked = new URL(link).searchParams;
    const redirectUri = asked.get('redirect_uri') ?? world.app.redirectUris[0] ?? '';
    if (asked.get('client_id') !== world.app.clientId) throw new SlackError('invalid_client_id');
    const { redirectUris } = world.app;
    if (redirectUri === '' || (redirectUris.length > 0 && !redirectUris.includes(redirectUri)))
      throw new SlackError('bad_redirect_uri');
    const scopes = (asked.get('scope') ?? '').split(/[ ,]+/).filter(Boolean);
    if (scopes.length === 0) throw new SlackError('invalid_scope');
    const code = world.secret();
    grants.set(code, { team, user, redirectUri, scopes, at: world.clock.now(), used: false });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state') ?? '');
    return back.href;
  }

  /** `oauth.v2.access`. Client id and secret come as arguments or as HTTP Basic authentication. */
  function access(args: Record<string, unknown>, basic: string): Answer {
    const [id, secret] = basic
      ? Buffer.from(basic, 'base64').toString().split(':')
      : [text(args, 'client_id'), text(args, 'client_secret')];
    if (id !== world.app.clientId) throw new SlackError('invalid_client_id');
    if (secret !== world.app.clientSecret) throw new SlackError('bad_client_secret');
    const grant = grants.get(need(args, 'code'));
    if (!grant) throw new SlackError('invalid_code');
    if (grant.used) throw new SlackError('code_already_used');
    if (world.clock.now() - grant.at > codeLifeMs) throw new SlackError('code_expired');
    const redirectUri = text(args, 'redirect_uri');
    if (redirectUri !== '' && redirectUri !== grant.redirectUri) throw new SlackError('bad_redirect_uri');
    grant.used = true;
    const workspace = workspaceOf(world, grant.team);
    const token = `xoxb-${world.secret()}`;
    addBotToken(world, workspace, token, grant.scopes);
    return {
      access_token: token,
      token_type: 'bot',
      scope: grant.scopes.join(','),
      bot_user_id: workspace.bot.user,
      app_id: world.app.id,
      team: workspace.orgInstall ? null : { id: workspace.id, name: workspace.name },
      enterprise: workspace.enterprise,
      is_enterprise_install: workspace.orgInstall,
      authed_user: { id: grant.user },
    };
  }

  return { approve, access };
}
