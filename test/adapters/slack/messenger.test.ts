import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { slackMessenger } from '../../../src/adapters/slack/messenger.ts';
import type { Place } from '../../../src/core/actor.ts';
import { MessengerError, type OutgoingMessage } from '../../../src/core/ports.ts';
import { type Reply, reply } from '../../../src/core/reply.ts';
import { recordingLog } from './support.ts';
import { type Interference, openWorkspace } from './workspace.ts';

const token = 'xoxb-bot';
const channel = 'C000000001';
const place: Place = { kind: 'slack', team: 'T000000001', channel, user: 'U000000001' };

let workspace: Awaited<ReturnType<typeof openWorkspace>>;
before(async () => {
  workspace = await openWorkspace();
});
afterEach(() => workspace.reset());
after(() => workspace.close());

function messenger(given: { token?: string; apiUrl?: string } = {}) {
  const { log, lines } = recordingLog();
  const made = slackMessenger({
    tokens: { tokenFor: async () => given.token ?? token, failed: async () => {} },
    apiUrl: given.apiUrl ?? `${workspace.url}/api`,
    responseOrigins: [workspace.url],
    signer: { sign: async words => `signed ${words}` },
    log,
  });
  return { ...made, lines };
}

function message(title: string, more: Partial<OutgoingMessage & Reply> = {}): OutgoingMessage {
  const { audience = 'place', blocks = [], ...rest } = more;
  return {
    place,
    content: reply(title, blocks, { audience }),
    nonce: 'nonce-1',
    remote: null,
    thread: null,
    ...rest,
  };
}

type Posted = { ts: string; text: string; thread_ts?: string; blocks?: unknown[]; [key: string]: unknown };

async function history(): Promise<Posted[]> {
  const { messages } = await workspace.ask('conversations.history', { channel });
  return messages as Posted[];
}

async function replies(ts: string): Promise<Posted[]> {
  const { messages } = await workspace.ask('conversations.replies', { channel, ts });
  return (messages as Posted[]).slice(1);
}

const methods = () => workspace.calls.map(({ path }) => path.replace('/api/', ''));
const at = (path: string, then: Interference) =>
  workspace.disturb(call => (call.path === path ? then : undefined));
const long = new Date(0);

test('messenger: a message for the place is posted once, with its nonce and nothing unfurled', async () => {
  const { remote } = await messenger().send(message('Run #1 <!here> waits'));
  const [posted] = await history();
  assert.deepEqual(remote, { channel, ts: posted?.ts });
  assert.equal(posted?.text, 'ℹ️ Run #1 &lt;!here&gt; waits');
  assert.deepEqual(posted?.metadata, {
    event_type: 'signalbox_surface',
    event_payload: { nonce: 'nonce-1' },
  });
  assert.deepEqual([posted?.unfurl_links, posted?.unfurl_media, posted?.mrkdwn], [false, false, false]);
  assert.equal(posted?.blocks?.length, 1);
  assert.deepEqual(methods(), ['chat.postMessage']);
});

test('messenger: a message that is there is edited in place and stays findable', async () => {
  const { send, find } = messenger();
  const { remote } = await send(message('Run #1 waits'));
  assert.deepEqual(await send(message('Run #1 works', { remote })), { remote });
  const all = await history();
  assert.deepEqual(
    all.map(({ text }) => text),
    ['ℹ️ Run #1 works'],
  );
  assert.deepEqual(await find(place, 'nonce-1', long), remote);
});

test('messenger: a message for a thread goes there, and is found there', async () => {
  const { send, find } = messenger();
  const { remote: thread } = await send(message('Run #1'));
  assert.ok(thread);
  const { remote } = await send(message('It ended', { thread, nonce: 'nonce-2' }));
  const inThread = await replies(thread.ts);
  assert.deepEqual(
    inThread.map(({ ts, text }) => [ts, text]),
    [[remote?.ts, 'ℹ️ It ended']],
  );
  assert.deepEqual(await find(place, 'nonce-2', long, thread), remote);
  assert.equal(await find(place, 'nonce-2', long), null);
  assert.equal(await find(place, 'nonce-3', long, thread), null);
});

test('messenger: the thread of a message that is elsewhere is there too, and is looked for there', async () => {
  const { send, find } = messenger();
  const { remote: thread } = await send(message('Run #1'));
  assert.ok(thread);
  const asked = { ...place, channel: 'C999999999' };
  const { remote } = await send(message('It ended', { place: asked, thread, nonce: 'nonce-2' }));
  assert.equal(remote?.channel, channel);
  assert.deepEqual(await find(asked, 'nonce-2', long, thread), remote);
});

