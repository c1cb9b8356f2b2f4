import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiClient } from '../../../src/adapters/http/client.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { Reply } from '../../../src/core/reply.ts';
import { anEvent, aRun, connect, door, problemOf, start } from './fixture.ts';

const events = '/v1/runs/42/events';

/** Reads on in a stream until `enough` says so of all that came, or to its end. */
async function readUntil(
  stream: ReadableStream<Uint8Array> | null,
  enough: (text: string) => boolean,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of stream?.values({ preventCancel: true }) ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (enough(text)) break;
  }
  return text;
}

const ids = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(match => Number(match[1]));

test('events: those of the past after what was seen, those of now, and then the end', async t => {
  const rows: [string, string | undefined, number[]][] = [
    ['from the start', undefined, [1, 2, 3, 4]],
    ['an empty id', '', [1, 2, 3, 4]],
    ['from 0', '0', [1, 2, 3, 4]],
    ['after the first', '1', [2, 3, 4]],
    ['after those that were there', '2', [3, 4]],
  ];
  for (const [name, seen, expected] of rows) {
    const world = await start(t);
    world.events.push(anEvent(1, 'queued'), anEvent(2, 'starting'));
    const headers = seen === undefined ? undefined : { 'last-event-id': seen };
    const response = await world.ask('GET', events, { headers });
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8', name);
    world.events.push(anEvent(3, 'running'), anEvent(4, 'succeeded'));
    world.runs.set(42, aRun({ state: 'succeeded' }));
    const text = await response.text();
    assert.deepEqual(ids(text), expected, name);
    assert.match(text, /event: succeeded\ndata: \{.*"seq":4.*\}\n\n$/, name);
  }
});

test('events of a run that has ended: what was missed, or nothing more to come for', async t => {
  const { ask, ...world } = await start(t);
  world.events.push(anEvent(1, 'queued'), anEvent(2, 'succeeded'));
  world.runs.set(42, aRun({ state: 'succeeded' }));
  assert.deepEqual(ids(await (await ask('GET', events)).text()), [1, 2]);
  assert.deepEqual(ids(await (await ask('GET', events, { headers: { 'last-event-id': '1' } })).text()), [2]);
  for (const seen of ['2', '3', '999999999999999'])
    assert.equal((await ask('GET', events, { headers: { 'last-event-id': seen } })).status, 204, seen);
  for (const wrong of ['x', '-1', '1.5', '1e3', '1'.repeat(16)]) {
    const response = await ask('GET', events, { headers: { 'last-event-id': wrong } });
    assert.equal(response.status, 400, wrong);
    assert.equal((await problemOf(response)).code, 'BODY_INVALID');
  }
});

test('a silent stream stays alive, and ends when the server does', async t => {
  const { ask, server } = await start(t);
  const response = await ask('GET', events);
  const text = await readUntil(response.body, said => said.split(': keep-alive').length > 2);
  assert.deepEqual(ids(text), []);
  await server.close();
  // Cut off, not ended: whoever reads knows that there is more.
  await assert.rejects(readUntil(response.body, () => false));
});

test('only so many follow at once, and room comes back', async t => {
  const { ask, url } = await start(t, { pace: { pollMs: 5, followers: 2 } });
  const follow = new AbortController();
  const first = await ask('GET', events, { signal: follow.signal });
  const bare = connect(url);
  bare.socket.write(
    'GET /v1/runs/42/logs?follow=true HTTP/1.1\r\nhost: a\r\nauthorization: Bearer reader\r\n\r\n',
  );
  await new Promise(resolve => bare.socket.once('data', resolve));
  for (const path of [events, '/v1/runs/42/logs?follow=true']) {
    const refused = await ask('GET', path);
    assert.equal(refused.status, 503, path);
    assert.equal((await problemOf(refused)).code, 'BUSY');
  }
  assert.equal((await ask('GET', '/v1/runs/42/logs')).status, 200);
  follow.abort();
  await assert.rejects(first.text());
  bare.socket.destroy();
  await bare.closed;
  let status = 503;
  const last = new AbortController();
  while (status === 503) status = (await ask('GET', events, { signal: last.signal })).status;
  assert.equal(status, 200);
  last.abort();
});

test('logs: from an offset, of an attempt, once', async t => {
  const { ask, logs, runs } = await start(t);
  runs.set(42, aRun({ attempt: 2 }));
  logs.set('42/1', 'old\n');
  logs.set('42/2', 'one\ntwö\n');
  const long = `${'x'.repeat(99)}\n`.repeat(10_000);
  runs.set(43, aRun({ number: 43 }));
  logs.set('43/1', long);
  runs.set(44, aRun({ number: 44, state: 'queued', attempt: 0 }));
  const rows: [string, string][] = [
    ['42/logs', 'one\ntwö\n'],
    ['42/logs?offset=4', 'twö\n'],
    ['42/logs?offset=9', ''],
    ['42/logs?offset=900', ''],
    ['42/logs?attempt=1', 'old\n'],
    ['42/logs?attempt=7', ''],
    ['43/logs', long],
    ['44/logs', ''],
  ];
  for (const [path, text] of rows) {
    const response = await ask('GET', `/v1/runs/${path}`);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8', path);
    assert.equal(await response.text(), text, path);
  }
  for (const query of ['offset=-1', 'offset=x', 'attempt=0', 'follow=perhaps'])
    assert.equal((await ask('GET', `/v1/runs/42/logs?${query}`)).status, 400, query);
});

