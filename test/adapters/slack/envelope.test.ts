import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSlackBody } from '../../../src/adapters/slack/body.ts';
import { readSocketMessage } from '../../../src/adapters/slack/envelope.ts';

const envelope = (type: string, payload: unknown) =>
  JSON.stringify({ envelope_id: 'e1', type, payload, accepts_response_payload: true });
const bodyOf = (text: string) => {
  const message = readSocketMessage(text);
  return message?.type === 'envelope' ? message.body : null;
};

const command = { team_id: 'T1', command: '/train', text: 'digits -p a=1*2~3 é', trigger_id: '1.2' };
const click = {
  type: 'block_actions',
  trigger_id: '1.2',
  response_url: 'https://hooks.slack.com/actions/1',
  text: 'é',
};
const event = { type: 'event_callback', event_id: 'Ev1', event: { type: 'app_mention', text: 'é/' } };
const json = JSON.stringify(click);

/** As Slack may write over HTTP what it says over a socket. */
const same: [name: string, type: string, payload: object, http: string][] = [
  ['a command', 'slash_commands', command, new URLSearchParams(command).toString()],
  [
    'a command that escapes more',
    'slash_commands',
    command,
    new URLSearchParams(command).toString().replace('*', '%2A'),
  ],
  [
    'a command that escapes blanks otherwise',
    'slash_commands',
    command,
    new URLSearchParams(command).toString().replaceAll('+', '%20'),
  ],
  ['a click', 'interactive', click, new URLSearchParams({ payload: json }).toString()],
  [
    'a click in ASCII alone',
    'interactive',
    click,
    new URLSearchParams({ payload: json.replace('é', '\\u00e9') }).toString(),
  ],
  [
    'a click with escaped slashes',
    'interactive',
    click,
    new URLSearchParams({ payload: json.replaceAll('/', '\\/') }).toString(),
  ],
  ['an event', 'events_api', event, JSON.stringify(event, null, 2).replace('é', '\\u00e9')],
];
for (const [name, type, payload, http] of same)
  test(`envelope: ${name} is the same delivery over a socket and over HTTP`, () => {
    const socket = readSlackBody(bodyOf(envelope(type, payload)) ?? '');
    assert.equal(socket.type, 'delivery');
    assert.deepEqual(socket, readSlackBody(http));
  });

const other: [name: string, type: string, payload: object][] = [
  ['another text', 'slash_commands', { ...command, text: 'digits' }],
  ['another trigger', 'slash_commands', { ...command, trigger_id: '1.3' }],
  ['another click', 'interactive', { ...click, trigger_id: '1.3' }],
];
for (const [name, type, payload] of other)
  test(`envelope: ${name} is another delivery`, () => {
    const first = readSlackBody(bodyOf(envelope(type, type === 'interactive' ? click : command)) ?? '');
    const second = readSlackBody(bodyOf(envelope(type, payload)) ?? '');
    assert.ok(first.type === 'delivery' && second.type === 'delivery');
    assert.notEqual(first.deliveryId, second.deliveryId);
  });

const read: [name: string, text: string, expected: object | null][] = [
  ['a hello', '{"type":"hello","num_connections":1}', { type: 'hello' }],
  ['a goodbye', '{"type":"disconnect","reason":"warning"}', { type: 'disconnect', reason: 'warning' }],
  ['a goodbye without a reason', '{"type":"disconnect"}', { type: 'disconnect', reason: '' }],
  ['an envelope without id', '{"type":"events_api","payload":{}}', null],
  ['an envelope without payload', '{"type":"events_api","envelope_id":"e1"}', null],
  ['an envelope of another type', envelope('other', {}), null],
  ['no JSON', 'hello', null],
  ['nothing', '', null],
];
for (const [name, text, expected] of read)
  test(`envelope: ${name} is ${expected ? 'read' : 'not read'}`, () => {
    assert.deepEqual(readSocketMessage(text), expected);
  });
