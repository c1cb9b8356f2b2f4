import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const root = join(import.meta.dirname, '../..');
export const entry = join(root, 'src/main.ts');

/** The variables that a fresh shell would have, and the launcher's; everything else is a test's to say. */
const plain = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules/.cache/compile'),
};

export type Environment = Record<string, string | undefined>;

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line to its end. */
export async function cli(args: string[], environment: Environment, cwd = root): Promise<Ended> {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd,
    env: { ...plain, LOG_LEVEL: 'silent', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...said };
}

export interface LogEntry {
  msg?: string;
  level?: number;
  [field: string]: unknown;
}

export interface Served {
  url: string;
  child: ChildProcess;
  pid: number;
  /** Everything that it wrote on stderr, one entry a line; what is no JSON is its own `msg`. */
  log: LogEntry[];
  /** Milliseconds from the spawn to the word `ready`. */
  readyMs: number;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Starts `serve` and waits until it says that it is ready. */
export async function serve(args: string[], environment: Environment): Promise<Served> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [entry, 'serve', ...args], {
    cwd: root,
    env: { ...plain, LOG_LEVEL: 'info', PORT: '0', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: LogEntry[] = [];
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const endNow = () => child.kill('SIGKILL');
  process.on('exit', endNow);
  let url = '';
  const ready = new Promise<void>(resolve => {
    createInterface({ input: child.stderr }).on('line', line => {
      const said = parsed(line);
      log.push(said);
      if (said.msg === 'listening') url = String(said.url);
      if (said.msg === 'ready') resolve();
    });
  });
  const ended = exited.then(() => {
    throw new Error(`it ended before it was ready:\n${log.map(line => JSON.stringify(line)).join('\n')}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => {});
  const readyMs = performance.now() - startedAt;
  const stop = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    const [code] = await exited;
    process.off('exit', endNow);
    return code;
  };
  return {
    url,
    child,
    pid: child.pid ?? 0,
    log,
    readyMs,
    stop: () => stop('SIGTERM'),
    kill: async () => void (await stop('SIGKILL')),
  };
}

function parsed(line: string): LogEntry {
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return { msg: line };
  }
}
