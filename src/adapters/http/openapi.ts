import { z } from 'zod';
import { problemSchema, problemType } from './problem.ts';
import type { Route } from './route.ts';

/** The OpenAPI 3.1 document of the routes, made from the schemas that they are read with. Every schema is as it is on the wire. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Signalbox', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    paths,
    components: {
      schemas: { Problem: wire(problemSchema) },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation(route: Route): object {
  const body = route.describedBody ?? route.body;
  const errors =
    route.errors.length > 0 ? ` Codes: ${route.errors.join(', ')}, and those of every route.` : '';
  const problem = {
    description: `What happened, why, and what to do.${errors}`,
    content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  return {
    summary: route.summary,
    description: route.needs === '' ? 'For everybody.' : `Needs ${route.needs}.`,
    security: route.needs === '' ? [] : [{ token: [] }],
    parameters: [
      ...inputs('path', route.params),
      ...inputs('query', route.query),
      ...Object.entries(route.headers ?? {}).map(([name, description]) => ({
        name,
        in: 'header',
        description,
        schema: { type: 'string' },
      })),
    ],
    ...(route.takesBytes && {
      requestBody: {
        required: true,
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
    }),
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: wire(body) } } },
    }),
    responses: { ...answers(route), default: problem },
  };
}

function answers(route: Route): Record<string, object> {
  const entries = Object.entries(route.answers).map(([status, { description, schema, type }]) => {
    const content = (schema || type) && {
      [type ?? 'application/json']: { schema: schema ? wire(schema) : { type: 'string' } },
    };
    return [status, { description, ...(content && { content }) }];
  });
  return Object.fromEntries(entries);
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })),
  required: z.array(z.string()).default([]),
});

function inputs(place: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (!schema) return [];
  const { properties, required } = objectSchema.parse(wire(schema));
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description && { description }),
    schema: rest,
  }));
}

function wire(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return rest;
}
