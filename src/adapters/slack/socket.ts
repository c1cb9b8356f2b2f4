import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Log } from '../../core/ports.ts';
import { readSocketMessage, type SocketMessage } from './envelope.ts';
import type { Received } from './receive.ts';

interface SocketOptions {
  /** Takes what an envelope holds; never throws. */
  receive(text: string, receivedAt: Date): Promise<Received>;
  /** In which Slack must have said hello. */
  helloMs: number;
  /** After so much silence the line counts as broken: Slack pings every few seconds. */
  silenceMs: number;
  log: Log;
  clock: () => Date;
}

/** One line to Slack that said hello. */
export interface Socket {
  /** Resolves with why it is no longer to be relied on: it broke, or Slack asked to open another one. It may still bring envelopes. */
  leaving: Promise<string>;
  /** Answers what is being answered, and says goodbye. */
  close(): Promise<void>;
}

/** Node's own WebSocket tells of a ping only here. */
const pings = 'undici:websocket:ping';

/** Opens a line. Rejects where Slack does not say hello in time. */
export async function openSocket(url: string, options: SocketOptions): Promise<Socket> {
  const { receive, helloMs, silenceMs, log, clock } = options;
  const ws = new WebSocket(url);
  const hello = Promise.withResolvers<void>();
  const leaving = Promise.withResolvers<string>();
  const answering = new Set<Promise<void>>();
  let closed = false;

  const broken = (why: string) => {
    clearTimeout(alarm);
    unsubscribe(pings, onPing);
    hello.reject(new Error(`the socket to Slack ended before its hello (${why})`));
    leaving.resolve(why);
  };
  const giveUp = () => {
    broken('silence');
    ws.close();
  };
  let alarm = setTimeout(giveUp, helloMs);
  const onPing = (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'websocket' in message && message.websocket === ws)
      alive();
  };
  const alive = () => {
    if (ws.readyState !== WebSocket.OPEN) return;
    clearTimeout(alarm);
    alarm = setTimeout(giveUp, silenceMs);
  };

  function hear(message: SocketMessage): void {
    if (message.type === 'hello') hello.resolve();
    if (message.type === 'disconnect') leaving.resolve(message.reason);
    if (message.type !== 'envelope' || closed) return;
    const work = answer(message).finally(() => answering.delete(work));
    answering.add(work);
  }

  async function answer({ id, body, answerable }: SocketMessage & { type: 'envelope' }): Promise<void> {
    const received = await receive(body, clock());
    if (received.kind === 'unreadable') log.warn({ why: received.why }, 'slack envelope unreadable');
    // Without an acknowledgement Slack says it again.
    if (received.kind !== 'taken' || ws.readyState !== WebSocket.OPEN) return;
    const payload = answerable && received.answer ? { payload: received.answer } : {};
    ws.send(JSON.stringify({ envelope_id: id, ...payload }));
  }

  ws.addEventListener('message', ({ data }) => {
    const message = typeof data === 'string' ? readSocketMessage(data) : null;
    if (!message) return log.warn({}, 'slack socket said something unknown');
    if (message.type === 'hello') alive();
    hear(message);
  });
  ws.addEventListener('error', () => broken('error'));
  ws.addEventListener('close', ({ code }) => broken(`closed ${code}`));
  subscribe(pings, onPing);
  await hello.promise;

  return {
    leaving: leaving.promise,
    async close() {
      while (answering.size > 0) await Promise.all(answering);
      closed = true;
      broken('done');
      ws.close(1000);
    },
  };
}
