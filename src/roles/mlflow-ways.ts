import { webhooks } from '../../webhooks/index.ts';
import type { GaugeSample } from '../adapters/http/deps.ts';
import { mlflowEdge } from '../adapters/mlflow/edge.ts';
import { ingest } from '../app/ingest.ts';
import type { RawEdge } from '../core/edge.ts';
import type { DeliveryStore } from '../core/ports.ts';
import type { Delivery, Translation, WebhookRefusals } from '../core/webhook.ts';
import type { Base } from './base.ts';

const listening = webhooks.filter(({ source }) => source === 'mlflow');

/** The ways by which MLflow reaches the web role, as configured; and what was counted since the process began, for `/metrics`. */
export function mlflowWays(
  { config, wakeups, log }: Pick<Base, 'config' | 'wakeups' | 'log'>,
  deliveries: Pick<DeliveryStore, 'store'>,
  refusals: WebhookRefusals,
): { edges: RawEdge[]; samples(): GaugeSample[] } {
  const secrets = config.mlflow?.webhookSecrets ?? [];
  if (secrets.length === 0) return { edges: [], samples: () => [] };
  let unheard = 0;
  const edge = mlflowEdge({
    secrets,
    listens: entity => listening.some(({ kind }) => kind === entity),
    ingest: delivery => ingest(delivery, { deliveries, wakeups }),
    refusals,
    ignored: () => {
      unheard += 1;
    },
    log,
  });
  const sample = {
    name: 'signalbox_webhooks_ignored_total',
    help: 'Deliveries that nothing listens to, by source.',
    labels: { source: 'mlflow' },
  };
  return { edges: [edge], samples: () => [{ ...sample, value: unheard }] };
}

/** What a stored delivery says. */
export async function unpackMlflow(
  { kind, body, deliveryId }: Delivery,
  onTranslation: (translation: Translation) => Promise<void>,
): Promise<void> {
  const payload: unknown = JSON.parse(body);
  for (const webhook of listening) {
    if (webhook.kind !== kind) continue;
    const said = webhook.translate(payload, deliveryId);
    if (said.kind !== 'signed') await onTranslation(said);
  }
}
