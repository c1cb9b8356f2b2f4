import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { errors } from '../../../src/core/errors.ts';
import { start } from './fixture.ts';

const bodySchema = z.object({ schema: z.looseObject({ type: z.string() }) });

const operationSchema = z.object({
  summary: z.string().min(1),
  description: z.string().min(1),
  security: z.array(z.object({ token: z.array(z.string()) })),
  parameters: z.array(
    z.object({
      name: z.string(),
      in: z.enum(['path', 'query', 'header']),
      required: z.boolean().optional(),
      schema: z.looseObject({ type: z.string() }),
    }),
  ),
  requestBody: z
    .object({
      required: z.literal(true),
      // JSON, or the bytes of an artifact.
      content: z
        .strictObject({ 'application/json': bodySchema, 'application/octet-stream': bodySchema })
        .partial()
        .refine(content => Object.keys(content).length === 1),
    })
    .optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string().min(1) })),
});

const documentSchema = z.object({
  openapi: z.literal('3.1.0'),
  info: z.looseObject({ title: z.string(), version: z.literal('0.0.0-test') }),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.object({
    schemas: z.object({
      Problem: z.looseObject({
        properties: z.looseObject({ code: z.object({ type: z.string(), enum: z.array(z.string()) }) }),
      }),
    }),
    securitySchemes: z.object({ token: z.object({ type: z.literal('http'), scheme: z.literal('bearer') }) }),
  }),
});

test('the document is whole: what is served is in it, and what is in it is served', async t => {
  const { ask, server } = await start(t);
  const response = await ask('GET', '/v1/openapi.json', { token: null });
  const document = documentSchema.parse(await response.json());
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(method => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  );
  const served = server.routes.filter(route => route.includes(' /v1/'));
  assert.deepEqual(described.sort(), [...served].sort());
  assert.ok(served.length >= 12);
  assert.deepEqual(
    server.routes.filter(route => !route.includes(' /v1/')),
    ['GET /schema/signalbox.json', 'GET /healthz', 'GET /readyz', 'GET /metrics'],
  );
});

test('the JSON Schema of .signalbox.yml is there for everybody', async t => {
  const { ask } = await start(t);
  const response = await ask('GET', '/schema/signalbox.json', { token: null });
  assert.match(response.headers.get('content-type') ?? '', /^application\/schema\+json/);
  const schema = z
    .looseObject({
      properties: z.looseObject({ rules: z.unknown() }),
      additionalProperties: z.literal(false),
    })
    .parse(await response.json());
  assert.ok(schema.properties.rules);
});

test('every operation names its parameters, its answers and its errors', async t => {
  const { ask } = await start(t);
  const document = documentSchema.parse(await (await ask('GET', '/v1/openapi.json')).json());
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const name = `${method} ${path}`;
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]);
      const parameters = operation.parameters.filter(one => one.in === 'path').map(one => one.name);
      assert.deepEqual(parameters, inPath, name);
      assert.ok(
        Object.keys(operation.responses).some(status => status.startsWith('2')),
        name,
      );
      assert.deepEqual(operation.responses.default?.content, {
        'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
      });
      const open = path === '/v1/openapi.json';
      assert.equal(operation.security.length, open ? 0 : 1, name);
    }
  }
  const { code } = document.components.schemas.Problem.properties;
  assert.deepEqual(code.enum, Object.keys(errors));
});

test('schemas in the document are those of the wire', async t => {
  const { ask } = await start(t);
  const { paths } = documentSchema.parse(await (await ask('GET', '/v1/openapi.json')).json());
  const create = paths['/v1/runs']?.post?.requestBody?.content['application/json']?.schema;
  assert.deepEqual(create?.required, ['project']);
  assert.equal(create?.additionalProperties, false);
  const list = paths['/v1/runs']?.get?.parameters.map(one => `${one.name}: ${one.schema.type}`);
  assert.deepEqual(list, [
    'project: string',
    'state: string',
    'kind: string',
    'mine: string',
    'limit: integer',
    'before: integer',
  ]);
});
