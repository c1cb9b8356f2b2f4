import childProcess from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { reach } from './steps.ts';
import { watchedCall } from './watched.ts';

type Call<A extends unknown[], R> = (...args: A) => R;

const preload = pathToFileURL(join(import.meta.dirname, 'supervisor-preload.ts'));

/**
 * Puts a step before and after the calls by which agent, supervisor and git leave something behind: files that appear, processes that
 * start, signals. To be called before the modules under test are loaded. A supervisor that is started is instrumented too.
 */
export function watchSystemCalls(role: string, folder: string): void {
  const inRuns = (path: unknown) =>
    /\/agent\/[^/]+\/(runs\/|agent\.lock$)/.test(String(path)) ? fileName(String(path)) : null;
  fs.renameSync = around(fs.renameSync, (_, to) => inRuns(to));
  fs.linkSync = around(fs.linkSync, (_, to) => inRuns(to));
  fs.promises.rename = around(fs.promises.rename, (_, to) => inRuns(to));
  fs.rmSync = around(fs.rmSync, path => (inRuns(path) === 'attempt' ? 'removal attempt' : null));
  const { writeSync } = fs;
  const write = writeSync as Call<[number, Uint8Array], number>;
  // Only a supervisor writes by it.
  if (role === 'supervisor') fs.writeSync = around(write, () => 'log') as typeof writeSync;
  process.kill = around(process.kill, (_, signal) => (signal === 0 ? null : `signal ${signal}`));
  const { spawn } = childProcess;
  const start = around(spawn as unknown as Call<[string, string[], object], object>, spawned);
  childProcess.spawn = ((program: string, args: string[], options: object) =>
    start(program, withPreload(args, folder), options)) as unknown as typeof spawn;
  syncBuiltinESMExports();
}

/** `null`: nothing that matters here. */
function around<A extends unknown[], R>(call: Call<A, R>, stepOf: (...args: A) => string | null): Call<A, R> {
  return (...args) => {
    const step = stepOf(...args);
    return step === null ? call(...args) : watchedCall(step, call)(...args);
  };
}

/** `launched`, `forgotten`, `exit.json`; the folder of an attempt is `attempt`. */
function fileName(path: string): string {
  const name = basename(path);
  return /^\d+$/.test(name) ? 'attempt' : name.replace(/-\d+$/, '');
}

function spawned(program: string, args: string[]): string | null {
  if (args.some(arg => arg.endsWith('/supervisor.ts'))) return 'start supervisor';
  const git = program === 'env' && args.find(arg => /^(fetch|rev-parse|archive|update-ref)$/.test(arg));
  if (git) return `start git ${git}`;
  if (program === 'tar') return 'start tar';
  return program === 'env' ? null : 'start command';
}

function withPreload(args: string[], folder: string): string[] {
  const at = args.findIndex(arg => arg.endsWith('/supervisor.ts'));
  if (at < 0) return args;
  return [
    ...args.slice(0, at),
    '--import',
    `${preload.href}?${encodeURIComponent(folder)}`,
    ...args.slice(at),
  ];
}

/** The agent's way to Signalbox: `http sync`, `http log`, `http source`. */
export function watchFetch(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const step = `http ${String(input).split('/').at(-1)}`;
    reach(step, 'before');
    const response = await fetch(input, init);
    reach(step, 'after');
    return response;
  };
}
