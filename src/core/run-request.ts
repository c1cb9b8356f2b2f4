import type { ErrorCode, ErrorDetails } from './errors.ts';
import { nearest } from './nearest.ts';
import { fillCommand, parameterEnvironment, readParameter } from './parameters.ts';
import type { ParameterValue, Policy, Priority, Project } from './project.ts';
import { priorities, typedDuration } from './project.ts';
import { firstUnreadable } from './readable.ts';
import type { RunSpec } from './run.ts';

/** What a request says, in the kinds that the command's flags name. Absent means: as the project has it. */
export interface RunWish {
  project: string;
  ref?: string;
  gpus?: number;
  gpu?: string;
  pool?: string;
  priority?: string;
  /** Seconds. */
  time?: number;
  parameters?: Record<string, string>;
  note?: string;
}

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };
type Sight = Pick<RunSpec, 'trigger' | 'secrets'>;
/** All of a run but the commit, which only the project's source knows, and what the place where it is asked for says. */
export type RequestedRun =
  | { ok: true; spec: Omit<RunSpec, 'sha' | keyof Sight>; priority: Priority }
  | Failed;

/** Holds a wish against the policy: what was asked for, filled up with what the project says, or what is wrong with it. */
export function requestRun(wish: RunWish, policy: Policy): RequestedRun {
  const found = findProject(wish.project, policy);
  if (!found.ok) return found;
  const { project } = found;
  const example = `train ${wish.project}`;

  const ref = wish.ref ?? project.ref;
  if (!isRef(ref)) {
    const allowed = 'the name of a branch or tag, or a commit';
    return failed('VALUE_INVALID', { word: ref, name: '--ref', allowed, example: `${example} --ref main` });
  }
  const parameters = readParameters(wish.project, project, wish.parameters ?? {});
  if (!parameters.ok) return parameters;
  const pool = findPool(wish.pool ?? project.pool, policy, example);
  if (!pool.ok) return pool;
  const gpus = wish.gpus ?? project.gpus;
  if (wish.gpu !== undefined && gpus === 0)
    return failed('VALUE_INVALID', {
      word: wish.gpu,
      name: '--gpu',
      allowed: 'a model only where the run has 1 GPU or more',
      example: `${example} --gpus 1 --gpu ${wish.gpu}`,
    });
  const timeLimitS = wish.time ?? project.timeLimit;
  if (timeLimitS > project.timeLimit)
    return failed('VALUE_INVALID', {
      word: typedDuration(timeLimitS),
      name: '--time',
      allowed: `at most ${typedDuration(project.timeLimit)}, the time limit of ${wish.project}`,
      example: `${example} --time ${typedDuration(project.timeLimit)}`,
    });
  const priority = priorities.find(one => one === (wish.priority ?? 'normal'));
  if (!priority)
    return failed('VALUE_INVALID', {
      word: wish.priority,
      name: '--priority',
      allowed: priorities,
      nearest: nearest(wish.priority ?? '', priorities),
    });

  return {
    ok: true,
    priority,
    spec: {
      project: wish.project,
      team: project.team,
      source: project.source,
      ref,
      ...work(project, parameters.values),
      gpus,
      gpuModel: wish.gpu ?? null,
      pool: pool.name,
      pools: poolsFor(wish.pool ?? project.pool, policy),
      timeLimitS,
      graceS: project.grace,
      maxAttempts: project.attempts,
      note: wish.note ?? '',
      primaryMetric: project.primaryMetric ?? null,
      ...(project.metrics ? { metrics: project.metrics } : {}),
      ...(project.compare ? { compare: project.compare } : {}),
      ...(project.alerts.length > 0 ? { alerts: project.alerts } : {}),
      retryOf: null,
      ...(project.outputs.length > 0 ? { outputs: project.outputs } : {}),
      ...(project.inputs.length > 0 ? { inputs: project.inputs } : {}),
    },
  };
}

/**
 * The specification of a run that repeats another: the same commit, parameters and resources. With overrides, the command is filled anew
 * from the project's present template; without, nothing is. The project and the pool must still be in the policy.
 */
