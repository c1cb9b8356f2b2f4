import type { ModelAlias, Ports } from '../../src/core/ports.ts';
import { type ModelPolicy, modelSchema } from '../../src/core/promotion/model-keys.ts';
import type { Model, ModelVersion } from '../../src/core/promotion/version.ts';
import { versionOf } from './version.ts';

const digits = modelSchema.parse({
  ...{ project: 'digits', output: 'model.json', card: 'MODEL.md' },
  environments: { staging: { target: 'digits-staging' }, production: { target: 'digits-live' } },
});

/** What commands ask about models: one of them, with one version, unless it is said otherwise. */
export function modelPorts(
  known: {
    models?: Model[];
    versions?: ModelVersion[];
    policies?: Map<string, ModelPolicy>;
    aliases?: ModelAlias[];
    registered?: { remote: string; address: string | null };
    address?: string;
  } = {},
): Pick<Ports, 'models' | 'modelPolicies' | 'registry'> {
  const { versions = [versionOf()], policies = new Map([['digits', digits]]), aliases = [] } = known;
  const models = known.models ?? [{ name: 'digits', project: 'digits', output: 'model.json', newest: 7 }];
  return {
    models: {
      all: async () => models,
      get: async name => models.find(one => one.name === name) ?? null,
      ofRun: async run => versions.filter(one => one.run === run),
      version: async (model, number) =>
        versions.find(one => one.model === model && one.number === number) ?? null,
      versions: async model => versions.filter(one => one.model === model),
    },
    modelPolicies: { all: async () => policies },
    registry: {
      aliases: async model => aliases.filter(one => model === undefined || one.model === model),
      registered: async (_, policy) =>
        policy?.registry.kind === 'mlflow' ? (known.registered ?? null) : null,
      address: known.address ?? null,
    },
  };
}