test('a log whose beginning is no longer kept says where it begins', async t => {
  const kept = { from: 100, text: 'later\n' };
  const { ask } = await start(t, {
    logs: {
      poolOf: async () => 'local',
      append: async () => 0,
      read: async (_number, _attempt, offset) => {
        if (offset < kept.from) return { text: kept.text, next: kept.from + kept.text.length, dropped: true };
        const text = kept.text.slice(offset - kept.from);
        return { text, next: offset + text.length, dropped: false };
      },
    },
  });
  for (const [offset, begins, text] of [
    [0, '100', 'later\n'],
    [100, '100', 'later\n'],
    [103, '103', 'er\n'],
  ] as const) {
    const response = await ask('GET', `/v1/runs/42/logs?offset=${offset}`);
    assert.equal(response.headers.get('signalbox-log-offset'), begins);
    assert.equal(await response.text(), text);
  }
});

test('logs are followed to the end, over a second attempt', async t => {
  const { ask, logs, runs } = await start(t);
  runs.set(42, aRun({ state: 'queued', attempt: 0 }));
  const response = await ask('GET', '/v1/runs/42/logs?follow=true');
  let step = 0;
  const steps = [
    () => {
      logs.set('42/1', 'first\n');
      runs.set(42, aRun({ attempt: 1 }));
    },
    () => {
      logs.set('42/1', 'first\nlost\n');
      runs.set(42, aRun({ attempt: 2 }));
      logs.set('42/2', 'second\n');
    },
    () => {
      logs.set('42/2', 'second\ndone\n');
      runs.set(42, aRun({ attempt: 2, state: 'succeeded' }));
    },
  ];
  steps[step++]?.();
  const text = await readUntil(response.body, said => {
    if (/first\n$|second\n$/.test(said)) steps[step++]?.();
    return false;
  });
  assert.equal(text, 'first\nlost\nsecond\ndone\n');
});

test('one attempt is followed until there is another', async t => {
  const { ask, logs, runs } = await start(t);
  logs.set('42/1', 'first\n');
  logs.set('42/2', 'second\n');
  const response = await ask('GET', '/v1/runs/42/logs?follow=1&attempt=1');
  runs.set(42, aRun({ attempt: 2 }));
  assert.equal(await response.text(), 'first\n');
});

test('the client: commands, runs, and what was refused', async t => {
  const said: Reply = {
    audience: 'sender',
    tone: 'success',
    title: 'Done.',
    blocks: [
      { kind: 'text', text: ['since ', { at: new Date('2026-01-05T09:00:00Z') }, { bold: 'now' }] },
      { kind: 'table', columns: [{ title: 'Run', align: 'right' }], rows: [['#42']] },
    ],
    data: { number: 42 },
  };
  const { url, intents } = await start(t, {
    dispatch: async intent => {
      intents.push(intent);
      return { ok: true, reply: structuredClone(said) };
    },
  });
  const client = apiClient({ url: `${url}/`, token: 'writer' });
  assert.deepEqual(await client.command('status 42', 'key'), said);
  assert.equal(intents[0]?.key, 'http:writer:key');
  assert.equal((await client.run(42)).project, 'digits');
  await assert.rejects(client.run(7), (err: unknown) => {
    assert.ok(err instanceof SignalboxError);
    assert.equal(err.fault.code, 'RUN_NOT_FOUND');
    assert.match(err.fault.what, /#7/);
    assert.match(err.fault.why, /#42/);
    return true;
  });
  await assert.rejects(
    apiClient({ url, token: 'unknown' }).followLogs(42, () => {}),
    SignalboxError,
  );
});

test('the client says who does not answer', async t => {
  const { server, url } = await start(t);
  const edgeOnly = await start(t, {
    edges: [{ path: '/odd/v1/commands', limitBytes: 100, handle: async () => ({ status: 200, body: '{}' }) }],
  });
  await server.close();
  const rows: [string, string, RegExp][] = [
    ['nothing listens', url, /Nothing listens there/],
    ['no address', 'nonsense', /no address/],
    ['something else answers', `${edgeOnly.url}/odd`, /does not understand/],
  ];
  for (const [name, base, says] of rows) {
    await assert.rejects(apiClient({ url: base, token: 'writer' }).command('list'), (err: unknown) => {
      assert.ok(err instanceof SignalboxError, name);
      assert.equal(err.fault.code, 'SERVICE_UNREACHABLE', name);
      assert.match(err.fault.why, says, name);
      return true;
    });
  }
});

test('the client follows logs and events over broken connections', async t => {
  const world = await start(t);
  const { logs, runs } = world;
  logs.set('42/1', 'one\ntwö\n');
  world.events.push(anEvent(1, 'queued'), anEvent(2, 'running'));
  const { url, cut } = await door(t, world.url);
  const client = apiClient({ url, token: 'reader', pauseMs: 5 });
  const text: string[] = [];
  const seen: number[] = [];
  await Promise.all([
    client.followLogs(42, piece => {
      text.push(piece);
      if (text.length > 3) return;
      cut();
      logs.set('42/1', `${logs.get('42/1')}more\n`);
      if (text.length === 3) runs.set(42, aRun({ state: 'succeeded' }));
    }),
    client.followEvents(42, event => {
      seen.push(event.seq);
      if (event.seq === 2) {
        cut();
        world.events.push(anEvent(3, 'starting'), anEvent(4, 'succeeded'));
      }
    }),
  ]);
  assert.equal(text.join(''), logs.get('42/1'));
  assert.deepEqual(seen, [1, 2, 3, 4]);
});
