import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mlflowPython } from '../../scripts/mlflow.ts';

export interface TestMlflow {
  url: string;
  /** A Python that has MLflow. */
  python: string;
  /** Ends the server as a crash would. */
  kill(): Promise<void>;
  /** Starts it again under the same url, with all that it had. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** Why MLflow cannot be started here, or `false`. */
export const noMlflow: string | false = existsSync(mlflowPython())
  ? false
  : 'MLflow is installed by `npm run test:mlflow`';

/** It imports half of Python's science before it listens. */
const startMs = 120_000;

/** What keeps MLflow from calling home and from starting processes that no test needs. */
export const quietMlflow = {
  MLFLOW_DISABLE_TELEMETRY: 'true',
  DO_NOT_TRACK: 'true',
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
};

/** A real MLflow tracking server of its own. `backend`: `sqlite` in its folder, or the url of a PostgreSQL database. */
export async function startMlflow({
  backend = 'sqlite',
  env = {},
}: {
  backend?: string;
  env?: Record<string, string>;
} = {}): Promise<TestMlflow> {
  const dir = mkdtempSync(join(tmpdir(), 'signalbox-mlflow-'));
  const python = mlflowPython();
  const logFile = join(dir, 'server.log');
  let server: ChildProcess | null = null;
  const endNow = () => {
    // The whole group: the server itself is a child of what was started.
    if (server?.pid !== undefined && server.exitCode === null) process.kill(-server.pid, 'SIGKILL');
  };
  process.on('exit', endNow);

  async function kill(): Promise<void> {
    const going = server;
    if (going === null || going.exitCode !== null || going.signalCode !== null) return;
    endNow();
    await once(going, 'exit');
    server = null;
  }

  async function launch(port: number): Promise<boolean> {
    const log = openSync(logFile, 'a');
    const words = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1'];
    const store = backend === 'sqlite' ? `sqlite:///${join(dir, 'mlflow.db')}` : backend;
    const folders = ['--backend-store-uri', store, '--artifacts-destination', join(dir, 'artifacts')];
    const { PATH, HOME } = process.env;
    server = spawn(python, [...words, ...folders], {
      cwd: dir,
      env: { PATH, HOME, ...quietMlflow, ...env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    const until = Date.now() + startMs;
    while (server.exitCode === null && server.signalCode === null && Date.now() < until) {
      if (await answers(port)) return true;
      await pause(100);
    }
    await kill();
    return false;
  }

  let port = 0;
  for (let tries = 0; ; tries++) {
    port = await freePort();
    if (await launch(port)) break;
    if (tries === 2) throw new Error(`the MLflow server does not start: ${readFileSync(logFile, 'utf8')}`);
  }

  return {
    url: `http://127.0.0.1:${port}`,
    python,
    kill,
    start: async () => {
      if (!(await launch(port))) throw new Error('the MLflow server does not start again');
    },
    close: async () => {
      await kill();
      process.off('exit', endNow);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) });
    return answer.ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
