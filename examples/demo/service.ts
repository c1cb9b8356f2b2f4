import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parse, stringify } from 'yaml';
import { signingSecret } from './sign.ts';
import { botToken } from './workspace.ts';

export interface Service {
  url: string;
  dataDir: string;
  /** Reads JSON from the API with the token that Signalbox left for this machine's user. */
  get(path: string): Promise<unknown>;
  /** The same for text. */
  read(path: string): Promise<string>;
  post(path: string, body?: unknown): Promise<unknown>;
  /** Gives it another signalbox.yml, a file of this folder, which it reads again while it runs. */
  configure(file: string): Promise<void>;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');

/** Starts `signalbox serve` in an empty folder of its own, and waits until it is ready. */
export async function startService(slackApiUrl: string): Promise<Service> {
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-demo-'));
  const configPath = join(dataDir, 'signalbox.yml');
  await copyPolicy('../signalbox.yml', configPath);
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'serve'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
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
    return {
      url,
      dataDir,
      get: async path => await (await ask(path)).json(),
      read: async path => await (await ask(path)).text(),
      async post(path, body = {}) {
        const headers = { authorization, 'content-type': 'application/json' };
        const response = await fetch(new URL(path, url), {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        return await response.json();
      },
      configure: file => copyPolicy(file, configPath),
      stop,
    };
  } catch (err) {
    await stop();
    throw err;
  }
}

/** What the demo changes is a copy, whose sources are where they were; it is replaced at once. */
async function copyPolicy(file: string, to: string): Promise<void> {
  const path = join(import.meta.dirname, file);
  const policy = parse(await readFile(path, 'utf8')) as { projects: Record<string, { source: string }> };
  for (const project of Object.values(policy.projects))
    project.source = resolve(dirname(path), project.source);
  await writeFile(`${to}.new`, stringify(policy));
  await rename(`${to}.new`, to);
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
  return await Promise.race([ready, ended]);
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}
