import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';

/** A line to a PostgreSQL server (a unix socket) that can fall silent: it stays open, and nothing comes through. */
export async function quietLine(
  url: string,
): Promise<{ url: string; silent(on: boolean): void; close(): Promise<void> }> {
  const folder = decodeURIComponent(/host=([^&]+)/.exec(url)?.[1] ?? '');
  const sockets = new Set<Socket>();
  let silence = false;
  const server = createServer(near => {
    const far = dial(join(folder, '.s.PGSQL.5432'));
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', bytes => void (silence || to.write(bytes)));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const database = /\/([^/?]+)(?:\?|$)/.exec(url)?.[1] ?? '';
  return {
    url: `postgres://signalbox@127.0.0.1:${port}/${database}`,
    silent(on) {
      silence = on;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
