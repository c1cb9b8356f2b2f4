import type { CommandDefinition } from '../../core/command.ts';
import { formShortcuts } from './form-shortcuts.ts';
import { botScopes } from './scopes.ts';

const address = 'https://signalbox.example.com';
const longestDescription = 100;

/**
 * The Slack app as a manifest (https://docs.slack.dev/reference/app-manifest), read from the commands: what is defined there is what Slack
 * offers. Every address is to be replaced by the one where Signalbox is reached; with Socket Mode they are not used.
 */
export function slackManifest(commands: readonly CommandDefinition[]): unknown {
  const events = `${address}/slack/events`;
  const verbs = [...new Set(commands.map(command => command.path[0]))];
  return {
    display_information: {
      name: 'Signalbox',
      description: 'Train on shared GPUs: asked for here, queued, explained, shown',
      background_color: '#1f2a37',
    },
    features: {
      app_home: { home_tab_enabled: true, messages_tab_enabled: true, messages_tab_read_only_enabled: true },
      bot_user: { display_name: 'Signalbox', always_online: true },
      slash_commands: verbs.map(verb => ({
        command: `/${verb}`,
        url: events,
        description: describe(verb, commands),
        usage_hint: hint(verb, commands),
        should_escape: true,
      })),
      shortcuts: formShortcuts,
    },
    oauth_config: { redirect_urls: [`${address}/slack/oauth_redirect`], scopes: { bot: botScopes } },
    settings: {
      event_subscriptions: {
        request_url: events,
        bot_events: [
          'app_home_opened',
          'app_uninstalled',
          'subteam_members_changed',
          'subteam_updated',
          'tokens_revoked',
        ],
      },
      interactivity: { is_enabled: true, request_url: events, message_menu_options_url: events },
      org_deploy_enabled: true,
      socket_mode_enabled: false,
      token_rotation_enabled: false,
    },
  };
}

/** What the verb alone does, or what its subcommands are about. */
function describe(verb: string, commands: readonly CommandDefinition[]): string {
  const own = commands.find(command => command.path.join(' ') === verb);
  const said = own?.summary ?? commands.find(command => command.path[0] === verb)?.summary ?? '';
  return said.slice(0, longestDescription);
}

function hint(verb: string, commands: readonly CommandDefinition[]): string {
  const own = commands.find(command => command.path.join(' ') === verb);
  const subjects = own?.arguments.map(argument => `<${argument.name}>`) ?? [];
  const below = commands.flatMap(({ path }) => (path[0] === verb && path[1] ? [path[1]] : []));
  return [...subjects, ...new Set(below)].join(' | ');
}
