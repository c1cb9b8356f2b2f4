import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { webhookTarget } from '../../../src/adapters/target/webhook.ts';

describe('a target that is a webhook', () => {
  let server: Server;
  let url = '';
  let answer: { status: number; body: string } = { status: 200, body: '{}' };
  const heard: { headers: IncomingHttpHeaders; body: string }[] = [];
  before(async () => {
    server = createServer(async (asked, said) => {
      heard.push({ headers: asked.headers, body: await text(asked) });
      said.writeHead(answer.status, { location: '/elsewhere' }).end(answer.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    url = `http://127.0.0.1:${address.port}/models`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const now = new Date('2026-03-02T12:00:00Z');
  const tell = (secret = 'DEPLOY_SECRET', at = url) =>
    webhookTarget({ DEPLOY_SECRET: 'a secret' })(
      { url: at, secret },
      { id: 'signalbox-P12-1', now, body: { model: 'digits' } },
    );

  test('it hears who says what when, and can tell that it was not changed', async () => {
    answer = {
      status: 200,
      body: '{"versions":{"7":{"state":"ready"},"6":{"state":"failed","reason":"Full."}}}',
    };
    assert.deepEqual(await tell(), {
      ok: true,
      states: { 7: { state: 'ready', said: '' }, 6: { state: 'failed', said: 'Full.' } },
    });
    const { headers, body } = heard.at(-1) ?? { headers: {}, body: '' };
    const timestamp = String(now.getTime() / 1_000);
    const expected = createHmac('sha256', 'a secret')
      .update(`signalbox-P12-1.${timestamp}.${body}`)
      .digest('base64');
    assert.deepEqual(
      [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature'], body],
      ['signalbox-P12-1', timestamp, `v1,${expected}`, '{"model":"digits"}'],
    );
  });

  const rows: [name: string, answer: { status: number; body: string }, reason: RegExp][] = [
    ['an error', { status: 503, body: '' }, /answered 503/],
    ['a refusal', { status: 401, body: '' }, /answered 401/],
    ['no JSON', { status: 200, body: 'OK' }, /does not say which versions/],
    ['another shape', { status: 200, body: '{"versions":{"7":{"state":"great"}}}' }, /does not say which/],
    ['somewhere else', { status: 302, body: '' }, /does not answer/],
  ];
  for (const [name, said, reason] of rows)
    test(`answered with ${name}`, async () => {
      answer = said;
      const result = await tell();
      assert.match(result.ok ? '' : result.reason, reason);
    });

  test('without its secret nothing is sent', async () => {
    const before = heard.length;
    const result = await tell('OTHER_SECRET');
    assert.match(result.ok ? '' : result.reason, /OTHER_SECRET.* is not set/);
    assert.equal(heard.length, before);
  });

  test('one that is away', async () => {
    const result = await tell('DEPLOY_SECRET', 'http://127.0.0.1:1/');
    assert.deepEqual(result, { ok: false, reason: 'The target does not answer.' });
  });
});
