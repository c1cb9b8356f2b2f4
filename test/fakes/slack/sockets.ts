import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Ack, ackMs, parsed } from './ack.ts';
import { isRecord } from './args.ts';
import { acceptWebSocket, type WebSocketLine } from './web-socket.ts';
import type { World } from './world.ts';

/** What goes over a socket. `retry` for an event that is told again. */
export interface Envelope {
  type: 'slash_commands' | 'interactive' | 'events_api';
  payload: Record<string, unknown>;
  /** The answer may carry something. */
  accepts: boolean;
  retry?: { attempt: number; reason: string };
}

interface Line {
  number: number;
  line: WebSocketLine;
  /** No new envelopes: it is being renewed. */
  leaving: boolean;
}

const mostSockets = 10;
const pingMs = 5_000;

/** The sockets of the app. Each envelope goes to one of them, in turn. */
export function socketHub(world: World, origin: () => string) {
  const tickets = new Set<string>();
  const waiting = new Map<string, { line: Line; settle: (ack: Partial<Ack>) => void }>();
  const sent: { envelope: Envelope; id: string; socket: number }[] = [];
  let lines: Line[] = [];
  let made = 0;
  let turn = 0;
  let dropNext = false;
  const pings = setInterval(() => {
    for (const { line } of lines) line.ping();
  }, pingMs);
  pings.unref();

  /** `apps.connections.open`: an address that works once. */
  function open() {
    const ticket = world.secret();
    tickets.add(ticket);
    return { url: `${origin().replace('http', 'ws')}/link/?ticket=${ticket}&app_id=${world.app.id}` };
  }

  function upgrade(request: IncomingMessage, socket: Duplex): void {
    const ticket = new URL(request.url ?? '', origin()).searchParams.get('ticket') ?? '';
    if (!tickets.delete(ticket)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    made += 1;
    const entry: Line = {
      number: made,
      leaving: false,
      line: acceptWebSocket(request, socket, {
        onText: text => hear(text),
        onEnd() {
          lines = lines.filter(other => other !== entry);
          for (const { line, settle } of waiting.values())
            if (line === entry) settle({ status: null, problem: 'connection_failed' });
        },
      }),
    };
    if (lines.length >= mostSockets) {
      say(entry, { type: 'disconnect', reason: 'too_many_websockets' });
      entry.line.close();
      return;
    }
    lines = [...lines, entry];
    say(entry, {
      type: 'hello',
      num_connections: lines.length,
      connection_info: { app_id: world.app.id },
      debug_info: { host: `applink-${entry.number}`, build_number: 1, approximate_connection_time: 18_060 },
    });
  }

  const say = ({ line }: Line, message: Record<string, unknown>) =>
    line.send(
      JSON.stringify(
        message.type === 'disconnect' ? { ...message, debug_info: { host: 'applink' } } : message,
      ),
    );

  function hear(text: string): void {
    const message = parsed(text);
    if (!isRecord(message) || typeof message.envelope_id !== 'string') return;
    const { payload } = message;
    const empty = isRecord(payload) && Object.keys(payload).length === 0;
    waiting
      .get(message.envelope_id)
      ?.settle({ status: 200, body: empty ? undefined : payload, problem: null });
  }

  /** Sends it and waits for the answer. The same `id` again is the same envelope again. */
  function send(envelope: Envelope, id: string = randomUUID()): Promise<Ack & { id: string }> {
    const usable = lines.filter(({ leaving }) => !leaving);
    const chosen = usable[turn++ % Math.max(usable.length, 1)];
    const started = performance.now();
    const nothing: Ack = {
      status: null,
      body: undefined,
      ms: 0,
      problem: 'connection_failed',
      noRetry: false,
    };
    if (!chosen) return Promise.resolve({ ...nothing, id });
    sent.push({ envelope, id, socket: chosen.number });
    return new Promise(resolve => {
      const cancel = world.clock.later(ackMs, () => settle({ problem: 'http_timeout' }));
      function settle(ack: Partial<Ack>): void {
        cancel();
        waiting.delete(id);
        const body = envelope.accepts ? ack.body : undefined;
        resolve({ ...nothing, ...ack, body, ms: performance.now() - started, id });
      }
      waiting.set(id, { line: chosen, settle });
      const { type, payload, accepts, retry } = envelope;
      say(chosen, {
        ...{ envelope_id: id, type, payload, accepts_response_payload: accepts },
        ...(retry && { retry_attempt: retry.attempt, retry_reason: retry.reason }),
      });
      if (!dropNext) return;
      dropNext = false;
      // What was written still arrives; what is answered does not.
      setImmediate(() => chosen.line.drop());
    });
  }

  return {
    open,
    upgrade,
    send,
    /** Every envelope that went out, and over which socket. */
    sent,
    count: () => lines.length,
    /** Tells one socket that it will be renewed soon (`warning`) or now (`refresh_requested`); `link_disabled`: Socket Mode was turned off. */
    disconnect(reason: 'warning' | 'refresh_requested' | 'link_disabled', which = 0) {
      const chosen = lines[which];
      if (!chosen) return;
      chosen.leaving = true;
      say(chosen, { type: 'disconnect', reason });
    },
    /** Breaks one socket, or all of them. */
    drop(which: number | 'all' = 0) {
      for (const { line } of which === 'all' ? lines : lines.slice(which, which + 1)) line.drop();
    },
    /** The next envelope arrives, and its socket breaks before it is answered. */
    dropAfterNext() {
      dropNext = true;
    },
    close() {
      clearInterval(pings);
      for (const { line } of lines) line.drop();
    },
  };
}
