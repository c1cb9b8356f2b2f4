import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, request, type Server } from 'node:http';
import { connect, type Server as RawServer, createServer as rawServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Front, targetFront } from '../../../src/adapters/front/front.ts';
import { nobodySentence, pick, readyOf } from '../../../src/core/promotion/pick.ts';
import type { Way } from '../../../src/core/promotion/serving.ts';

const way = (version: number, weight: number, port: number | null): Way => ({
  ...{ model: 'digits', environment: 'production', target: 'live', promotion: 12, stage: 1 },
  ...{ version, weight, port },
});

async function listening(handle: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  return { server, port: address.port };
}

const silenceMs = 200;
const okAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const halfAnswer = 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok';
const asked = 'GET / HTTP/1.1\r\nhost: a.example\r\n\r\n';

describe('which version gets a request', () => {
  const two = readyOf([way(6, 90, 1), way(7, 10, 2)]);
  const rows: [name: string, ready: typeof two, random: number, expected: number | undefined][] = [
    ['the first part', two, 0, 6],
    ['up to its end', two, 0.899, 6],
    ['the second part', two, 0.9, 7],
    ['up to its end', two, 0.9999, 7],
    ['one alone', readyOf([way(7, 10, 2)]), 0.99, 7],
    ['one that is not ready gets nothing', readyOf([way(6, 90, null), way(7, 10, 2)]), 0, 7],
    ['one without weight gets nothing', readyOf([way(6, 0, 1), way(7, 100, 2)]), 0, 7],
    ['also where it is the only one', readyOf([way(7, 0, 2)]), 0, undefined],
    ['nobody', [], 0, undefined],
  ];
  for (const [name, ready, random, expected] of rows)
    test(`${name} (${random})`, () => assert.equal(pick(ready, random)?.way.version, expected));

  test('why nobody does', () => {
    assert.equal(nobodySentence([]), 'No version of a model is promoted to this target.');
    assert.equal(
      nobodySentence([way(7, 0, 1)]),
      'No version of digits has been given any requests in production yet.',
    );
    assert.equal(
      nobodySentence([way(6, 50, null), way(7, 50, null)]),
      'Versions 6 and 7 of digits in production are not ready.',
    );
  });
});

