import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { longestFileName } from '../../core/declared-files.ts';
import { type Fault, fault, SignalboxError } from '../../core/errors.ts';
import { quoteNotFinite } from '../../core/metric-line.ts';
import { repositoryFileJsonSchema } from '../../core/repository-file.ts';
import type { ApiPorts, HttpDeps } from './deps.ts';
import { followerSet } from './followers.ts';
import { isOtherThanGzip, unzipped } from './gunzip.ts';
import type { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { ready } from './probe.ts';
import { faultOf, problem, problemHeaders, problemType } from './problem.ts';
import { isEncoded } from './raw-edges.ts';
import { refuseSlowly } from './refuse.ts';
import { type Answer, anyone, defineRoute, type RawInput, type Route } from './route.ts';
import { artifactRoutes } from './routes-artifacts.ts';
import { machineRoutes } from './routes-machines.ts';
import { metricRoutes } from './routes-metrics.ts';
import { modelRoutes } from './routes-models.ts';
import { runRoutes } from './routes-runs.ts';

const bodyLimitBytes = 1024 * 1024;

interface ApiDeps extends Pick<HttpDeps, 'health' | 'isAway' | 'log' | 'version' | 'id' | 'pages'> {
  ports: ApiPorts;
  metrics: Metrics;
}

export interface FastifyApi {
  server: Server;
  routes: readonly string[];
  listen(port: number, host: string): Promise<void>;
  close(): Promise<void>;
}

/** Everything that is no edge: `/v1`, pages, the probes and the metrics. */
export function fastifyApi(deps: ApiDeps, makeServer: (handle: RequestListener) => Server): FastifyApi {
  const { ports, metrics, log } = deps;
  const registered: string[] = [];
  const followers = followerSet(ports.pace.followers, log);
  const streamed = new WeakSet<FastifyRequest>();
  /** On which somebody who was admitted sends bytes, for as long as it takes. */
  const unhurried = new WeakSet<Socket>();
  const admitted = new WeakMap<FastifyRequest, (raw: RawInput) => Promise<Answer>>();

  const app = fastify({
    serverFactory: makeServer,
    clientErrorHandler: (err, socket) => {
      if (err.code !== 'ERR_HTTP_REQUEST_TIMEOUT' || !unhurried.has(socket)) refuseConnection(err, socket);
    },
    // An address that cannot be decoded, or is too long.
    frameworkErrors: (_, request, reply) => sendFault(request, reply, unknownRoute(request)),
    exposeHeadRoutes: false,
    requestIdHeader: false,
    bodyLimit: bodyLimitBytes,
    // The name of a file, each sign of which may be written with nine.
    routerOptions: { maxParamLength: 9 * longestFileName },
  });
  const routes = [...runRoutes, ...metricRoutes, ...artifactRoutes, ...modelRoutes, ...machineRoutes];
  const notFinite = routes.filter(route => route.notFinite);
  const zipped = routes.filter(route => route.gzip);
  const json = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients set the content type also where there is nothing to say.
    if (body.length === 0) done(null, undefined);
    else
      json(request, String(body), (err, value) => {
        if (err !== null && isOf(notFinite, request)) json(request, quoteNotFinite(String(body)), done);
        else done(err, value);
      });
  });
  app.addContentTypeParser('application/octet-stream', (request, content, done) => {
    if (streamed.has(request)) done(null, content);
    else done(new SignalboxError('BODY_ENCODING'));
  });

  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) registered.push(`${one} ${url}`);
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    if (isOf(zipped, request) ? isOtherThanGzip(request.raw) : isEncoded(request.raw))
      throw new SignalboxError('BODY_ENCODING');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions;
    const route = url === undefined ? 'unmatched' : `${request.method} ${url}`;
    // A stream lasts as long as somebody listens, which says nothing about how fast anything is.
    if (!followers.isFollower(reply.raw))
      metrics.observe(route, reply.raw.statusCode, reply.elapsedTime / 1000);
  });
  app.setErrorHandler((err, request, reply) => sendFault(request, reply, describe(err, request)));
  app.setNotFoundHandler((request, reply) => sendFault(request, reply, unknownRoute(request)));

  function describe(err: unknown, request: FastifyRequest): Fault {
    const { url: route, bodyLimit } = request.routeOptions;
    const known = faultOf(err, bodyLimit) ?? (deps.isAway?.(err) ? fault('STORE_UNAVAILABLE') : null);
    if (known) {
      if (known.status >= 500) log.warn({ err, route, code: known.code }, 'request refused');
      return known;
    }
    const reference = deps.id();
    log.error({ err, route, reference }, 'request failed');
    return fault('INTERNAL', { reference });
  }

  function giveTime(request: IncomingMessage): void {
    const { socket } = request;
    const silent = () => socket.destroy();
    unhurried.add(socket);
    socket.setTimeout(ports.pace.silenceMs, silent);
    request.once('close', () => {
      unhurried.delete(socket);
      socket.setTimeout(0, silent);
    });
  }

  function mount(route: Route): void {
    app.route({
      method: route.method,
      url: route.path,
      bodyLimit: route.limitBytes ?? bodyLimitBytes,
      preParsing: async (request, _, body) => (route.gzip ? unzipped(request.raw, body) : body),
      // Who asks is known before a byte of the body is read.
      onRequest: async request => {
        admitted.set(request, await route.open(request.headers, ports));
        if (!route.takesBytes) return;
        streamed.add(request);
        giveTime(request.raw);
      },
      handler: async (request, reply) => {
        const handle = admitted.get(request);
        if (!handle) throw new Error('a request was handled that was not admitted');
        const { params, query, body, headers } = request;
        // What is refused in the middle is still answered.
        const content = streamed.has(request) ? request.raw.iterator({ destroyOnReturn: false }) : undefined;
        const answer = await handle({ params, query, body, headers, content });
        if (!('stream' in answer)) {
          reply.code(answer.status).headers(answer.headers ?? {});
          return reply.send(answer.json);
        }
        if (answer.live && followers.full())
          throw new SignalboxError('BUSY', { reason: 'Too many follow runs at once.' });
        reply.hijack();
        const headersSoFar = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
        await followers.send(reply.raw, { ...answer, headers: { ...headersSoFar, ...answer.headers } });
        return reply;
      },
    });
  }

  const document = defineRoute({
    method: 'GET',
    path: '/v1/openapi.json',
    summary: 'This document.',
    gate: anyone,
    answers: { 200: { description: 'OpenAPI 3.1.' } },
    errors: [],
    handle: async () => ({ status: 200, json: described }),
  });
  const described = openApi([...routes, document], deps.version);
  for (const route of [...routes, document]) mount(route);

  for (const { path, handle } of deps.pages ?? [])
    app.get<{ Params: Record<string, string | undefined> }>(path, async (request, reply) => {
      const { searchParams: query } = new URL(request.url, 'http://localhost');
      const {
        status,
        headers = {},
        body = '',
      } = await handle({ params: request.params, query, cookie: request.headers.cookie ?? '' });
      return reply
        .code(status)
        .headers(headers)
        .send(typeof body === 'string' ? body : Buffer.from(body));
    });

  const fileSchema = repositoryFileJsonSchema();
  app.get('/schema/signalbox.json', async (_, reply) =>
    reply.type('application/schema+json').send(fileSchema),
  );

  app.get('/healthz', async () => ({ ok: true, version: deps.version }));
  app.get('/readyz', async (_, reply) => {
    const state = await ready(deps.health, log);
    if (!state.ok) reply.code(503).header('retry-after', '5');
    return state;
  });
  app.get('/metrics', async (_, reply) => {
    const { type, body } = await metrics.page();
    return reply.type(type).send(body);
  });

  return {
    server: app.server,
    routes: registered,
    listen: async (port, host) => {
      await app.listen({ port, host });
    },
    close: async () => {
      followers.stop();
      await app.close();
    },
  };
}

