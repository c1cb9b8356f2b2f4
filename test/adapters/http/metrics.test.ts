import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './fixture.ts';

const series = (page: string) => page.split('\n').filter(line => line !== '' && !line.startsWith('#'));
const routesIn = (page: string) => new Set([...page.matchAll(/route="([^"]*)"/g)].map(match => match[1]));

async function pageOf(ask: Awaited<ReturnType<typeof start>>['ask']): Promise<string> {
  const response = await ask('GET', '/metrics', { token: null });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return await response.text();
}

test('whatever is asked for, the series stay the same few', async t => {
  const edges = [{ path: '/edge', limitBytes: 10, handle: async () => ({ status: 200 }) }];
  const { ask } = await start(t, { edges });
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'PURGE', 'HEAD', 'REPORT'];
  const paths = (i: number) => [
    `/odd/${i}`,
    `/v1/runs/${i}?x=${i}`,
    `/edge/${i}`,
    `/v1/runs/x${i}`,
    `/%zz${i}`,
  ];
  for (let i = 0; i < 400; i += 20) {
    const some = Array.from({ length: 20 }, (_, k) => i + k);
    const asked = some.flatMap(n =>
      paths(n).map(async (path, k) => {
        const method = methods[(n + k) % methods.length] ?? 'GET';
        await (await ask(method, path, { token: `token-${n}` })).arrayBuffer();
      }),
    );
    await Promise.all(asked);
  }
  await (await ask('POST', '/edge', { raw: 'x' })).arrayBuffer();
  await (await ask('POST', '/edge', { raw: 'x'.repeat(11) })).arrayBuffer();
  await (await ask('GET', '/v1/runs/42')).arrayBuffer();
  const page = await pageOf(ask);
  assert.deepEqual([...routesIn(page)].sort(), ['GET /v1/runs/:number', 'POST /edge', 'unmatched']);
  assert.match(page, /signalbox_http_request_duration_seconds_count\{route="POST \/edge"\} 2\n/);
  assert.match(page, /signalbox_http_requests_total\{route="POST \/edge",status="2xx"\} 1\n/);
  assert.match(page, /signalbox_http_requests_total\{route="POST \/edge",status="4xx"\} 1\n/);
  assert.ok(series(page).length < 1_000, `${series(page).length} series`);
});

test('every route and every class of status stay under 1,000 series together', async t => {
  let status = 200;
  const edges = Array.from({ length: 8 }, (_, i) => ({
    path: `/edge/${i}`,
    limitBytes: 10,
    handle: async () => ({ status }),
  }));
  const { ask, server } = await start(t, { edges });
  for (status of [200, 400, 500])
    for (const { path } of edges) await (await ask('POST', path, { raw: 'x' })).arrayBuffer();
  const some = series(await pageOf(ask));
  // Three classes of status are in it.
  const perRoute = some.filter(line => line.includes('route="POST /edge/0"')).length;
  assert.equal(some.filter(line => line.includes('route="POST /edge/0",status=')).length, 3);
  const rest = some.filter(line => !line.includes('route=')).length;
  assert.ok(rest + (server.routes.length + edges.length + 1) * perRoute < 1_000);
});

test('what the process counts is there whatever the store does, and is no gauge', async t => {
  let value = 0;
  const sample = { name: 'signalbox_x_total', help: 'x', labels: { why: 'a' } };
  const gauges = () => new Promise<never>(() => {});
  const { ask } = await start(t, { gauges, counters: () => [{ ...sample, value }] });
  for (value of [0, 3, 5]) {
    const page = await pageOf(ask);
    assert.match(page, /^# TYPE signalbox_x_total counter$/m);
    assert.match(page, new RegExp(`^signalbox_x_total\\{why="a"\\} ${value}$`, 'm'));
  }
});

test('gauges are asked for at most every 5 s, and left out while they cannot be had', async t => {
  let asked = 0;
  let fails = false;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const now = t.mock.method(performance, 'now', () => clock);
  let clock = 1_000_000;
  const { ask, warnings } = await start(t, {
    gauges: async () => {
      asked += 1;
      if (fails) throw new Error('away');
      const help = 'Runs by state.';
      return [
        { name: 'signalbox_runs', help, labels: { state: 'queued' }, value: asked },
        { name: 'signalbox_runs', help, labels: { state: 'running' }, value: 7 },
      ];
    },
  });
  assert.match(
    await pageOf(ask),
    /signalbox_runs\{state="queued"\} 1\nsignalbox_runs\{state="running"\} 7\n/,
  );
  await Promise.all(Array.from({ length: 10 }, () => pageOf(ask)));
  assert.equal(asked, 1);
  clock += 5_000;
  assert.match(await pageOf(ask), /signalbox_runs\{state="queued"\} 2\n/);
  clock += 5_000;
  fails = true;
  const page = await pageOf(ask);
  assert.doesNotMatch(page, /signalbox_runs\{/);
  assert.match(page, /process_resident_memory_bytes/);
  assert.equal(warnings[0]?.message, 'gauges could not be read');
  now.mock.restore();
});

test('figures that do not come do not hold up the rest', async t => {
  const { ask } = await start(t, { gauges: () => new Promise(() => {}) });
  assert.match(await pageOf(ask), /process_resident_memory_bytes/);
});

test('the process lives, and says whether it is ready', async t => {
  const rows: [string, () => Promise<{ ok: boolean; checks: Record<string, string> }>, number, object][] = [
    [
      'all well',
      async () => ({ ok: true, checks: { postgres: 'ok' } }),
      200,
      { ok: true, checks: { postgres: 'ok' } },
    ],
    [
      'one is away',
      async () => ({ ok: false, checks: { postgres: 'away' } }),
      503,
      { ok: false, checks: { postgres: 'away' } },
    ],
    [
      'it throws',
      async () => Promise.reject(new Error('secret')),
      503,
      { ok: false, checks: { health: 'failed' } },
    ],
    [
      'it never answers',
      () => new Promise(() => {}),
      503,
      { ok: false, checks: { health: 'no answer in 2 s' } },
    ],
  ];
  for (const [name, health, status, said] of rows) {
    const { ask } = await start(t, { health });
    const response = await ask('GET', '/readyz', { token: null });
    assert.equal(response.status, status, name);
    assert.equal(response.headers.get('retry-after'), status === 503 ? '5' : null, name);
    assert.deepEqual(await response.json(), said, name);
    const lives = await ask('GET', '/healthz', { token: null });
    assert.deepEqual(await lives.json(), { ok: true, version: '0.0.0-test' }, name);
  }
});
