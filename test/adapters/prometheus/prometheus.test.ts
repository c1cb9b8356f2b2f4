import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { prometheusMetrics } from '../../../src/adapters/prometheus/prometheus.ts';
import { noPrometheus, startPrometheus } from '../../support/prometheus.ts';

describe('a real Prometheus', { skip: noPrometheus }, () => {
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
  before(async () => {
    prometheus = await startPrometheus();
  });
  after(() => prometheus?.close());

  const rows: [query: string, expected: number | null | RegExp][] = [
    ['0.25', 0.25],
    ['vector(3) - 1', 2],
    ['sum(rate(nothing_at_all[5m])) / sum(rate(nothing_either[5m]))', null],
    ['vector(0) / vector(0)', Number.NaN],
    ['vector(1) / vector(0)', Number.POSITIVE_INFINITY],
    ['label_replace(vector(1), "a", "b", "", "") or vector(2)', /gives 2 numbers, and must give one/],
    ['vector(1)[5m:1m]', /gives no number/],
    ['sum(', /^it refused the query: .*parse error/],
    ['"a text"', /gives no number/],
  ];
  for (const [query, expected] of rows)
    test(query, async () => {
      const asked = prometheusMetrics({ url: prometheus.url, token: null }).query(query);
      if (expected instanceof RegExp)
        await assert.rejects(asked, { name: 'PrometheusError', message: expected });
      else assert.deepEqual(await asked, expected);
    });
});

describe('what answers in its place', () => {
  let server: Server;
  let url = '';
  let body = '';
  let status = 200;
  let authorization: string | undefined;
  before(async () => {
    server = createServer((asked, answer) => {
      authorization = asked.headers.authorization;
      asked.resume();
      answer.writeHead(status, { location: '/' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    url = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = (at = url) => prometheusMetrics({ url: at, token: 'a token' }).query('up');

  test('it gets the token', async () => {
    body = '{"status":"success","data":{"resultType":"scalar","result":[1,"5"]}}';
    assert.equal(await ask(), 5);
    assert.equal(authorization, 'Bearer a token');
  });

  const rows: [name: string, body: string, status: number, message: RegExp][] = [
    ['a page', '<html>', 502, /its answer is no JSON/],
    ['another API', '{"ok":true}', 200, /cannot be read/],
    ['too much', `"${'x'.repeat(1_100_000)}"`, 200, /too long/],
    [
      'an error',
      '{"status":"error","errorType":"timeout","error":"timed out"}',
      503,
      /refused the query: timed out/,
    ],
    ['somewhere else', '', 302, /does not answer/],
  ];
  for (const [name, said, code, message] of rows)
    test(name, async () => {
      [body, status] = [said, code];
      await assert.rejects(ask(), { name: 'PrometheusError', message });
    });

  test('nobody', async () => {
    await assert.rejects(ask('http://127.0.0.1:1'), { name: 'PrometheusError', message: /does not answer/ });
  });
});
