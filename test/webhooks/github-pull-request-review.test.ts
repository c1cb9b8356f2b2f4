import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reviewedCommits } from '../../src/core/promotion/review.ts';
import { githubPullRequestLabel } from '../../webhooks/github-pull-request-label.ts';
import { githubPullRequestReview } from '../../webhooks/github-pull-request-review.ts';

const [a, b, c] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)];
const told = {
  repository: { id: 5, full_name: 'octo-org/digits', private: false },
  installation: { id: 3 },
  sender: { id: 7, login: 'Hubot', type: 'User' },
};
const pull = {
  number: 12,
  user: { login: 'octocat' },
  labels: [],
  base: { ref: 'main', sha: a },
  head: { ref: 'change', sha: b, repo: { id: 5 } },
  merged_at: null,
  // By which GitHub tries the merge.
  merge_commit_sha: c,
};
const review = {
  id: 77,
  user: told.sender,
  body: 'Well\r\ndone',
  state: 'approved',
  commit_id: b,
  submitted_at: '2026-01-01T00:00:00Z',
};
const submitted = (changes: object = {}, more: object = {}) => ({
  ...{ ...told, action: 'submitted', pull_request: pull, ...more },
  review: { ...review, ...changes },
});

test('a review says what it decides, of which commit, and when', () => {
  const said = githubPullRequestReview.translate(submitted());
  assert.ok(said.kind === 'review');
  assert.deepEqual(said.review, {
    ...{ id: 77, says: 'approve', commit: b, at: new Date('2026-01-01T00:00:00Z'), body: 'Well done' },
    ...{ head: b, merged: null },
  });
  assert.deepEqual([said.key, said.actor.id, said.account.id], ['github:review:77:approve', 'hubot', 7]);
  assert.deepEqual(
    [said.place.repo, said.place.issue, said.place.pull, said.place.user],
    [5, 12, true, 'Hubot'],
  );
});

describe('reviews', () => {
  const other = { id: 8, login: 'third', type: 'User' };
  const rows: [name: string, payload: unknown, says: string | null][] = [
    ['that requests changes', submitted({ state: 'changes_requested' }), 'reject'],
    ['without words', submitted({ body: null }), 'approve'],
    ['of a commit that is gone', submitted({ commit_id: null }), 'approve'],
    [
      'dismissed by another',
      submitted({ state: 'dismissed' }, { action: 'dismissed', sender: other }),
      'withdraw',
    ],
    [
      'dismissed by a program',
      submitted({ state: 'dismissed' }, { action: 'dismissed', sender: { ...other, type: 'Bot' } }),
      'withdraw',
    ],
    ['that only says something', submitted({ state: 'commented' }), null],
    ['that is dismissed, as it was submitted', submitted({ state: 'dismissed' }), null],
    ['that approves, as it was dismissed', submitted({}, { action: 'dismissed' }), null],
    ['that is edited', submitted({}, { action: 'edited' }), null],
    ['of a program', submitted({ user: { ...told.sender, type: 'Bot' } }), null],
    ['of nobody', submitted({ user: null }), null],
    ['in the name of another', submitted({}, { sender: other }), null],
    ['in a state named like a property', submitted({ state: 'constructor' }), null],
    ['of a commit in capitals', submitted({ commit_id: 'B'.repeat(40) }), null],
    ['without an installation', submitted({}, { installation: undefined }), null],
    ['without a pull request', submitted({}, { pull_request: undefined }), null],
  ];
  for (const [name, payload, says] of rows)
    test(name, () => {
      const said = githubPullRequestReview.translate(payload);
      assert.equal(said.kind === 'review' ? said.review.says : null, says);
    });
});

describe('the code that a review is of', () => {
  const of = { id: 1, says: 'approve' as const, body: '', at: new Date(0), head: b };
  const rows: [name: string, commit: string | null, merged: string | null, commits: string[]][] = [
    ['its commit', b, null, [b]],
    ['the head of what was merged', b, c, [b, c]],
    ['an earlier commit of what was merged', a, c, [a]],
    ['no commit', null, c, []],
  ];
  for (const [name, commit, merged, commits] of rows)
    test(name, () => assert.deepEqual(reviewedCommits({ ...of, commit, merged }), commits));
});

describe('labels', () => {
  const labelled = (more: object = {}) => ({
    ...{ ...told, action: 'labeled', pull_request: pull, label: { name: 'promote-digits' } },
    ...more,
  });
  const rows: [name: string, payload: unknown, merged: string | null | undefined][] = [
    ['put on a pull request', labelled(), null],
    [
      'put on one that was merged',
      labelled({ pull_request: { ...pull, merged_at: '2026-01-01T00:00:00Z' } }),
      c,
    ],
    ['by a program', labelled({ sender: { ...told.sender, type: 'Bot' } }), undefined],
    ['taken off', labelled({ action: 'unlabeled' }), undefined],
    ['of no name', labelled({ label: { name: '' } }), undefined],
    ['of nothing', labelled({ label: undefined }), undefined],
  ];
  for (const [name, payload, merged] of rows)
    test(name, () => {
      const said = githubPullRequestLabel.translate(payload, 'abc');
      assert.equal(said.kind, merged === undefined ? 'ignore' : 'promote');
      if (said.kind !== 'promote' || !('label' in said.of)) return;
      assert.deepEqual(
        [said.key, said.of.label, said.of.pull.mergedAs],
        ['github:abc', 'promote-digits', merged],
      );
    });
});
