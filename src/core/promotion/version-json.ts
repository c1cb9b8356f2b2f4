import { z } from 'zod';
import { actorSchema } from '../actor.ts';
import { bestOf, betterOf } from '../metric-direction.ts';
import type { ModelAlias } from '../ports.ts';
import type { Model, ModelVersion } from './version.ts';

/** A version as JSON. */
export const versionJsonSchema = z.object({
  model: z.string(),
  version: z.int(),
  run: z.int().describe('That made it.'),
  project: z.string(),
  sha: z.string().describe('The commit of the code.'),
  artifact: z.object({
    name: z.string(),
    sha256: z.string(),
    bytes: z.int(),
    path: z.string().describe('Where its content is.'),
  }),
  metrics: z.record(
    z.string(),
    z.object({
      final: z.number().nullable().describe('Null: it is no finite number.'),
      best: z.number().nullable().describe('Null: nobody knows which way it gets better.'),
      better: z.enum(['higher', 'lower']).nullable(),
      unit: z.string().nullable(),
    }),
  ),
  primaryMetric: z.string().nullable(),
  inputs: z.record(z.string(), z.string()).describe('Content digests by name.'),
  signature: z.unknown().describe('As the output says it; null: it does not.'),
  card: z.string().nullable(),
  trainedBy: actorSchema,
  at: z.iso.datetime(),
});
type VersionJson = z.infer<typeof versionJsonSchema>;

export const modelJsonSchema = z.object({
  model: z.string(),
  project: z.string(),
  output: z.string(),
  newest: z.int().nullable().describe('The number of its newest version; null: there is none.'),
  declared: z.boolean().describe('Whether runs make versions of it still.'),
  environments: z.array(z.string()).describe('Where it may come to serve, in order.'),
  serves: z.record(z.string(), z.int()).describe('Versions by environment.'),
});
type ModelJson = z.infer<typeof modelJsonSchema>;

const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null);

export function versionJson(version: ModelVersion): VersionJson {
  const { model, number, run, project, sha, sha256, bytes, output, directions } = version;
  const metrics = version.metrics.map(metric => {
    const better = betterOf(metric.name, directions);
    const unit = Object.hasOwn(directions, metric.name) ? directions[metric.name]?.unit : undefined;
    const best = finite(bestOf(metric, better)?.value);
    return [metric.name, { final: finite(metric.value), best, better, unit: unit ?? null }] as const;
  });
  return {
    ...{ model, version: number, run, project, sha },
    artifact: { name: output, sha256, bytes, path: artifactPath(version) },
    metrics: Object.fromEntries(metrics),
    ...{ primaryMetric: version.primaryMetric, inputs: version.inputs, signature: version.signature ?? null },
    ...{ card: version.card, trainedBy: version.trainedBy, at: version.at.toISOString() },
  };
}

/** Below the address of the API. */
export function artifactPath({ run, output }: Pick<ModelVersion, 'run' | 'output'>): string {
  return `/v1/runs/${run}/artifacts/${encodeURIComponent(output)}`;
}

export function modelJson(
  { name, project, output, newest }: Model,
  environments: readonly string[] | null,
  aliases: readonly ModelAlias[],
): ModelJson {
  const serves = aliases.flatMap(({ alias, number }) => (number === null ? [] : [[alias, number] as const]));
  return {
    ...{
      model: name,
      project,
      output,
      newest: newest === 0 ? null : newest,
      declared: environments !== null,
    },
    ...{ environments: [...(environments ?? [])], serves: Object.fromEntries(serves) },
  };
}
