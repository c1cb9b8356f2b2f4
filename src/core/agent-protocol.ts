import { z } from 'zod';
import { digestSchema, inputLimits, isFileName, mostOutputs } from './declared-files.ts';
import { refusals } from './metric-points.ts';
import { plainResources } from './pool.ts';
import type { MetricPoint } from './ports.ts';
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

/** Longer ones are cut: no name is kept that is nearly as long. */
const longestName = 1_000;

/** Signalbox itself says which of them are kept: `sortPoints`. */
const metricPointSchema = z.object({
  name: z.string().max(longestName),
  step: z.number(),
  value: z.number(),
  /** The run named no step. */
  counted: z.literal(true).optional(),
});
/** JSON has no words for values that are not finite. */
const notFiniteSchema = metricPointSchema.omit({ value: true });

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
        /** Of one that serves: where, and whether it answered that it can. */
        serving: z
          .object({ port: z.int().min(1).max(65_535), ready: z.boolean() })
          .nullable()
          .optional(),
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
  serves: z
    .object({
      model: z.string(),
      environment: z.string(),
      version: z.int(),
      promotion: z.int(),
      output: z.string(),
      sha256: digestSchema,
      bytes: z.int(),
      ready: z.string(),
    })
    .optional(),
  evaluates: z
    .object({
      model: z.string(),
      environment: z.string(),
      version: z.int(),
      promotion: z.int(),
      output: z.string(),
      sha256: digestSchema,
      bytes: z.int(),
      key: z.string(),
    })
    .optional(),
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
      /** For the command's environment, where the project says nothing else. A service from before there was any sends none. */
      environment: z.record(z.string(), z.string()).optional(),
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
  // An agent from before these were told sends none.
  notFinite: z.array(notFiniteSchema).max(20_000).optional(),
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
/** `POST /v1/agent/runs/:run/attempts/:attempt/metrics`: what a run wrote into its metrics file. May be repeated. */
export const agentMetricsRequest = z.object({
  points: z.array(metricPointSchema).max(20_000),
  notFinite: z.array(notFiniteSchema).max(20_000),
  /** Whether there were lines in which no metric could be read. */
  unread: z.boolean(),
});
export type AgentMetricsRequest = z.infer<typeof agentMetricsRequest>;

/** Points as they travel, and as they are. */
export function packPoints(points: readonly MetricPoint[]) {
  const notFinite = points.filter(({ value }) => !Number.isFinite(value));
  return {
    points: points.filter(({ value }) => Number.isFinite(value)),
    notFinite: notFinite.map(({ value: _, ...rest }) => rest),
  };
}
export function unpackPoints(sent: {
  points: readonly MetricPoint[];
  notFinite?: readonly Omit<MetricPoint, 'value'>[] | undefined;
}): MetricPoint[] {
  const { points, notFinite = [] } = sent;
  return [...points, ...notFinite.map(point => ({ ...point, value: Number.NaN }))];
}

/** Points of one request. */
const mostPoints = 10_000;

/**
 * `POST /v1/runs/:run/metrics` with the attempt's token. It comes from the command itself, past the agent that knows the values of secrets;
 * Signalbox knows none. So what is kept is narrow (a name of few signs, numbers), and a name with the shape of a token is left out. That
 * keeps accidents away: a command that means to tell what it may see can do so in many ways. What is wrong with one point is no reason
 * against the others: of what came, only the shape is held against a schema.
 */
export const metricsRequest = z.object({
  points: z
    .array(z.unknown())
    .min(1)
    .max(mostPoints)
    .transform(points => points.map(asPoint)),
});

/** The same, for the document. */
export const describedMetricsRequest = z.object({
  points: z
    .array(
      z.object({
        name: z
          .string()
          .describe('At most 100 letters, digits (of any script) and signs of `_ . / @ ( ) -`.'),
        step: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
        value: z
          .number()
          .describe('`NaN` and infinities are taken, and left out with a word to whoever asked for the run.'),
      }),
    )
    .min(1)
    .max(mostPoints),
});

export const metricsResponse = z.object({
  taken: z.int().describe('Points that are kept, now or since they came before.'),
  refused: z.partialRecord(z.enum(refusals), z.int()).describe('How many were left out, and why.'),
});

/** What is missing or of another kind is no number, so that the point is left out. */
function asPoint(raw: unknown): MetricPoint {
  const point = { name: '', step: Number.NaN, value: Number.NaN };
  if (typeof raw !== 'object' || raw === null) return point;
  if ('name' in raw && typeof raw.name === 'string') point.name = raw.name.slice(0, longestName);
  if ('step' in raw && typeof raw.step === 'number') point.step = raw.step;
  if ('value' in raw && typeof raw.value === 'number') point.value = raw.value;
  return point;
}
