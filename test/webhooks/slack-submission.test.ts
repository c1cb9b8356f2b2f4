import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slackSubmission } from '../../webhooks/slack-submission.ts';

const submission = {
  command: ['train'],
  actor: { kind: 'slack', id: 'T1/U1', name: 'developer' },
  place: { kind: 'slack', team: 'T1', channel: 'C1', user: 'U1' },
  values: { project: 'digits', gpus: 1, parameters: { lr: '0.1' } },
};

test('slack-submission: a form that was sent calls its command', () => {
  const { actor, place, values } = submission;
  assert.deepEqual(slackSubmission.translate(submission, 'view:V1:1.a'), {
    kind: 'intent',
    intent: {
      key: 'slack:view:V1:1.a',
      actor,
      place,
      wish: { kind: 'call', path: ['train'], values },
    },
  });
});

const others: [name: string, payload: unknown][] = [
  ['nothing', null],
  ['another payload', { type: 'view_submission' }],
  ['no actor', { ...submission, actor: undefined }],
  ['a place of no known kind', { ...submission, place: { kind: 'moon' } }],
  ['values that are none', { ...submission, values: 1 }],
];
for (const [name, payload] of others)
  test(`slack-submission: ${name} is ignored`, () =>
    assert.equal(slackSubmission.translate(payload, 'x').kind, 'ignore'));
