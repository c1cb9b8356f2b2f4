import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Place } from '../../src/core/actor.ts';
import { type Button, buttonText } from '../../src/core/button.ts';
import type { Translation } from '../../src/core/webhook.ts';
import { slackInteraction } from '../../webhooks/slack-interaction.ts';

const responseUrl = 'https://hooks.slack.com/actions/T1/2/x';
const press = {
  type: 'block_actions',
  team: { id: 'T1', domain: 'example' },
  user: { id: 'U2', username: 'developer', name: 'developer', team_id: 'T1' },
  channel: { id: 'C1', name: 'training' },
  container: { type: 'message', message_ts: '1.000001', channel_id: 'C1', is_ephemeral: false },
  actions: [{ type: 'button', action_id: 'cancel:42', block_id: 'x', value: 'v', action_ts: '2.1' }],
  response_url: responseUrl,
};
const own: Button = { team: 'T1', channel: 'C1', action: 'cancel', run: 42 };

/** What becomes of a press whose value was signed as this text. */
function pressed(payload: object, text: string | null): Translation {
  const translated = slackInteraction.translate(payload, 'abc');
  assert.ok(translated.kind === 'signed');
  return translated.read(text);
}

test('slack-interaction: a press is what the one who pressed it would have typed there', () => {
  const translated = slackInteraction.translate(press, 'abc');
  assert.equal(translated.kind === 'signed' && translated.value, 'v');
  assert.deepEqual(pressed(press, buttonText(own)), {
    kind: 'intent',
    intent: {
      key: 'slack:abc',
      actor: { kind: 'slack', id: 'T1/U2', name: 'developer' },
      place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U2', responseUrl },
      wish: { kind: 'words', words: 'train cancel 42' },
    },
  });
});

const words: [action: Button['action'], words: string][] = [
  ['cancel', 'train cancel 42'],
  ['why', 'train why 42'],
  ['logs', 'train logs 42'],
  ['retry', 'train retry 42'],
  ['extend', 'train extend 42 1h'],
  ['compare', 'train compare 42'],
];
for (const [action, expected] of words)
  test(`slack-interaction: ${action} -> ${expected}`, () => {
    const said = pressed(press, buttonText({ ...own, action }));
    assert.deepEqual(said.kind === 'intent' && said.intent.wish, { kind: 'words', words: expected });
  });

const { channel: _, response_url: __, ...nowhere } = press;
const homePress = {
  ...nowhere,
  container: { type: 'view', view_id: 'V1' },
  view: { id: 'V1', type: 'home', team_id: 'T1' },
};

test('slack-interaction: on a Home, whose it is stands for the channel', () => {
  const said = pressed(homePress, buttonText({ ...own, channel: 'U2' }));
  assert.deepEqual(said.kind === 'intent' && said.intent.place, {
    kind: 'slack',
    team: 'T1',
    channel: 'U2',
    user: 'U2',
  });
});

describe('slack-interaction: refused, to the one who pressed it', () => {
  const rows: [name: string, payload: object, text: string | null][] = [
    ['a value that was changed', press, null],
    ['copied to another channel', { ...press, channel: { id: 'C2' } }, buttonText(own)],
    ['copied to another workspace', { ...press, team: { id: 'T2' } }, buttonText(own)],
    ['copied from a channel onto a Home', homePress, buttonText(own)],
    ['copied from the Home of somebody else', homePress, buttonText({ ...own, channel: 'U1' })],
    ['signed for another purpose', press, '["form","T1","C1","cancel",42]'],
  ];
  for (const [name, payload, text] of rows)
    test(name, () => {
      const said = pressed(payload, text);
      assert.ok(said.kind === 'refuse');
      assert.equal(said.fault.code, 'BUTTON_INVALID');
      assert.equal(said.fault.todo, 'Use the one on the message of the run; /train list shows the runs.');
      assert.equal(said.actor.id, said.place?.kind === 'slack' && `${said.place.team}/U2`);
      const answered = 'response_url' in payload ? responseUrl : undefined;
      assert.equal(said.place?.kind === 'slack' && said.place.responseUrl, answered);
    });
});

describe('slack-interaction: where it was pressed', () => {
  const base = { kind: 'slack', team: 'T1', channel: 'C1', user: 'U2' } as const;
  const rows: [name: string, changes: object, place: Place][] = [
    [
      'in a thread',
      { container: { ...press.container, message_ts: '2.000001', thread_ts: '1.000001' } },
      { ...base, thread: '1.000001', responseUrl },
    ],
    [
      'in a thread, as only the message says',
      { container: { ...press.container, message_ts: '2.000001' }, message: { thread_ts: '1.000001' } },
      { ...base, thread: '1.000001', responseUrl },
    ],
    [
      'on the first message of a thread',
      { container: press.container, message: { thread_ts: '1.000001' } },
      { ...base, responseUrl },
    ],
    [
      'on a message for one person',
      { container: { ...press.container, is_ephemeral: true } },
      { ...base, responseUrl },
    ],
    ['in an organisation, in none of its workspaces', { team: null }, { ...base, responseUrl }],
    ['without an address to answer', { response_url: undefined }, base],
    ['with an address that is none', { response_url: 'file:///etc/passwd' }, base],
  ];
  for (const [name, changes, place] of rows)
    test(name, () => {
      const said = pressed({ ...press, ...changes }, buttonText(own));
      assert.deepEqual(said.kind === 'intent' && said.intent.place, place);
    });
});

describe('slack-interaction: ignored', () => {
  const [action] = press.actions;
  const rows: [name: string, payload: unknown, field: string][] = [
    ['nothing', undefined, ''],
    [
      'a press inside a modal',
      { ...press, container: { ...press.container, type: 'view' } },
      'container.type',
    ],
    ['a shortcut', { ...press, type: 'message_action' }, 'type'],
    ['no channel', { ...press, channel: undefined }, 'channel'],
    ['a choice from a menu', { ...press, actions: [{ ...action, type: 'static_select' }] }, 'actions.0.type'],
    ['a link', { ...press, actions: [{ ...action, value: undefined }] }, 'actions.0.value'],
    ['no action', { ...press, actions: [] }, 'actions'],
    ['two at once', { ...press, actions: [action, action] }, 'actions'],
    ['a team that could pass for another', { ...press, team: { id: 'T1/U1' } }, 'team.id'],
    ['a user with a blank', { ...press, user: { id: 'U1 ' } }, 'user.id'],
    ['neither team nor the user’s', { ...press, team: null, user: { id: 'U2' } }, 'team'],
  ];
  for (const [name, payload, field] of rows)
    test(name, () => {
      const translated = slackInteraction.translate(payload, 'abc');
      assert.deepEqual(translated, { kind: 'ignore', why: `not a press of a button: ${field}` });
    });
});
