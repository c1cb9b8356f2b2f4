import { readFileSync } from 'node:fs';
import { parameterEnvironment } from '../../core/parameters.ts';
import type { Assigned, AttemptFolders } from './control.ts';
import type { Plan } from './plan.ts';

/** Log files of one attempt: enough to bridge some time without Signalbox, small enough for any disk. */
const logLimits = { fileBytes: 32 * 1024 * 1024, files: 4 };

const standardPath =
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin:/opt/homebrew/sbin';

export interface Surroundings {
  /** Where commands reach Signalbox. */
  url: string;
  /** `PATH` for commands; a standard one when absent. */
  path?: string;
  /** Variables that say which accelerators it may use. */
  devices: Record<string, string>;
  user: Plan['user'];
  /** Lines for the head of the log. */
  notes: string[];
  /** Of what serves or evaluates a model: the file, and the port of what serves. */
  given?: { model: string; port: number | null } | undefined;
}

/** What a supervisor is to run for an assignment. Nothing of the agent's own environment is in it. */
export function planFor(assigned: Assigned, folders: AttemptFolders, around: Surroundings): Plan {
  const { spec } = assigned;
  const environment = environmentFor(assigned, folders, around);
  return {
    argv: spec.shell ? ['/bin/sh', '-c', spec.command[0] ?? ''] : asArgv(spec.command),
    cwd: folders.work,
    env: environment,
    user: around.user,
    timeLimitS: spec.timeLimitS,
    graceS: spec.graceS,
    notes: around.notes,
    marks: marksOf(assigned, folders),
    log: logLimits,
    secrets: spec.secrets,
  };
}

/** By these a process is known as one of this attempt, wherever it went: no other installation has the same output folder. */
export function marksOf(
  { run, attempt }: Pick<Assigned, 'run' | 'attempt'>,
  folders: AttemptFolders,
): string[] {
  return [`SIGNALBOX_ATTEMPT=${run}-${attempt}`, `SIGNALBOX_OUTPUT_DIR=${folders.output}`];
}

function environmentFor(
  assigned: Assigned,
  folders: AttemptFolders,
  { url, path, devices, given }: Surroundings,
): Record<string, string> {
  const { run, attempt, spec, token, environment } = assigned;
  return {
    PATH: path ?? standardPath,
    HOME: folders.home,
    LANG: 'C.UTF-8',
    TMPDIR: folders.temporary,
    PYTHONUNBUFFERED: '1',
    // As torchrun names them, so that scripts for several processes also work as one.
    RANK: '0',
    WORLD_SIZE: '1',
    LOCAL_RANK: '0',
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(20_000 + ((run * 10 + attempt) % 10_000)),
    ...environment,
    ...spec.environment,
    ...parameterEnvironment(spec.parameters),
    SIGNALBOX_RUN: String(run),
    SIGNALBOX_ATTEMPT: `${run}-${attempt}`,
    SIGNALBOX_PROJECT: spec.project,
    SIGNALBOX_SHA: spec.sha,
    SIGNALBOX_METRICS: folders.metrics,
    SIGNALBOX_METRICS_URL: `${url.replace(/\/+$/, '')}/v1/runs/${run}/metrics`,
    SIGNALBOX_TOKEN: token,
    SIGNALBOX_CHECKPOINT_DIR: folders.checkpoints,
    SIGNALBOX_OUTPUT_DIR: folders.output,
    SIGNALBOX_RANK: '0',
    SIGNALBOX_WORLD_SIZE: '1',
    ...modelEnvironment(spec, given),
    ...devices,
  };
}

function modelEnvironment(
  { serves, evaluates }: Assigned['spec'],
  given: Surroundings['given'],
): Record<string, string> {
  const about = serves ?? evaluates;
  if (!given || !about) return {};
  return {
    ...(given.port === null ? {} : { SIGNALBOX_PORT: String(given.port) }),
    SIGNALBOX_MODEL: given.model,
    SIGNALBOX_VERSION: String(about.version),
  };
}

function asArgv([program, ...rest]: string[]): Plan['argv'] {
  return [program ?? '', ...rest];
}

/** The ids of a user in `/etc/passwd`; null: there is no such user. */
export function userNamed(name: string, passwdFile = '/etc/passwd'): Plan['user'] {
  for (const line of readFileSync(passwdFile, 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && /^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? ''))
      return { uid: Number(uid), gid: Number(gid) };
  }
  return null;
}
