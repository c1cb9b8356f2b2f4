import { webhooks } from '../../webhooks/index.ts';
import { githubEdge } from '../adapters/github/edge.ts';
import { listeners } from '../adapters/github/unpack.ts';
import type { GaugeSample } from '../adapters/http/deps.ts';
import { ingest } from '../app/ingest.ts';
import type { RawEdge } from '../core/edge.ts';
import type { DeliveryStore } from '../core/ports.ts';
import type { WebhookRefusals } from '../core/webhook.ts';
import type { Base } from './base.ts';

interface GitHubWays {
  edges: RawEdge[];
  /** What was counted since the process began, for `/metrics`. */
  samples(): GaugeSample[];
}

/** The ways by which GitHub reaches the web role, as configured. */
export function githubWays(
  { config, github, wakeups, log }: Pick<Base, 'config' | 'github' | 'wakeups' | 'log'>,
  deliveries: Pick<DeliveryStore, 'store'>,
  refusals: WebhookRefusals,
): GitHubWays {
  const { webhookSecrets: secrets } = config.github;
  if (secrets.length === 0) return { edges: github.edges, samples: () => [] };
  let unheard = 0;
  const edge = githubEdge({
    secrets,
    listens: (event, action) => listeners(webhooks, event, action).length > 0,
    ingest: delivery => ingest(delivery, { deliveries, wakeups }),
    refusals,
    ignored: () => {
      unheard += 1;
    },
    log,
  });
  return {
    edges: [...github.edges, edge],
    samples: () => [
      {
        name: 'signalbox_webhooks_ignored_total',
        help: 'Deliveries that nothing listens to, by source.',
        labels: { source: 'github' },
        value: unheard,
      },
    ],
  };
}
