import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { slackGroup } from '../../webhooks/slack-group.ts';

const changed = { type: 'subteam_members_changed', subteam_id: 'S1', team_id: 'T1', removed_users: ['U1'] };
const updated = { type: 'subteam_updated', subteam: { id: 'S1', team_id: 'T1', date_delete: 1 } };
const of = (event: object) => ({ team_id: 'T1', event });

describe('slack-group: a changed user group', () => {
  const rows: [name: string, payload: object, group: string, removed: string[]][] = [
    ['whom somebody left', of(changed), 'slack:T1/S1', ['slack:T1/U1']],
    ['to which somebody came', of({ ...changed, removed_users: [] }), 'slack:T1/S1', []],
    [
      'of another workspace of the organisation',
      of({ ...changed, team_id: 'T2' }),
      'slack:T2/S1',
      ['slack:T2/U1'],
    ],
    ['that names no workspace', of({ ...changed, team_id: undefined }), 'slack:T1/S1', ['slack:T1/U1']],
    ['that was disabled or renamed', of(updated), 'slack:T1/S1', []],
  ];
  for (const [name, payload, group, removed] of rows)
    test(name, () =>
      assert.deepEqual(slackGroup.translate(payload), { kind: 'group', change: { group, removed } }),
    );
});

describe('slack-group: ignored', () => {
  const rows: [name: string, payload: unknown][] = [
    ['nothing', undefined],
    ['another event', of({ ...changed, type: 'subteam_created' })],
    ['no group', of({ ...changed, subteam_id: undefined })],
    ['a group that could pass for another', of({ ...changed, subteam_id: 'S1/U1' })],
    ['a user who could pass for another', of({ ...changed, removed_users: ['T2/U1'] })],
    ['no workspace', { event: changed }],
  ];
  for (const [name, payload] of rows)
    test(name, () => assert.equal(slackGroup.translate(payload).kind, 'ignore'));
});
