import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SlackMessage } from './workspace.ts';

/** What Slack has besides its Web API: an address for each command, to which only the one who typed it is answered. */
export interface Line {
  /** Of the Web API behind it, and of the addresses. */
  url: string;
  /** A new address, and what was said to it so far. */
  address(): { url: string; answers: SlackMessage[] };
  close(): Promise<void>;
}

/** The emulator has no such addresses; Signalbox answers only where it also calls the Web API, so that calls go through here. */
export async function openLine(emulator: string): Promise<Line> {
  const addresses = new Map<string, SlackMessage[]>();

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const answers = addresses.get(request.url ?? '');
    if (answers) {
      answers.push(JSON.parse(body));
      response.end();
      return;
    }
    const answer = await fetch(new URL(request.url ?? '', emulator), {
      method: 'POST',
      headers: {
        authorization: request.headers.authorization ?? '',
        'content-type': request.headers['content-type'] ?? '',
      },
      body,
    });
    const type = answer.headers.get('content-type') ?? 'application/json';
    response.writeHead(answer.status, { 'content-type': type }).end(await answer.text());
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    address() {
      const path = `/respond/${randomUUID()}`;
      const answers: SlackMessage[] = [];
      addresses.set(path, answers);
      return { url: `${url}${path}`, answers };
    },
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
