import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkOut, exists, giveAway, makeOwnFolder } from './checkout.ts';
import { type Assigned, type AttemptFolders, type Claim, type End, readServing } from './control.ts';
import { planFor, userNamed } from './environment.ts';
import { fetchModel, freePort } from './fetch-model.ts';
import { createOnce, writeDurable } from './files.ts';
import { makeMetricsFile } from './metrics-file.ts';
import type { Handed } from './plan.ts';
import { type RecordOptions, recordStart } from './record-start.ts';
import { handedFor, type Secrets } from './secrets.ts';
import type { VisibleDevices } from './visible-devices.ts';

const supervisorFile = join(import.meta.dirname, 'supervisor.ts');
const launches = 3;

export interface StartOptions extends RecordOptions {
  /** Where commands reach Signalbox. */
  url: string;
  path?: string;
  /** The user that commands become; null: that of the agent. */
  runAs: string | null;
  /** Null: this machine holds none. */
  secrets: Secrets | null;
  /** What of the machine's accelerators a command may see. */
  visible(given: Pick<Assigned, 'kind' | 'indices'>): VisibleDevices;
  cacheDir: string;
}

/**
 * Brings an attempt from nothing to a supervisor that has it in hand; may be begun again after a crash at any step. Where the command
 * cannot be started that is written down as its end. Throws when aborted.
 */
export async function startAttempt(
  assigned: Assigned,
  folders: AttemptFolders,
  options: StartOptions,
  signal: AbortSignal,
): Promise<void> {
  const user = options.runAs === null ? null : userNamed(options.runAs);
  if (options.runAs !== null && !user)
    return failStart(folders, `The machine has no user ${options.runAs}, which the pool's runAs names.`);
  const devices = options.visible(assigned);
  if (!devices)
    return failStart(folders, 'An accelerator that the run was given is not on the machine any more.');
  const secrets = handedFor(assigned.spec, options.secrets);
  if (!secrets.ok) return failStart(folders, secrets.message);

  for (const folder of [folders.home, folders.temporary, folders.output, folders.checkpoints])
    await makeOwnFolder(folder, user);
  makeMetricsFile(folders.metrics, user);
  let notes: string[] = [];
  // A lease has no source: whoever holds it begins in an empty folder.
  if (assigned.spec.kind === 'lease') await makeOwnFolder(folders.work, user);
  if (!(await exists(folders.work))) {
    const { run, token } = assigned;
    const checkout = await checkOut(options.service, run, token, folders.work, signal);
    if (!checkout.ok) return failStart(folders, checkout.message);
    notes = checkout.notes;
  }
  if (assigned.spec.kind !== 'lease') {
    const recorded = await recordStart(assigned, folders.work, options, signal);
    if (!recorded.ok) return failStart(folders, recorded.message);
  }
  const model = await takeModel(assigned, folders, options, signal);
  if (!model.ok) return failStart(folders, model.message);
  if (user) for (const folder of model.folders) await giveAway(folder, user);

  const { url, path } = options;
  const around = { devices, user, notes, given: model.given };
  writeDurable(folders.files.plan, planFor(assigned, folders, { ...around, url, path }));
  for (let tries = 0; tries < launches; tries++) {
    await launchSupervisor(folders, secrets.handed, options, signal);
    if (existsSync(folders.files.launched)) return;
    options.log.warn({ folder: folders.control }, 'a supervisor ended before it began');
  }
  failStart(folders, 'The process that watches over the run could not be started on the machine.');
}

/** For what serves or evaluates a model: the file; and for what serves a port that stays the same as long as the attempt goes on. */
async function takeModel(
  { run, token, spec }: Assigned,
  folders: AttemptFolders,
  { service }: Pick<StartOptions, 'service'>,
  signal: AbortSignal,
): Promise<
  | { ok: true; given?: { model: string; port: number | null }; folders: string[] }
  | { ok: false; message: string }
> {
  const about = spec.serves ?? spec.evaluates;
  if (!about) return { ok: true, folders: [folders.work] };
  const all = [folders.work, folders.model];
  // A supervisor that was started before a crash may listen there by now.
  const before = readServing(folders);
  if (before) return { ok: true, given: before, folders: all };
  const fetched = await fetchModel(service, { run, token }, about, folders.model, signal);
  if (!fetched.ok) return fetched;
  if (!spec.serves) return { ok: true, given: { model: fetched.path, port: null }, folders: all };
  const port = await freePort(Math.random);
  if (port === null) return { ok: false, message: 'The machine has no free port for what serves.' };
  const serving = { port, model: fetched.path };
  writeDurable(folders.files.serving, serving);
  return { ok: true, given: serving, folders: all };
}

/**
 * The folders in which agent and supervisor meet. The first attempt of a run finds no output of an earlier life (a database that was
 * thrown away counts its runs from 1 again): that is moved aside.
 */
export async function claimFolders(assigned: Claim, folders: AttemptFolders): Promise<void> {
  if (assigned.attempt === 1 && !existsSync(folders.control) && existsSync(folders.ofRun)) {
    const inside = await readdir(folders.ofRun);
    if (inside.length > 0 && !inside.some(name => /^\d+$/.test(name)))
      await rename(folders.ofRun, `${folders.ofRun}.before-${Date.now()}`);
  }
  // Others may pass through to what is theirs, and list nothing.
  mkdirSync(folders.folder, { recursive: true, mode: 0o711 });
  mkdirSync(folders.control, { recursive: true, mode: 0o700 });
  writeDurable(folders.files.assignment, assigned);
}

/** Writes down that the command never ran and never will; `false` when a supervisor already has it. */
export function neverStart(folders: AttemptFolders, end: Pick<End, 'stopped' | 'failure'>): boolean {
  const exit = { code: null, signal: null, at: new Date(), ...end };
  return createOnce(folders.files.launched, { by: 'agent', exit });
}

function failStart(folders: AttemptFolders, message: string): void {
  neverStart(folders, { stopped: null, failure: { class: 'start-error', message } });
}

/** Resolves when the attempt is launched or this supervisor is gone. */
async function launchSupervisor(
  folders: AttemptFolders,
  handed: Handed,
  options: StartOptions,
  signal: AbortSignal,
): Promise<void> {
  const complaints = openSync(folders.files.complaints, 'a', 0o600);
  // The compile cache spares a supervisor the compiler for TypeScript, which is more than half of its memory.
  const child = spawn(
    process.execPath,
    ['--max-old-space-size=64', '--max-semi-space-size=1', supervisorFile, folders.control],
    {
      cwd: folders.folder,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', NODE_COMPILE_CACHE: options.cacheDir },
      detached: true,
      stdio: ['pipe', 'ignore', complaints],
    },
  );
  closeSync(complaints);
  let gone = false;
  child.once('error', () => {
    gone = true;
  });
  child.once('exit', () => {
    gone = true;
  });
  child.unref();
  // One that ended before it had read all is started again.
  child.stdin?.on('error', () => {});
  child.stdin?.end(JSON.stringify(handed));
  while (!gone && !existsSync(folders.files.launched)) await pause(20, undefined, { signal });
}