const logs = { kind: 'actions', actions: [{ action: 'logs', run: 7, label: 'Logs' }] } as const;
const elsewhere = { channel: 'C000000002', ts: '1.000001' };
const buttons: [name: string, changes: Partial<OutgoingMessage>, channel: string][] = [
  ['posted', {}, channel],
  ['edited where it is', { remote: elsewhere }, 'C000000002'],
  ['posted in a thread', { thread: elsewhere }, 'C000000002'],
];
for (const [name, changes, where] of buttons)
  test(`messenger: the buttons of a message that is ${name} count there`, async () => {
    workspace.disturb(() => ({ kind: 'answer', status: 200, body: '{"ok":true,"channel":"C1","ts":"1.1"}' }));
    await messenger().send(
      message('Run #7', { ...changes, blocks: [{ ...logs, actions: [...logs.actions] }] }),
    );
    const fields = new URLSearchParams(workspace.calls[0]?.body);
    assert.equal(fields.get('channel'), where);
    const value = JSON.parse(fields.get('blocks') ?? '').at(-1).elements[0].value;
    assert.equal(value, `signed ["button","T000000001","${where}","logs",7]`);
  });

test('messenger: a person is reached directly, and it is known where they asked', async () => {
  workspace.disturb(() => ({ kind: 'answer', status: 200, body: '{"ok":true,"channel":{"id":"D1"}}' }));
  const responseUrl = 'https://hooks.slack.com/x';
  const direct = await messenger().direct({ ...place, thread: '1.1', responseUrl });
  assert.deepEqual(direct, { ...place, responseUrl, channel: 'D1', askedIn: channel });
  const [call] = workspace.calls;
  assert.equal(call?.path, '/api/conversations.open');
  assert.equal(new URLSearchParams(call?.body).get('users'), 'U000000001');
});

const unreached: [name: string, then: Interference, outcome: MessengerError['outcome']][] = [
  ['has left', { kind: 'answer', status: 200, body: '{"ok":false,"error":"user_disabled"}' }, 'left'],
  ['is not known', { kind: 'answer', status: 200, body: '{"ok":false,"error":"user_not_found"}' }, 'left'],
  [
    'may not be written to',
    { kind: 'answer', status: 200, body: '{"ok":false,"error":"missing_scope"}' },
    'gone',
  ],
  ['is a bot', { kind: 'answer', status: 200, body: '{"ok":false,"error":"cannot_dm_bot"}' }, 'gone'],
  ['is nowhere', { kind: 'answer', status: 200, body: '{"ok":true}' }, 'retry'],
  ['must wait', { kind: 'answer', status: 429, headers: { 'retry-after': '3' } }, 'retry'],
];
for (const [name, then, outcome] of unreached)
  test(`messenger: a person who ${name} -> ${outcome}`, async () => {
    workspace.disturb(() => then);
    await assert.rejects(messenger().direct(place), isError(outcome, /./));
  });

test('messenger: what was said in a thread is answered in it', async () => {
  at('/commands/1', { kind: 'answer', status: 404 });
  const where = { ...place, thread: '1.000001', responseUrl: `${workspace.url}/commands/1` };
  await messenger().send(message('For you', { audience: 'sender', place: where }));
  const [first, second] = workspace.calls.map(({ body }) => body);
  assert.equal(JSON.parse(first ?? '').thread_ts, '1.000001');
  assert.equal(new URLSearchParams(second).get('thread_ts'), '1.000001');
});

test('messenger: a post whose answer is lost is found by its nonce, and another is not', async () => {
  const { send, find } = messenger();
  at('/api/chat.postMessage', { kind: 'lose-answer' });
  await assert.rejects(send(message('Run #1 waits')), isError('retry', /cannot be reached/));
  workspace.disturb(() => undefined);
  const [posted] = await history();
  assert.deepEqual(await find(place, 'nonce-1', new Date()), { channel, ts: posted?.ts });
  assert.equal(await find(place, 'nonce-2', new Date()), null);
});

test('messenger: a post is found beyond the first page, and only posts since then are asked for', async () => {
  const { send, find } = messenger();
  const { remote } = await send(message('Run #1'));
  for (let i = 0; i < 205; i++) await workspace.ask('chat.postMessage', { channel, text: String(i) });
  workspace.calls.length = 0;
  assert.deepEqual(await find(place, 'nonce-1', new Date(1_700_000_000_000)), remote);
  const asked = workspace.calls.map(({ body }) => new URLSearchParams(body));
  assert.deepEqual(
    asked.map(fields => [fields.get('oldest'), fields.get('include_all_metadata')]),
    [
      ['1699999940', 'true'],
      ['1699999940', 'true'],
    ],
  );
});

