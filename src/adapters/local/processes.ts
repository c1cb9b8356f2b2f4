import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What tells one process from every other that ever had its number: a number alone is given out again. */
export interface Identity {
  pid: number;
  /** Field 22 of `/proc/<pid>/stat` (clock ticks after boot); on macOS the start time as `ps` prints it. */
  start: string;
  boot: string;
}

export interface ProcessRow {
  pid: number;
  group: number;
  session: number;
  start: string;
  /** It has ended and waits to be collected by its parent. */
  ended: boolean;
}

const linux = process.platform === 'linux';
let boot: string | null = null;

/** Differs from one boot of the machine to the next. */
export function bootId(): string {
  boot ??= linux
    ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    : spawnSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).stdout.trim();
  return boot;
}

/** The process that has this number now; null when none has, or when it has ended and only waits to be collected. */
export function identify(pid: number): Identity | null {
  const row = linux ? living(readStat(pid)) : living(listWithPs(['-p', String(pid)])[0]);
  return row ? { pid, start: row.start, boot: bootId() } : null;
}

/** A child that was just started, also when it has already ended: its number is its own until it is collected. */
export function identifyChild(pid: number): Identity {
  const row = linux ? readStat(pid) : listWithPs(['-p', String(pid)])[0];
  return { pid, start: row?.start ?? 'unknown', boot: bootId() };
}

/** Whether exactly this process still lives. */
export function isAlive(identity: Identity): boolean {
  if (identity.boot !== bootId()) return false;
  return identify(identity.pid)?.start === identity.start;
}

/** All processes that live. */
export function listProcesses(): ProcessRow[] {
  const rows = linux
    ? readdirSync('/proc').flatMap(name => (/^\d+$/.test(name) ? (readStat(Number(name)) ?? []) : []))
    : listWithPs(['-A']);
  return rows.filter(row => !row.ended);
}

/** As `listProcesses`, for systems without `/proc`. */
export function listWithPs(which: string[]): ProcessRow[] {
  const { stdout } = spawnSync('ps', [...which, '-o', 'pid=,pgid=,sess=,stat=,lstart='], {
    encoding: 'utf8',
    // The start time is compared as text.
    env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
  });
  return (stdout ?? '').split('\n').flatMap(line => {
    const [, pid, group, session, state, start] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (!pid || !group || !state || !start) return [];
    const ended = state.startsWith('Z');
    return [{ pid: Number(pid), group: Number(group), session: Number(session), start, ended }];
  });
}

/** Whether a process was started with all of these `NAME=value`; false where that cannot be seen. */
export function hasEnvironment(pid: number, entries: readonly string[]): boolean {
  if (!linux) return false;
  try {
    const environment = new Set(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0'));
    return entries.every(entry => environment.has(entry));
  } catch {
    return false;
  }
}

/** Sends a signal to one process, or with a negative number to a group; false when there is none. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** The state letter, start and kin from `/proc/<pid>/stat` (proc_pid_stat(5)). */
function readStat(pid: number): ProcessRow | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  // The second field is the program's name in parentheses and may hold anything, also parentheses.
  const [state, , group, session, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const start = rest[15];
  if (!state || !start) return null;
  return { pid, group: Number(group), session: Number(session), start, ended: 'ZX'.includes(state) };
}

function living(row: ProcessRow | null | undefined): ProcessRow | null {
  return row && !row.ended ? row : null;
}
