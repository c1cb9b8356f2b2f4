import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, errorCode, readTextIfThere } from './account.ts';
import { type Folder, SOCKET_NAME, viewOf } from './folder.ts';

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
// No process has it: both kernels stay far below. kill(2) answers ESRCH.
const DEAD_PID = 2_147_483_647;

/** Small and durable: sized for one team's bookkeeping beside training jobs. */
const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '64MB',
  max_connections: '100',
  wal_compression: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Fewer idle processes; nothing here needs them.
  io_method: 'sync',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  // In the data folder: containers have a small /dev/shm, and logind empties it when a user logs out.
  dynamic_shared_memory_type: 'mmap',
};

/** The pid of the running server of this folder, by the pid in its lock file and the mark in its command line. */
export function findPostmaster(folder: Folder): number | undefined {
  const pid = readPid(folder);
  return pid !== undefined && isPostmaster(pid, folder) ? pid : undefined;
}

/** The pid that the server wrote down, alive or not. */
export function readPid(folder: Folder): number | undefined {
  const first = readTextIfThere(path.join(folder.data, 'postmaster.pid'))?.split('\n')[0];
  return first && /^\d+$/.test(first) ? Number(first) : undefined;
}

/**
 * Whether `pid` is the server of this folder, and not another program that was given a dead server's pid, nor a dead server that
 * nobody has reaped (its command line is empty). The command line and not the working directory: root in a container may not
 * read the latter of another user's process.
 */
function isPostmaster(pid: number, folder: Folder): boolean {
  return commandLine(pid).includes(`cluster_name=${folder.mark}`);
}

/** `isPostmaster` for a pid that was the server a moment ago, and cheap enough to ask all the time. */
export function isRunning(pid: number, folder: Folder): boolean {
  return process.platform === 'linux' ? isPostmaster(pid, folder) : exists(pid);
}

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
  } catch {
    return '';
  }
}

/**
 * Clears what a dead server left behind and would keep the next from starting. Call it with the start lock held and only when
 * no server answers.
 */
export function clearRemains(folder: Folder): void {
  rmSync(path.join(folder.socket, SOCKET_NAME), { force: true });
  rmSync(path.join(folder.socket, `${SOCKET_NAME}.lock`), { force: true });
  const pid = readPid(folder);
  if (pid === undefined || !exists(pid)) return;
  // PostgreSQL takes any process with that pid for its server. The file stays, with a dead pid: it also says which shared
  // memory to look at, and with that PostgreSQL finds out whether children of the dead server still use the data.
  const file = path.join(folder.data, 'postmaster.pid');
  const [, ...rest] = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, [DEAD_PID, ...rest].join('\n'), { flag: 'r+' });
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return errorCode(err) !== 'ESRCH';
  }
}

/** A server that was just started. */
export interface Launched {
  pid: number;
  /** Whether it has ended by itself. */
  ended(): boolean;
  /** What it has logged since its start; the end of it when that is long. */
  logged(): string;
}

/** Starts the server in a session of its own: it outlives this process and hears none of its signals. */
export async function launch(
  folder: Folder,
  postgres: string,
  settings: Record<string, string>,
): Promise<Launched> {
  const view = await viewOf(folder, folder.accounts?.server);
  const log = openSync(folder.log, constants.O_APPEND | constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    rotateLog(folder);
    const from = statSync(folder.log).size;
    const all = {
      ...SETTINGS,
      ...settings,
      cluster_name: folder.mark,
      listen_addresses: '',
      port: '5432',
      unix_socket_directories: view.socket,
      unix_socket_permissions: '0700',
    };
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(postgres, ['-D', view.data, ...args], {
      ...folder.accounts?.server,
      cwd: '/',
      env: cleanEnvironment,
      detached: true,
      stdio: ['ignore', log, log, view.descriptor ?? 'ignore'],
    });
    let ended = false;
    child.on('exit', () => {
      ended = true;
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('spawn', () => resolve(child.pid ?? -1));
    });
    child.unref();
    return { pid, ended: () => ended, logged: () => readFrom(folder.log, from) };
  } finally {
    closeSync(log);
    view.close();
  }
}

/** Keeps one older log file and starts the current one again, once it has grown over 10 MiB. */
export function rotateLog(folder: Folder): void {
  if ((statSync(folder.log, { throwIfNoEntry: false })?.size ?? 0) <= LOG_LIMIT_BYTES) return;
  // Copied and cut rather than renamed: the server holds it open, and appends.
  try {
    copyFileSync(folder.log, `${folder.log}.1`);
  } catch {
    // A full disk needs the room more than anybody needs the older log.
    rmSync(`${folder.log}.1`, { force: true });
  }
  truncateSync(folder.log, 0);
}

function readFrom(file: string, offset: number): string {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(4096);
    const start = Math.max(offset, statSync(file).size - buffer.length);
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, start));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Stops the server: fast shutdown (connections are closed, everything is on disk), and after 30 s at once (it recovers at the
 * next start). Throws when it is there even then.
 */
export async function stopPostmaster(folder: Folder, pid: number | undefined): Promise<void> {
  if (pid === undefined || !isPostmaster(pid, folder)) return;
  for (const [signal, patience] of [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const) {
    const giveUp = performance.now() + patience;
    if (isPostmaster(pid, folder)) process.kill(pid, signal);
    while (performance.now() < giveUp) {
      if (!isPostmaster(pid, folder)) return;
      await sleep(10);
    }
  }
  throw new Error(`The embedded PostgreSQL (pid ${pid}) does not stop. Its log is ${folder.log}.`);
}
