import { typedDuration } from './duration.ts';
import type { ErrorCode, ErrorDetails } from './errors.ts';
import { unknownPool } from './freeze.ts';
import { nearest } from './nearest.ts';
import type { Policy } from './project.ts';
import { type Run, type RunSpec, timeLimitOf } from './run.ts';
import { poolsFor } from './run-request.ts';

/** What a lease has in place of a project. No project is called so. */
export const leaseProject = '(lease)';
/** How long before its end whoever holds it is warned, in seconds; of a short one only this part of its time. */
export const longestWarningS = 15 * 60;
export const warningPart = 0.1;
const leaseGraceS = 30;

/** Does nothing until it is asked to end. Every system that agents run on has it, and it takes next to no memory. */
const holder = 'trap "exit 0" TERM; while :; do sleep 3600 & wait "$!"; done';

/** What a request for a lease says, in the kinds that the command's flags name. */
export interface LeaseWish {
  gpus: number;
  /** Seconds. */
  for: number;
  gpu?: string | undefined;
  pool?: string | undefined;
  team?: string | undefined;
  note?: string | undefined;
  /** One of the operator's commands. */
  run?: string | undefined;
}

type Failed = { ok: false; code: ErrorCode; details: ErrorDetails };
export type RequestedLease = { ok: true; spec: Omit<RunSpec, 'trigger' | 'secrets'> } | Failed;

/** Holds a wish against the policy. `teams`: those of whoever asks. `isOperator`: the limits are for others. */
export function requestLease(
  wish: LeaseWish,
  { policy, teams, isOperator }: { policy: Policy; teams: readonly string[]; isOperator: boolean },
): RequestedLease {
  const { leases } = policy;
  const example = exampleOf({ ...wish, run: undefined });
  if (!isOperator && wish.gpus > leases.gpus) {
    return failed('VALUE_INVALID', {
      word: wish.gpus,
      name: '<gpus>',
      allowed: `at most ${leases.gpus}`,
      example: exampleOf({ ...wish, gpus: leases.gpus }),
    });
  }
  if (!isOperator && wish.for > leases.most)
    return failed('VALUE_INVALID', {
      word: typedDuration(wish.for),
      name: '--for',
      allowed: `at most ${typedDuration(leases.most)}`,
      example: exampleOf({ ...wish, for: leases.most }),
    });
  if (wish.gpu !== undefined && wish.gpus === 0)
    return failed('VALUE_INVALID', {
      word: wish.gpu,
      name: '--gpu',
      allowed: 'a model only where it is 1 GPU or more',
      example: exampleOf({ ...wish, gpus: 1 }),
    });
  const unknown =
    wish.pool === undefined ? null : unknownPool(wish.pool, policy, name => `${example} --pool ${name}`);
  if (unknown) return unknown;
  const team = teamFor(wish.team, teams, policy, { isOperator, example });
  if (!team.ok) return team;
  const command = commandFor(wish.run, policy, example);
  if (!command.ok) return command;
  const pools = poolsFor(wish.pool, policy);
  return {
    ok: true,
    spec: {
      kind: 'lease',
      project: leaseProject,
      team: team.name,
      source: '',
      ref: '',
      sha: '',
      command: command.argv,
      shell: false,
      environment: {},
      parameters: wish.run === undefined ? {} : { run: wish.run },
      gpus: wish.gpus,
      gpuModel: wish.gpu ?? null,
      pool: pools[0] ?? '',
      pools,
      timeLimitS: wish.for,
      graceS: leaseGraceS,
      // A person is there who can ask again, and would not be there when it came back at night.
      maxAttempts: 1,
      note: wish.note ?? '',
      primaryMetric: null,
      retryOf: null,
    },
  };
}

/**
 * The team that whoever asks speaks for: the one they name, where it may be theirs, else the only one that it can be. Where no team has a
 * quota or a budget, it is nobody's loss whose name is used.
 */
