import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { mlflowClient } from '../../../src/adapters/mlflow/client.ts';
import { MlflowError } from '../../../src/core/ports.ts';

interface Asked {
  path: string;
  query: Record<string, string>;
  authorization: string | undefined;
  body: unknown;
}
type Answer = { status?: number; text?: string; json?: unknown; headers?: Record<string, string> };

const asked: Asked[] = [];
let answer: (asked: Asked) => Answer | null = () => ({ json: {} });

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '', 'http://localhost');
  const one = {
    path: url.pathname.replace('/ml/api/2.0/mlflow/', ''),
    query: Object.fromEntries(url.searchParams),
    authorization: request.headers.authorization,
    body: await bodyOf(request),
  };
  asked.push(one);
  const given = answer(one);
  // Silence, until the other side gives up.
  if (!given) return;
  response.writeHead(given.status ?? 200, { 'content-type': 'application/json', ...given.headers });
  response.end(given.text ?? JSON.stringify(given.json ?? {}));
});

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? null : JSON.parse(text);
}

/** As MLflow 3.17 answered, with a store in SQLite. */
const recorded = {
  experiments: {
    experiments: [
      {
        experiment_id: '0',
        name: 'Default',
        artifact_location: 'mlflow-artifacts:/0',
        lifecycle_stage: 'active',
        last_update_time: 1795453992191,
        creation_time: 1795453992191,
        workspace: 'default',
      },
    ],
  },
  run: {
    info: {
      run_uuid: 'ac713086ad754eb6bed467cd29f74f46',
      experiment_id: '0',
      run_name: 'x',
      user_id: 'root',
      status: 'FINISHED',
      start_time: 1795454000618,
      end_time: 1795454002576,
      artifact_uri: 'mlflow-artifacts:/0/ac713086ad754eb6bed467cd29f74f46/artifacts',
      lifecycle_stage: 'active',
      run_id: 'ac713086ad754eb6bed467cd29f74f46',
    },
    data: {
      metrics: [
        { key: 'loss', value: 0.2, timestamp: 1795454002109, step: 4 },
        { key: 'bad', value: 'NaN', timestamp: 1795454002168, step: 1 },
        { key: 'big', value: 1.7976931348623157e308, timestamp: 1795454002264, step: 2 },
      ],
      tags: [
        { key: 'mlflow.user', value: 'root' },
        { key: 'signalbox.run', value: '42' },
        { key: 'signalbox.attempt', value: '2' },
        { key: 'mlflow.runName', value: 'x' },
      ],
    },
    inputs: {},
    outputs: {},
  },
};
const readRun = {
  id: 'ac713086ad754eb6bed467cd29f74f46',
  experiment: '0',
  attempt: 2,
  startedAt: 1795454000618,
  isNested: false,
  latest: [
    { name: 'loss', value: 0.2, timestamp: 1795454002109, step: 4 },
    { name: 'bad', value: Number.NaN, timestamp: 1795454002168, step: 1 },
    { name: 'big', value: Number.MAX_VALUE, timestamp: 1795454002264, step: 2 },
  ],
};
const missing = {
  status: 404,
  json: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'Run with id=x not found' },
};

