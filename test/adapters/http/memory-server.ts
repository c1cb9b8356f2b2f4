import { createHmac } from 'node:crypto';
import { githubEdge } from '../../../src/adapters/github/edge.ts';
import { createHttpServer } from '../../../src/adapters/http/server.ts';
import { newWorld, portsOver } from './fixture.ts';

/** A process of its own, so that what it holds in memory is the server's alone. Tells its port, and its peak whenever it is asked. */
const edge = (path: string, limitBytes: number) => ({
  path,
  limitBytes,
  handle: async ({ body }: { body: Uint8Array }) => {
    createHmac('sha256', 'secret').update(body).digest();
    return { status: 401 };
  },
});
const log = { debug() {}, info() {}, warn() {}, error() {} };
const github = githubEdge({
  secrets: ['secret', 'old'],
  listens: () => true,
  ingest: async () => ({ outcome: 'stored' }),
  refusals: { refused() {} },
  ignored() {},
  log,
});
const edges = [edge('/small', 1024 * 1024), github];
const server = createHttpServer({ ...portsOver(newWorld()), edges });
const port = await server.listen(0, '127.0.0.1');

let peak = 0;
setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 1);
process.on('message', () => {
  const rss = process.memoryUsage.rss();
  process.send?.({ rss, peak: Math.max(peak, rss) });
  peak = 0;
});
process.on('disconnect', () => process.exit());
process.send?.({ port });