test('messenger: where the history may not be read nothing is found, and the log says so', async () => {
  const { send } = messenger();
  await send(message('Run #1'));
  const { find, lines } = messenger({ token: 'xoxb-narrow' });
  assert.equal(await find(place, 'nonce-1', long), null);
  assert.equal(lines.filter(([, , said]) => said === 'slack history cannot be read').length, 1);
});

test('messenger: where the history cannot be read now, it is to be tried again', async () => {
  at('/api/conversations.history', { kind: 'answer', status: 429, headers: { 'retry-after': '7' } });
  await assert.rejects(messenger().find(place, 'nonce-1', long), isError('retry', /wait/, 7_000));
});

test('messenger: a message for its sender alone is in nobody else’s history', async () => {
  const { remote } = await messenger().send(message('No such project', { audience: 'sender' }));
  assert.equal(remote, null);
  assert.deepEqual(await history(), []);
  const [call] = workspace.calls;
  const fields = new URLSearchParams(call?.body);
  assert.deepEqual([call?.path, fields.get('user')], ['/api/chat.postEphemeral', 'U000000001']);
});

/* The emulator makes no `response_url`; the line in front of it answers these. */
const answers: [name: string, responseUrl: string, then: Interference, calls: string[]][] = [
  ['takes it', '/commands/1', { kind: 'answer', status: 200, body: 'ok' }, ['/commands/1']],
  [
    'is used up',
    '/commands/1',
    { kind: 'answer', status: 404, body: 'used_url' },
    ['/commands/1', 'chat.postEphemeral'],
  ],
  [
    'leads elsewhere',
    '/commands/1',
    { kind: 'answer', status: 302, headers: { location: '/private' } },
    ['/commands/1', 'chat.postEphemeral'],
  ],
];

for (const [name, path, then, expected] of answers) {
  test(`messenger: the command's own address ${name}`, async () => {
    at(path, then);
    const where = { ...place, responseUrl: `${workspace.url}${path}` };
    await messenger().send(message('For you', { audience: 'sender', place: where }));
    assert.deepEqual(methods(), expected);
    const said = JSON.parse(workspace.calls[0]?.body ?? '');
    assert.deepEqual([said.response_type, said.text], ['ephemeral', 'ℹ️ For you']);
  });
}

const addresses: [name: string, url: (origin: string) => string][] = [
  ['another host', () => 'https://hooks.slack.com.example.com/commands/1'],
  ["Slack's host, where another was configured", () => 'https://hooks.slack.com/commands/1'],
  ['another port', origin => `${origin.slice(0, -1)}/commands/1`],
  ['a private address', () => 'https://169.254.169.254/latest/meta-data'],
  ['another spelling of this machine', origin => origin.replace('127.0.0.1', 'localhost')],
  ['another protocol', origin => origin.replace('http:', 'https:')],
  ['a name before the host', origin => origin.replace('127.0.0.1', 'hooks.slack.com@127.0.0.1')],
  ['no address at all', () => 'commands/1'],
];

for (const [name, url] of addresses) {
  test(`messenger: a command's own address that is ${name} is never called`, async () => {
    const where = { ...place, responseUrl: url(workspace.url) };
    await messenger().send(message('For you', { audience: 'sender', place: where }));
    assert.deepEqual(methods(), ['chat.postEphemeral']);
  });
}

test('messenger: a message whose blocks Slack does not take is sent as its title', async () => {
  workspace.disturb(({ body }) =>
    new URLSearchParams(body).get('blocks') === '[]'
      ? undefined
      : { kind: 'answer', status: 200, body: '{"ok":false,"error":"invalid_blocks"}' },
  );
  const { send, lines } = messenger();
  await send(message('Run #1', { blocks: [{ kind: 'code', text: 'x' }] }));
  const [posted] = await history();
  assert.equal(posted?.text, 'ℹ️ Run #1');
  assert.equal(lines.filter(([level]) => level === 'warn').length, 1);
});

test('messenger: a place that is not in Slack is gone', async () => {
  await assert.rejects(messenger().send(message('x', { place: { kind: 'http' } })), isError('gone', /http/));
});

test('messenger: a channel that is not there is gone', async () => {
  const nowhere = { ...place, channel: 'C999999999' };
  await assert.rejects(
    messenger().send(message('x', { place: nowhere })),
    isError('elsewhere', /channel_not_found/),
  );
  assert.equal(await messenger().find(nowhere, 'nonce-1', long), null);
});

