import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Args, isRecord } from './args.ts';
import type { Fault, faultPlan } from './faults.ts';

interface Served {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

interface Routes {
  api(method: string, args: Args, authorization: string): Served;
  responseUrl(path: string, body: string): Served;
  upload(ticket: string, bytes: Uint8Array): Served;
  upgrade(request: IncomingMessage, socket: Duplex): void;
}

/** The one HTTP server in front of everything, with the faults of a line. Listens on a port of its own. */
export async function openLine(routes: Routes, faults: ReturnType<typeof faultPlan>) {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await buffer(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://slack');
    const route = routeOf(pathname, request, bytes, searchParams);
    if (!route) return void response.writeHead(404).end();
    const fault = faults.take(route.name);
    if (fault && (await early(fault, request, response))) return;
    const served = route.answer();
    if (fault === 'lost') return void request.socket.destroy();
    if (fault === 'silent-after') return;
    response.writeHead(served.status, served.headers).end(served.body);
  }

  function routeOf(path: string, request: IncomingMessage, bytes: Buffer, query: URLSearchParams) {
    const [, first = '', second = '', third = ''] = path.split('/');
    if (first === 'api') {
      const args = { ...Object.fromEntries(query), ...argsOf(request, bytes) };
      return { name: second, answer: () => routes.api(second, args, request.headers.authorization ?? '') };
    }
    if (request.method !== 'POST') return null;
    if (first === 'upload' && second === 'v1')
      return { name: 'upload', answer: () => routes.upload(third, bytes) };
    if (first === 'commands' || first === 'actions')
      return { name: 'response_url', answer: () => routes.responseUrl(path, bytes.toString()) };
    return null;
  }

  /** What happens before anything is done. Whether that was all. */
  async function early(fault: Fault, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (fault === 'silent') return true;
    if (fault === 'cut') {
      request.socket.destroy();
      return true;
    }
    if (fault === 'server-error') {
      response.writeHead(500, { 'content-type': 'text/html' }).end('<html><body>Server Error</body></html>');
      return true;
    }
    if (fault !== 'rate-limited') return false;
    response.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' });
    response.end('{"ok":false,"error":"ratelimited"}');
    return true;
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket) => routes.upgrade(request, socket));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** A call's arguments out of its body: a form, a form in parts, or JSON. */
function argsOf(request: IncomingMessage, bytes: Buffer): Args {
  const type = request.headers['content-type'] ?? '';
  if (bytes.length === 0) return {};
  if (!type.startsWith('application/json')) return Object.fromEntries(new URLSearchParams(bytes.toString()));
  try {
    const args: unknown = JSON.parse(bytes.toString());
    return isRecord(args) ? args : {};
  } catch {
    return {};
  }
}