export function teamFor(
  wanted: string | undefined,
  own: readonly string[],
  policy: Policy,
  { isOperator, example }: { isOperator: boolean; example: string },
): { ok: true; name: string } | Failed {
  const all = teamsOf(policy);
  const isBound = Object.values(policy.teams).some(({ queue, budget }) => queue || budget);
  const allowed = isOperator || !isBound ? all : own;
  if (wanted !== undefined) {
    if (allowed.includes(wanted)) return { ok: true, name: wanted };
    const near = nearest(wanted, allowed);
    const shown = near ?? allowed[0];
    return failed('VALUE_INVALID', {
      word: wanted,
      name: '--team',
      allowed: allowed.length > 0 ? allowed : 'a team that you are in, and you are in none',
      nearest: near,
      ...(shown === undefined ? {} : { example: `${example} --team ${shown}` }),
    });
  }
  const likely = own.length > 0 ? own : allowed;
  const [first, second] = likely;
  if (first !== undefined && second === undefined) return { ok: true, name: first };
  if (first === undefined) return failed('TEAM_NONE', {});
  const reason = own.length > 0 ? `You are in ${own.join(', ')}.` : `The teams are ${likely.join(', ')}.`;
  return failed('TEAM_NEEDED', { reason, example: `${example} --team ${first}` });
}

/** Teams that the policy names anywhere. */
export function teamsOf(policy: Policy): string[] {
  const owners = Object.values(policy.projects).map(project => project.team);
  return [...new Set([...Object.keys(policy.teams), ...owners])];
}

function commandFor(
  name: string | undefined,
  { leases }: Policy,
  example: string,
): { ok: true; argv: string[] } | Failed {
  if (name === undefined) return { ok: true, argv: ['/bin/sh', '-c', holder] };
  const names = Object.keys(leases.commands);
  const found = Object.hasOwn(leases.commands, name) ? leases.commands[name] : undefined;
  if (found) return { ok: true, argv: [...found.command] };
  const near = nearest(name, names);
  return failed('VALUE_INVALID', {
    word: name,
    name: '--run',
    allowed:
      names.length > 0 ? names : 'a command that `leases.commands` in signalbox.yml names, and it names none',
    nearest: near,
    example: names.length > 0 ? `${example} --run ${near ?? names[0]}` : example,
  });
}

/** When a lease, or any run, ends at the latest unless it is extended; null before it has begun. */
export function leaseEnd(run: Pick<Run, 'spec' | 'extraS' | 'startedAt'>): Date | null {
  if (!run.startedAt) return null;
  return new Date(run.startedAt.getTime() + timeLimitOf(run) * 1_000);
}

/** What all of a lease may come to when nobody holds one for longer than `mostS` from now, in seconds. */
export function longestLeaseS({ startedAt }: Pick<Run, 'startedAt'>, mostS: number, now: Date): number {
  const heldS = startedAt ? Math.max(0, (now.getTime() - startedAt.getTime()) / 1_000) : 0;
  return heldS + mostS;
}

/** How a lease like this one is asked for. */
export function leaseRequestLine({
  gpus,
  gpuModel,
  timeLimitS,
}: Pick<RunSpec, 'gpus' | 'gpuModel' | 'timeLimitS'>): string {
  return exampleOf({ gpus, for: timeLimitS, gpu: gpuModel ?? undefined });
}

function exampleOf({
  gpus,
  for: lengthS,
  gpu,
  run,
}: Pick<LeaseWish, 'gpus' | 'for' | 'gpu' | 'run'>): string {
  const model = gpu === undefined ? '' : ` --gpu ${gpu}`;
  const command = run === undefined ? '' : ` --run ${run}`;
  return `gpu request ${gpus}${model} --for ${typedDuration(lengthS)}${command}`;
}

function failed(code: ErrorCode, details: ErrorDetails): Failed {
  return { ok: false, code, details };
}