test('messenger: a message that somebody deleted is gone', async () => {
  const remote = { channel, ts: '1.000001' };
  await assert.rejects(messenger().send(message('x', { remote })), isError('gone', /message_not_found/));
});

const says = (error: string): Interference => ({
  kind: 'answer',
  status: 200,
  body: JSON.stringify({ ok: false, error }),
});
const slow = 300_000;
const failures: [name: string, then: Interference, outcome: MessengerError['outcome'], afterMs: number][] = [
  ['a rate limit', { kind: 'answer', status: 429, headers: { 'retry-after': '30' } }, 'retry', 30_000],
  ['a rate limit of no time', { kind: 'answer', status: 429 }, 'retry', 2_000],
  ['status 503', { kind: 'answer', status: 503, body: 'xoxb-bot' }, 'retry', 2_000],
  ['status 403', { kind: 'answer', status: 403 }, 'retry', slow],
  ['a cut line', { kind: 'cut' }, 'retry', 2_000],
  ['a page instead of an answer', { kind: 'answer', status: 200, body: '<html>xoxb-bot' }, 'retry', 2_000],
  ['no place in the answer', { kind: 'answer', status: 200, body: '{"ok":true}' }, 'retry', 0],
  ['a redirect', { kind: 'answer', status: 302, headers: { location: '/other' } }, 'retry', 2_000],
  ['internal_error', says('internal_error'), 'retry', 2_000],
  ['ratelimited', says('ratelimited'), 'retry', 2_000],
  ['invalid_auth', says('invalid_auth'), 'retry', slow],
  ['missing_scope', says('missing_scope'), 'retry', slow],
  ['channel_not_found', says('channel_not_found'), 'elsewhere', 0],
  ['is_archived', says('is_archived'), 'elsewhere', 0],
  ['not_in_channel', says('not_in_channel'), 'elsewhere', 0],
  ['user_disabled', says('user_disabled'), 'left', 0],
  ['account_inactive', says('account_inactive'), 'gone', 0],
  ['token_revoked', says('token_revoked'), 'gone', 0],
  ['msg_too_long', says('msg_too_long'), 'gone', 0],
  ['invalid_blocks, twice', says('invalid_blocks'), 'gone', 0],
  ['restricted_action', says('restricted_action'), 'elsewhere', 0],
  ['restricted_action_read_only_channel', says('restricted_action_read_only_channel'), 'elsewhere', 0],
  ['an error that is new', says('brand_new_error'), 'gone', 0],
];

for (const [name, then, outcome, afterMs] of failures) {
  test(`messenger: ${name} -> ${outcome} after ${afterMs} ms, without a second try of its own`, async () => {
    workspace.disturb(() => then);
    await assert.rejects(messenger().send(message('x')), isError(outcome, /^Slack/, afterMs));
    assert.equal(workspace.calls.length, name === 'invalid_blocks, twice' ? 2 : 1);
  });
}

const refusals: [name: string, then: Interference, afterMs: number][] = [
  ['a rate limit', { kind: 'answer', status: 429, headers: { 'retry-after': '3' } }, 3_000],
  ['status 500', { kind: 'answer', status: 500 }, 2_000],
  ['a cut line', { kind: 'cut' }, 2_000],
];

for (const [name, then, afterMs] of refusals) {
  test(`messenger: ${name} at the command's own address -> retry`, async () => {
    workspace.disturb(() => then);
    const where = { ...place, responseUrl: `${workspace.url}/commands/1` };
    const sent = messenger().send(message('x', { audience: 'sender', place: where }));
    await assert.rejects(sent, isError('retry', /^Slack/, afterMs));
    assert.deepEqual(methods(), ['/commands/1']);
  });
}

test('messenger: Slack away is to be tried again, and neither error nor log names the token', async () => {
  const { send, lines } = messenger({ apiUrl: 'http://127.0.0.1:1/api' });
  await assert.rejects(send(message('x')), isError('retry', /^Slack cannot be reached/, 2_000));
  assert.doesNotMatch(JSON.stringify(lines), /xoxb/);
});

function isError(
  outcome: MessengerError['outcome'],
  words: RegExp,
  afterMs?: number,
): (err: unknown) => boolean {
  return err => {
    assert.ok(err instanceof MessengerError);
    assert.equal(err.outcome, outcome);
    assert.match(err.message, words);
    assert.doesNotMatch(err.message, /xoxb|127\.0\.0\.1/);
    if (afterMs !== undefined) assert.equal(err.afterMs, afterMs);
    return true;
  };
}