function isOf(routes: readonly Route[], { method, routeOptions: { url } }: FastifyRequest): boolean {
  return routes.some(route => route.method === method && route.path === url);
}

function unknownRoute(request: FastifyRequest): Fault {
  return fault('ROUTE_UNKNOWN', { word: `${request.method} ${request.url.split('?', 1)[0]}` });
}

/** Bodies up to this many bytes are read on and thrown away when they are refused, and the connection stays of use. */
const smallBody = 64 * 1024;

function sendFault(request: FastifyRequest, reply: FastifyReply, f: Fault): void {
  const { raw } = request;
  const declared = raw.headers['transfer-encoding']
    ? Number.POSITIVE_INFINITY
    : raw.headers['content-length'];
  if (!raw.complete && Number(declared ?? 0) > smallBody) {
    reply.hijack();
    refuseSlowly(raw, reply.raw, f);
    return;
  }
  reply
    .code(f.status)
    .headers(problemHeaders(f))
    .type(problemType)
    .send(JSON.stringify(problem(f)));
}

const connectionStatus: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** What is not HTTP, too slow or too long before there is a request to answer. */
function refuseConnection(err: Error & { code?: string }, socket: Socket): void {
  if (err.code === 'ECONNRESET' || socket.destroyed) return;
  const status = connectionStatus[err.code ?? ''] ?? '400 Bad Request';
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.destroySoon();
}
