import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault, SignalboxError } from '../../core/errors.ts';
import type { Log, NewDelivery } from '../../core/ports.ts';
import type { WebhookRefusal, WebhookRefusals } from '../../core/webhook.ts';
import { verifyMlflow } from './signature.ts';

interface MlflowEdgeOptions {
  /** Each of them verifies. */
  secrets: readonly string[];
  /** Whether anything is to be done with it; what nobody listens to is not stored. */
  listens(entity: string): boolean;
  /** Stores durably before it resolves; throws `STORE_UNAVAILABLE` where it cannot. */
  ingest(delivery: NewDelivery<Uint8Array>): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
  refusals: WebhookRefusals;
  /** Counts what nobody listens to. */
  ignored(): void;
  log: Log;
}

/** Descriptions and tags are in it. */
const limitBytes = 1024 * 1024;
const guidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const messageSchema = z.object({ entity: z.string().regex(/^[a-z][a-z_]{0,63}$/) });

const stored = said(202, 'stored');
const known = said(202, 'known already');
const unheard = said(202, 'nothing listens to this');

/**
 * The address of MLflow's webhooks: verifies what comes, stores it under its delivery id and acknowledges. Nothing is said to whom the
 * signature does not name. Throws where there is no secret, or an empty one.
 */
export function mlflowEdge(options: MlflowEdgeOptions): RawEdge {
  const { secrets, listens, ingest, refusals, ignored, log } = options;
  if (secrets.length === 0 || secrets.some(secret => secret.trim() === ''))
    throw new SignalboxError('ENV_INVALID', { word: 'MLFLOW_WEBHOOK_SECRET', reason: 'It is empty.' });

  async function handle(request: RawRequest): Promise<RawResponse> {
    const verified = verifyMlflow(secrets, request);
    if (!verified.ok) return refuse(verified.why, {}, fault('SIGNATURE_INVALID'));
    const { headers, body } = request;
    const id = headers['x-mlflow-delivery-id'];
    const entity = entityOf(body);
    if (typeof id !== 'string' || !guidForm.test(id) || entity === null) {
      const word = entity === null ? 'the body names no entity' : 'X-MLflow-Delivery-Id is no GUID';
      const reason = 'It is none of the messages that MLflow sends.';
      return refuse('unreadable', { says: word }, fault('BODY_INVALID', { word, reason }));
    }
    if (!listens(entity)) {
      ignored();
      return unheard;
    }
    const deliveryId = id.toLowerCase();
    const { outcome } = await ingest({ source: 'mlflow', kind: entity, deliveryId, body });
    if (outcome === 'conflict')
      return refuse('conflict', { entity, deliveryId }, fault('DELIVERY_CONFLICT', { word: deliveryId }));
    return outcome === 'stored' ? stored : known;
  }

  function refuse(why: WebhookRefusal, fields: Record<string, string>, f: Fault): RawResponse {
    log.warn({ why, ...fields }, 'mlflow delivery refused');
    refusals.refused('mlflow', why);
    return problem(f);
  }

  return { path: '/webhooks/mlflow', limitBytes, handle };
}

/** Null: it is none of MLflow's messages. */
function entityOf(body: Uint8Array): string | null {
  if (!isUtf8(body)) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString());
    return messageSchema.safeParse(parsed).data?.entity ?? null;
  } catch {
    return null;
  }
}

function said(status: number, body: string): RawResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** RFC 9457, as everywhere in the API. */
function problem({ status, code, what, why, todo }: Fault): RawResponse {
  const body = { type: `urn:signalbox:error:${code}`, title: what, status, detail: why, code, todo };
  return { status, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(body) };
}
