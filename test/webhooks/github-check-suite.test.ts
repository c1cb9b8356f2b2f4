import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { githubCheckSuite } from '../../webhooks/github-check-suite.ts';

const sha = 'a'.repeat(40);
const press = {
  action: 'rerequested',
  installation: { id: 3 },
  repository: { id: 5, full_name: 'example/digits', private: true },
  sender: { id: 7, login: 'Octocat', type: 'User' },
  check_suite: { id: 9, head_sha: sha, head_branch: 'wider', pull_requests: [] },
};

test('github-check-suite: all checks again are those of a commit, for whoever pressed it', () => {
  const said = githubCheckSuite.translate(press, 'abc');
  assert.ok(said.kind === 'repeat');
  assert.deepEqual(
    [said.key, said.sha, said.place.repo, said.actor.id, said.account],
    ['github:abc', sha, 5, 'octocat', { id: 7, account: 'github:octocat' }],
  );
});

describe('github-check-suite', () => {
  const rows: [name: string, payload: unknown, why: RegExp][] = [
    ['another action', { ...press, action: 'completed' }, /not all checks again: action/],
    ['a bot', { ...press, sender: { ...press.sender, type: 'Bot' } }, /a press of a program/],
    ['no commit', { ...press, check_suite: { head_sha: '0'.repeat(40) } }, /the checks of nothing/],
    ['a branch for a commit', { ...press, check_suite: { head_sha: 'wider' } }, /check_suite.head_sha/],
    ['no installation', { ...press, installation: undefined }, /installation/],
    ['nothing', null, /not all checks again/],
  ];
  for (const [name, payload, why] of rows)
    test(`${name} is ignored`, () => {
      const said = githubCheckSuite.translate(payload, 'abc');
      assert.ok(said.kind === 'ignore');
      assert.match(said.why, why);
    });
});
