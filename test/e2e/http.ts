import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RunJson } from '../../src/core/run-json.ts';
import type { House } from './house.ts';
import { sendRequest } from './queue.ts';

/** The API as a program uses it. */
export function http(house: () => House): void {
  describe('the API', () => {
    test('an idempotency key stands for one request', async () => {
      const { call } = house();
      const headers = { 'idempotency-key': 'nightly-7' };
      const body = { project: 'show', pool: 'away', note: 'nightly' };
      const first = await call('/v1/runs', { body, headers });
      const again = await call('/v1/runs', {
        body: { note: 'nightly', pool: 'away', project: 'show' },
        headers,
      });
      const run = (await first.json()) as RunJson;
      assert.deepEqual([first.status, again.status], [201, 200]);
      assert.equal(((await again.json()) as RunJson).number, run.number);
      assert.equal(first.headers.get('location'), `/v1/runs/${run.number}`);
      const other = await call('/v1/runs', { body: { ...body, note: 'other' }, headers });
      assert.deepEqual(
        [other.status, ((await other.json()) as { code: string }).code],
        [409, 'IDEMPOTENCY_CONFLICT'],
      );
      const near = await call('/v1/runs', { body, headers: { 'idempotency-key': 'nightly-8' } });
      assert.equal(near.status, 201);
      for (const number of [run.number, run.number + 1]) await house().command(`train cancel ${number}`);
    });

    test('twenty at once with one key are one run', async () => {
      const { call } = house();
      const headers = { 'idempotency-key': 'at-once' };
      const body = { project: 'show', pool: 'away' };
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => call('/v1/runs', { body, headers })),
      );
      const runs = (await Promise.all(answers.map(answer => answer.json()))) as RunJson[];
      assert.deepEqual([...new Set(runs.map(({ number }) => number))].length, 1);
      await house().command(`train cancel ${runs[0]?.number}`);
    });

    test('requests and cancellations at once never wait for each other in vain', async () => {
      const pairs = Array.from({ length: 30 }, async () => {
        const asked = await house().command('train show --pool away');
        const { number } = (asked.body.reply as { data: RunJson }).data;
        return [asked.status, (await house().command(`train cancel ${number}`)).status].join();
      });
      assert.deepEqual([...new Set(await Promise.all(pairs))], ['200,200']);
    });

    test('events come as they happen and end with the run', async () => {
      const { gate, request, call } = house();
      const one = gate('events');
      const { number } = await request({ project: 'hold', parameters: { gate: one.path } });
      const answer = await call(`/v1/runs/${number}/events`);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
      let text = '';
      const decoder = new TextDecoder();
      for await (const bytes of answer.body ?? []) {
        text += decoder.decode(bytes, { stream: true });
        if (text.includes('event: running')) one.open();
      }
      const types = [...text.matchAll(/^event: (\S+)$/gm)].map(([, type]) => type);
      assert.deepEqual(types, ['requested', 'queued', 'starting', 'running', 'succeeded']);
      const after = await call(`/v1/runs/${number}/events`, { headers: { 'last-event-id': '5' } });
      assert.equal(after.status, 204);
      const since = await (
        await call(`/v1/runs/${number}/events`, { headers: { 'last-event-id': '3' } })
      ).text();
      assert.deepEqual(
        [...since.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id),
        ['4', '5'],
      );
    });

    test('logs are followed to the end, and read from a place', async () => {
      const { gate, request, call, reaches } = house();
      const one = gate('logs');
      const { number } = await request({ project: 'hold', parameters: { gate: one.path } });
      await reaches(number, 'running');
      const following = call(`/v1/runs/${number}/logs?follow=true`).then(answer => answer.text());
      one.open();
      const text = await following;
      assert.match(text, /^begun \d+\nover\n$/);
      const rest = await call(`/v1/runs/${number}/logs?offset=${text.indexOf('over')}`);
      assert.equal(await rest.text(), 'over\n');
    });

    test('a token does what its scopes say, and nothing from the moment when it is revoked', async () => {
      const { cli, call } = house();
      const made = await cli('token', 'create', '--name', 'reader', '--scope', 'runs:read', '--json');
      const { secret, id, scopes } = JSON.parse(made.stdout) as {
        secret: string;
        id: string;
        scopes: string[];
      };
      assert.deepEqual(scopes, ['runs:read']);
      assert.equal((await call('/v1/runs', { as: secret })).status, 200);
      const write = await call('/v1/runs', { as: secret, body: { project: 'show' } });
      assert.deepEqual([write.status, ((await write.json()) as { code: string }).code], [403, 'TOKEN_SCOPE']);
      const queued = await sendRequest(house(), { token: secret, request: { project: 'show' } });
      assert.match('failed' in queued ? queued.failed : '', /^The token may not do this\./);
      const list = await cli('token', 'list');
      assert.match(list.stdout, new RegExp(`^${id} +reader +runs:read$`, 'm'));
      assert.ok(!list.stdout.includes(secret));
      assert.deepEqual(JSON.parse((await cli('token', 'revoke', 'reader', '--json')).stdout), {
        revoked: true,
      });
      const late = await call('/v1/runs', { as: secret });
      assert.deepEqual([late.status, ((await late.json()) as { code: string }).code], [401, 'TOKEN_INVALID']);
      assert.equal(late.headers.get('www-authenticate'), 'Bearer');
      const again = await cli('token', 'revoke', 'reader', '--json');
      assert.deepEqual([again.code, JSON.parse(again.stdout)], [1, { revoked: false }]);
    });

    const problems: [
      name: string,
      path: string,
      options: { body?: unknown; as?: string },
      status: number,
      code: string,
    ][] = [
      ['no such address', '/v1/nothing', {}, 404, 'ROUTE_UNKNOWN'],
      ['no such run', '/v1/runs/999999', {}, 404, 'RUN_NOT_FOUND'],
      ['no number', '/v1/runs/latest', {}, 400, 'BODY_INVALID'],
      ['no JSON', '/v1/commands', { body: '{"words":' }, 400, 'BODY_INVALID'],
      ['no token', '/v1/runs', { as: '' }, 401, 'TOKEN_INVALID'],
      ['a token of nobody', '/v1/runs', { as: 'sbx_nobody' }, 401, 'TOKEN_INVALID'],
      ['too much', '/v1/commands', { body: { words: 'x'.repeat(1_100_000) } }, 413, 'BODY_TOO_LARGE'],
    ];
    for (const [name, path, options, status, code] of problems)
      test(`problem: ${name}`, async () => {
        const answer = await house().call(path, options);
        const body = (await answer.json()) as Record<string, unknown>;
        assert.deepEqual([answer.status, body.status, body.code], [status, status, code]);
        assert.equal(body.type, `urn:signalbox:error:${code}`);
        for (const part of ['title', 'detail', 'todo']) assert.match(String(body[part]), /\.$/, part);
      });

    test('it describes itself, and says how it is', async () => {
      const { service } = house();
      const open = async (path: string) => await fetch(`${service().url}${path}`);
      const document = (await (await open('/v1/openapi.json')).json()) as {
        openapi: string;
        paths: Record<string, object>;
      };
      assert.equal(document.openapi, '3.1.0');
      for (const path of [
        '/v1/runs',
        '/v1/runs/{number}',
        '/v1/runs/{number}/events',
        '/v1/runs/{number}/logs',
        '/v1/commands',
      ])
        assert.ok(document.paths[path], path);
      const schema = JSON.stringify(document.paths['/v1/runs']);
      assert.match(schema, /"gpus":\{"description":"Accelerators; 0 means one CPU slot\.","type":"number"\}/);
      assert.deepEqual(((await (await open('/healthz')).json()) as { ok: boolean }).ok, true);
      assert.deepEqual(await (await open('/readyz')).json(), { ok: true, checks: { postgres: 'ok' } });
      const metrics = await (await open('/metrics')).text();
      assert.match(metrics, /^signalbox_runs\{state="succeeded"\} \d+$/m);
      assert.match(metrics, /^signalbox_accelerators\{pool="here",kind="cpu"\} 2$/m);
    });
  });

  describe('the shared queue', () => {
    test('a request returns its run, and its key stands for it', async () => {
      const request = { project: 'version', note: 'from a queue' };
      const first = await sendRequest(house(), { key: 'q-1', request });
      const again = await sendRequest(house(), { key: 'q-1', request });
      const run = (first as { returned: RunJson }).returned;
      assert.equal(run.note, 'from a queue');
      assert.equal((again as { returned: RunJson }).returned.number, run.number);
      assert.deepEqual([run.requestedBy.kind, run.requestedBy.name], ['token', 'cli']);
      await house().reaches(run.number, 'succeeded');
    });
  });
}
