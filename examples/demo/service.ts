import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { signingSecret } from './sign.ts';
import { botToken } from './workspace.ts';

export interface Service {
  url: string;
  dataDir: string;
  /** Reads JSON from the API with the token that Signalbox left for this machine's user. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');

/** Starts `signalbox serve` in an empty folder of its own, and waits until it is ready. */
export async function startService(slackApiUrl: string): Promise<Service> {
  const dataDir = await mkdtemp(join(tmpdir(), 'signalbox-demo-'));
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'serve'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      LOG_LEVEL: 'info',
      SIGNALBOX_DATA: dataDir,
      SIGNALBOX_CONFIG: join(root, 'examples/signalbox.yml'),
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
    const get = async (path: string) => {
      const response = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${token}` } });
      return await response.json();
    };
    return { url, dataDir, get, stop };
  } catch (err) {
    await stop();
    throw err;
  }
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
