import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/**
 * A process under test passes many steps, such as `worker runs.create before`. At some of them it can be made to die, each once: the
 * test arms them by a file in the folder of its box, and whichever process comes to the first takes it off the list and kills itself.
 */
const names = {
  /** Where every step that is passed is written down, while it exists. */
  trace: 'trace',
  armed: 'armed.json',
  /** Who died, where and when; one file each. */
  fired: 'fired-',
};

export interface Armed {
  step: string;
  /** At which time that a process passes the step. */
  nth: number;
  /**
   * SIGSTOP leaves a process that knows nothing of the time that has passed when it goes on. SIGCONT changes nothing: only what comes after
   * that step is armed from then on.
   */
  signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT';
}

export interface Fired extends Armed {
  pid: number;
  /** Milliseconds since 1970. */
  at: number;
}

let place: { folder: string; role: string } | null = null;
const passed = new Map<string, number>();
// Before anything else replaces them.
const kill = process.kill.bind(process);
const files = { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync };

/** From now on this process is that role of that box. */
export function instrumentAs(role: string, folder: string): void {
  place = { role, folder };
}

/** This process is at a step; it may be its last. */
export function reach(step: string, when: 'before' | 'after'): void {
  if (!place) return;
  const { folder, role } = place;
  const name = `${role} ${step} ${when}`;
  const trace = join(folder, names.trace);
  if (files.existsSync(trace)) files.appendFileSync(trace, `${name}\n`);
  const [armed, ...rest] = armedIn(folder);
  if (armed?.step !== name) return;
  const key = JSON.stringify(armed);
  const times = (passed.get(key) ?? 0) + 1;
  passed.set(key, times);
  if (times < armed.nth) return;
  const mine = join(folder, `mine-${process.pid}`);
  try {
    files.renameSync(join(folder, names.armed), mine);
  } catch {
    return;
  }
  const fired: Fired = { ...armed, pid: process.pid, at: Date.now() };
  files.writeFileSync(mine, JSON.stringify(fired));
  files.renameSync(mine, join(folder, `${names.fired}${process.pid}`));
  if (rest.length > 0) arm(folder, rest);
  kill(process.pid, armed.signal);
}

export function arm(folder: string, steps: readonly Armed[]): void {
  const draft = join(folder, `draft-${process.pid}`);
  files.writeFileSync(draft, JSON.stringify(steps));
  files.renameSync(draft, join(folder, names.armed));
}

/** `false`: there is nothing left that is armed. */
export function disarm(folder: string): boolean {
  try {
    files.rmSync(join(folder, names.armed));
    return true;
  } catch {
    return false;
  }
}

/** Who died since this was asked before. */
export function takeFired(folder: string): Fired[] {
  return readdirSync(folder)
    .filter(name => name.startsWith(names.fired))
    .map(name => {
      const fired: Fired = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      rmSync(join(folder, name));
      return fired;
    });
}

/** The steps that are passed while `work` goes on, each once. */
export async function traced(folder: string, work: () => Promise<unknown>): Promise<string[]> {
  const trace = join(folder, names.trace);
  writeFileSync(trace, '');
  await work();
  const steps = readFileSync(trace, 'utf8').split('\n').filter(Boolean);
  rmSync(trace);
  return [...new Set(steps)];
}

function armedIn(folder: string): Armed[] {
  const file = join(folder, names.armed);
  // Cheaper than an error, and most of the time there is none.
  if (!files.existsSync(file)) return [];
  try {
    return JSON.parse(files.readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}
