import type { ErrorCode, ErrorDetails } from './errors.ts';
import { modelWords } from './free-now.ts';
import { leaseRequestLine } from './lease.ts';
import { type Flavor, fitsFlavor } from './pool.ts';
import type { Accelerator, PoolState } from './ports.ts';
import type { RunSpec } from './run.ts';

type Flavors = Readonly<Record<string, Flavor>>;

/**
 * The most accelerators of a model (part of its name, or the name of a flavor; null: any) that one node of the pool has in health, busy or
 * not: no run gets more. Null where the pool's agent was never heard of.
 */
function mostGpus(pool: PoolState | undefined, model: string | null, flavors: Flavors): number | null {
  if (!pool?.seenAt) return null;
  const wanted = model?.toLowerCase() ?? '';
  const flavor = model !== null && Object.hasOwn(flavors, model) ? flavors[model] : undefined;
  const fits = (one: Accelerator) =>
    one.model.toLowerCase().includes(wanted) || (flavor !== undefined && fitsFlavor(flavor, one));
  const perNode = new Map<string, number>();
  for (const one of pool.accelerators)
    if (one.kind === 'gpu' && one.healthy && fits(one))
      perNode.set(one.node, (perNode.get(one.node) ?? 0) + 1);
  return Math.max(0, ...perNode.values());
}

/** What is wrong with a run that no node of its pools could ever start; null where one could, or may. */
export function gpusTooMany(
  spec: Pick<RunSpec, 'kind' | 'project' | 'gpus' | 'gpuModel' | 'pool' | 'pools' | 'timeLimitS'>,
  pools: readonly PoolState[],
  flavors: Flavors = {},
): { ok: false; code: ErrorCode; details: ErrorDetails } | null {
  if (spec.gpus === 0) return null;
  const limits = (spec.pools ?? [spec.pool]).map(name =>
    mostGpus(
      pools.find(pool => pool.name === name),
      spec.gpuModel,
      flavors,
    ),
  );
  const known = limits.filter(one => one !== null);
  // Of a pool that was never heard of nobody knows, and it is not waited for where others are known.
  const limit = known.length === 0 ? null : Math.max(...known);
  if (limit === null || spec.gpus <= limit) return null;
  if (limit === 0) return { ok: false, code: 'GPUS_NONE', details: noneOf(spec, pools) };
  const model = spec.gpuModel ? ` --gpu ${spec.gpuModel}` : '';
  const example =
    spec.kind === 'lease'
      ? leaseRequestLine({ ...spec, gpus: limit })
      : `train ${spec.project} --gpus ${limit}${model}`;
  return { ok: false, code: 'GPUS_TOO_MANY', details: { word: spec.gpus, pool: spec.pool, limit, example } };
}

/** Of a model that is nowhere, the models that are; where there are none at all, a way without. */
function noneOf(
  spec: Pick<RunSpec, 'kind' | 'project' | 'gpus' | 'gpuModel' | 'pool' | 'pools' | 'timeLimitS'>,
  states: readonly PoolState[],
): ErrorDetails {
  const { kind, project, gpus, gpuModel, pool, pools } = spec;
  const models = modelWords(states.filter(({ name }) => (pools ?? [pool]).includes(name)));
  const [first] = models;
  const shared = { word: gpuModel === null ? 'a GPU' : `a GPU of the model ${gpuModel}`, pool };
  if (first) {
    const todo = `Name one that it has (${models.map(({ label }) => label).join(', ')})`;
    const example =
      kind === 'lease'
        ? leaseRequestLine({ ...spec, gpuModel: first.word })
        : `train ${project} --gpus ${gpus} --gpu ${first.word}`;
    return { ...shared, todo, example };
  }
  if (kind === 'lease') return { ...shared, todo: 'See which pools have some', example: 'gpu' };
  return { ...shared, todo: 'Ask for none', example: `train ${project} --gpus 0` };
}
