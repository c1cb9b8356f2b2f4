import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mlflowEdge } from '../../../src/adapters/mlflow/edge.ts';
import { signMlflow } from '../../../src/adapters/mlflow/signature.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import { mlflowAlias } from '../../../webhooks/mlflow-alias.ts';

const secret = 's3cret';
const id = '550e8400-e29b-41d4-a716-446655440000';
const now = 1_767_225_600;
const body =
  '{"entity": "model_version_alias", "action": "created", "timestamp": "2026-01-01T00:00:00+00:00", "data": {"name": "digits", "alias": "production", "version": "3"}}';

type Outcome = 'stored' | 'duplicate' | 'conflict';

function setUp(ingest: () => Promise<{ outcome: Outcome }> = async () => ({ outcome: 'stored' })) {
  const stored: unknown[] = [];
  const refused: string[] = [];
  let ignored = 0;
  const nothing = () => {};
  const edge = mlflowEdge({
    secrets: [secret],
    listens: entity => entity === 'model_version_alias',
    ingest: async ({ body, ...delivery }) => {
      const found = await ingest();
      stored.push({ ...delivery, body: Buffer.from(body).toString() });
      return found;
    },
    refusals: { refused: (source, why) => void refused.push(`${source} ${why}`) },
    ignored: () => {
      ignored += 1;
    },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  });
  const send = (given: { body?: string | Uint8Array; id?: string; signature?: string }) => {
    const bytes = typeof given.body === 'object' ? given.body : Buffer.from(given.body ?? body);
    const named = given.id ?? id;
    return edge.handle({
      headers: {
        'x-mlflow-delivery-id': named,
        'x-mlflow-timestamp': String(now),
        'x-mlflow-signature': given.signature ?? signMlflow(secret, named, now, bytes),
      },
      body: bytes,
      receivedAt: new Date(now * 1_000),
    });
  };
  return { edge, send, stored, refused, ignored: () => ignored };
}

test('edge: what MLflow says is stored, then acknowledged', async () => {
  const { send, stored, refused, edge } = setUp();
  const said = await send({ id: id.toUpperCase() });
  assert.deepEqual([edge.path, said.status, said.body], ['/webhooks/mlflow', 202, 'stored']);
  assert.deepEqual(stored, [{ source: 'mlflow', kind: 'model_version_alias', deliveryId: id, body }]);
  assert.deepEqual(refused, []);
});

const unheard: [name: string, body: string][] = [
  ['another entity', body.replace('model_version_alias', 'registered_model')],
  ['an entity of tomorrow', body.replace('model_version_alias', 'model_of_tomorrow')],
  ['the entity of a longer name', body.replace('model_version_alias', 'model_version_alias_')],
];
for (const [name, given] of unheard)
  test(`edge: ${name} -> 202, counted, not stored`, async () => {
    const { send, stored, ignored } = setUp();
    assert.equal((await send({ body: given })).status, 202);
    assert.deepEqual([stored, ignored()], [[], 1]);
  });

const unreadable: [name: string, given: { body?: string | Uint8Array; id?: string }][] = [
  ['an empty body', { body: '' }],
  ['JSON that ends early', { body: body.slice(0, -1) }],
  ['a list', { body: `[${body}]` }],
  ['null', { body: 'null' }],
  ['no entity', { body: '{"action": "created"}' }],
  ['an entity that is no text', { body: '{"entity": ["model_version_alias"]}' }],
  ['an entity that only a prototype has', { body: '{"__proto__": {"entity": "model_version_alias"}}' }],
  ['an entity with a path', { body: '{"entity": "../x"}' }],
  ['bytes that are no text', { body: Uint8Array.of(0x7b, 0xff, 0x7d) }],
  ['JSON that never ends, 100,000 deep', { body: '['.repeat(100_000) }],
  ['an id that is no GUID', { id: '42' }],
  ['an id with something behind it', { id: `${id}\n` }],
];
for (const [name, given] of unreadable)
  test(`edge: signed, with ${name} -> 400, nothing stored`, async () => {
    const { send, stored, refused } = setUp();
    const said = await send(given);
    assert.equal(said.status, 400);
    assert.equal(JSON.parse(said.body ?? '').code, 'BODY_INVALID');
    assert.deepEqual([stored, refused], [[], ['mlflow unreadable']]);
  });

test('edge: unsigned nonsense is told about the signature and nothing else', async () => {
  const { send, refused } = setUp();
  const said = await send({ body: '', signature: 'x' });
  assert.equal(said.status, 401);
  assert.equal(JSON.parse(said.body ?? '').code, 'SIGNATURE_INVALID');
  assert.deepEqual(refused, ['mlflow signature-wrong']);
});

test('edge: a repeat is acknowledged, the same id with another body refused', async () => {
  const again = await setUp(async () => ({ outcome: 'duplicate' })).send({});
  assert.deepEqual([again.status, again.body], [202, 'known already']);
  const { send, refused } = setUp(async () => ({ outcome: 'conflict' }));
  assert.equal((await send({})).status, 409);
  assert.deepEqual(refused, ['mlflow conflict']);
});

test('edge: what cannot be stored is not acknowledged', async () => {
  const { send } = setUp(() => Promise.reject(new SignalboxError('STORE_UNAVAILABLE')));
  await assert.rejects(send({}), (err: unknown) => err instanceof SignalboxError && err.fault.status === 503);
});

for (const secrets of [[], [''], ['a', ' ']])
  test(`edge: ${JSON.stringify(secrets)} is no secret`, () => {
    const options = {
      listens: () => true,
      ingest: async () => ({ outcome: 'stored' as const }),
      ignored() {},
    };
    const nothing = () => {};
    const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    assert.throws(
      () => mlflowEdge({ ...options, secrets, refusals: { refused: nothing }, log }),
      /MLFLOW_WEBHOOK_SECRET/,
    );
  });

const said: [name: string, payload: unknown, gives: string][] = [
  ['set or moved', JSON.parse(body), 'digits'],
  ['taken away', { action: 'deleted', data: { name: 'digits', alias: 'production' } }, 'digits'],
  ['an action of tomorrow', { action: 'renamed', data: { name: 'digits' } }, 'ignore'],
  ['no name', { action: 'created', data: {} }, 'ignore'],
  ['a name that is no text', { action: 'created', data: { name: { a: 1 } } }, 'ignore'],
  ['nothing', null, 'ignore'],
];
for (const [name, payload, gives] of said)
  test(`alias: ${name}`, () => {
    const found = mlflowAlias.translate(payload);
    assert.equal(found.kind === 'registry' ? found.model : found.kind, gives);
  });
