import {
  type AliasLook,
  type Log,
  type ModelPolicies,
  type ModelStore,
  type RegistryEntry,
  RegistryError,
  type RegistryPort,
  type RegistryStore,
  type RegistryView,
} from '../core/ports.ts';
import type { ModelPolicy, ModelRegistry } from '../core/promotion/model-keys.ts';
import { whileKept } from './while-kept.ts';

export interface RegistryPorts {
  registry: RegistryStore;
  models: Pick<ModelStore, 'version'>;
  policies: ModelPolicies;
  builtin: RegistryPort;
  /** Null: it is not configured. */
  mlflow: RegistryPort | null;
  /** Unique to a version in all installations. */
  keyOf(model: string, number: number): Promise<string>;
  /** Where people see a run; null: nowhere that is known. */
  linkOf(run: number): string | null;
  log: Log;
}

/** Of one worker. */
const atOnce = 4;
/** In a registry that others write to as well; its webhook says it sooner. */
const lookEveryMs = 60_000;
const mostPauseMs = 3_600_000;
const mostFailurePauseMs = 60_000;
/** Of an alias whose version is not in the registry yet. */
const soonMs = 2_000;

/** As entries call it. */
function registryName(registry: ModelRegistry): string {
  return registry.kind === 'builtin' ? 'builtin' : `mlflow:${registry.name}`;
}

/**
 * Keeps what registries say true: versions are written down in them, and the names of environments mean what serves there. Level-triggered:
 * each look asks what is there now. Aliases know no compare-and-swap: a model's alias is one worker's at a time, who reads it again before it
 * is set; what somebody else has set is told and put back, more and more seldom where it is moved again and again.
 */
export async function keepRegistries(ports: RegistryPorts, clock: () => Date): Promise<void> {
  const { registry } = ports;
  // 1. What is to be written down where.
  const declared = await ports.policies.all();
  const outside = [...declared].flatMap(([model, policy]) =>
    policy.registry.kind === 'builtin' || !ports.mlflow
      ? []
      : [{ model, registry: registryName(policy.registry) }],
  );
  await registry.expect(outside);
  // 2. Versions, before what means them.
  const entries = await registry.claimEntries(atOnce);
  for (const entry of entries) await register(entry, ports);
  // 3. Aliases.
  const looks = await registry.claimAliases(atOnce);
  await Promise.all(looks.map(look => align(look, declared.get(look.model) ?? null, ports, clock)));
}

async function register(entry: RegistryEntry, ports: RegistryPorts): Promise<void> {
  const { registry, log } = ports;
  const { model, number } = entry;
  try {
    const { port, name } = portOf(entry.registry, ports);
    const version = await ports.models.version(model, number);
    if (!version) throw new Error('a version is to be registered that is not there');
    const about = { key: await ports.keyOf(model, number), link: ports.linkOf(version.run) };
    const remote = await whileKept(
      () => registry.keepEntry(entry),
      () => port.register(name || model, version, about),
    );
    await registry.registered(entry, remote);
    log.info({ model, version: number, registry: entry.registry, remote }, 'a version was registered');
  } catch (err) {
    if (entry.failures === 0) log.warn({ err, model, version: number }, 'a version could not be registered');
    await registry.entryFailed(entry, reasonOf(err), pauseAfter(entry.failures));
  }
}

async function align(
  look: AliasLook,
  policy: ModelPolicy | null,
  ports: RegistryPorts,
  clock: () => Date,
): Promise<void> {
  const { registry, log } = ports;
  const { model, alias, number } = look;
  // Nobody says where it belongs: what stands there stays.
  if (!policy) return await registry.aliasFailed(look, 'the model is not declared', mostFailurePauseMs);
  const where = registryName(policy.registry);
  const isBuiltin = policy.registry.kind === 'builtin';
  try {
    const { port, name } = portOf(where, ports);
    const wanted =
      number === null ? null : isBuiltin ? String(number) : await registry.remote(model, number, where);
    if (number !== null && wanted === null) {
      await registry.aliasFailed(look, 'its version is not in the registry yet', soonMs);
      return;
    }
    const moved = await whileKept(
      () => registry.keepAlias(look),
      async holds => {
        // 1. What it means now.
        const found = await port.alias(name || model, alias);
        if (found === wanted) return null;
        // 2. Somebody else has set it where it means neither that nor what it meant before.
        const isOurs = look.registry !== where || found === look.known;
        // 3. One that was paused meanwhile may be late: another looks again.
        if (!holds()) throw new Error('the claim was lost');
        await port.setAlias(name || model, alias, wanted);
        return isOurs ? null : { to: found };
      },
    );
    if (moved)
      log.warn({ model, alias, to: moved.to }, 'somebody else moved an alias of a model, it was put back');
    const pauseMs = moved ? Math.min(mostPauseMs, lookEveryMs * 2 ** look.moves) : lookEveryMs;
    const seen = { registry: where, known: wanted, moved, pauseMs: isBuiltin ? null : pauseMs };
    await registry.aligned(look, seen, clock());
  } catch (err) {
    if (look.failures === 0) log.warn({ err, model, alias }, 'an alias of a model could not be set');
    await registry.aliasFailed(look, reasonOf(err), pauseAfter(look.failures));
  }
}

/** The registry of that name, and what the model is called in it; empty: as it is called here. */
function portOf(registry: string, { builtin, mlflow }: RegistryPorts): { port: RegistryPort; name: string } {
  if (registry === 'builtin') return { port: builtin, name: '' };
  if (!mlflow) throw new RegistryError('MLFLOW_TRACKING_URI is not set', 'away');
  return { port: mlflow, name: registry.replace(/^mlflow:/, '') };
}

function pauseAfter(failures: number): number {
  return Math.min(mostFailurePauseMs, 1_000 * 2 ** Math.min(failures, 10));
}

function reasonOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}

/** Somebody says that something of a registered model has changed in MLflow: what it is, is asked. */
export async function registryChanged(
  name: string,
  { registry, policies }: Pick<RegistryPorts, 'registry' | 'policies'>,
): Promise<void> {
  const meant = [...(await policies.all())].filter(
    ([, policy]) => registryName(policy.registry) === `mlflow:${name}`,
  );
  await registry.changed(meant.map(([model]) => model));
}

/** What others see of it. */
export function registryView(
  registry: RegistryStore,
  mlflow: Pick<RegistryPort, 'address'> | null,
  address: string | null,
): RegistryView {
  return {
    aliases: model => registry.aliases(model),
    async registered({ model, number }, policy) {
      if (policy?.registry.kind !== 'mlflow') return null;
      const remote = await registry.remote(model, number, registryName(policy.registry));
      return remote === null
        ? null
        : { remote, address: mlflow?.address(policy.registry.name, remote) ?? null };
    },
    address,
  };
}
