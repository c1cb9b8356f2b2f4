import { slackEdge } from '../adapters/slack/edge.ts';
import { slackInstallPages } from '../adapters/slack/oauth.ts';
import type { Received } from '../adapters/slack/receive.ts';
import { botScopes } from '../adapters/slack/scopes.ts';
import { type SlackSockets, slackSockets } from '../adapters/slack/sockets.ts';
import type { Page, RawEdge } from '../core/edge.ts';
import type { WebhookRefusals } from '../core/webhook.ts';
import type { Base } from './base.ts';

export interface SlackWays {
  edges: RawEdge[];
  pages: Page[];
  /** Socket Mode, where it is configured. Does not wait for Slack. */
  connect(): SlackSockets | null;
}

/** The ways by which Slack reaches the web role, as configured: HTTP, sockets, or both while an app changes from one to the other. */
export function slackWays(
  base: Pick<Base, 'config' | 'installations' | 'slack' | 'log' | 'clock'>,
  receive: (text: string, receivedAt: Date) => Promise<Received>,
  refusals: WebhookRefusals,
): SlackWays {
  const { config, installations, slack, log, clock } = base;
  if (!config.slack) return { edges: [], pages: [], connect: () => null };
  const { signingSecret, appToken, client, apiUrl } = config.slack;
  return {
    edges: signingSecret ? [slackEdge({ signingSecret, receive, refusals, log })] : [],
    pages: client
      ? slackInstallPages({
          clientId: client.id,
          clientSecret: client.secret,
          workspaces: client.workspaces,
          scopes: botScopes,
          apiUrl,
          publicUrl: config.publicUrl,
          installations,
          onInstalled: slack.tokens.forget,
          log,
          clock,
        })
      : [],
    connect: () => (appToken ? slackSockets({ appToken, apiUrl, receive, log, clock }) : null),
  };
}
