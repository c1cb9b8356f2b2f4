import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestRedis {
  url: string;
  /** Ends the server as a crash would. */
  kill(): Promise<void>;
  /** Starts it again, empty, under the same url. */
  start(): Promise<void>;
  /** `FLUSHALL`. */
  flush(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Why Redis cannot be started here, or `false`. */
export const noRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0 ? false : 'no redis-server in PATH';

/** A Redis of its own that keeps nothing on disk. `settings` are lines of its configuration, such as `maxmemory-policy allkeys-lru`. */
export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'signalbox-redis-'));
  let server: ChildProcess | null = null;
  const endNow = () => server?.kill('SIGKILL');
  process.on('exit', endNow);

  async function kill(): Promise<void> {
    const going = server;
    server = null;
    if (going === null || going.exitCode !== null || going.signalCode !== null) return;
    going.kill('SIGKILL');
    await once(going, 'exit');
  }

  async function launch(port: number): Promise<boolean> {
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${dir}`,
      'save ""',
      'appendonly no',
      'loglevel notice',
      ...settings,
    ];
    server = spawn('redis-server', ['-'], { stdio: ['pipe', 'pipe', 'ignore'] });
    server.stdin?.end(`${lines.join('\n')}\n`);
    if (server.stdout === null) return false;
    for await (const line of createInterface(server.stdout)) {
      if (!line.includes('Ready to accept connections')) continue;
      server.stdout?.resume();
      return true;
    }
    return false;
  }

  let port = 0;
  for (let tries = 0; ; tries++) {
    port = await freePort();
    if (await launch(port)) break;
    if (tries === 5) throw new Error('redis-server does not start');
  }

  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start: async () => {
      if (!(await launch(port))) throw new Error('redis-server does not start again');
    },
    flush: async () => {
      const socket = connect(port, '127.0.0.1').end('FLUSHALL\r\n');
      for await (const answer of socket)
        if (!String(answer).startsWith('+OK')) throw new Error(String(answer));
    },
    close: async () => {
      await kill();
      process.off('exit', endNow);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
