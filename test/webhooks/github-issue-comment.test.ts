import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { githubIssueComment } from '../../webhooks/github-issue-comment.ts';

const person = { id: 7, login: 'Octocat', type: 'User' };
const comment = { id: 900, body: '/train digits\n/gpu', created_at: '2026-01-02T03:04:05Z', user: person };
const said = {
  action: 'created',
  installation: { id: 3 },
  repository: { id: 5, full_name: 'example/digits', private: true },
  sender: person,
  issue: { number: 12, pull_request: { url: 'https://api.example/pulls/12' } },
  comment,
};
const place = {
  kind: 'github',
  installation: 3,
  repo: 5,
  name: 'example/digits',
  isPublic: false,
  issue: 12,
  pull: true,
  user: 'Octocat',
  comment: 900,
  saidAt: '2026-01-02T03:04:05Z',
};

test('github-issue-comment: each line with a command is wanted by whoever wrote it', () => {
  const actor = { kind: 'github', id: 'octocat', name: 'Octocat' };
  assert.deepEqual(githubIssueComment.translate(said), {
    kind: 'intents',
    place,
    account: { id: 7, account: 'github:octocat' },
    intents: [
      {
        key: 'github:comment:900:1',
        ...{ actor, place: { ...place, line: 1 } },
        wish: { kind: 'words', words: 'train digits' },
      },
      {
        key: 'github:comment:900:2',
        ...{ actor, place: { ...place, line: 2 } },
        wish: { kind: 'words', words: 'gpu' },
      },
    ],
  });
});

test('github-issue-comment: an issue is no pull request, and a public repository is known for one', () => {
  const repository = { ...said.repository, private: false };
  const translated = githubIssueComment.translate({ ...said, repository, issue: { number: 12 } });
  assert.ok(translated.kind === 'intents');
  assert.equal(translated.place.pull, false);
  assert.equal(translated.place.isPublic, true);
});

for (const [amount, done, left] of [
  [9, 9, undefined],
  [10, 10, undefined],
  [11, 10, 1],
  [50, 10, 40],
] as const)
  test(`github-issue-comment: of ${amount} commands ${done} are done, and the others are known`, () => {
    const body = '/gpu\n'.repeat(amount);
    const translated = githubIssueComment.translate({ ...said, comment: { ...comment, body } });
    assert.ok(translated.kind === 'intents');
    assert.equal(translated.intents.length, done);
    assert.equal(translated.left?.amount, left);
  });

test('github-issue-comment: what is said alone needs no line', () => {
  const translated = githubIssueComment.translate({ ...said, comment: { ...comment, body: 'Hello\n/gpu' } });
  assert.ok(translated.kind === 'intents');
  assert.deepEqual(translated.intents[0]?.place, place);
});

describe('github-issue-comment ignores', () => {
  const bot = { id: 8, login: 'signalbox[bot]', type: 'Bot' };
  const rows: [name: string, payload: unknown, why: RegExp][] = [
    ['an edit', { ...said, action: 'edited' }, /not a new comment: action/],
    ['a deletion', { ...said, action: 'deleted' }, /not a new comment: action/],
    ['a bot', { ...said, sender: bot, comment: { ...comment, user: bot } }, /of a program/],
    ['an organization', { ...said, sender: { ...person, type: 'Organization' } }, /of a program/],
    [
      'an app in the name of somebody',
      { ...said, comment: { ...comment, performed_via_github_app: { id: 1 } } },
      /of a program/,
    ],
    ['what another one sends', { ...said, sender: { ...person, id: 9 } }, /of somebody else/],
    ['an account that is gone', { ...said, comment: { ...comment, user: null } }, /of nobody/],
    ['words', { ...said, comment: { ...comment, body: 'fine' } }, /without a command/],
    ['no words', { ...said, comment: { ...comment, body: null } }, /without a command/],
    ['a webhook of no app', { ...said, installation: undefined }, /not a new comment: installation/],
    [
      'a repository with a strange name',
      { ...said, repository: { ...said.repository, full_name: 'a/b/c' } },
      /repository\.full_name/,
    ],
    ['nothing', null, /not a new comment/],
  ];
  for (const [name, payload, why] of rows)
    test(name, () => {
      const translated = githubIssueComment.translate(payload);
      assert.ok(translated.kind === 'ignore');
      assert.match(translated.why, why);
    });
});
