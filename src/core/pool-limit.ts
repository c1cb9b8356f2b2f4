import type { ErrorCode, ErrorDetails } from './errors.ts';
import { leaseRequestLine } from './lease.ts';
import type { PoolState } from './ports.ts';
import type { RunSpec } from './run.ts';

/**
 * The most accelerators of a model (part of its name; null: any) that one node of the pool has in health, busy or not: no run gets more.
 * Null where the pool's agent was never heard of.
 */
function mostGpus(pool: PoolState | undefined, model: string | null): number | null {
  if (!pool?.seenAt) return null;
  const wanted = model?.toLowerCase() ?? '';
  const perNode = new Map<string, number>();
  for (const { kind, healthy, node, model: name } of pool.accelerators)
    if (kind === 'gpu' && healthy && name.toLowerCase().includes(wanted))
      perNode.set(node, (perNode.get(node) ?? 0) + 1);
  return Math.max(0, ...perNode.values());
}

/** What is wrong with a run that no node of its pool could ever start; null where one could, or may. */
export function gpusTooMany(
  spec: Pick<RunSpec, 'kind' | 'project' | 'gpus' | 'gpuModel' | 'pool' | 'timeLimitS'>,
  pools: readonly PoolState[],
): { ok: false; code: ErrorCode; details: ErrorDetails } | null {
  if (spec.gpus === 0) return null;
  const limit = mostGpus(
    pools.find(pool => pool.name === spec.pool),
    spec.gpuModel,
  );
  if (limit === null || spec.gpus <= limit) return null;
  const model = spec.gpuModel && limit > 0 ? ` --gpu ${spec.gpuModel}` : '';
  const example =
    spec.kind === 'lease'
      ? leaseRequestLine({ ...spec, gpus: limit, gpuModel: limit > 0 ? spec.gpuModel : null })
      : `train ${spec.project} --gpus ${limit}${model}`;
  return { ok: false, code: 'GPUS_TOO_MANY', details: { word: spec.gpus, pool: spec.pool, limit, example } };
}