export function repeatRun(
  number: number,
  spec: RunSpec,
  overrides: Record<string, string>,
  policy: Policy,
): { ok: true; spec: RunSpec } | Failed {
  const found = findProject(spec.project, policy);
  if (!found.ok) return found;
  const pool = findPool(spec.pool, policy, `train ${spec.project}`);
  if (!pool.ok) return pool;
  // Of a sweep it is no member: what that came to is known by now.
  const { sweep: _, ...alone } = spec;
  const repeated: RunSpec = { ...alone, retryOf: number };
  if (Object.keys(overrides).length === 0) return { ok: true, spec: repeated };
  const given = readParameters(spec.project, found.project, overrides);
  if (!given.ok) return given;
  const changed = Object.entries(given.values).filter(([name]) => Object.hasOwn(overrides, name));
  const parameters = { ...given.values, ...spec.parameters, ...Object.fromEntries(changed) };
  return { ok: true, spec: { ...repeated, ...work(found.project, parameters) } };
}

function findProject(name: string, policy: Policy): { ok: true; project: Project } | Failed {
  const names = Object.keys(policy.projects);
  if (names.length === 0) return failed('PROJECT_NONE', {});
  const project = Object.hasOwn(policy.projects, name) ? policy.projects[name] : undefined;
  if (project) return { ok: true, project };
  const near = nearest(name, names);
  const example = `train ${near ?? names[0]}`;
  return failed('PROJECT_UNKNOWN', { word: name, allowed: names, nearest: near, example });
}

/** Only the one that is named; else its own pools in their order, and behind them those that are a backup. */
export function poolsFor(named: string | undefined, { pools }: Pick<Policy, 'pools'>): string[] {
  if (named !== undefined) return [named];
  const isBackup = ([, { backup }]: [string, Policy['pools'][string]]) => backup;
  const all = Object.entries(pools);
  return [...all.filter(one => !isBackup(one)), ...all.filter(isBackup)].map(([name]) => name);
}

function findPool(
  wanted: string | undefined,
  policy: Policy,
  example: string,
): { ok: true; name: string } | Failed {
  const names = Object.keys(policy.pools);
  const name = wanted ?? names[0] ?? '';
  if (names.includes(name)) return { ok: true, name };
  const near = nearest(name, names);
  return failed('POOL_UNKNOWN', {
    word: name,
    allowed: names,
    nearest: near,
    example: `${example} --pool ${near ?? names[0]}`,
  });
}

function readParameters(
  projectName: string,
  project: Project,
  given: Record<string, string>,
): { ok: true; values: Record<string, ParameterValue> } | Failed {
  const specs = project.parameters;
  const names = Object.keys(specs);
  const values: Record<string, ParameterValue> = {};
  for (const [name, parameter] of Object.entries(specs)) values[name] = parameter.default;
  for (const [name, text] of Object.entries(given)) {
    const parameter = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (!parameter) {
      const near = nearest(name, names);
      const shown = near ?? names[0];
      return failed('PARAMETER_UNKNOWN', {
        project: projectName,
        word: name,
        allowed: names,
        nearest: near,
        example: `train ${projectName}${shown ? ` ${typedParameter(shown, specs[shown]?.default)}` : ''}`,
      });
    }
    const read = readParameter(parameter, text);
    if (!read.ok)
      return failed('PARAMETER_INVALID', {
        word: text === '' ? '""' : text,
        name,
        allowed: read.allowed,
        nearest: read.nearest,
        example: `train ${projectName} ${typedParameter(name, parameter.default)}`,
      });
    values[name] = read.value;
  }
  return { ok: true, values };
}

/** A parameter as it is typed: `-p lr=0.1`. */
export function typedParameter(name: string, value: ParameterValue | undefined): string {
  const text = String(value ?? '');
  return `-p ${name}=${/^[\w.,:/+-]+$/.test(text) ? text : `"${text}"`}`;
}

/** In a shell, a value could become code: there parameters arrive as environment variables only. */
function work(project: Project, parameters: Record<string, ParameterValue>) {
  return {
    command: project.shell ? [...project.command] : fillCommand(project.command, parameters),
    shell: project.shell,
    environment: { ...project.environment, ...parameterEnvironment(parameters) },
    parameters,
  };
}

/** What Git takes as a name (git-check-ref-format(1)), and never what its programs would read as an option. */
function isRef(ref: string): boolean {
  if (ref === '' || ref.length > 255 || firstUnreadable(ref)) return false;
  const wrong = /^[-/.]|[/.]$|\.lock$|\.\.|\/\/|\/\.|@\{|[\s~^:?*[\\]/u;
  return !wrong.test(ref);
}

function failed(code: ErrorCode, details: ErrorDetails): Failed {
  return { ok: false, code, details };
}