describe('the client of MLflow', () => {
  let url = '';
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ml`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = (changes: { authorization?: string; timeoutMs?: number; trackingUri?: string } = {}) =>
    mlflowClient({ trackingUri: url, authorization: null, timeoutMs: 5_000, ...changes });
  const answers = (given: (asked: Asked) => Answer | null) => {
    asked.length = 0;
    answer = given;
  };

  test('runs are found by their key in all experiments, page by page', async () => {
    answers(({ path, body }) => {
      if (path === 'runs/search') return { json: { runs: [recorded.run] } };
      const isFirst = !(body as { page_token?: string }).page_token;
      return { json: { ...recorded.experiments, ...(isFirst ? { next_page_token: 'second' } : {}) } };
    });
    const found = await client({ authorization: 'Bearer t' }).find('abc', 20);
    assert.deepEqual(found, [readRun, readRun]);
    assert.deepEqual(
      asked.map(({ path, authorization, body }) => [path, authorization, body]),
      [
        ['experiments/search', 'Bearer t', { max_results: 1000 }],
        ['runs/search', 'Bearer t', search(['0'])],
        ['experiments/search', 'Bearer t', { max_results: 1000, page_token: 'second' }],
        ['runs/search', 'Bearer t', search(['0'])],
      ],
    );
  });

  test('where there is no experiment, none is searched', async () => {
    answers(() => ({ json: {} }));
    assert.deepEqual(await client().find('abc', 20), []);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['experiments/search'],
    );
  });

  test('pages of experiments that never end are left', async () => {
    answers(() => ({ json: { next_page_token: 'again' } }));
    assert.deepEqual(await client().find('abc', 20), []);
    assert.equal(asked.length, 20);
  });

  test('a run by its id', async () => {
    answers(() => ({ json: { run: recorded.run } }));
    assert.deepEqual(await client().get('ac71'), readRun);
    assert.deepEqual(asked[0]?.query, { run_id: 'ac71' });
    assert.equal(asked[0]?.authorization, undefined);
  });

  const gone: [name: string, answer: Answer][] = [
    ['one that is not there', missing],
    [
      'one that was deleted',
      {
        json: {
          run: { ...recorded.run, info: { ...recorded.run.info, lifecycle_stage: 'deleted' } },
        },
      },
    ],
  ];
  for (const [name, given] of gone)
    test(`${name} is none`, async () => {
      answers(() => given);
      assert.equal(await client().get('x'), null);
    });

  test('an attempt that is none is the first; a run with a parent is nested; empty fields may be absent', async () => {
    for (const value of ['0', '-1', '1e3', '', '12345678', 'x']) {
      const tags = [
        { key: 'signalbox.attempt', value },
        { key: 'mlflow.parentRunId', value: 'p' },
      ];
      answers(() => ({ json: { run: { info: recorded.run.info, data: { tags } } } }));
      const { attempt, isNested, latest } = (await client().get('x')) ?? {};
      assert.deepEqual({ attempt, isNested, latest }, { attempt: 1, isNested: true, latest: [] });
    }
    answers(() => ({ json: { run: { info: recorded.run.info } } }));
    assert.equal((await client().get('x'))?.isNested, false);
  });

  test('a page of a history, with whatever its name and token are', async () => {
    const metrics = [
      { key: 'a b/c&d', value: 1, timestamp: 5, step: 0 },
      { key: 'a b/c&d', value: '-Infinity', timestamp: '6', step: '7' },
      { key: 'a b/c&d', value: 2 },
    ];
    answers(() => ({ json: { metrics, next_page_token: '2' } }));
    assert.deepEqual(await client().history('x', 'a b/c&d', '1 &', 50), {
      points: [
        { value: 1, timestamp: 5, step: 0 },
        { value: Number.NEGATIVE_INFINITY, timestamp: 6, step: 7 },
        { value: 2, timestamp: 0, step: 0 },
      ],
      next: '2',
    });
    assert.deepEqual(asked[0]?.query, {
      run_id: 'x',
      metric_key: 'a b/c&d',
      max_results: '50',
      page_token: '1 &',
    });
  });

  const ends: [name: string, answer: Answer][] = [
    ['an empty token', { json: { metrics: [], next_page_token: '' } }],
    ['a metric that is not there', missing],
  ];
  for (const [name, given] of ends)
    test(`${name} ends the pages`, async () => {
      answers(() => given);
      assert.deepEqual(await client().history('x', 'loss', null, 50), { points: [], next: null });
    });

  test('where people see a run', () => {
    const address = client({ trackingUri: 'https://mlflow.example.com/ml' }).address({
      id: 'a',
      experiment: '1',
    });
    assert.equal(address, 'https://mlflow.example.com/ml/#/experiments/1/runs/a');
  });

  const info = recorded.run.info;
  const hostile: [name: string, answer: Answer, outcome: MlflowError['outcome'], says?: RegExp][] = [
    ['no JSON', { text: '<html>' }, 'odd', /no JSON/],
    ['nothing', { text: '' }, 'odd'],
    ['JSON that is none of it', { json: { runs: 7 } }, 'odd', /\(run\)/],
    ['null', { text: 'null' }, 'odd'],
    ['NaN as Python writes it', { text: '{"run": NaN}' }, 'odd'],
    ['a hundred thousand brackets', { text: '['.repeat(100_000) }, 'odd'],
    [
      'an id that would be an address',
      { json: { run: { info: { ...info, run_id: '../../evil' } } } },
      'odd',
      /info\.run_id/,
    ],
    ['an experiment that is none', { json: { run: { info: { ...info, experiment_id: 7 } } } }, 'odd'],
    ['metrics that are no list', { json: { run: { info, data: { metrics: { a: 1 } } } } }, 'odd'],
    [
      'a value that is no number',
      { json: { run: { info, data: { metrics: [{ key: 'a', value: {} }] } } } },
      'odd',
    ],
    [
      'a step that is no number',
      { json: { run: { info, data: { metrics: [{ key: 'a', value: 1, step: '1e9' }] } } } },
      'odd',
    ],
    ['a page where nothing is, of another server', { status: 404, text: 'Not Found' }, 'odd', /answers 404/],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }, 'odd', /answers 302/],
    [
      'a refusal',
      { status: 400, json: { error_code: 'INVALID_PARAMETER_VALUE', message: 'm'.repeat(9_999) } },
      'odd',
      /INVALID_PARAMETER_VALUE m{200}$/,
    ],
    ['wrong credentials', { status: 401, text: 'You are not authenticated' }, 'refused'],
    ['credentials for something else', { status: 403, json: {} }, 'refused'],
    ['too much at a time', { status: 429, json: {} }, 'away'],
    ['trouble of its own', { status: 500, json: {} }, 'away'],
    ['a gateway', { status: 502, text: '<html>' }, 'away'],
    ['silence', null as unknown as Answer, 'away', /does not answer/],
  ];
  for (const [name, given, outcome, says = /./] of hostile)
    test(`${name}: ${outcome}`, async () => {
      answers(() => given);
      const asking = client(given === null ? { timeoutMs: 100 } : {}).get('x');
      await assert.rejects(asking, err => {
        assert.ok(err instanceof MlflowError);
        assert.equal(err.outcome, outcome);
        assert.match(err.message, says);
        return true;
      });
    });

  test('more than anybody would log is not read to its end', async () => {
    const part = `{"pad":"${'x'.repeat(1_000_000)}"},`;
    answers(() => ({ text: `{"run":[${part.repeat(70)}` }));
    await assert.rejects(client().get('x'), { outcome: 'odd', message: /too large/ });
  });

  test('a server that is not there is away, and nothing of the credentials is said', async () => {
    const asking = client({ trackingUri: 'http://127.0.0.1:1', authorization: 'Bearer the-token' }).check();
    await assert.rejects(asking, err => {
      assert.ok(err instanceof MlflowError);
      assert.equal(err.outcome, 'away');
      assert.ok(!JSON.stringify([err.message, String(err.cause)]).includes('the-token'));
      return true;
    });
  });
});

function search(ids: string[]) {
  return {
    experiment_ids: ids,
    filter: "tags.`signalbox.key` = 'abc'",
    max_results: 20,
    order_by: ['attributes.start_time ASC'],
  };
}
