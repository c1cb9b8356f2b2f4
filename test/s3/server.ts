import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root as repository } from '../../scripts/suites.ts';

/**
 * A real S3 server: versitygw (Apache-2.0), which checks signatures and keeps buckets in a folder. It is built once by Go from the Go module
 * proxy, some minutes on a small machine, and then lies in `.cache/`.
 */
const version = 'v1.8.0';
const folder = join(repository, '.cache', `versitygw-${version}`);
const program = join(folder, 'versitygw');

/** Builds the server where it is not there yet; why it cannot be had, or `false`. */
export function serverMissing(): string | false {
  if (existsSync(program)) return false;
  if (spawnSync('go', ['version']).status !== 0) return 'there is no Go (go.dev) to build an S3 server with';
  mkdirSync(folder, { recursive: true });
  console.error(`Building versitygw ${version} for the tests, once ...`);
  const built = spawnSync('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${version}`], {
    env: { ...process.env, GOBIN: folder },
    stdio: ['ignore', 2, 2],
    timeout: 1_500_000,
  });
  return built.status === 0 ? false : 'versitygw could not be built';
}

export const accessKey = { accessKeyId: 'signalbox', secretAccessKey: 'a-secret-of-the-tests' };

export interface S3Server {
  endpoint: string;
  stop(): Promise<void>;
}

/** A server with one bucket. */
export async function startServer(bucket: string): Promise<S3Server> {
  const root = mkdtempSync(join(tmpdir(), 'signalbox-s3-'));
  // What it knows of objects beside their content: not every file system keeps that with a file.
  const [data, about] = [join(root, 'data'), join(root, 'about')];
  for (const path of [join(data, bucket), about]) mkdirSync(path, { recursive: true });
  const port = await freePort();
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, 'posix', '--sidecar', about, data], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH,
      ROOT_ACCESS_KEY: accessKey.accessKeyId,
      ROOT_SECRET_KEY: accessKey.secretAccessKey,
    },
  });
  const gone = new Promise<void>(done => child.once('exit', () => done()));
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (
      await fetch(endpoint).then(
        () => true,
        () => false,
      )
    )
      break;
    if (tries > 300) throw new Error('the S3 server does not answer');
    await pause(50);
  }
  return {
    endpoint,
    async stop() {
      child.kill('SIGKILL');
      await gone;
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise(done => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return address.port;
}
