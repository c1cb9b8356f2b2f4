import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SignalboxError } from '../../core/errors.ts';
import { type AttemptFolders, attemptFolders, readClaim, readControl } from './control.ts';
import { hasCode, readJson } from './files.ts';
import { asPlan, type Plan } from './plan.ts';
import { isAlive, sendSignal } from './processes.ts';

/** How often to look whether the lease still stands. */
const lookMs = 500;
/** What is typed into a shell by nobody but a terminal. */
const fromTerminal = ['TERM', 'COLORTERM', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'];

export interface ShellOptions {
  dataDir: string;
  /** Of whoever types it. */
  environment: Readonly<Record<string, string | undefined>>;
  say(line: string): void;
}

/**
 * A shell on a lease that this machine holds: as the user of the lease, in its folder, with its devices in the environment. It carries the
 * marks of the lease, so that the supervisor ends it, and all that it started, when the lease ends. Answers the exit code of the shell.
 * Throws LEASE_ELSEWHERE, LEASE_CLOSED and LEASE_UNKNOWN.
 */
export async function leaseShell(number: number, options: ShellOptions): Promise<number> {
  const folders = heldHere(number, resolve(options.dataDir, 'agent'));
  const plan = folders ? asPlan(readJson(folders.files.plan)) : null;
  if (!folders || !plan) throw elsewhere(number, []);
  const shell = shellFor(plan, options.environment);
  options.say(`Lease #${number}, in ${plan.cwd}. The shell ends with it.`);
  return await inShell(shell, plan, folders, options);
}

async function inShell(
  shell: string,
  { cwd, env, user }: Plan,
  folders: AttemptFolders,
  { environment, say }: ShellOptions,
): Promise<number> {
  const terminal = Object.fromEntries(fromTerminal.flatMap(name => entry(name, environment[name])));
  const child = spawn(shell, [], {
    cwd,
    env: { ...env, ...terminal, SHELL: shell },
    stdio: 'inherit',
    ...user,
  });
  // What is typed belongs to the shell, Ctrl-C included; this process goes when that has gone.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
  let late = false;
  const looking = setInterval(() => {
    if (stands(folders)) return;
    // Where processes cannot be told by their environment, nobody else ends it.
    if (child.pid !== undefined) sendSignal(child.pid, late ? 'SIGKILL' : 'SIGHUP');
    late = true;
  }, lookMs);
  try {
    return await new Promise<number>((done, fail) => {
      child.once('error', fail);
      child.once('exit', (code, signal) => {
        if (signal !== null || !stands(folders)) say('The lease has ended.');
        done(code ?? 1);
      });
    });
  } finally {
    clearInterval(looking);
  }
}

/** The attempt of a lease that works on this machine. */
function heldHere(number: number, agentDir: string): AttemptFolders | null {
  try {
    const all = attemptsBelow(agentDir);
    for (const { pool, run, attempt } of all.filter(one => one.run === number).reverse()) {
      const folders = attemptFolders(join(agentDir, pool), run, attempt);
      const assigned = readClaim(folders);
      if (!assigned || !stands(folders)) continue;
      if (assigned.spec.kind === 'lease') return folders;
      const example = `train status ${number}`;
      throw new SignalboxError('LEASE_UNKNOWN', { number, project: assigned.spec.project, example });
    }
    const held = all.filter(({ pool, run, attempt }) => {
      const folders = attemptFolders(join(agentDir, pool), run, attempt);
      return stands(folders) && readClaim(folders)?.spec.kind === 'lease';
    });
    throw elsewhere(number, [...new Set(held.map(one => one.run))]);
  } catch (err) {
    if (hasCode(err, 'EACCES') || hasCode(err, 'EPERM')) throw new SignalboxError('LEASE_CLOSED', { number });
    throw err;
  }
}

function elsewhere(number: number, held: number[]): SignalboxError {
  const numbers = held.sort((a, b) => a - b).map(one => `#${one}`);
  const reason =
    numbers.length > 0
      ? `Its agent holds ${numbers.join(', ')}.`
      : 'No agent holds a lease here, by its data folder.';
  return new SignalboxError('LEASE_ELSEWHERE', { number, reason, example: 'gpu' });
}

function attemptsBelow(agentDir: string): { pool: string; run: number; attempt: number }[] {
  if (!existsSync(agentDir)) return [];
  return readdirSync(agentDir).flatMap(pool => {
    const runs = join(agentDir, pool, 'runs');
    return numbersIn(runs).flatMap(run =>
      numbersIn(join(runs, String(run))).map(attempt => ({ pool, run, attempt })),
    );
  });
}

function numbersIn(folder: string): number[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap(name => (/^\d{1,10}$/.test(name) ? [Number(name)] : []))
    .sort((a, b) => a - b);
}

/** Whether its command works, as far as this machine knows. */
function stands(folders: AttemptFolders): boolean {
  const { supervisor, child, end, lost } = readControl(folders);
  return supervisor !== null && child !== null && !end && !lost && isAlive(supervisor);
}

/** Who works under their own name gets their own shell; others one that every user may have. */
function shellFor({ user }: Plan, environment: ShellOptions['environment']): string {
  const own = user === null ? environment.SHELL : undefined;
  const found = [own, '/bin/bash', '/bin/sh'].find(path => path !== undefined && existsSync(path));
  return found ?? '/bin/sh';
}

function entry(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}
