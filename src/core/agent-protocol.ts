import { z } from 'zod';
import { digestSchema, inputLimits, isFileName, mostOutputs } from './declared-files.ts';
import { plainResources } from './pool.ts';
import { redact } from './redact.ts';
import { failureClasses, runKinds, stopReasons } from './run.ts';
import { triggers } from './secret.ts';

/**
 * What an agent and Signalbox say to each other over HTTP, level-triggered: each `sync` carries everything that the agent knows and
 * answers with everything that belongs on its pool. Any call may be repeated.
 */
const instant = z.iso.datetime().transform(text => new Date(text));

const exitSchema = z.object({
  code: z.int().nullable(),
  signal: z.string().max(20).nullable(),
  stopped: z.enum(stopReasons).nullable(),
  failure: z.object({ class: z.enum(failureClasses), message: z.string().max(2000) }).nullable(),
  lines: z.array(z.string().max(2000)).max(40),
  at: instant,
});

export const metricPointSchema = z.object({
  name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_./-]{0,99}$/),
  step: z.int().min(0),
  value: z.number(),
});

/** `POST /v1/agent/sync` */
export const agentSyncRequest = z.object({
  pool: z.string(),
  accelerators: z
    .array(
      z
        .object({
          node: z.string().max(253),
          index: z.int().min(0),
          kind: z.enum(['gpu', 'cpu']),
          // An agent from before there were resources sends neither: all its GPUs are of NVIDIA.
          resource: z.string().max(100).optional(),
          device: z.string().max(200).nullable().default(null),
          model: z.string().max(200),
          memoryMb: z.int().min(0),
          healthy: z.boolean(),
        })
        .transform(one => ({ ...one, resource: one.resource ?? plainResources[one.kind] })),
    )
    .max(4096),
  reports: z
    .array(
      z.object({
        run: z.int(),
        attempt: z.int(),
        state: z.enum(['starting', 'running', 'exited', 'lost']),
        startedAt: instant.nullable(),
        exit: exitSchema.nullable(),
        reason: z.string().max(2000).nullable(),
      }),
    )
    .max(4096),
  /**
   * Attempts that the agent wants to begin, each under a key that lies on its disk: it begins none before Signalbox has answered with that
   * key. Absent in the first sync of an agent, which has yet to look around.
   */
  takes: z
    .array(z.object({ run: z.int(), attempt: z.int(), key: z.uuid() }))
    .max(4096)
    .optional(),
});
export type AgentSyncRequest = z.infer<typeof agentSyncRequest>;

const specSchema = z.object({
  // An agent from before there were leases reads past it: it gets an empty source, and does the same.
  kind: z.enum(runKinds).optional().catch(undefined),
  project: z.string(),
  team: z.string(),
  source: z.string(),
  ref: z.string(),
  sha: z.string(),
  command: z.array(z.string()),
  shell: z.boolean(),
  environment: z.record(z.string(), z.string()),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  gpus: z.int(),
  gpuModel: z.string().nullable(),
  pool: z.string(),
  timeLimitS: z.number(),
  graceS: z.number(),
  maxAttempts: z.int(),
  note: z.string(),
  primaryMetric: z.string().nullable(),
  retryOf: z.int().nullable(),
  // A service from before there were secrets sends neither; a trigger that this agent does not know is not its to judge.
  trigger: z.enum(triggers).default('command').catch('command'),
  secrets: z.array(z.string()).default([]),
  // A service from before artifacts sends neither, and an agent from before them reads past both.
  outputs: z.array(z.string()).optional(),
  inputs: z.array(z.string()).optional(),
});

export const agentSyncResponse = z.object({
  assignments: z.array(
    z.object({
      run: z.int(),
      attempt: z.int(),
      spec: specSchema,
      node: z.string(),
      kind: z.enum(['gpu', 'cpu']),
      indices: z.array(z.int()),
      stop: z.enum(stopReasons).nullable(),
      /**
       * The key under which it was taken; empty: by an agent from before there were keys; null: nobody has. A service from before that
       * sends nothing.
       */
      taken: z.string().nullable().optional(),
      /** The attempt's own token, for its metrics and its source. */
      token: z.string(),
    }),
  ),
  /** Reported ends that are stored: the agent may forget these attempts. */
  settled: z.array(z.object({ run: z.int(), attempt: z.int() })),
});
export type AgentSyncResponse = z.infer<typeof agentSyncResponse>;

/** `POST /v1/agent/runs/:run/attempts/:attempt/log`: whole lines from `offset` (bytes) on, with the points found in them. */
export const agentLogRequest = z.object({
  offset: z.int().min(0),
  text: z.string().max(1_000_000),
  points: z.array(metricPointSchema).max(20_000),
});
export type AgentLogRequest = z.infer<typeof agentLogRequest>;

/** `size`: bytes known now; the agent goes on from there. */
export const agentLogResponse = z.object({ size: z.int() });

const fileDigestSchema = z.object({
  name: z
    .string()
    .refine(isFileName, 'must be the name of a file inside of the folder, in one readable line'),
  sha256: digestSchema,
  bytes: z.int().min(0),
});
const filesSchema = (most: number) =>
  z
    .array(fileDigestSchema)
    .max(most)
    .refine(files => new Set(files.map(file => file.name)).size === files.length, 'names a file twice');

/** `POST /v1/agent/runs/:run/attempts/:attempt/record`: what an attempt stands on, before its command starts. Said again, the first counts. */
export const agentRecordRequest = z.object({
  inputs: filesSchema(inputLimits.files),
  machine: z.object({
    node: z.string().max(253),
    system: z.string().max(200),
    cpus: z.int().min(0),
    memoryMb: z.int().min(0),
    accelerators: z.array(z.object({ model: z.string().max(200), count: z.int().min(1) })).max(100),
    driver: z.string().max(100).nullable(),
    python: z.string().max(100).nullable(),
    locks: filesSchema(100),
    environment: digestSchema.nullable(),
  }),
});
export type AgentRecordRequest = z.infer<typeof agentRecordRequest>;

/**
 * `POST /v1/agent/runs/:run/attempts/:attempt/outputs`: all declared outputs of an attempt. They are kept together once each content is in the
 * store: until then the answer names those that are to be sent (`PUT .../contents/:sha256?bytes=`), and the agent asks again.
 */
export const agentOutputsRequest = z.object({ files: filesSchema(mostOutputs).min(1) });

export const agentOutputsResponse = z.object({ missing: z.array(digestSchema) });

/**
 * `POST /v1/runs/:run/metrics` with the attempt's token. It comes from the command itself, past the agent that knows the values of secrets;
 * Signalbox knows none. So what fits is narrow (a name of few signs, numbers), and a name with the shape of a token is refused. That keeps
 * accidents away: a command that means to tell what it may see can do so in many ways.
 */
export const metricsRequest = z.object({
  points: z
    .array(metricPointSchema)
    .min(1)
    .max(10_000)
    .refine(points => points.every(({ name }) => redact(name) === name), 'a metric is named like a secret'),
});
