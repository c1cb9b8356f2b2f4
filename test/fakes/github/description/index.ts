import { z } from 'zod';
import type { LoggedRequest } from '../api.ts';
import type { Delivery } from '../hooks.ts';
import { fetchDescription } from './fetch.ts';
import { problems, type Schema } from './schema.ts';

const schema = z.custom<Schema>(value => typeof value === 'object' && value !== null);
const content = z.object({ content: z.record(z.string(), z.object({ schema })).optional() });
const reference = z.object({ $ref: z.string() });
const parameter = z.object({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema });
const operation = z.object({
  parameters: z.array(z.union([reference, parameter])).optional(),
  requestBody: content.extend({ required: z.boolean().optional() }).optional(),
  responses: z.record(z.string(), z.union([reference, content])).optional(),
});
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;
const byMethod = z.object(Object.fromEntries(methods.map(method => [method, operation.optional()])));
const fileSchema = z.object({
  paths: z.record(z.string(), byMethod),
  'x-webhooks': z.record(z.string(), z.object({ post: operation })),
  components: z.object({
    schemas: z.record(z.string(), schema),
    parameters: z.record(z.string(), parameter),
    responses: z.record(z.string(), content),
  }),
});

let loaded: ReturnType<typeof load> | null = null;

/** What GitHub publishes about its API, or in one line why it cannot be had. */
export function description(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

async function load() {
  const got = await fetchDescription();
  if ('missing' in got) return got.missing;
  const { paths, components, 'x-webhooks': webhooks } = fileSchema.parse(JSON.parse(got.text));
  const named = (ref: string) => ref.split('/').at(-1) ?? '';
  const resolve = (part: Schema): Schema =>
    part.$ref === undefined ? part : resolve(components.schemas[named(part.$ref)] ?? {});
  const json = (of: z.infer<typeof content> | undefined) => of?.content?.['application/json']?.schema;

  function operationOf(route: string) {
    const [method = '', path = ''] = route.split(' ');
    return paths[path]?.[method.toLowerCase()];
  }

  function queryProblems(found: z.infer<typeof operation>, query: Record<string, string>): string[] {
    const known = (found.parameters ?? [])
      .map(one => ('$ref' in one ? components.parameters[named(one.$ref)] : one))
      .filter(one => one?.in === 'query');
    return Object.entries(query).flatMap(([name, value]) => {
      const one = known.find(it => it?.name === name);
      if (!one) return [`?${name} is unknown`];
      return problems(one.schema, asMeant(resolve(one.schema), value), resolve, true, `?${name}`);
    });
  }

  /** What is wrong with what was asked. */
  function request({ route, query, body }: LoggedRequest): string[] {
    const found = operationOf(route);
    if (!found) return [`${route}: there is no such route`];
    const wanted = json(found.requestBody);
    const wrong = queryProblems(found, query);
    const empty =
      body === undefined || (typeof body === 'object' && body !== null && !Object.keys(body).length);
    if (wanted && !(empty && !found.requestBody?.required))
      wrong.push(...problems(wanted, body ?? {}, resolve, true));
    if (!wanted && !empty) wrong.push('has a body');
    return wrong.map(one => `${route}: ${one}`);
  }

  /** What is wrong with what the fake answered. */
  function answer({ route, status, answer: body }: LoggedRequest): string[] {
    const given = operationOf(route)?.responses?.[String(status)];
    if (!given) return operationOf(route) ? [`${route}: never answers ${status}`] : [];
    const wanted = json('$ref' in given ? components.responses[named(given.$ref)] : given);
    if (!wanted || body === undefined) return [];
    return problems(wanted, body, resolve, false).map(one => `${route} ${status}: ${one}`);
  }

  /** What is wrong with what the fake told the app. */
  function webhook({ event, action, body }: Delivery): string[] {
    const name = [event, action].filter(Boolean).join('-').replaceAll('_', '-');
    const found = webhooks[name];
    const wanted = json(found?.post.requestBody);
    if (!wanted) return [`${name}: there is no such event`];
    return problems(wanted, JSON.parse(body), resolve, false).map(one => `${name}: ${one}`);
  }

  return { request, answer, webhook };
}

/** A query has only text. */
function asMeant({ type }: Schema, text: string): unknown {
  if (type === 'integer' || type === 'number') return Number(text);
  return type === 'boolean' ? text === 'true' : type === 'array' ? text.split(',') : text;
}
