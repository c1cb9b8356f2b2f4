import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkMarkText } from '../../src/core/check-mark.ts';
import type { Translation } from '../../src/core/webhook.ts';
import { githubCheckRun } from '../../webhooks/github-check-run.ts';

const press = {
  action: 'requested_action',
  requested_action: { identifier: 'cancel' },
  installation: { id: 3 },
  repository: { id: 5, full_name: 'example/digits', private: true },
  sender: { id: 7, login: 'Octocat', type: 'User' },
  check_run: { id: 77, external_id: 'v' },
};
const own = checkMarkText({ repo: 5, issue: 12, run: 42 });
const sha = 'a'.repeat(40);
const summary = checkMarkText({ repo: 5, issue: 12, sha, runs: [42] });
const empty = checkMarkText({ repo: 5, issue: 12, sha, runs: [] });

function pressed(payload: unknown, text: string | null): Translation {
  const translated = githubCheckRun.translate(payload, 'abc');
  return translated.kind === 'signed' ? translated.read(text) : translated;
}

test('github-check-run: a press is its words, said at the pull request by whoever pressed it', () => {
  const place = {
    kind: 'github',
    installation: 3,
    repo: 5,
    name: 'example/digits',
    isPublic: false,
    issue: 12,
    pull: true,
    user: 'Octocat',
  };
  const actor = { kind: 'github', id: 'octocat', name: 'Octocat' };
  assert.deepEqual(pressed(press, own), {
    kind: 'intents',
    place,
    account: { id: 7, account: 'github:octocat' },
    intents: [{ key: 'github:abc', actor, place, wish: { kind: 'words', words: 'train cancel 42' } }],
  });
});

test('github-check-run: Promote names the run, and nothing of what it made', () => {
  const said = pressed({ ...press, requested_action: { identifier: 'promote' } }, own);
  assert.ok(said.kind === 'promote');
  assert.deepEqual(
    [said.key, said.of, said.place.issue, said.actor.id],
    ['github:abc', { run: 42 }, 12, 'octocat'],
  );
});

test('github-check-run: a summary of several runs repeats them all, each once', () => {
  const text = checkMarkText({ repo: 5, issue: 12, sha, runs: [42, 40] });
  const translated = pressed({ ...press, action: 'rerequested' }, text);
  assert.ok(translated.kind === 'intents');
  assert.deepEqual(
    translated.intents.map(({ key, wish }) => [key, wish.kind === 'words' && wish.words]),
    [
      ['github:abc', 'train retry 42'],
      ['github:abc:1', 'train retry 40'],
    ],
  );
});

describe('github-check-run', () => {
  const rows: [name: string, payload: unknown, text: string | null, expected: string][] = [
    ['run again', { ...press, requested_action: { identifier: 'rerun' } }, own, 'train retry 42'],
    ["GitHub's own button", { ...press, action: 'rerequested' }, own, 'train retry 42'],
    ['another button', { ...press, requested_action: { identifier: 'toString' } }, own, 'none of ours'],
    ['no button', { ...press, requested_action: undefined }, own, 'none of ours'],
    ['a check that is not signed', press, null, 'none of ours'],
    ['a check of another repository', press, checkMarkText({ repo: 6, issue: 12, run: 42 }), 'none of ours'],
    ['a button of Slack', press, '["button","T1","C1","cancel",42]', 'none of ours'],
    ['what is signed is no JSON', press, 'x', 'none of ours'],
    [
      'a rule on a summary',
      { ...press, requested_action: { identifier: 'quick' } },
      summary,
      `train quick --ref ${sha}`,
    ],
    [
      'a name that is no rule can have',
      { ...press, requested_action: { identifier: 'x --gpus 9' } },
      summary,
      'none of ours',
    ],
    [
      'Re-run as the name of a rule',
      { ...press, requested_action: { identifier: 'Re-run' } },
      empty,
      'none of ours',
    ],
    ["GitHub's own button on a summary", { ...press, action: 'rerequested' }, summary, 'train retry 42'],
    ['the same where nothing has ended', { ...press, action: 'rerequested' }, empty, 'none of ours'],
    ['a bot', { ...press, sender: { ...press.sender, type: 'Bot' } }, own, 'a press of a program'],
    ['another action', { ...press, action: 'completed' }, own, 'not a press on a check: action'],
    ["another app's check", { ...press, check_run: { external_id: '' } }, own, 'check_run.external_id'],
  ];
  for (const [name, payload, text, expected] of rows)
    test(name, () => {
      const translated = pressed(payload, text);
      if (translated.kind === 'ignore') return assert.match(translated.why, new RegExp(expected));
      assert.ok(translated.kind === 'intents');
      assert.deepEqual(
        translated.intents.map(({ wish }) => wish),
        [{ kind: 'words', words: expected }],
      );
    });
});
