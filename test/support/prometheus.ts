import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Why Prometheus cannot be started here, or `false`. */
export const noPrometheus: string | false =
  spawnSync('prometheus', ['--version']).status === 0 ? false : 'no prometheus in PATH';

/** A Prometheus of its own that asks these addresses every second. */
export async function startPrometheus(targets: readonly string[] = []) {
  const dir = mkdtempSync(join(tmpdir(), 'signalbox-prometheus-'));
  const config = join(dir, 'prometheus.yml');
  const asked = targets.length === 0 ? '' : `    static_configs: [{ targets: ${JSON.stringify(targets)} }]\n`;
  writeFileSync(
    config,
    `global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n  - job_name: signalbox\n${asked}`,
  );
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const endNow = () => child.kill('SIGKILL');
  process.on('exit', endNow);
  const exited = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', line => {
      if (line.includes('Server is ready')) resolve();
    });
    void exited.then(([code]) => reject(new Error(`prometheus ended with ${code}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      endNow();
      await exited;
      process.off('exit', endNow);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(address)));
    });
  });
}
