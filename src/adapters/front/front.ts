import {
  request as ask,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { nobodySentence, pick, type Ready, readyOf } from '../../core/promotion/pick.ts';
import type { Way } from '../../core/promotion/serving.ts';

export interface FrontOptions {
  /** What is known of the target now. */
  ways(): readonly Way[];
  /** A request was answered, by whom, with which status (null: it broke off) and after how many seconds. */
  answered(way: Way, status: number | null, seconds: number): void;
  random(): number;
  /** Longest silence of whoever asks or answers. */
  silenceMs?: number;
}

export interface Front {
  listen(port: number, host: string): Promise<void>;
  /** Takes nothing new; those who are being answered have so long. */
  close(graceMs: number): Promise<void>;
}

const usualSilenceMs = 120_000;
/** Where all are silent it is the version that owes something: its time is over first. */
const moreSilenceMs = 5_000;
const headersMs = 15_000;

/** Headers that are for one connection (RFC 9110, 7.6.1). */
const hopHeaders = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** How long a message is and whom it is for stays with it, whatever is said of the connection: without its length a body reads as another request. */
const ownHeaders = ['content-length', 'host'];

/**
 * The front of one target: hands each request to one version that is ready and answers with what that says, as it comes. Where a version does
 * not take the connection another one is asked, as nothing was sent yet; that it could not be reached counts against the first.
 */
export function targetFront(options: FrontOptions): Front {
  const server: Server = createServer((request, response) => {
    response.on('error', () => {});
    request.on('error', () => {});
    hand(request, response, readyOf(options.ways()), options);
  });
  server.headersTimeout = headersMs;
  server.requestTimeout = 0;
  server.timeout = (options.silenceMs ?? usualSilenceMs) + moreSilenceMs;
  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          server.on('error', () => {});
          resolve();
        });
      }),
    async close(graceMs) {
      const closed = new Promise<void>(resolve => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function hand(
  request: IncomingMessage,
  response: ServerResponse,
  ready: readonly Ready[],
  options: FrontOptions,
): void {
  const chosen = pick(ready, options.random());
  if (!chosen) {
    refuse(response, 503, nobodySentence(options.ways()));
    return;
  }
  const { way, port } = chosen;
  const began = performance.now();
  let isCounted = false;
  const count = (status: number | null) => {
    if (isCounted) return;
    isCounted = true;
    options.answered(way, status, (performance.now() - began) / 1_000);
  };
  let isConnected = false;
  const upstream = ask({
    host: '127.0.0.1',
    port,
    method: request.method,
    path: request.url,
    headers: headersFor(request),
    agent: false,
    timeout: options.silenceMs ?? usualSilenceMs,
  });
  const breakOff = () => {
    // Whoever asked has left.
    if (response.destroyed) return;
    count(null);
    refuse(response, 502, `Version ${way.version} of ${way.model} broke off.`);
  };
  upstream.on('socket', socket =>
    socket.once('connect', () => {
      isConnected = true;
      request.pipe(upstream);
    }),
  );
  upstream.on('response', answer => {
    const { statusCode = 0 } = answer;
    // There is no such status.
    if (statusCode < 200) {
      upstream.destroy();
      breakOff();
      return;
    }
    response.writeHead(statusCode, {
      ...forwarded(answer.headers),
      'x-signalbox-version': String(way.version),
    });
    answer.pipe(response);
    answer.once('end', () => count(statusCode));
    answer.once('error', breakOff);
  });
  // Nobody has asked for it.
  upstream.on('upgrade', (_, socket) => {
    socket.destroy();
    breakOff();
  });
  upstream.on('timeout', () => {
    const isNotSent = !request.complete && !upstream.writableNeedDrain;
    // Silent is whoever asked.
    if (isNotSent || response.writableNeedDrain) response.destroy();
    else upstream.destroy(new Error('silent'));
  });
  upstream.on('error', () => {
    if (isConnected || response.destroyed) return breakOff();
    count(null);
    const others = ready.filter(one => one !== chosen);
    hand(request, response, others, options);
  });
  response.once('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
}

function headersFor(request: IncomingMessage): IncomingHttpHeaders {
  const { remoteAddress } = request.socket;
  const before = request.headers['x-forwarded-for'];
  const chain = [...(before === undefined ? [] : [before].flat()), remoteAddress ?? ''].join(', ');
  const body = request.headers['transfer-encoding'] === undefined ? {} : { 'transfer-encoding': 'chunked' };
  return { ...forwarded(request.headers), ...body, 'x-forwarded-for': chain };
}

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map(name => name.trim().toLowerCase());
  const left = new Set([...hopHeaders, ...named.filter(name => !ownHeaders.includes(name))]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !left.has(name)));
}

function refuse(response: ServerResponse, status: 502 | 503, detail: string): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const title = status === 503 ? 'Nothing is ready to answer.' : 'The answer broke off.';
  // What is still being sent is not read.
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    connection: 'close',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  });
  response.end(`${JSON.stringify({ title, status, detail })}\n`);
}