describe('the front of a target', () => {
  let ways: Way[] = [];
  let random = 0;
  let counted: { version: number; status: number | null }[] = [];
  let front: Front;
  let url = '';
  let echo: { server: Server; port: number };
  let broken: { server: Server; port: number };
  let dead = 0;
  /** Answers what has a whole head with these bytes, and keeps what it heard. */
  let raw: { server: RawServer; port: number; says: string; heard: string };

  before(async () => {
    echo = await listening((asked, answer) => {
      if (asked.url === '/status')
        return void answer.writeHead(500, { connection: 'x-own', 'x-own': 'a' }).end('no');
      answer.writeHead(200, { 'x-path': asked.url ?? '', 'x-for': String(asked.headers['x-forwarded-for']) });
      asked.pipe(answer);
    });
    broken = await listening((asked, answer) => {
      asked.once('data', () => {
        if (asked.url === '/half') answer.write('half');
        setImmediate(() => asked.socket.destroy());
      });
    });
    const bytes = rawServer(socket => {
      socket.on('error', () => {});
      socket.on('data', data => {
        raw.heard += data;
        if (raw.heard.includes('\r\n\r\n')) socket.write(raw.says);
      });
    }).listen(0, '127.0.0.1');
    await once(bytes, 'listening');
    const at = bytes.address();
    assert.ok(at && typeof at === 'object');
    raw = { server: bytes, port: at.port, says: '', heard: '' };
    const gone = await listening(() => {});
    dead = gone.port;
    gone.server.close();
    front = targetFront({
      ways: () => ways,
      answered: ({ version }, status) => counted.push({ version, status }),
      random: () => random,
      silenceMs,
    });
    const free = await listening(() => {});
    free.server.close();
    await once(free.server, 'close');
    await front.listen(free.port, '127.0.0.1');
    url = `http://127.0.0.1:${free.port}`;
  });
  after(async () => {
    await front.close(0);
    for (const { server } of [echo, broken]) {
      server.closeAllConnections();
      server.close();
    }
    raw.server.close();
  });

  /** Says these bytes to the front; resolves with what it answers before it hangs up. */
  async function say(text: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let heard = '';
    socket.on('data', data => {
      heard += data;
    });
    socket.write(text);
    await once(socket, 'close');
    return heard;
  }

  function set(...now: Way[]) {
    ways = now;
    random = 0;
    counted = [];
  }

  test('a request goes on as it is, and its answer comes back with the version', async () => {
    set(way(7, 100, echo.port));
    const answer = await fetch(`${url}/a%20b?c=d`, { method: 'POST', body: 'hello' });
    assert.deepEqual(
      [
        answer.status,
        await answer.text(),
        answer.headers.get('x-signalbox-version'),
        answer.headers.get('x-path'),
      ],
      [200, 'hello', '7', '/a%20b?c=d'],
    );
    assert.match(answer.headers.get('x-for') ?? '', /127\.0\.0\.1$/);
    assert.deepEqual(counted, [{ version: 7, status: 200 }]);
  });

  test('both ways stream: the first word is answered before the second is said', async () => {
    set(way(7, 100, echo.port));
    const asking = request(url, { method: 'POST' });
    asking.write('first');
    const [answer] = await once(asking, 'response');
    const ended = once(answer, 'end');
    const [first] = await once(answer, 'data');
    assert.equal(String(first), 'first');
    asking.end('second');
    const [second] = await once(answer, 'data');
    assert.equal(String(second), 'second');
    await ended;
  });

  test('an error of the model is its own, and counted; headers of one connection stay there', async () => {
    set(way(7, 100, echo.port));
    const answer = await fetch(`${url}/status`);
    assert.deepEqual([answer.status, await answer.text(), answer.headers.get('x-own')], [500, 'no', null]);
    assert.deepEqual(counted, [{ version: 7, status: 500 }]);
  });

  test('one that cannot be reached is passed over, and counted', async () => {
    set(way(6, 90, dead), way(7, 10, echo.port));
    const answer = await fetch(url, { method: 'POST', body: 'hello' });
    assert.deepEqual([answer.status, await answer.text()], [200, 'hello']);
    assert.deepEqual(counted, [
      { version: 6, status: null },
      { version: 7, status: 200 },
    ]);
  });

  test('what was sent already is not sent again', async () => {
    set(way(6, 90, broken.port), way(7, 10, echo.port));
    const answer = await fetch(url, { method: 'POST', body: 'hello' });
    assert.equal(answer.status, 502);
    assert.deepEqual(counted, [{ version: 6, status: null }]);
  });

  test('half an answer is none', async () => {
    set(way(6, 90, broken.port));
    const answer = fetch(`${url}/half`, { method: 'POST', body: 'hello' }).then(one => one.text());
    await assert.rejects(answer);
    assert.deepEqual(counted, [{ version: 6, status: null }]);
  });

  test('where nobody is ready it says why', async () => {
    set(way(6, 100, null));
    const answer = await fetch(url);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '1']);
    assert.equal(
      ((await answer.json()) as { detail: string }).detail,
      'Version 6 of digits in production is not ready.',
    );
    set(way(6, 100, dead));
    assert.equal((await fetch(url)).status, 503);
  });

  const odd: [name: string, says: string][] = [
    ['a status that there is not', 'HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['another protocol', 'HTTP/1.1 101 Other\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['nothing', ''],
  ];
  for (const [name, says] of odd)
    test(`one that answers with ${name} has broken off`, async () => {
      set(way(7, 100, raw.port));
      Object.assign(raw, { says, heard: '' });
      assert.match(await say(asked), /^HTTP\/1\.1 502 /);
      assert.deepEqual(counted, [{ version: 7, status: null }]);
    });

  test('one that falls silent in the middle has broken off', async () => {
    set(way(7, 100, raw.port));
    Object.assign(raw, { says: halfAnswer, heard: '' });
    assert.match(await say(asked), /ok$/);
    assert.deepEqual(counted, [{ version: 7, status: null }]);
  });

  test('that whoever asked leaves, or does not go on, is no error of the version', async () => {
    set(way(7, 100, raw.port));
    Object.assign(raw, { says: halfAnswer, heard: '' });
    const leaving = request(url).end();
    const [answer] = await once(leaving, 'response');
    const upstream = new Promise(resolve => raw.server.getConnections((_, count) => resolve(count)));
    assert.equal(await upstream, 1);
    leaving.on('error', () => {});
    answer.on('error', () => {});
    leaving.destroy();
    while (await new Promise(resolve => raw.server.getConnections((_, count) => resolve(count))))
      await new Promise(setImmediate);
    Object.assign(raw, { says: '', heard: '' });
    assert.equal(await say('POST / HTTP/1.1\r\nhost: a.example\r\ncontent-length: 9\r\n\r\nhalf'), '');
    assert.deepEqual(counted, []);
  });

  test('whoever asks cannot take away the length of a body, which would be a request of its own', async () => {
    set(way(7, 100, raw.port));
    Object.assign(raw, { says: okAnswer, heard: '' });
    const named = `connection: close, content-length, host\r\ncontent-length: ${asked.length}`;
    await say(`GET / HTTP/1.1\r\nhost: a.example\r\n${named}\r\n\r\n${asked}`);
    const [head = ''] = raw.heard.split('\r\n\r\n');
    assert.match(head, new RegExp(`content-length: ${asked.length}`));
    assert.match(head, /host: a\.example/);
  });
});
