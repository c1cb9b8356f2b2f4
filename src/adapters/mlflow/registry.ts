import { z } from 'zod';
import { bestOf, betterOf } from '../../core/metric-direction.ts';
import { MlflowError, RegistryError, type RegistryPort } from '../../core/ports.ts';
import { type MlflowClientOptions, mlflowAsk } from './ask.ts';

/*
 * Versions and aliases of registered models, by MLflow's REST API 2.0: https://mlflow.org/docs/latest/api_reference/rest-api.html.
 */

/** What MLflow's tags say of a version. `key` is the one by which it is found. */
const versionTags = {
  key: 'signalbox.key',
  version: 'signalbox.version',
  run: 'signalbox.run',
  sha: 'signalbox.sha',
  sha256: 'signalbox.sha256',
} as const;

const versionName = z.union([z.string().regex(/^\d{1,18}$/), z.int().transform(String)]);
const anything = z.unknown();
const foundAnswer = z.object({
  model_versions: z.array(z.object({ version: versionName })).default([]),
});
const modelAnswer = z.object({
  registered_model: z.object({
    aliases: z.array(z.object({ alias: z.string(), version: versionName })).default([]),
  }),
});

/** More than one: somebody was killed between two words, or two have asked at once. */
const mostFound = 100;
const longestText = 500;

/** The registry of an MLflow server. */
export function mlflowRegistry(options: MlflowClientOptions): RegistryPort {
  const request = mlflowAsk(options);
  const ask: typeof request = async (schema, path, said) => {
    try {
      return await request(schema, path, said);
    } catch (err) {
      if (err instanceof MlflowError) throw new RegistryError(err.message, err.outcome, { cause: err });
      throw err;
    }
  };

  async function createModel(name: string): Promise<void> {
    // Asked first: it says of one that is there that it cannot be made, in words that differ between servers.
    if ((await ask(modelAnswer, 'registered-models/get', { query: { name } })) !== null) return;
    try {
      await ask(anything, 'registered-models/create', { body: { name } });
    } catch (err) {
      // Made by another meanwhile.
      if ((await ask(modelAnswer, 'registered-models/get', { query: { name } })) === null) throw err;
    }
  }

  async function findVersions(name: string, key: string): Promise<string[]> {
    const query = {
      filter: `name = '${name}' AND tags.\`${versionTags.key}\` = '${key}'`,
      max_results: String(mostFound),
    };
    const found = await ask(foundAnswer, 'model-versions/search', { query });
    const versions = found?.model_versions.map(one => one.version) ?? [];
    return versions.toSorted((a, b) => Number(a) - Number(b));
  }

  async function create(
    name: string,
    version: Parameters<RegistryPort['register']>[1],
    key: string,
    link: string | null,
  ): Promise<void> {
    const { model, number, run, sha, sha256 } = version;
    const tags = {
      [versionTags.key]: key,
      [versionTags.version]: `${model}/${number}`,
      [versionTags.run]: String(run),
      [versionTags.sha]: sha,
      [versionTags.sha256]: sha256,
      ...metricTags(version),
    };
    // With its tags in the same request, so that it is never there without them.
    const body = {
      name,
      // Where its content is kept: by what it is, wherever Signalbox is reached.
      source: `signalbox:/${encodeURIComponent(model)}/${number}/${encodeURIComponent(version.output)}`,
      ...(link === null ? {} : { run_link: link }),
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      description: `Version ${number} of ${model}, made by run #${run}${link === null ? '' : ` (${link})`}.`,
    };
    const made = await ask(anything, 'model-versions/create', { body });
    if (made === null) throw new RegistryError(`model-versions/create: it knows no model ${name}`, 'missing');
  }

  /** Null: there is no such model. */
  async function aliasesOf(name: string) {
    const found = await ask(modelAnswer, 'registered-models/get', { query: { name } });
    return found?.registered_model.aliases ?? null;
  }

  return {
    async register(name, version, { key, link }) {
      await createModel(name);
      // 1. It may be there already, also where nobody heard the answer.
      if ((await findVersions(name, key)).length === 0) await create(name, version, key, link);
      // 2. Of several that were made at once the first stays.
      const [first, ...others] = await findVersions(name, key);
      if (first === undefined)
        throw new RegistryError('model-versions/create: what it made is not there', 'odd');
      for (const version of others)
        await ask(anything, 'model-versions/delete', { body: { name, version }, method: 'DELETE' });
      return first;
    },
    async alias(name, alias) {
      const aliases = await aliasesOf(name);
      return aliases?.find(one => one.alias === alias)?.version ?? null;
    },
    async setAlias(name, alias, remote) {
      if (remote === null) {
        await ask(anything, 'registered-models/alias', { body: { name, alias }, method: 'DELETE' });
        return;
      }
      const body = { name, alias, version: remote };
      const set = await ask(anything, 'registered-models/alias', { body });
      if (set === null) throw new RegistryError(`${name} has no version ${remote}`, 'missing');
    },
    address: (name, remote) =>
      `${options.trackingUri}/#/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(remote)}`,
  };
}

/** Of the primary metric: what people look for in a list of versions. */
function metricTags({
  metrics,
  directions,
  primaryMetric,
}: Parameters<RegistryPort['register']>[1]): Record<string, string> {
  const metric = metrics.find(one => one.name === primaryMetric);
  if (!metric) return {};
  const best = bestOf(metric, betterOf(metric.name, directions));
  return {
    'signalbox.metric': metric.name.slice(0, longestText),
    'signalbox.final': String(metric.value),
    ...(best ? { 'signalbox.best': String(best.value) } : {}),
  };
}
