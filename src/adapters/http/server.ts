import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type ApiPorts, defaultPace, type HttpDeps, type Pace } from './deps.ts';
import { fastifyApi } from './fastify-api.ts';
import { httpMetrics } from './metrics.ts';
import { rawEdges } from './raw-edges.ts';

const defaultBodyBudgetBytes = 64 * 1024 * 1024;
/** How long those who are being answered have when the server closes. */
const closeMs = 5_000;

export interface HttpServer {
  /** Answers the port. */
  listen(port: number, host: string): Promise<number>;
  /** Takes nothing new, ends what follows runs, and lets the rest be answered for up to 5 s. */
  close(): Promise<void>;
  /** Where it listens; throws before it does. */
  url(): string;
  /** What is served besides the edges: `GET /v1/runs`. */
  routes: readonly string[];
}

/**
 * The one HTTP server: edges on `node:http` itself (12 % less work per request than through Fastify, and no framework near signed bytes),
 * everything else behind Fastify.
 */
export function createHttpServer(deps: HttpDeps): HttpServer {
  const pace: Pace = { ...defaultPace, ...deps.pace };
  const ports: ApiPorts = { ...deps, pace };
  const metrics = httpMetrics(deps, deps.log);
  let closing = false;
  /** Connections that have asked nothing yet: Node counts them as busy, and would wait for them when it closes. */
  const silent = new Set<Socket>();
  const raw = rawEdges({
    ...deps,
    bodyBudgetBytes: deps.bodyBudgetBytes ?? defaultBodyBudgetBytes,
    observe: metrics.observe,
    closing: () => closing,
  });
  const api = fastifyApi({ ...deps, ports, metrics }, handle => {
    const server = createServer(
      {
        headersTimeout: pace.headersMs,
        requestTimeout: pace.requestMs,
        connectionsCheckingInterval: Math.min(500, pace.headersMs / 2),
        // Longer than load balancers keep theirs (60 s), so that it is never this side that drops a connection in use.
        keepAliveTimeout: 65_000,
      },
      (request, response) => {
        silent.delete(request.socket);
        if (!raw.serve(request, response)) handle(request, response);
      },
    );
    server.on('connection', socket => {
      silent.add(socket);
      socket.once('close', () => silent.delete(socket));
    });
    server.on('checkContinue', (request, response) => {
      if (raw.welcome(request)) response.writeContinue();
      server.emit('request', request, response);
    });
    return server;
  });

  return {
    routes: api.routes,
    listen: async (port, host) => {
      await api.listen(port, host);
      return addressOf(api.server).port;
    },
    close: async () => {
      closing = true;
      for (const socket of silent) socket.destroy();
      const timer = setTimeout(() => api.server.closeAllConnections(), closeMs);
      await api.close();
      clearTimeout(timer);
    },
    url: () => {
      const { address, port, family } = addressOf(api.server);
      return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    },
  };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address;
}
