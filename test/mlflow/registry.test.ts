import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { mlflowEdge } from '../../src/adapters/mlflow/edge.ts';
import { mlflowRegistry } from '../../src/adapters/mlflow/registry.ts';
import { RegistryError } from '../../src/core/ports.ts';
import { mlflowAlias } from '../../webhooks/mlflow-alias.ts';
import { registryConformance } from '../conformance/registries.ts';
import { noMlflow, startMlflow, type TestMlflow } from '../support/mlflow.ts';
import { versionOf } from '../support/version.ts';

let server: TestMlflow | undefined;
if (!noMlflow) {
  before(async () => {
    server = await startMlflow({
      env: {
        ...{ MLFLOW_WEBHOOK_ALLOWED_SCHEMES: 'http', MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS: 'true' },
        // A webhook is not heard of for a minute otherwise.
        MLFLOW_WEBHOOK_CACHE_TTL: '0',
      },
    });
  });
  after(async () => {
    await server?.close();
  });
}
const url = () => server?.url ?? '';
const registry = () => mlflowRegistry({ trackingUri: url(), authorization: null });

registryConformance(
  "MLflow's registry",
  async () => {
    let number = 0;
    return {
      port: registry(),
      name: `digits-${randomUUID()}`,
      make: async () => {
        number += 1;
        return { version: versionOf({ number }), key: randomUUID() };
      },
    };
  },
  { skip: noMlflow },
);

describe('what MLflow shows of a version', { skip: noMlflow }, () => {
  const ask = async (path: string) => {
    const answer = await fetch(`${url()}/api/2.0/mlflow/${path}`);
    return JSON.parse(await answer.text());
  };

  test('its run, its commit, its content and what it comes to', async () => {
    const port = registry();
    const remote = await port.register('digits', versionOf(), {
      key: 'key-of-7',
      link: 'https://signalbox.example.com/v1/runs/42',
    });
    const { model_version: shown } = await ask(`model-versions/get?name=digits&version=${remote}`);
    const tags = Object.fromEntries(
      shown.tags.map((tag: { key: string; value: string }) => [tag.key, tag.value]),
    );
    assert.deepEqual(tags, {
      'signalbox.key': 'key-of-7',
      'signalbox.version': 'digits/7',
      'signalbox.run': '42',
      'signalbox.sha': versionOf().sha,
      'signalbox.sha256': versionOf().sha256,
      'signalbox.metric': 'val_accuracy',
      'signalbox.final': '0.9312',
      'signalbox.best': '0.9418',
    });
    assert.equal(shown.run_link, 'https://signalbox.example.com/v1/runs/42');
    assert.match(shown.description, /Version 7 of digits, made by run #42/);
    assert.equal(shown.status, 'READY');
  });

  test('one that was made twice is one again', async () => {
    const port = registry();
    const first = await port.register('twice', versionOf(), { key: 'twice-7', link: null });
    const body = {
      name: 'twice',
      source: 'signalbox:/x',
      tags: [{ key: 'signalbox.key', value: 'twice-8' }],
    };
    for (let i = 0; i < 2; i++)
      await fetch(`${url()}/api/2.0/mlflow/model-versions/create`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const second = await port.register('twice', versionOf({ number: 8 }), { key: 'twice-8', link: null });
    assert.deepEqual([first, second], ['1', '2']);
  });

  test('a server that is away is waited for', async () => {
    const port = mlflowRegistry({ trackingUri: 'http://127.0.0.1:9', authorization: null });
    const isAway = (err: unknown) => err instanceof RegistryError && err.outcome === 'away';
    await assert.rejects(port.alias('digits', 'production'), isAway);
    await assert.rejects(port.register('digits', versionOf(), { key: 'k', link: null }), isAway);
  });
});

describe('what MLflow tells', { skip: noMlflow }, () => {
  test('its webhook is verified, and says whose alias was moved', async t => {
    const heard: string[] = [];
    const first = Promise.withResolvers<void>();
    const refused: string[] = [];
    const nothing = () => {};
    const edge = mlflowEdge({
      secrets: ['of-the-webhook'],
      listens: entity => entity === mlflowAlias.kind,
      ingest: async ({ body }) => {
        const said = mlflowAlias.translate(JSON.parse(Buffer.from(body).toString()));
        if (said.kind === 'registry') heard.push(said.model);
        first.resolve();
        return { outcome: 'stored' };
      },
      refusals: { refused: (_, why) => void refused.push(why) },
      ignored: nothing,
      log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    });
    const receiver = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray());
      const { status } = await edge.handle({ headers: request.headers, body, receivedAt: new Date() });
      response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    t.after(() => receiver.close());
    const { port: own } = receiver.address() as AddressInfo;
    const body = {
      name: 'signalbox',
      url: `http://127.0.0.1:${own}${edge.path}`,
      events: [{ entity: 'MODEL_VERSION_ALIAS', action: 'CREATED' }],
      secret: 'of-the-webhook',
    };
    const made = await fetch(`${url()}/api/2.0/mlflow/webhooks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(made.status, 200, await made.text());
    const port = registry();
    const remote = await port.register('told', versionOf(), { key: 'told-7', link: null });
    await port.setAlias('told', 'production', remote);
    await first.promise;
    assert.deepEqual([heard, refused], [['told'], []]);
  });
});
