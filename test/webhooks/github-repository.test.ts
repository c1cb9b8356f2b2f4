import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { githubMergeGroup } from '../../webhooks/github-merge-group.ts';
import { githubPullRequest } from '../../webhooks/github-pull-request.ts';
import { githubPush } from '../../webhooks/github-push.ts';

const [a, b] = ['a'.repeat(40), 'b'.repeat(40)];
const told = {
  repository: { id: 7, full_name: 'octo-org/digits', pushed_at: 1_767_225_600 },
  installation: { id: 1 },
  sender: { login: 'octocat' },
};
const push = { ...told, ref: 'refs/heads/main', before: a, after: b, forced: false };
const pull = {
  number: 3,
  user: { login: 'octocat' },
  labels: [{ name: 'train' }],
  base: { ref: 'main', sha: a },
  head: { ref: 'change', sha: b, repo: { id: 7 } },
  merged: false,
  merge_commit_sha: null,
  closed_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
};
const request = (action: string, changes: object = {}, more: object = {}) => ({
  ...told,
  ...{ action, ...more },
  pull_request: { ...pull, ...changes },
});

describe('pushes', () => {
  const rows: [string, object, object | null][] = [
    ['to a branch', {}, { branch: 'main', before: a, after: b, forced: false }],
    ['to a branch with slashes', { ref: 'refs/heads/a/b' }, { branch: 'a/b' }],
    ['to a branch named like a ref', { ref: 'refs/heads/refs/heads/x' }, { branch: 'refs/heads/x' }],
    ['forced', { forced: true }, { forced: true }],
    ['of a new branch', { before: '0'.repeat(40) }, { before: null }],
    [
      'with its time as text',
      { repository: { ...told.repository, pushed_at: '2026-01-01T00:00:00Z' } },
      { at: new Date('2026-01-01T00:00:00Z') },
    ],
    ['of somebody who is gone', { sender: null }, { by: 'ghost' }],
    ['of a tag', { ref: 'refs/tags/v1' }, null],
    ['of a branch that is gone', { after: '0'.repeat(40) }, null],
    ['of a short commit', { after: 'b'.repeat(39) }, null],
    ['of a commit in capitals', { after: 'B'.repeat(40) }, null],
    ['without an installation', { installation: undefined }, null],
    ['without a repository', { repository: undefined }, null],
    ['of nothing', { ref: undefined }, null],
  ];
  for (const [name, changes, says] of rows)
    test(name, () => {
      const said = githubPush.translate({ ...push, ...changes });
      assert.equal(said.kind, says ? 'repository' : 'ignore');
      if (said.kind === 'repository') assert.partialDeepStrictEqual(said.event, { type: 'pushed', ...says });
    });
});

describe('pull requests', () => {
  const rows: [string, object, object | null][] = [
    [
      'opened',
      request('opened'),
      { type: 'proposed', before: null, pull: { number: 3, head: { sha: b, repo: 7 }, labels: ['train'] } },
    ],
    ['opened again', request('reopened'), { type: 'proposed', before: null }],
    ['pushed to', request('synchronize', {}, { before: a }), { type: 'proposed', before: a }],
    ['pushed to, from nothing that is named', request('synchronize'), null],
    [
      'of a fork that is gone',
      request('opened', { head: { ...pull.head, repo: null } }),
      { pull: { head: { repo: null } } },
    ],
    ['closed', request('closed'), { type: 'closed', merged: null }],
    ['merged', request('closed', { merged: true, merge_commit_sha: b }), { type: 'closed', merged: b }],
    [
      'closed with a commit that would have merged it',
      request('closed', { merge_commit_sha: b }),
      { type: 'closed', merged: null },
    ],
    ['closed at no time', request('closed', { closed_at: null }), null],
    [
      'for another branch',
      request('edited', {}, { changes: { base: { ref: { from: 'old' }, sha: { from: a } } } }),
      { type: 'retargeted', pull: { number: 3, base: { branch: 'main', sha: a } } },
    ],
    ['with another title', request('edited', {}, { changes: { title: { from: 'old' } } }), null],
    ['edited, and nobody says what', request('edited'), null],
    ['labelled', request('labeled'), null],
    ['without its base', request('opened', { base: undefined }), null],
  ];
  for (const [name, payload, says] of rows)
    test(name, () => {
      const said = githubPullRequest.translate(payload);
      assert.equal(said.kind, says ? 'repository' : 'ignore');
      if (said.kind === 'repository') assert.partialDeepStrictEqual(said.event, says ?? {});
    });
});

const group = {
  head_ref: 'refs/heads/gh-readonly-queue/main/pr-1',
  base_ref: 'refs/heads/main',
  head_sha: 'b'.repeat(40),
  base_sha: 'a'.repeat(40),
  head_commit: { timestamp: '2026-01-02T03:04:05Z' },
};
const requested = {
  action: 'checks_requested',
  repository: { id: 7, full_name: 'octo-org/digits' },
  installation: { id: 1 },
  sender: { login: 'octocat' },
  merge_group: group,
};

test('a merge group asks for its checks', () => {
  const said = githubMergeGroup.translate(requested);
  assert.ok(said.kind === 'repository' && said.event.type === 'grouped');
  const { sha, onto, branch } = said.event;
  assert.deepEqual([sha, onto, branch], ['b'.repeat(40), 'a'.repeat(40), 'main']);
});

describe('merge groups start nothing', () => {
  for (const [name, payload, why] of [
    ['no repository', { ...requested, repository: undefined }, /not a merge group: repository/],
    ['nothing', { ...requested, merge_group: { ...group, head_sha: '0'.repeat(40) } }, /of nothing/],
    ['no branch', { ...requested, merge_group: { ...group, base_ref: 'refs/tags/main' } }, /of nothing/],
    ['it is gone', { ...requested, action: 'destroyed' }, /is gone/],
    ['another action', { ...requested, action: 'enqueued' }, /not a merge group: action/],
  ] as const)
    test(name, () => {
      const said = githubMergeGroup.translate(payload);
      assert.equal(said.kind, 'ignore');
      if (said.kind === 'ignore') assert.match(said.why, why);
    });
});
