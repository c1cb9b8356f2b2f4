import { createHmac } from 'node:crypto';
import { type Ack, ackMs, parsed } from './ack.ts';
import type { Envelope, socketHub } from './sockets.ts';
import type { World } from './world.ts';

/** One thing that the app was told, so that it can be told again, byte for byte. */
export interface Delivery {
  envelope: Envelope;
  /** Of the socket's envelope; empty over HTTP. */
  id: string;
  /** As it was posted; `null` over a socket. */
  request: { headers: Record<string, string>; body: string } | null;
  ack: Ack;
}

/** Tells the app: signed, to its address, or over a socket where Socket Mode is on. */
export function deliverer(world: World, hub: ReturnType<typeof socketHub>) {
  let address = '';

  async function deliver(envelope: Envelope): Promise<Delivery> {
    if (world.app.socketMode) {
      const { id, ...ack } = await hub.send(envelope);
      return { envelope, id, request: null, ack };
    }
    const body = bodyOf(envelope);
    const timestamp = String(Math.floor(world.clock.now() / 1000));
    const headers: Record<string, string> = {
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'content-type':
        envelope.type === 'events_api' ? 'application/json' : 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': sign(world.app.signingSecret, timestamp, body),
    };
    if (envelope.retry) {
      headers['x-slack-retry-num'] = String(envelope.retry.attempt);
      headers['x-slack-retry-reason'] = envelope.retry.reason;
    }
    return { envelope, id: '', request: { headers, body }, ack: await post(headers, body) };
  }

  /** The very same once more, as somebody who listened would send it, or as a network repeats it. */
  async function replay(delivery: Delivery): Promise<Ack> {
    if (delivery.request) return post(delivery.request.headers, delivery.request.body);
    const { id: _, ...ack } = await hub.send(delivery.envelope, delivery.id);
    return ack;
  }

  async function post(headers: Record<string, string>, body: string): Promise<Ack> {
    if (address === '') throw new Error('Say with sendTo() where the app listens.');
    const started = performance.now();
    const silence = new AbortController();
    const cancel = world.clock.later(ackMs, () => silence.abort());
    const ack = (rest: Pick<Ack, 'status' | 'body' | 'problem'> & { noRetry?: boolean }): Ack => ({
      noRetry: false,
      ...rest,
      ms: performance.now() - started,
    });
    try {
      const answer = await fetch(address, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: silence.signal,
      });
      const said = parsed(await answer.text());
      const noRetry = answer.headers.get('x-slack-no-retry') === '1';
      return ack({ status: answer.status, body: said, problem: answer.ok ? null : 'http_error', noRetry });
    } catch {
      const problem = silence.signal.aborted ? 'http_timeout' : 'connection_failed';
      return ack({ status: null, body: undefined, problem });
    } finally {
      cancel();
    }
  }

  return {
    deliver,
    replay,
    /** The address of the app to which everything is posted. */
    sendTo(url: string) {
      address = url;
    },
  };
}

function bodyOf({ type, payload }: Envelope): string {
  if (type === 'events_api') return JSON.stringify(payload);
  if (type === 'interactive') return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const fields = Object.entries(payload).map(([name, value]): [string, string] => [name, String(value)]);
  return new URLSearchParams(fields).toString();
}

/** "Verifying requests from Slack", written anew here, so that a fault in the app's own is not repeated. */
function sign(secret: string, timestamp: string, body: string): string {
  return `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
}
