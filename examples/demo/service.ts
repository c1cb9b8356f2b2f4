import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as timer } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { freePort } from '../../src/adapters/local/fetch-model.ts';
import { interruption } from './interruption.ts';
import { signingSecret } from './sign.ts';
import { botToken } from './workspace.ts';

export interface Service {
  url: string;
  dataDir: string;
  /** Where a model is asked, once one serves. */
  modelUrl: string;
  /** Reads JSON from the API with the token that Signalbox left for this machine's user. */
  get(path: string): Promise<unknown>;
  /** The same for text. */
  read(path: string): Promise<string>;
  post(path: string, body?: unknown): Promise<unknown>;
  /** Gives it another signalbox.yml, a file of this folder, which it reads again while it runs. */
  configure(file: string): Promise<void>;
  /** Runs the command line that people use, and answers what it prints. */
  cli(...words: string[]): Promise<string>;
  /** Ends it and what it runs, and removes its folder. */
  stop(): Promise<void>;
}

interface RunJson {
  number: number;
  endedAt: string | null;
}

const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/main.ts');
const execute = promisify(execFile);
/** So long what runs has to end when the demo does. */
const endingMs = 20_000;

/** Starts `signalbox serve` in an empty folder of its own, and waits until it is ready. */
export async function startService(
  slackApiUrl: string,
  environment: Record<string, string>,
): Promise<Service> {
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-demo-'));
  const configPath = join(dataDir, 'signalbox.yml');
  const port = await freePort(Math.random);
  if (port === null) throw new Error('No port is free for what serves.');
  await copyPolicy('../signalbox.yml', configPath, port);
  const home = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in a terminal is for the demo, which ends what runs before it ends this.
    detached: true,
    env: {
      ...home,
      ...environment,
      PORT: '0',
      LOG_LEVEL: 'info',
      SIGNALBOX_DATA: dataDir,
      SIGNALBOX_CONFIG: configPath,
      SLACK_SIGNING_SECRET: signingSecret,
      SLACK_BOT_TOKEN: botToken,
      SLACK_API_URL: slackApiUrl,
    },
  });
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const url = await listening(child.stderr, exited);
    const token = (await readFile(join(dataDir, 'cli.token'), 'utf8')).trim();
    const authorization = `Bearer ${token}`;
    const ask = (path: string) => fetch(new URL(path, url), { headers: { authorization } });
    const get = async (path: string): Promise<unknown> => await (await ask(path)).json();
    const post = async (path: string, body: unknown = {}): Promise<unknown> => {
      const headers = { authorization, 'content-type': 'application/json' };
      const response = await fetch(new URL(path, url), {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return await response.json();
    };
    return {
      url,
      dataDir,
      modelUrl: `http://127.0.0.1:${port}`,
      get,
      post,
      read: async path => await (await ask(path)).text(),
      configure: file => copyPolicy(file, configPath, port),
      async cli(...words) {
        const env = { ...home, SIGNALBOX_URL: url, SIGNALBOX_DATA: dataDir };
        const { stdout } = await execute(process.execPath, [main, ...words], { cwd: root, env });
        return stdout.trimEnd();
      },
      async stop() {
        await endServing(configPath, port)
          .then(() => endRuns(get, post))
          .finally(stop);
      },
    };
  } catch (err) {
    await stop();
    throw err;
  }
}

/** What serves is started again whenever it ends, for as long as its target is named. */
async function endServing(configPath: string, port: number): Promise<void> {
  const { targets, models: _, ...rest } = parse(await readFile(configPath, 'utf8')) as Policy;
  if (!targets) return;
  await replace(configPath, stringify(rest));
  const since = performance.now();
  // It listens no more once the file was read.
  while (performance.now() - since < endingMs && (await listens(port))) await timer(100);
}

/** What runs outlives a service: it is told to end, and has ended. */
async function endRuns(get: Service['get'], post: Service['post']): Promise<void> {
  const since = performance.now();
  const told = new Set<number>();
  while (performance.now() - since < endingMs) {
    const lists = await Promise.all(
      ['train', 'serve'].map(
        async kind => ((await get(`/v1/runs?kind=${kind}&limit=100`)) as { runs: RunJson[] }).runs,
      ),
    );
    const alive = lists
      .flat()
      .filter(run => run.endedAt === null)
      .map(run => run.number);
    if (alive.length === 0) return;
    for (const number of alive.filter(one => !told.has(one))) {
      told.add(number);
      await post(`/v1/runs/${number}/cancel`);
    }
    await timer(100);
  }
}

interface Policy {
  projects: Record<string, { source?: string }>;
  targets?: Record<string, { port?: number }>;
  models?: unknown;
}

/** What the demo changes is a copy, whose sources are where they were, and whose models serve at a port that is free. */
async function copyPolicy(file: string, to: string, port: number): Promise<void> {
  const path = join(import.meta.dirname, file);
  const policy = parse(await readFile(path, 'utf8')) as Policy;
  for (const project of Object.values(policy.projects))
    if (project.source) project.source = resolve(dirname(path), project.source);
  for (const target of Object.values(policy.targets ?? {})) target.port = port;
  await replace(to, stringify(policy));
}

/** At once, so that nobody reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function listens(port: number): Promise<boolean> {
  return await new Promise(answer => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      answer(true);
    }).once('error', () => answer(false));
  });
}

/** The address from the log, once everything is ready; fails with the end of the log when the process ends before. */
async function listening(log: NodeJS.ReadableStream, exited: Promise<void>): Promise<string> {
  const lines: string[] = [];
  let url = '';
  const ready = new Promise<string>(resolve => {
    createInterface({ input: log }).on('line', line => {
      lines.push(line);
      if (lines.length > 20) lines.shift();
      const entry = parsed(line);
      if (entry.msg === 'listening') url = String(entry.url);
      if (entry.msg === 'ready') resolve(url);
    });
  });
  const ended = exited.then(() => {
    throw new Error(`Signalbox ended before it was ready:\n${lines.join('\n')}`);
  });
  const unwanted = new Promise<never>((_, reject) => {
    const stop = () => reject(interruption.reason);
    if (interruption.aborted) stop();
    else interruption.addEventListener('abort', stop, { once: true });
  });
  return await Promise.race([ready, ended, unwanted]);
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
