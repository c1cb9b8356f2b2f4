import { join } from 'node:path';
import type { Secret } from '../../core/hide-secrets.ts';

/** All that a supervisor needs to run one attempt; written by the agent as `plan.json`. No zod here: a supervisor stays small. */
export interface Plan {
  argv: [string, ...string[]];
  cwd: string;
  env: Record<string, string>;
  user: { uid: number; gid: number } | null;
  timeLimitS: number;
  /** Between SIGTERM and SIGKILL. */
  graceS: number;
  /** Lines for the head of the log. */
  notes: string[];
  /** Entries of the environment that only processes of this attempt have. */
  marks: string[];
  log: { fileBytes: number; files: number };
  /** Names of the secrets in its environment, which are handed over beside this file. */
  secrets: string[];
}

/** What a supervisor gets over a pipe, as it must lie on no disk. */
export interface Handed {
  /** Values of the secrets that the command sees, by name. */
  environment: Record<string, string>;
  /** All that its log must not show. */
  hidden: Secret[];
}

/** The files by which agent and supervisor know of each other; all of them appear whole or not at all. */
export function controlFiles(control: string) {
  return {
    /** What the attempt is, from the agent. */
    assignment: join(control, 'assignment.json'),
    plan: join(control, 'plan.json'),
    /** Made once: by the supervisor that may start the command, or by the agent so that none ever does. */
    launched: join(control, 'launched'),
    /** The command's process. */
    child: join(control, 'child.json'),
    /** `{reason}`: the supervisor is to end the command. */
    stop: join(control, 'stop.json'),
    /** `{timeLimitS}`: the time limit that holds instead of the plan's, from the agent. */
    limit: join(control, 'limit.json'),
    exit: join(control, 'exit.json'),
    /** `{reason}`: the supervisor was gone and what it left has been ended. */
    lost: join(control, 'lost.json'),
    /** How positions in the log map to what Signalbox has of it. */
    delivery: join(control, 'delivery.json'),
    /** `{failure, stopped}`: its outputs are kept, or why not all of them are. */
    outputs: join(control, 'outputs.json'),
    /** How far Signalbox has the metrics file. */
    metricsPlace: join(control, 'metrics-place.json'),
    /** What the supervisor itself had to say. */
    complaints: join(control, 'supervisor.txt'),
    /** Log files, each named for the offset of its first byte. */
    log: join(control, 'log'),
    pipe: join(control, 'pipe'),
  };
}

/** Checks the shape of `plan.json` by hand. */
export function asPlan(value: unknown): Plan | null {
  const plan = value as Plan | null;
  const fits =
    typeof plan === 'object' &&
    plan !== null &&
    isTexts(plan.argv) &&
    plan.argv.length > 0 &&
    typeof plan.cwd === 'string' &&
    typeof plan.env === 'object' &&
    plan.env !== null &&
    isTexts(Object.values(plan.env)) &&
    (plan.user === null || (isNumber(plan.user?.uid) && isNumber(plan.user.gid))) &&
    [plan.timeLimitS, plan.graceS, plan.log?.fileBytes, plan.log?.files].every(isNumber) &&
    isTexts(plan.notes) &&
    isTexts(plan.secrets) &&
    isTexts(plan.marks);
  return fits ? plan : null;
}

/** Reads what was handed over for a plan; null where it broke off. Its errors would quote it, so that none leaves here. */
export function asHanded(text: string, plan: Plan): Handed | null {
  let handed: Handed | null = null;
  try {
    handed = JSON.parse(text) as Handed | null;
  } catch {
    return null;
  }
  const fits =
    typeof handed?.environment === 'object' &&
    handed.environment !== null &&
    isTexts(Object.values(handed.environment)) &&
    plan.secrets.every(name => Object.hasOwn(handed.environment, name)) &&
    Array.isArray(handed.hidden) &&
    handed.hidden.every(one => isTexts([one?.name, one?.value]));
  return fits ? handed : null;
}

/** The seconds that `limit.json` names. */
export function asLimit(value: unknown): number | null {
  const limit = value as { timeLimitS: unknown } | null;
  return typeof limit === 'object' && limit !== null && isNumber(limit.timeLimitS) ? limit.timeLimitS : null;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(text => typeof text === 'string');
}
