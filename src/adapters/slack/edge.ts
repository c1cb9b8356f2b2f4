import type { RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault, faultLine, SignalboxError } from '../../core/errors.ts';
import type { Log, NewDelivery } from '../../core/ports.ts';
import { readSlackBody, type SlackBody } from './body.ts';
import { escapeMrkdwn } from './escape.ts';
import { verifySlack } from './signature.ts';

interface SlackEdgeOptions {
  signingSecret: string;
  /** Stores durably before it resolves; throws `STORE_UNAVAILABLE` where it cannot. */
  ingest(delivery: NewDelivery): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
  log: Log;
}

const limitBytes = 1024 * 1024;
const retryAfterS = 10;

/**
 * The one address for Slack's commands, interactions and events: verifies, stores, acknowledges; nothing is acknowledged before it is
 * stored. Throws where the signing secret is empty.
 */
export function slackEdge({ signingSecret, ingest, log }: SlackEdgeOptions): RawEdge {
  if (signingSecret.trim() === '')
    throw new SignalboxError('ENV_INVALID', { word: 'SLACK_SIGNING_SECRET', reason: 'It is empty.' });

  async function handle(request: RawRequest): Promise<RawResponse> {
    const verified = verifySlack(signingSecret, request);
    if (!verified.ok) {
      log.warn({ why: verified.why }, 'slack request refused');
      return problem(fault('SIGNATURE_INVALID'));
    }
    const text = decode(request.body);
    if (text === null) return refuse('the body is not UTF-8 text');
    const body = readSlackBody(text);
    if (body.type === 'unknown') return refuse(body.why);
    if (body.type === 'ssl-check') return { status: 200 };
    if (body.type === 'challenge') return json(200, { challenge: body.challenge });
    return store(body, text);
  }

  async function store(body: SlackBody & { type: 'delivery' }, text: string): Promise<RawResponse> {
    const { kind, deliveryId } = body;
    try {
      const { outcome } = await ingest({ source: 'slack', kind, deliveryId, body: text });
      if (outcome === 'conflict') log.warn({ kind, deliveryId }, 'slack delivery repeated with another body');
      return { status: 200 };
    } catch (err) {
      log.error({ err, kind, deliveryId }, 'slack delivery not stored');
      const said = err instanceof SignalboxError ? err.fault : fault('INTERNAL', { reference: deliveryId });
      // People see nothing of a refused request but Slack's own riddle, so a command is answered with the refusal itself.
      if (kind === 'command')
        return json(200, { response_type: 'ephemeral', text: escapeMrkdwn(faultLine(said)) });
      return problem(said, { 'retry-after': String(retryAfterS) });
    }
  }

  function refuse(why: string): RawResponse {
    log.warn({ why }, 'slack request unreadable');
    return problem(
      fault('BODY_INVALID', { word: why, reason: 'It is none of the messages that Slack sends.' }),
    );
  }

  return { path: '/slack/events', limitBytes, handle };
}

function decode(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

function json(status: number, value: unknown): RawResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(value),
  };
}

/** RFC 9457, as everywhere in the API. */
function problem(said: Fault, headers: Record<string, string> = {}): RawResponse {
  const { status, code, what, why, todo } = said;
  const body = { type: `urn:signalbox:error:${code}`, title: what, status, detail: why, code, todo };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify(body),
  };
}
