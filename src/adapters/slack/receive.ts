import { type Fault, fault, faultLine, SignalboxError } from '../../core/errors.ts';
import type { Log, NewDelivery } from '../../core/ports.ts';
import { readSlackBody, type SlackBody } from './body.ts';
import { escapeMrkdwn } from './escape.ts';

type SlackDelivery = Extract<SlackBody, { type: 'delivery' }>;
export type SlackAnswer = Record<string, unknown>;

/** What Slack is told, by whichever way it came. */
export type Received =
  /** Acknowledged, with an answer where there is one. */
  | { kind: 'taken'; answer?: SlackAnswer }
  /** Not acknowledged: Slack may say it again. */
  | { kind: 'unavailable'; fault: Fault }
  | { kind: 'unreadable'; why: string };

/** Answers at once what Slack wants answered at once; `null`: it is for the worker, by way of the store. Never throws. */
export type Instant = (delivery: SlackDelivery, receivedAt: Date) => Promise<{ answer?: SlackAnswer } | null>;

interface ReceiveOptions {
  /** Stores durably before it resolves; throws `STORE_UNAVAILABLE` where it cannot. */
  ingest(delivery: NewDelivery): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }>;
  instant?: Instant;
  log: Log;
}

/**
 * Takes one verified body, over HTTP or a socket: what Slack wants answered at once is answered, all else is stored durably before it is
 * acknowledged. Never throws.
 */
export function slackReceiver({ ingest, instant, log }: ReceiveOptions) {
  return async (text: string, receivedAt: Date): Promise<Received> => {
    const body = readSlackBody(text);
    if (body.type === 'unknown') return { kind: 'unreadable', why: body.why };
    if (body.type === 'ssl-check') return { kind: 'taken' };
    if (body.type === 'challenge') return { kind: 'taken', answer: { challenge: body.challenge } };
    const answered = await instant?.(body, receivedAt);
    if (answered) return { kind: 'taken', ...answered };
    return await store(body, text);
  };

  async function store({ kind, deliveryId }: SlackDelivery, text: string): Promise<Received> {
    try {
      const { outcome } = await ingest({ source: 'slack', kind, deliveryId, body: text });
      if (outcome === 'conflict') log.warn({ kind, deliveryId }, 'slack delivery repeated with another body');
      return { kind: 'taken' };
    } catch (err) {
      log.error({ err, kind, deliveryId }, 'slack delivery not stored');
      const said = err instanceof SignalboxError ? err.fault : fault('INTERNAL', { reference: deliveryId });
      // People see nothing of a refused request but Slack's own riddle, so a command is answered with the refusal itself.
      if (kind === 'command') return { kind: 'taken', answer: whisper(said) };
      return { kind: 'unavailable', fault: said };
    }
  }
}

/** The answer to a command that only its sender sees. */
export function whisper(said: Fault): SlackAnswer {
  return { response_type: 'ephemeral', text: escapeMrkdwn(faultLine(said)) };
}
