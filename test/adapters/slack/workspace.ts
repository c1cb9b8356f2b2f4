import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createEmulator } from 'emulate';

interface Call {
  path: string;
  body: string;
}

/** What happens to a call before the workspace sees it, or after. `undefined`: nothing, it goes through. */
export type Interference =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** The workspace does what it is asked, and its answer is lost on the way back. */
  | { kind: 'lose-answer' }
  /** The same, and the line stays open: whoever asked waits in vain. */
  | { kind: 'keep-silent' }
  | { kind: 'cut' };

const all = ['chat:write', 'channels:read', 'channels:history', 'channels:manage', 'users:read'];

/**
 * A Slack workspace (emulate) behind a line that a test can disturb. The emulator keeps no ephemeral messages where a test could read
 * them, makes no `response_url` and no rate limits: those are answered here, and every call is kept.
 */
export async function openWorkspace() {
  const emulator = await createEmulator({
    service: 'slack',
    port: 0,
    seed: {
      tokens: {
        'xoxb-bot': { login: 'U000000001', scopes: all },
        'xoxb-narrow': { login: 'U000000001', scopes: ['chat:write'] },
      },
      slack: {
        strict_scopes: true,
      },
    },
  });
  const backend = emulator.url.replace('localhost', '127.0.0.1');
  const calls: Call[] = [];
  let interfere: (call: Call) => Interference | undefined = () => undefined;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = { path: request.url ?? '', body: await text(request) };
    calls.push(call);
    const disturbance = interfere(call);
    if (disturbance?.kind === 'cut') return void request.socket.destroy();
    if (disturbance?.kind === 'answer') {
      response.writeHead(disturbance.status, disturbance.headers).end(disturbance.body);
      return;
    }
    const answer = await fetch(`${backend}${call.path}`, {
      method: 'POST',
      headers: {
        authorization: request.headers.authorization ?? '',
        'content-type': request.headers['content-type'] ?? '',
      },
      body: call.body,
    });
    const said = await answer.text();
    if (disturbance?.kind === 'lose-answer') return void request.socket.destroy();
    if (disturbance?.kind === 'keep-silent') return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(said);
  }

  const line = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>(resolve => line.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;

  /** Straight from the workspace, past the line. */
  async function ask(method: string, fields: Record<string, string>): Promise<Record<string, unknown>> {
    const answer = await fetch(`${backend}/api/${method}`, {
      method: 'POST',
      headers: { authorization: 'Bearer xoxb-bot' },
      body: new URLSearchParams(fields),
    });
    return (await answer.json()) as Record<string, unknown>;
  }

  return {
    url,
    calls,
    ask,
    disturb(next: typeof interfere) {
      interfere = next;
    },
    reset() {
      calls.length = 0;
      interfere = () => undefined;
      emulator.reset();
    },
    async close() {
      line.closeAllConnections();
      await new Promise(resolve => line.close(resolve));
      await emulator.close();
    },
  };
}
