import { z } from 'zod';
import { mlflowTags } from '../../core/mlflow.ts';
import type { MlflowRun } from '../../core/ports.ts';

/*
 * Only the fields that are used, as MLflow's REST API 2.0 has them: https://mlflow.org/docs/latest/api_reference/rest-api.html. Fields that
 * are empty are absent.
 */

/** 64 bits: a number from MLflow, text from servers that keep to protobuf's JSON. What no double can hold is no step of a run. */
const whole = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d{1,19}$/)
    .transform(Number),
]);
/** What is not finite is text. */
const double = z.union([z.number(), z.enum(['NaN', '-NaN', 'Infinity', '-Infinity']).transform(Number)]);
/** It becomes part of addresses. */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
const token = z
  .string()
  .max(4_000)
  .optional()
  .transform(text => text || null);

const metric = z.object({
  key: z.string().max(1_000),
  value: double,
  timestamp: whole.default(0),
  step: whole.default(0),
});

const run = z.object({
  info: z.object({
    run_id: id,
    experiment_id: id,
    start_time: whole.default(0),
    lifecycle_stage: z.string().optional(),
  }),
  data: z
    .object({
      metrics: z.array(metric).default([]),
      tags: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]),
    })
    .default({ metrics: [], tags: [] }),
});

export const experimentsAnswer = z.object({
  experiments: z.array(z.object({ experiment_id: id })).default([]),
  next_page_token: token,
});
export const runsAnswer = z.object({ runs: z.array(run).default([]) });
export const runAnswer = z.object({ run });
export const historyAnswer = z.object({ metrics: z.array(metric).default([]), next_page_token: token });
export const errorAnswer = z.object({ error_code: z.string().max(100), message: z.string().default('') });

/** Null: it was deleted. */
export function mlflowRunOf({ info, data }: z.infer<typeof run>): MlflowRun | null {
  if (info.lifecycle_stage === 'deleted') return null;
  const tags = new Map(data.tags.map(({ key, value }) => [key, value]));
  const attempt = /^[1-9]\d{0,5}$/.exec(tags.get(mlflowTags.attempt) ?? '')?.[0];
  return {
    id: info.run_id,
    experiment: info.experiment_id,
    attempt: Number(attempt ?? 1),
    startedAt: info.start_time,
    isNested: tags.has('mlflow.parentRunId'),
    latest: data.metrics.map(({ key, ...point }) => ({ name: key, ...point })),
  };
}
