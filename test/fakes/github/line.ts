import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { restApi } from './api.ts';
import type { Fault, faultPlan } from './faults.ts';
import { isGit } from './git-door.ts';
import { secondary } from './limits.ts';

interface Doors {
  api: ReturnType<typeof restApi>;
  git(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** The one HTTP server in front of everything, with the faults of a line. Listens on a port of its own. */
export async function openLine({ api, git }: Doors, faults: ReturnType<typeof faultPlan>) {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const method = request.method ?? 'GET';
    const route = isGit(url) ? 'git' : api.nameOf(method, url.pathname);
    await faults.pass(route);
    const fault = faults.take(route);
    if (fault && early(fault, request, response)) return;
    if (route === 'git') return await git(url, request, response);
    const { authorization = '', accept = '', 'user-agent': userAgent = '' } = request.headers;
    const ifNoneMatch = request.headers['if-none-match'] ?? '';
    const headers = { authorization, accept, userAgent, ifNoneMatch };
    const served = await api.answer({ method, url, headers, body: await text(request) });
    if (fault === 'lost') return void request.socket.destroy();
    if (fault === 'silent-after') return;
    response.writeHead(served.status, served.headers).end(served.body);
  }

  /** What happens before anything is done. Whether that was all. */
  function early(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
    if (fault === 'silent') return true;
    if (fault === 'cut') {
      request.socket.destroy();
      return true;
    }
    if (fault === 'server-error') {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html><body>Unicorn!</body></html>');
      return true;
    }
    if (fault !== 'secondary' && fault !== 'too-many') return false;
    const { message, headers } = secondary(60);
    const type = { 'content-type': 'application/json; charset=utf-8' };
    response.writeHead(fault === 'secondary' ? 403 : 429, { ...type, ...headers });
    response.end(JSON.stringify({ message, documentation_url: 'https://docs.github.com/rest' }));
    return true;
  }

  let broken: unknown = null;
  const server = createServer((request, response) => {
    serve(request, response).catch(error => {
      // Whoever asked may be gone: that breaks nothing here.
      if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) broken ??= error;
      response.destroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Throws what broke the fake itself on the way. */
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
      if (broken !== null) throw broken;
    },
  };
}
