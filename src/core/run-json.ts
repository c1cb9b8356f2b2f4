import { z } from 'zod';
import { type Actor, actorSchema } from './actor.ts';
import type { MetricSummary, RunRecord } from './ports.ts';
import { priorities } from './project.ts';
import {
  type EvaluatedVersion,
  failureClasses,
  type Run,
  runKinds,
  runStates,
  stoppingReasons,
  timeLimitOf,
  type Waiting,
} from './run.ts';
import { recordJson, recordJsonSchema } from './run-record.ts';
import { preemptionRules } from './scheduler/world.ts';
import { triggers } from './secret.ts';

const instant = z.iso.datetime();

/** A run as the API, the queue and `--json` show it. Stable: fields are added, never renamed or removed. */
export const runJsonSchema = z.object({
  number: z.int().describe('What people call it by: #42.'),
  kind: z
    .enum(runKinds)
    .describe(
      '`lease`: somebody holds accelerators; `serve`: a version of a model serves; `evaluate`: one is measured for a promotion.',
    ),
  state: z.enum(runStates),
  project: z.string().describe('`(lease)` of a lease.'),
  team: z.string(),
  ref: z.string().describe('What was asked for.'),
  sha: z.string().describe('The commit that it was then, or `sha256:...` of a folder outside Git.'),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  gpus: z.int().describe('Accelerators; 0 means one CPU slot.'),
  gpuModel: z.string().nullable(),
  pool: z.string().describe('Where it waits or is at work now.'),
  pools: z.array(z.string()).describe('Where it may go, in the order in which it is tried.'),
  priority: z.enum(priorities),
  timeLimitSeconds: z.number().describe('With all extensions.'),
  note: z.string(),
  retryOf: z.int().nullable().describe('The run that this one repeats.'),
  evaluates: z
    .object({ model: z.string(), version: z.int(), environment: z.string(), promotion: z.int() })
    .nullable()
    .describe('Of kind `evaluate`: the version, and the promotion that it is measured for.'),
  trigger: z.enum(triggers).describe('What set it off.'),
  secrets: z.array(z.string()).describe('The names of the secrets that it may see.'),
  attempt: z.int().describe('0 before the first start.'),
  maxAttempts: z.int().describe('Attempts that made room for other runs do not count.'),
  preemptions: z.int().describe('Attempts that made room for other runs, or were taken back from a machine.'),
  preemptedBy: z
    .object({ run: z.int(), rule: z.enum(preemptionRules), reason: z.string() })
    .nullable()
    .describe('For whom it makes room, or made room and waits since.'),
  requestedBy: actorSchema,
  waiting: z
    .object({
      code: z.string(),
      sentence: z.string(),
      cost: z.number().optional().describe('What somebody is asked to approve.'),
    })
    .nullable()
    .describe('Why it waits; null when it does not.'),
  approval: z
    .object({ cost: z.number(), by: actorSchema, at: instant })
    .nullable()
    .describe('The most that it may cost by the word of an approver.'),
  stopping: z.enum(stoppingReasons).nullable().describe('Set while it is being stopped.'),
  createdAt: instant,
  queuedAt: instant.nullable(),
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
  exitCode: z.int().nullable(),
  failure: z
    .object({ class: z.enum(failureClasses), message: z.string(), lines: z.array(z.string()) })
    .nullable()
    .describe('`lines` is the end of the log.'),
  mlflow: z
    .string()
    .nullable()
    .describe('Where people see the run in MLflow that its metrics are read from; null: none was found.'),
  metrics: z
    .record(
      z.string(),
      z.object({
        value: z.number(),
        step: z.int(),
        points: z.int(),
        notFiniteAt: z.int().optional().describe('The step of its last value, where that was not finite.'),
      }),
    )
    .optional()
    .describe('The last value of each metric; absent in lists.'),
  record: recordJsonSchema
    .optional()
    .describe('What makes it repeatable, and what it took; absent in lists.'),
});
export type RunJson = z.infer<typeof runJsonSchema>;

/** The public shape of a run. Without `metrics` or `record` that field is absent. */
export function runJson(run: Run, metrics?: readonly MetricSummary[], record?: RunRecord): RunJson {
  const { spec } = run;
  return {
    number: run.number,
    kind: spec.kind ?? 'train',
    state: run.state,
    project: spec.project,
    team: spec.team,
    ref: spec.ref,
    sha: spec.sha,
    parameters: spec.parameters,
    gpus: spec.gpus,
    gpuModel: spec.gpuModel,
    pool: run.pool,
    pools: spec.pools ?? [spec.pool],
    priority: run.priority,
    timeLimitSeconds: timeLimitOf(run),
    note: spec.note,
    retryOf: spec.retryOf,
    evaluates: spec.evaluates ? evaluatesOf(spec.evaluates) : null,
    trigger: spec.trigger,
    secrets: spec.secrets,
    attempt: run.attempt,
    maxAttempts: spec.maxAttempts,
    preemptions: run.preemptions,
    preemptedBy: run.preemptedBy,
    requestedBy: publicActor(run.requestedBy),
    waiting: run.waiting && waitingOf(run.waiting),
    approval: run.approval && {
      cost: run.approval.cost,
      by: publicActor(run.approval.by),
      at: run.approval.at.toISOString(),
    },
    stopping: run.stopping,
    createdAt: run.createdAt.toISOString(),
    queuedAt: run.queuedAt?.toISOString() ?? null,
    startedAt: run.startedAt?.toISOString() ?? null,
    endedAt: run.endedAt?.toISOString() ?? null,
    exitCode: run.exitCode,
    failure: run.failure,
    ...(record ? { record: recordJson(run, record) } : {}),
    mlflow: run.mlflow ?? null,
    metrics:
      metrics &&
      Object.fromEntries(
        metrics.map(({ name, value, step, count, notFinite }) => {
          const odd = notFinite === undefined ? {} : { notFiniteAt: notFinite };
          return [name, { value, step, points: count, ...odd }] as const;
        }),
      ),
  };
}

function publicActor({ kind, id, name }: Actor): Actor {
  return { kind, id, name };
}

function waitingOf({ code, sentence, cost }: Waiting): NonNullable<RunJson['waiting']> {
  return { code, sentence, ...(cost === undefined ? {} : { cost }) };
}

function evaluatesOf({ model, version, environment, promotion }: EvaluatedVersion): RunJson['evaluates'] {
  return { model, version, environment, promotion };
}
