import { z } from 'zod';
import { SignalboxError } from '../../core/errors.ts';
import { findModel } from '../../core/promotion/find-version.ts';
import {
  modelJson,
  modelJsonSchema,
  versionJson,
  versionJsonSchema,
} from '../../core/promotion/version-json.ts';
import { defineRoute, type Route, withScope } from './route.ts';
import { count } from './schemas.ts';

const listModels = defineRoute({
  method: 'GET',
  path: '/v1/models',
  summary: 'The models that have, or may have, versions.',
  gate: withScope('runs:read'),
  answers: {
    200: { description: 'By name.', schema: z.object({ models: z.array(modelJsonSchema) }) },
  },
  errors: [],
  handle: async (_, __, { models, modelPolicies, registry }) => {
    const [all, declared, aliases] = await Promise.all([
      models.all(),
      modelPolicies.all(),
      registry.aliases(),
    ]);
    const shown = all.map(model => {
      const policy = declared.get(model.name);
      const environments = policy ? Object.keys(policy.environments) : null;
      return modelJson(
        model,
        environments,
        aliases.filter(one => one.model === model.name),
      );
    });
    return { status: 200, json: { models: shown } };
  },
});

const listVersions = defineRoute({
  method: 'GET',
  path: '/v1/models/:name/versions',
  summary: 'The versions of a model, the newest first.',
  gate: withScope('runs:read'),
  params: z.object({ name: z.string().max(255) }),
  query: z.object({
    limit: count(100).min(1).default(20),
    before: count(2_147_483_647).optional().describe('Only versions with a smaller number: the next page.'),
  }),
  answers: {
    200: {
      description: 'A page of them.',
      schema: z.object({
        versions: z.array(versionJsonSchema),
        next: z.int().nullable().describe('`before` for the next page; null: this was the last.'),
      }),
    },
  },
  errors: ['MODEL_UNKNOWN'],
  handle: async ({ params: { name }, query: { limit, before } }, _, { models }) => {
    const found = await findModel(name, models);
    if (!found.ok) throw new SignalboxError(found.code, { ...found.details, example: 'GET /v1/models' });
    const page = await models.versions(name, limit + 1, before);
    const versions = page.slice(0, limit);
    const next = page.length > limit ? (versions.at(-1)?.number ?? null) : null;
    return { status: 200, json: { versions: versions.map(versionJson), next } };
  },
});

export const modelRoutes: readonly Route[] = [listModels, listVersions];
