import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpus, hostname, release, totalmem, type } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { inputLimits, isDeclared, withoutFile } from '../../core/declared-files.ts';
import type { FileDigest, Log, MachineFacts } from '../../core/ports.ts';
import type { Assigned } from './control.ts';
import { digestFiles, FileRefused } from './digest-files.ts';
import { type Service, ServiceError } from './service.ts';
import { show } from './show.ts';

/** Files at the top of a source that say what is installed. */
const lockNames =
  /^(?:requirements[\w.-]*\.(?:txt|in)|constraints[\w.-]*\.txt|(?:poetry|uv|pdm|pixi|conda|Pipfile|Cargo)\.lock|pylock[\w.-]*\.toml|conda-lock\.ya?ml|environment[\w.-]*\.ya?ml|pyproject\.toml|setup\.(?:py|cfg)|Pipfile|package-lock\.json|Dockerfile)$/;
const lockLimits = { files: 100, bytes: 256 * 1024 ** 2 };
const triesWhenAnswered = 5;

export interface RecordOptions {
  service: Service;
  /** What the attempt was given. */
  given(of: Pick<Assigned, 'kind' | 'indices'>): { model: string; resource: string }[];
  log: Log;
}

/** Tells Signalbox what an attempt stands on, before its command can change any of it; or why it cannot start. Throws when aborted. */
export async function recordStart(
  assigned: Assigned,
  source: string,
  options: RecordOptions,
  signal: AbortSignal,
): Promise<{ ok: true } | { ok: false; message: string }> {
  const { run, attempt, spec } = assigned;
  const patterns = spec.inputs ?? [];
  let inputs: FileDigest[] = [];
  try {
    if (patterns.length > 0)
      inputs = await digestFiles(source, {
        wanted: name => isDeclared(patterns, name),
        most: inputLimits,
        signal,
      });
  } catch (err) {
    if (!(err instanceof FileRefused)) throw err;
    return { ok: false, message: `Its inputs cannot be recorded: ${err.message}` };
  }
  const without = withoutFile(patterns, inputs);
  if (without.length > 0) {
    const what = without.length === 1 ? 'input' : 'inputs';
    return { ok: false, message: `The source has nothing for the declared ${what} ${without.join(', ')}.` };
  }
  const machine = await machineFacts(assigned, source, options, signal);
  await tell(() => options.service.record(run, attempt, { inputs, machine }), assigned, options.log, signal);
  return { ok: true };
}

async function machineFacts(
  assigned: Assigned,
  source: string,
  { given }: RecordOptions,
  signal: AbortSignal,
): Promise<MachineFacts> {
  const devices = given(assigned);
  const [python, driver, locks] = await Promise.all([
    show('python3', ['--version']),
    driverOf(devices),
    locksIn(source, signal),
  ]);
  const models = [...new Set(devices.map(one => one.model))];
  return {
    node: hostname(),
    system: `${type()} ${release()} ${process.arch}`,
    cpus: cpus().length,
    memoryMb: Math.round(totalmem() / 1024 ** 2),
    accelerators: models.map(model => ({ model, count: devices.filter(one => one.model === model).length })),
    driver,
    python: /^Python (\S{1,50})/.exec(python.text)?.[1] ?? null,
    locks,
    environment: locks.length > 0 ? digestOf(locks) : null,
  };
}

/** As its kernel module says (sysfs). */
async function driverOf(devices: readonly { resource: string }[]): Promise<string | null> {
  const module = devices.some(one => one.resource.startsWith('nvidia.com/'))
    ? 'nvidia'
    : devices.some(one => one.resource.startsWith('amd.com/'))
      ? 'amdgpu'
      : null;
  if (module === null) return null;
  const text = await readFile(`/sys/module/${module}/version`, 'utf8').catch(() => '');
  return /^[\w.+-]{1,50}$/.test(text.trim()) ? text.trim() : null;
}

/** They are no inputs: what cannot be read of them is left out. */
async function locksIn(source: string, signal: AbortSignal): Promise<FileDigest[]> {
  try {
    return await digestFiles(source, { wanted: name => lockNames.test(name), most: lockLimits, signal });
  } catch (err) {
    signal.throwIfAborted();
    if (err instanceof FileRefused) return [];
    throw err;
  }
}

function digestOf(files: readonly FileDigest[]): string {
  const lines = files.map(({ name, sha256 }) => `${sha256} ${name}\n`).join('');
  return `sha256:${createHash('sha256').update(lines).digest('hex')}`;
}

/** A service from before records answers that it knows no such thing, which holds nobody up. */
async function tell(
  say: () => Promise<void>,
  { run, attempt }: Assigned,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let answered = 0;
  for (let wait = 100; ; wait = Math.min(wait * 2, 2_000)) {
    signal.throwIfAborted();
    try {
      return await say();
    } catch (err) {
      signal.throwIfAborted();
      const outcome = err instanceof ServiceError ? err.outcome : 'broken';
      if (outcome === 'refused' || (outcome === 'broken' && ++answered >= triesWhenAnswered)) {
        const known = err instanceof ServiceError && err.status === 404;
        if (!known) log.warn({ run, attempt, err }, 'what an attempt stands on could not be recorded');
        return;
      }
    }
    await pause(wait, undefined, { signal });
  }
}
