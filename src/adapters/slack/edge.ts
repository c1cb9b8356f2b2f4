import type { RawEdge, RawRequest, RawResponse } from '../../core/edge.ts';
import { type Fault, fault, SignalboxError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { WebhookRefusals } from '../../core/webhook.ts';
import type { Received } from './receive.ts';
import { verifySlack } from './signature.ts';

interface SlackEdgeOptions {
  signingSecret: string;
  /** Takes a verified body; never throws. */
  receive(text: string, receivedAt: Date): Promise<Received>;
  refusals: WebhookRefusals;
  log: Log;
}

const limitBytes = 1024 * 1024;
const retryAfterS = 10;

/**
 * The one address for Slack's commands, interactions and events: verifies what comes and has it received. Throws where the signing
 * secret is empty.
 */
export function slackEdge({ signingSecret, receive, refusals, log }: SlackEdgeOptions): RawEdge {
  if (signingSecret.trim() === '')
    throw new SignalboxError('ENV_INVALID', { word: 'SLACK_SIGNING_SECRET', reason: 'It is empty.' });

  async function handle(request: RawRequest): Promise<RawResponse> {
    const verified = verifySlack(signingSecret, request);
    if (!verified.ok) {
      log.warn({ why: verified.why }, 'slack request refused');
      refusals.refused('slack', verified.why);
      return problem(fault('SIGNATURE_INVALID'));
    }
    const text = decode(request.body);
    if (text === null) return refuse('the body is not UTF-8 text');
    const received = await receive(text, request.receivedAt);
    if (received.kind === 'unreadable') return refuse(received.why);
    if (received.kind === 'unavailable')
      return problem(received.fault, { 'retry-after': String(retryAfterS) });
    return received.answer ? json(200, received.answer) : { status: 200 };
  }

  function refuse(why: string): RawResponse {
    log.warn({ why }, 'slack request unreadable');
    refusals.refused('slack', 'unreadable');
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
