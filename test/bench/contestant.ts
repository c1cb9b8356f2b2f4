import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A server under measurement, in a process of its own. */
export interface Contestant {
  who: string;
  port: number;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<void>;
}

const startMs = 60_000;

/**
 * Starts `node FILE ARGS` and waits until one of its streams says where it listens (`http://...:PORT`). Throws with what it said when it ends
 * before that, or is not there after a minute.
 */
export async function startContestant(
  who: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Contestant> {
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const endNow = () => child.kill('SIGKILL');
  process.on('exit', endNow);
  const said: string[] = [];
  let stopping = false;
  child.once('exit', code => {
    if (!stopping) process.stderr.write(`${who} ended with code ${code}:\n${said.join('\n')}\n`);
  });
  const stop = async () => {
    stopping = true;
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    process.off('exit', endNow);
  };
  try {
    return { who, port: await portOf(who, child, said), stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

/** Keeps the last lines in `said`, for as long as it runs. */
function portOf(who: string, child: ChildProcess, said: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${who} ${why}:\n${said.join('\n')}`));
    const timer = setTimeout(() => fail('does not say where it listens'), startMs);
    child.once('error', reject);
    child.once('exit', () => fail('ended too early'));
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface(stream).on('line', line => {
        said.push(line);
        if (said.length > 20) said.shift();
        const port = /http:\/\/[^\s"/]+:(\d+)/.exec(line)?.[1];
        if (!port) return;
        clearTimeout(timer);
        resolve(Number(port));
      });
    }
  });
}
