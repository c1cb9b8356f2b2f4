import { setTimeout as pause } from 'node:timers/promises';
import {
  bootId,
  hasEnvironment,
  type Identity,
  identify,
  listProcesses,
  type ProcessRow,
  sendSignal,
} from './processes.ts';

/** SIGKILL cannot end a process that hangs inside a driver: how long to wait for one before going on without it. */
const hangMs = 30_000;

export interface Family {
  /** The command's process, which led its own session and group; null when it is not known. */
  leader: Identity | null;
  /** Nothing older belongs to the family: the supervisor's identity. */
  since: Identity;
  /** See `Plan.marks`. */
  marks: readonly string[];
}

/** The living processes of an attempt: those of its group and session, and those that left it but carry its environment. */
function familyOf({ leader, since, marks }: Family): ProcessRow[] {
  if (since.boot !== bootId()) return [];
  const now = leader ? identify(leader.pid) : null;
  // A number is not given out again while a group or session of that number lives: another process there means that ours is empty.
  const led = leader && (now === null || now.start === leader.start) ? leader.pid : null;
  return listProcesses().filter(row => {
    if (row.pid === process.pid || row.pid === since.pid) return false;
    if (led !== null && (row.group === led || row.session === led)) return true;
    return !startedBefore(row, since) && hasEnvironment(row.pid, marks);
  });
}

/**
 * Ends every process of an attempt: SIGTERM, and SIGKILL for what is left after `graceMs`; with `graceMs` 0 SIGKILL at once. The group is
 * not asked again when it `wasAsked`: many programs take a second SIGTERM for impatience. Resolves when none lives; `false` when some
 * could not be ended within half a minute.
 */
export async function endFamily(family: Family, graceMs: number, wasAsked = false): Promise<boolean> {
  const killAt = performance.now() + graceMs;
  const asked = new Set<string>();
  for (let wait = 20; ; wait = Math.min(wait * 2, 250)) {
    const rows = familyOf(family);
    if (rows.length === 0) return true;
    const late = performance.now() - killAt;
    if (late > hangMs) return false;
    for (const row of rows) {
      const key = `${row.pid} ${row.start}`;
      if (late >= 0) sendSignal(row.pid, 'SIGKILL');
      else if (!asked.has(key) && !(wasAsked && row.group === family.leader?.pid)) askToEnd(row.pid);
      asked.add(key);
    }
    await pause(late >= 0 ? wait : Math.min(wait, -late + 1));
  }
}

/** SIGTERM, and SIGCONT for those that were halted and could not see it. */
export function askToEnd(pid: number): boolean {
  const sent = sendSignal(pid, 'SIGTERM');
  sendSignal(pid, 'SIGCONT');
  return sent;
}

function startedBefore(row: ProcessRow, since: Identity): boolean {
  return process.platform === 'linux' && Number(row.start) < Number(since.start);
}
