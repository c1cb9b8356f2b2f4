import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { liveStage } from '../../src/core/promotion/rollout.ts';
import { noPrometheus, startPrometheus } from '../support/prometheus.ts';
import { openServingHouse, type ServingHouse } from './serving-house.ts';
import { until } from './until.ts';

const skip =
  noPrometheus || (spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH');
const secret = 'what-the-target-knows';

/** Somebody else's machines: a target that is told by webhook, and what Prometheus asks for its metrics. */
async function openOutside() {
  const heard: { id: string; isSigned: boolean; body: string }[] = [];
  const said = { status: 200, state: 'ready', reason: '', errors: '0' };
  const server: Server = createServer(async (asked, answer) => {
    if (asked.method === 'GET') return answer.end(`canary_errors ${said.errors}\n`);
    const body = await text(asked);
    const id = String(asked.headers['webhook-id']);
    const signed = `${id}.${asked.headers['webhook-timestamp']}.${body}`;
    const signature = `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`;
    heard.push({ id, isSigned: asked.headers['webhook-signature'] === signature, body });
    const { versions } = JSON.parse(body) as { versions: { version: number }[] };
    const { state, reason } = said;
    const states = Object.fromEntries(
      // The one that served before serves on.
      versions.map(({ version }) => [version, version === 1 ? { state: 'ready' } : { state, reason }]),
    );
    answer.writeHead(said.status).end(JSON.stringify({ versions: states }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return { heard, said, server, host: `127.0.0.1:${address.port}` };
}

describe('what is outside has its say in a rollout', { skip }, () => {
  let outside: Awaited<ReturnType<typeof openOutside>>;
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
  let house: ServingHouse;
  before(async () => {
    outside = await openOutside();
    prometheus = await startPrometheus([outside.host]);
    house = await openServingHouse({
      rollout: "{ steps: [50, 100], bake: 3s, check: 'max(canary_errors)', holds: '< 1%' }",
      targets: `  hook: { kind: webhook, url: 'http://${outside.host}/models', secret: DEPLOY_SECRET, readyWithin: 5s }\n`,
      models: `  told:
    project: digits
    output: model.json
    environments:
      production: { target: hook, approvals: { count: 0 }, rollout: { steps: [50, 100], bake: 1s } }
`,
      environment: { PROMETHEUS_URL: prometheus.url, DEPLOY_SECRET: secret },
    });
    for (const seed of [1, 2, 3]) await house.version('good', seed);
  });
  after(async () => {
    await house?.close();
    await prometheus?.close();
    outside?.server.closeAllConnections();
    outside?.server.close();
  });

  const ends = (number: number) => house.comes(number, 'live', 'halted', 'failed');
  async function halted(number: number): Promise<string> {
    const [row] = await house.query<{ reason: string }>(
      `select reason from promotion_events where promotion = ${number} and type = 'rolling-back'`,
    );
    return row?.reason ?? '';
  }

  test('while what Prometheus says holds, a version comes to serve', async () => {
    const one = await ends(await house.promote(1));
    assert.equal(one.state, 'live', one.said);
  });

  test('a canary that Prometheus has something against is halted, and what served before does again', async () => {
    const number = await house.promote(2);
    await until('the first step', async () => (await house.weights())[2] === 50);
    outside.said.errors = '0.25';
    const one = await ends(number);
    outside.said.errors = '0';
    assert.equal(one.state, 'halted', one.said);
    assert.match(
      await halted(number),
      /^At 50 % of the requests its check gave 0\.25, and < 1 ?% must hold\.$/,
    );
    assert.deepEqual(await house.weights(), { 1: 100 });
    await until('it to answer', async () => (await house.ask()).version === 1);
  });

  test('an artifact that is not what it was is never served', async () => {
    const [row] = await house.query<{ sha256: string }>(
      "select sha256 from model_versions where model = 'digits' and number = 3",
    );
    const hex = row?.sha256.replace('sha256:', '') ?? 'nothing';
    const folder = join(house.dataDir, 'artifacts');
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const file = names.map(name => join(folder, name)).find(name => name.replaceAll('/', '').endsWith(hex));
    assert.ok(file, names.join());
    writeFileSync(file, Buffer.alloc(statSync(file).size, ' '));
    const number = await house.promote(3);
    const one = await ends(number);
    assert.equal(one.state, 'halted', one.said);
    assert.match(await halted(number), /^Version 3 does not serve: /);
    assert.deepEqual(await house.ask(), { status: 200, version: 1 });
  });

  test('a target hears by webhook what is to serve, signed, and under one id what is one wish', async () => {
    const one = await ends(await house.promote(1, 'told'));
    assert.equal(one.state, 'live', one.said);
    const stages = [0, 1, 2, liveStage].map(stage => `signalbox-told-production-P${one.number}-${stage}`);
    await until('the last stage to be told', () => outside.heard.some(({ id }) => id === stages.at(-1)));
    assert.ok(outside.heard.every(({ isSigned }) => isSigned));
    const wishes = new Map(outside.heard.map(({ id, body }) => [id, body]));
    assert.deepEqual(
      outside.heard.map(({ id, body }) => wishes.get(id) === body),
      outside.heard.map(() => true),
    );
    assert.deepEqual([...wishes.keys()], stages);
  });

  const rows: [name: string, how: Partial<(typeof outside)['said']>, reason: RegExp][] = [
    ['answers 500', { status: 500 }, /^Version 2 was not ready within 5 s\. The target answered 500\.$/],
    ['never becomes ready', { state: 'starting' }, /^Version 2 was not ready within 5 s\.$/],
    [
      'says why not',
      { state: 'failed', reason: 'The disk is full.' },
      /^Version 2 does not serve: The disk is full\.$/,
    ],
  ];
  for (const [name, how, reason] of rows)
    test(`a target that ${name}: the promotion is halted, and the target is told to go back`, async () => {
      Object.assign(outside.said, how);
      const number = await house.promote(2, 'told');
      const stage = (at: number) => `signalbox-told-production-P${number}-${at}`;
      await until('the way back', () => outside.heard.some(({ id }) => id === stage(1_000)));
      Object.assign(outside.said, { status: 200, state: 'ready', reason: '' });
      const one = await ends(number);
      assert.equal(one.state, 'halted', one.said);
      assert.match(await halted(number), reason);
      const last = outside.heard.filter(({ id }) => id === stage(1_000)).at(-1);
      const { versions } = JSON.parse(last?.body ?? '{}') as {
        versions: { version: number; weight: number }[];
      };
      assert.deepEqual(
        versions.map(({ version, weight }) => [version, weight]),
        [[1, 100]],
      );
    });
});
