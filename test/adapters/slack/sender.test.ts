import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SlackKind } from '../../../src/adapters/slack/body.ts';
import { actorOf, isGuest, senderOf, whisperPlaceOf } from '../../../src/adapters/slack/sender.ts';

const click = (user: object, more: object = {}) => ({
  team: { id: 'T1' },
  user: { id: 'U1', ...user },
  ...more,
});
const event = (said: object, more: object = {}) => ({
  team_id: 'T1',
  event: { user: 'U1', ...said },
  ...more,
});

const guests: [name: string, kind: SlackKind, payload: unknown, guest: boolean][] = [
  ['a member who clicks', 'interaction', click({ team_id: 'T1' }), false],
  ['somebody of another workspace', 'interaction', click({ team_id: 'T2' }), true],
  ['a stranger of no workspace', 'interaction', click({ is_stranger: true }), true],
  ['a stranger who claims to be a member', 'interaction', click({ team_id: 'T1', is_stranger: true }), true],
  [
    'somebody who is said to be no stranger',
    'interaction',
    click({ team_id: 'T1', is_stranger: false }),
    false,
  ],
  ['somebody whose workspace is not said', 'interaction', click({}), false],
  [
    'somebody at home in the organisation',
    'interaction',
    click({ team_id: 'E1' }, { enterprise: { id: 'E1' } }),
    false,
  ],
  [
    'somebody of another organisation',
    'interaction',
    click({ team_id: 'E2' }, { enterprise: { id: 'E1' } }),
    true,
  ],
  [
    'another workspace of the organisation',
    'interaction',
    click({ team_id: 'T2' }, { enterprise: { id: 'E1' } }),
    true,
  ],
  [
    'spoken to in an organisation, not a workspace',
    'interaction',
    { team: null, enterprise: { id: 'E1' }, user: { id: 'U1', team_id: 'T1' } },
    false,
  ],
  ['a member who writes', 'event', event({ user_team: 'T1' }), false],
  ['a guest who writes', 'event', event({ user_team: 'T2' }), true],
  [
    'a guest in a channel of theirs',
    'event',
    event({ user_team: 'T2' }, { team_id: 'T2', context_team_id: 'T1' }),
    true,
  ],
  [
    'a member in a channel of another',
    'event',
    event({ user_team: 'T1' }, { team_id: 'T2', context_team_id: 'T1' }),
    false,
  ],
  ['an event of nobody', 'event', { team_id: 'T1', event: { type: 'app_uninstalled' } }, false],
  ['a command, which only members can send', 'command', { team_id: 'T1', user_id: 'U1' }, false],
];
for (const [name, kind, payload, guest] of guests)
  test(`sender: ${name} is ${guest ? 'a guest' : 'none'}`, () => {
    assert.equal(isGuest(senderOf(kind, payload)), guest);
  });

const ids: [
  name: string,
  kind: SlackKind,
  payload: unknown,
  actor: string,
  team: string | null,
  enterprise: string | null,
][] = [
  ['a command', 'command', { team_id: 'T1', enterprise_id: 'E1', user_id: 'U1' }, 'T1/U1', 'T1', 'E1'],
  ['a command without team', 'command', { user_id: 'U1' }, 'unknown/U1', null, null],
  ['a team that would be two ids', 'command', { team_id: 'T1/U2', user_id: 'U1' }, 'unknown/U1', null, null],
  ['a number for a team', 'command', { team_id: 1, user_id: 'U1' }, 'unknown/U1', null, null],
  ['a click', 'interaction', click({ team_id: 'T1' }), 'T1/U1', 'T1', null],
  [
    'a click in an organisation',
    'interaction',
    { team: null, enterprise: { id: 'E1' }, user: { id: 'U1', team_id: 'T1' } },
    'T1/U1',
    'T1',
    'E1',
  ],
  ['an event', 'event', event({}), 'T1/U1', 'T1', null],
  ['an event that names a whole person', 'event', event({ user: { id: 'U2' } }), 'T1/U2', 'T1', null],
  ['a payload of no shape', 'interaction', 'text', 'unknown/unknown', null, null],
  ['nothing', 'event', null, 'unknown/unknown', null, null],
];
for (const [name, kind, payload, actor, team, enterprise] of ids)
  test(`sender: ${name} comes from ${actor}`, () => {
    const sender = senderOf(kind, payload);
    assert.deepEqual([actorOf(sender).id, sender.team, sender.enterprise], [actor, team, enterprise]);
  });

const url = 'https://hooks.slack.com/commands/1/2';
const places: [name: string, kind: SlackKind, payload: unknown, told: boolean][] = [
  ['a command', 'command', { team_id: 'T1', user_id: 'U1', channel_id: 'C1', response_url: url }, true],
  ['a command without an address', 'command', { team_id: 'T1', user_id: 'U1', channel_id: 'C1' }, false],
  [
    'an address that is none',
    'command',
    { team_id: 'T1', user_id: 'U1', response_url: 'file:///etc' },
    false,
  ],
  ['a click', 'interaction', click({}, { response_url: url, channel: { id: 'C1' } }), true],
  ['a form that was sent', 'interaction', click({}, { response_urls: [{ response_url: url }] }), true],
  ['an event', 'event', event({}), false],
];
for (const [name, kind, payload, told] of places)
  test(`sender: ${name} ${told ? 'can' : 'cannot'} be answered to its sender alone`, () => {
    assert.equal(whisperPlaceOf(senderOf(kind, payload)) !== null, told);
  });
