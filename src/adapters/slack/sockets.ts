import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../../core/ports.ts';
import { slackClients } from './client.ts';
import { messengerError } from './failure.ts';
import type { Received } from './receive.ts';
import { openSocket, type Socket } from './socket.ts';

interface SlackSocketsOptions {
  /** `xapp-...` with `connections:write`. */
  appToken: string;
  apiUrl: string;
  receive(text: string, receivedAt: Date): Promise<Received>;
  /** How many are held at once. Slack lets an app have ten, over all its processes. */
  sockets?: number;
  pace?: Partial<Pace>;
  log: Log;
  clock: () => Date;
}

/** Milliseconds. */
interface Pace {
  helloMs: number;
  silenceMs: number;
  /** Pause after a first failure; doubled with each, with chance in it, up to `longestMs`. */
  shortestMs: number;
  longestMs: number;
  /** A line that lived less is a failure. */
  steadyMs: number;
  /** How long a line that Slack wants renewed is still listened to. */
  lingerMs: number;
}

const usual: Pace = {
  helloMs: 10_000,
  silenceMs: 40_000,
  shortestMs: 500,
  longestMs: 60_000,
  steadyMs: 30_000,
  lingerMs: 15_000,
};
const timeoutMs = 10_000;
const refusedMs = 5 * 60_000;

export interface SlackSockets {
  /** How many lines are open now. */
  open(): number;
  /** Answers what is being answered, for some seconds at most, and says goodbye. */
  close(): Promise<void>;
}

/**
 * Socket Mode (https://docs.slack.dev/apis/events-api/using-socket-mode): holds several lines, so that there is always another one while
 * one is renewed or broken, and opens new ones for as long as it is not closed. Never throws: a Slack that is away is tried again.
 *
 * Not `@slack/socket-mode` 3.1: where `apps.connections.open` fails while it reconnects, its rejection is nobody's and ends the process,
 * and where Slack asks for a renewal it hangs up at once, so that what is being stored at that moment cannot be acknowledged.
 */
export function slackSockets(options: SlackSocketsOptions): SlackSockets {
  const { appToken, apiUrl, receive, sockets = 2, log, clock } = options;
  const pace = { ...usual, ...options.pace };
  const client = slackClients({ apiUrl, timeoutMs, log })(appToken);
  const stop = new AbortController();
  const stopped = Promise.withResolvers<string>();
  const open = new Set<Socket>();
  const lingering = new Set<Promise<void>>();

  async function connect(): Promise<Socket> {
    const { url } = await client.apps.connections.open().catch(err => {
      throw messengerError(err);
    });
    if (!url || !isLine(url, apiUrl)) throw new Error('Slack gave no address for a socket');
    return await openSocket(url, { ...pace, receive, log, clock });
  }

  /** Keeps one line, for good. */
  async function keep(seat: number): Promise<void> {
    let failures = 0;
    while (!stop.signal.aborted) {
      try {
        const socket = await connect();
        const since = performance.now();
        open.add(socket);
        log.info({ seat, open: open.size }, 'slack socket open');
        const why = await Promise.race([socket.leaving, stopped.promise]);
        // What it still brings is taken, while the next one is opened.
        retire(socket);
        if (performance.now() - since >= pace.steadyMs) failures = 0;
        log.info({ seat, open: open.size, why }, 'slack socket left');
        if (failures === 0 && why !== 'link_disabled') {
          failures = 1;
          continue;
        }
        await wait(seat, failures++);
      } catch (err) {
        log.warn({ err, seat, open: open.size }, 'slack socket cannot be opened');
        await wait(seat, failures++, err);
      }
    }
  }

  function retire(socket: Socket): void {
    open.delete(socket);
    const done = pause(pace.lingerMs, undefined, { signal: stop.signal })
      .catch(() => {})
      .then(() => socket.close())
      .finally(() => lingering.delete(done));
    lingering.add(done);
  }

  async function wait(seat: number, failures: number, err?: unknown): Promise<void> {
    const grown = Math.min(pace.longestMs, pace.shortestMs * 2 ** Math.min(failures, 20));
    const ms = Math.max(grown * (0.5 + Math.random() / 2), err === undefined ? 0 : askedMs(err));
    log.debug({ seat, ms }, 'slack socket waits');
    await pause(ms, undefined, { signal: stop.signal }).catch(() => {});
  }

  const seats = Array.from({ length: sockets }, (_, seat) => keep(seat));

  return {
    open: () => open.size,
    async close() {
      stop.abort();
      stopped.resolve('stopped');
      const ended = Promise.all(seats).then(() => Promise.all(lingering));
      await Promise.race([ended, pause(5_000, undefined, { ref: false })]);
    },
  };
}

/** What a refused `apps.connections.open` asks for: a rate limit its own time, a wrong token until somebody has mended it. */
function askedMs(err: unknown): number {
  const { outcome, afterMs } = messengerError(err);
  return outcome === 'gone' ? refusedMs : afterMs;
}

/** Over TLS, unless the Web API is not either. */
function isLine(url: string, apiUrl: string): boolean {
  if (!URL.canParse(url)) return false;
  return new URL(url).protocol === new URL(apiUrl).protocol.replace('http', 'ws');
}
