import { mlflowClient } from '../adapters/mlflow/client.ts';
import { mlflowRegistry } from '../adapters/mlflow/registry.ts';
import type { WatchPorts } from '../app/watch.ts';
import type { Config, MlflowConfig } from '../config.ts';
import { mlflowEnvironment } from '../core/mlflow.ts';
import type { MlflowFollows, MlflowPort, RegistryPort } from '../core/ports.ts';

export interface Mlflow {
  /** Null where it is not configured. */
  registry: RegistryPort | null;
  /** Null where it is not configured. */
  port: MlflowPort | null;
  follows: MlflowFollows;
  environments: WatchPorts['environments'];
}

/** MLflow as it is configured. */
export function openMlflow(
  { mlflow, publicUrl }: Pick<Config, 'mlflow' | 'publicUrl'>,
  follows: MlflowFollows,
): Mlflow {
  if (!mlflow) return { port: null, registry: null, follows, environments: async () => [] };
  const { trackingUri } = mlflow;
  return {
    port: mlflowClientOf(mlflow),
    registry: mlflowRegistry(optionsOf(mlflow)),
    follows,
    async environments(assignments) {
      const trained = assignments.filter(one => (one.spec.kind ?? 'train') === 'train');
      // Before a command can begin.
      await follows.begin(trained.map(one => one.run));
      return await Promise.all(
        assignments.map(async one => {
          if ((one.spec.kind ?? 'train') !== 'train') return undefined;
          const key = await follows.keyOf(one.run);
          return mlflowEnvironment(one, { trackingUri, publicUrl, key });
        }),
      );
    },
  };
}

export function mlflowClientOf(config: MlflowConfig) {
  return mlflowClient(optionsOf(config));
}

function optionsOf({ trackingUri, credentials }: MlflowConfig) {
  return { trackingUri, authorization: authorizationOf(credentials) };
}

function authorizationOf(credentials: MlflowConfig['credentials']): string | null {
  if (credentials === null) return null;
  if ('token' in credentials) return `Bearer ${credentials.token}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
