import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlackListeners } from '../../../src/adapters/slack/bolt.ts';
import { SignalboxError } from '../../../src/core/errors.ts';
import type { Delivery } from '../../../src/core/webhook.ts';
import { recordingLog } from './support.ts';

type Heard = [kind: string, payload: unknown, deliveryId: string];

function setUp(onPayload: () => Promise<void> = async () => {}) {
  const heard: Heard[] = [];
  const { log, lines } = recordingLog();
  const asked: unknown[] = [];
  const listeners = createSlackListeners({
    authorize: async ({ teamId }) => {
      asked.push(teamId);
      return { botToken: 'xoxb-1' };
    },
    log,
  });
  const handle = (delivery: Delivery) =>
    listeners.handle(delivery, async (kind, payload) => {
      heard.push([kind, payload, delivery.deliveryId]);
      await onPayload();
    });
  return { handle, heard, lines, asked };
}

function delivery(kind: string, body: string): Delivery {
  return { id: 1, source: 'slack', kind, deliveryId: 'id-1', body, receivedAt: new Date(0) };
}

const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const interaction = (payload: object) =>
  delivery(
    'interaction',
    form({ payload: JSON.stringify({ team: { id: 'T1' }, user: { id: 'U1' }, ...payload }) }),
  );
const fields = { team_id: 'T1', channel_id: 'C1', user_id: 'U1', command: '/train', text: 'digits <@U2|b>' };
const command = delivery('command', form(fields));
const event = {
  type: 'event_callback',
  event_id: 'Ev1',
  team_id: 'T1',
  event: { type: 'app_mention', user: 'U1' },
};

const rows: [name: string, delivery: Delivery, kind: string][] = [
  ['a command', command, 'command'],
  ['a command of any name', delivery('command', form({ ...fields, command: '/other' })), 'command'],
  [
    'a command in an enterprise',
    delivery('command', form({ ...fields, is_enterprise_install: 'true' })),
    'command',
  ],
  ['an event', delivery('event', JSON.stringify(event)), 'event'],
  [
    'a button',
    interaction({ type: 'block_actions', actions: [{ action_id: 'a', block_id: 'b' }] }),
    'interaction',
  ],
  ['a shortcut', interaction({ type: 'shortcut', callback_id: 'c' }), 'interaction'],
  ['a form sent', interaction({ type: 'view_submission', view: { callback_id: 'c' } }), 'interaction'],
  ['a form closed', interaction({ type: 'view_closed', view: { callback_id: 'c' } }), 'interaction'],
];

for (const [name, given, kind] of rows) {
  test(`bolt: ${name} is heard once, as ${kind}`, async () => {
    const { handle, heard } = setUp();
    await handle(given);
    assert.deepEqual(
      heard.map(([as, , id]) => [as, id]),
      [[kind, 'id-1']],
    );
  });
}

test('bolt: the payload is the one that was stored', async () => {
  const { handle, heard } = setUp();
  await handle(command);
  assert.deepEqual(heard[0]?.[1], fields);
});

test('bolt: nothing is asked of Slack before there is a delivery', async () => {
  const { handle, asked } = setUp();
  assert.deepEqual(asked, []);
  await handle(command);
  assert.deepEqual(asked, ['T1']);
});

test('bolt: handle is done when the listener is done', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { handle, heard } = setUp(() => promise);
  let done = false;
  const handled = handle(command).then(() => {
    done = true;
  });
  while (heard.length === 0) await new Promise(setImmediate);
  assert.equal(done, false);
  resolve();
  await handled;
});

const thrown: [name: string, error: Error][] = [
  ['a fault', new SignalboxError('STORE_UNAVAILABLE')],
  ['an error', new Error('broken')],
  ['an error with a code', Object.assign(new Error('away'), { code: 'ECONNREFUSED' })],
  ['a type error', new TypeError('x is not a function')],
];

for (const [name, error] of thrown) {
  test(`bolt: ${name} that a listener throws comes out of handle`, async () => {
    const { handle } = setUp(async () => {
      throw error;
    });
    await assert.rejects(handle(command), (err: unknown) => err === error);
  });
}

test('bolt: a refused authorization comes out of handle', async () => {
  const refused = new Error('unknown workspace');
  const { handle } = createSlackListeners({
    authorize: async () => {
      throw refused;
    },
    log: recordingLog().log,
  });
  const heard = handle(command, async () => assert.fail('heard'));
  await assert.rejects(heard, (err: unknown) => err === refused);
});

const silent: [name: string, delivery: Delivery][] = [
  ['a body that says nothing any more', delivery('command', 'a=b')],
  ['an interaction of a kind that nobody listens to', interaction({ type: 'workflow_step_edit' })],
];

for (const [name, given] of silent) {
  test(`bolt: ${name} is not heard, and the log says so`, async () => {
    const { handle, heard, lines } = setUp();
    await handle(given);
    assert.deepEqual(heard, []);
    assert.equal(lines.filter(([level]) => level === 'warn').length, 1);
  });
}
