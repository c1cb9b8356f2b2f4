import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, closeSync, constants, openSync, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Exit } from '../../core/run.ts';
import { hasCode } from './files.ts';
import type { Plan } from './plan.ts';

type Started =
  /** `closed`: nobody can write to the log any more. */
  | { ok: true; child: ChildProcess; pid: number; closed: Promise<void> }
  | { ok: false; failure: Exit['failure'] };

/**
 * Starts a plan's command in a session and group of its own, with one pipe for both of its outputs so that their order is kept. The pipe
 * is a named one, as Node's own are sockets, which a command cannot open again as /dev/stdout.
 */
export async function startCommand(
  plan: Plan,
  pipe: string,
  write: (bytes: Uint8Array) => void,
): Promise<Started> {
  rmSync(pipe, { force: true });
  if (spawnSync('mkfifo', [pipe]).status !== 0)
    return startError('The machine has no working mkfifo for the log.');
  chmodSync(pipe, 0o600);
  if (plan.user) chownSync(pipe, plan.user.uid, plan.user.gid);
  const reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(pipe, 'w');
  rmSync(pipe);
  const output = new Socket({ fd: reading, readable: true, writable: false });
  output.on('data', write);
  output.on('error', () => {});
  const closed = new Promise<void>(resolve => output.once('close', () => resolve()));
  const [program, ...rest] = plan.argv;
  try {
    const { cwd, env, user } = plan;
    const child = spawn(program, rest, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', writing, writing],
      ...user,
    });
    if (child.pid !== undefined) return { ok: true, child, pid: child.pid, closed };
    const [reason] = await once(child, 'error');
    throw reason;
  } catch (err) {
    output.destroy();
    return startError(whyNot(plan, err));
  } finally {
    closeSync(writing);
  }
}

function startError(message: string): Started {
  return { ok: false, failure: { class: 'start-error', message } };
}

function whyNot({ argv, cwd, user }: Plan, err: unknown): string {
  const program = argv[0].replace(/[\p{Cc}\p{Cf}]/gu, '\u00b7').slice(0, 200);
  if (!isFolder(cwd)) return 'The folder of the run is gone.';
  if (hasCode(err, 'ENOENT'))
    return `The program ${program} was not found (or what its first line names was not).`;
  if (hasCode(err, 'EACCES'))
    return user
      ? `The program ${program} may not be executed, or the user of the run (uid ${user.uid}) may not enter its folder.`
      : `The program ${program} may not be executed.`;
  if (hasCode(err, 'EPERM')) return `The command could not become its user (uid ${user?.uid}).`;
  if (hasCode(err, 'ENOEXEC'))
    return `The program ${program} is not one that this machine can execute; a script needs a first line such as #!/bin/sh.`;
  if (hasCode(err, 'E2BIG')) return 'The command and its environment are too long for this machine.';
  const code = err instanceof Error && 'code' in err ? String(err.code) : 'an unknown error';
  return `The program ${program} could not be started (${code}).`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
