import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { slackHome } from '../../webhooks/slack-home.ts';

const opened = { type: 'app_home_opened', user: 'U1', channel: 'D1', tab: 'home', event_ts: '1.1' };
const payload = { team_id: 'T1', event: opened };
const place = { kind: 'slack', team: 'T1', channel: 'U1', user: 'U1' };

describe('slack-home: somebody looks', () => {
  const rows: [name: string, payload: object, expected: object][] = [
    ['for the first time', payload, { place, isEmpty: true }],
    ['again', { ...payload, event: { ...opened, view: { type: 'home' } } }, { place, isEmpty: false }],
    ['with nothing there', { ...payload, event: { ...opened, view: null } }, { place, isEmpty: true }],
    [
      'told for another workspace of the organisation',
      { ...payload, context_team_id: 'T2' },
      { place: { ...place, team: 'T2' }, isEmpty: true },
    ],
  ];
  for (const [name, given, expected] of rows)
    test(name, () => assert.deepEqual(slackHome.translate(given), { kind: 'home', ...expected }));
});

describe('slack-home: ignored', () => {
  const rows: [name: string, payload: unknown, field: string][] = [
    ['nothing', undefined, ''],
    ['the messages beside it', { ...payload, event: { ...opened, tab: 'messages' } }, 'event.tab'],
    ['another event', { ...payload, event: { ...opened, type: 'user_change' } }, 'event.type'],
    ['no workspace', { event: opened }, 'team_id'],
    ['a team that could pass for another', { ...payload, team_id: 'T1/U1' }, 'team_id'],
    ['a user with a blank', { ...payload, event: { ...opened, user: 'U1 ' } }, 'event.user'],
  ];
  for (const [name, given, field] of rows)
    test(name, () =>
      assert.deepEqual(slackHome.translate(given), { kind: 'ignore', why: `not an opened Home: ${field}` }),
    );
});
