import type { RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault, SignalboxError } from '../../core/errors.ts';
import type { Log, NewDelivery } from '../../core/ports.ts';
import type { WebhookRefusal, WebhookRefusals } from '../../core/webhook.ts';
import { readGitHubMessage } from './body.ts';
import { verifyGitHub } from './signature.ts';

interface GitHubEdgeOptions {
  /** Each of them verifies. */
  secrets: readonly string[];
  /** Whether anything is to be done with it; what nobody listens to is not stored. */
  listens(event: string, action: string | null): boolean;
  /** Stores durably before it resolves; throws `STORE_UNAVAILABLE` where it cannot. */
  ingest(delivery: NewDelivery<Uint8Array>): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
  refusals: WebhookRefusals;
  /** Counts what nobody listens to. */
  ignored(): void;
  log: Log;
}

/** What GitHub sends at most. */
const limitBytes = 25 * 1024 * 1024;
/** GitHub always says how long a body is. Whoever does not shall not make us hold much of it. */
const chunkedLimitBytes = 1024 * 1024;

// Shown by GitHub beside each delivery.
const pong = said(200, 'pong');
const stored = said(202, 'stored');
const known = said(202, 'known already');
const unheard = said(202, 'nothing listens to this');

/**
 * The address of the GitHub App's webhook: verifies what comes, stores it under its delivery id and acknowledges. Nothing is said to whom
 * the signature does not name, headers and body are read after it. Throws where there is no secret, or an empty one.
 */
export function githubEdge(options: GitHubEdgeOptions): RawEdge {
  const { secrets, listens, ingest, refusals, ignored, log } = options;
  if (secrets.length === 0 || secrets.some(secret => secret.trim() === ''))
    throw new SignalboxError('ENV_INVALID', { word: 'GITHUB_WEBHOOK_SECRET', reason: 'It is empty.' });

  async function handle(request: RawRequest): Promise<RawResponse> {
    const verified = verifyGitHub(secrets, request);
    if (!verified.ok) return refuse(verified.why, {}, fault('SIGNATURE_INVALID'));
    const message = readGitHubMessage(request);
    if (!message.ok) {
      const reason = 'It is none of the messages that GitHub sends.';
      return refuse(
        'unreadable',
        { says: message.why },
        fault('BODY_INVALID', { word: message.why, reason }),
      );
    }
    const { event, action, deliveryId, body } = message;
    if (event === 'ping') return pong;
    if (!listens(event, action)) {
      ignored();
      return unheard;
    }
    const { outcome } = await ingest({ source: 'github', kind: event, deliveryId, body });
    if (outcome === 'conflict')
      return refuse('conflict', { event, deliveryId }, fault('DELIVERY_CONFLICT', { word: deliveryId }));
    return outcome === 'stored' ? stored : known;
  }

  function refuse(why: WebhookRefusal, fields: Record<string, string>, f: Fault): RawResponse {
    log.warn({ why, ...fields }, 'github delivery refused');
    refusals.refused('github', why);
    return problem(f);
  }

  return { path: '/webhooks/github', limitBytes, chunkedLimitBytes, handle };
}

function said(status: number, body: string): RawResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

/** RFC 9457, as everywhere in the API. */
function problem({ status, code, what, why, todo }: Fault): RawResponse {
  const body = { type: `urn:signalbox:error:${code}`, title: what, status, detail: why, code, todo };
  return { status, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(body) };
}
