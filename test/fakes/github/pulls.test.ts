import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { fixture, refusal } from './fixture.ts';

test('a pull request from its opening to its merge', async t => {
  const { repo, heard, client, at } = await fixture(t);
  const head = await repo.push({ by: 'octocat', branch: 'lr', files: { 'train.py': 'lr = 0.3\n' } });
  const number = await repo.open({ by: 'octocat', from: 'lr', title: 'A higher rate' });
  const { data: first } = await client.rest.pulls.get({ ...at, pull_number: number });
  assert.deepEqual([first.mergeable, first.head.sha, first.changed_files], [null, head, 1]);
  const { data: second } = await client.rest.pulls.get({ ...at, pull_number: number });
  assert.equal(second.mergeable, true, 'it is known to who asks again');
  const merge = await repo.merge('hubot', number);
  assert.equal(await repo.head(), merge);
  assert.equal(await repo.git('rev-parse', `refs/pull/${number}/head`), head);
  assert.deepEqual(heard.names(), ['push', 'pull_request.opened', 'push', 'pull_request.closed']);
  const [, , pushed, closed] = heard.all;
  assert.equal(pushed?.payload.after, merge);
  const shown = z.object({
    pull_request: z.object({ merged: z.literal(true), merge_commit_sha: z.string() }),
  });
  assert.equal(shown.parse(closed?.payload).pull_request.merge_commit_sha, merge);
});

test('a push to the head is told, by force or not', async t => {
  const { repo, heard } = await fixture(t);
  const first = await repo.push({ by: 'octocat', branch: 'lr', files: { a: '1' } });
  await repo.open({ by: 'octocat', from: 'lr' });
  heard.clear();
  const second = await repo.forcePush({ by: 'octocat', branch: 'lr', files: { a: '2' } });
  assert.deepEqual(heard.names(), ['push', 'pull_request.synchronize']);
  assert.equal(heard.all[0]?.payload.forced, true);
  assert.deepEqual([heard.all[1]?.payload.before, heard.all[1]?.payload.after], [first, second]);
});

test('the base that it names is the one of its last push, and the merge is tried on what is there now', async t => {
  const { repo, client, at } = await fixture(t);
  const first = await repo.head();
  await repo.push({ by: 'octocat', branch: 'lr', files: { a: '1' } });
  const pull_number = await repo.open({ by: 'octocat', from: 'lr' });
  const moved = await repo.push({ by: 'octocat', files: { b: '1' } });
  const base = async () => (await client.rest.pulls.get({ ...at, pull_number })).data.base.sha;
  assert.equal(await base(), first);
  assert.equal(await repo.git('rev-parse', `refs/pull/${pull_number}/merge^1`), moved);
  await repo.push({ by: 'octocat', branch: 'lr', files: { a: '2' } });
  assert.equal(await base(), moved);
});

const methods: ['merge' | 'squash' | 'rebase', parents: number, commits: number][] = [
  ['merge', 2, 4],
  ['squash', 1, 2],
  ['rebase', 1, 3],
];
for (const [method, parents, commits] of methods)
  test(`${method}: ${parents} parents, ${commits} commits`, async t => {
    const { repo, client, at } = await fixture(t);
    await repo.push({ by: 'octocat', branch: 'b', files: { a: '1' } });
    const sha = await repo.push({ by: 'octocat', branch: 'b', files: { b: '1' } });
    const number = await repo.open({ by: 'octocat', from: 'b' });
    const { data } = await client.rest.pulls.merge({
      ...at,
      pull_number: number,
      merge_method: method,
      sha,
    });
    const said = await repo.git('rev-list', '--parents', '-1', 'main');
    assert.equal(said.split(' ').length - 1, parents);
    assert.equal(said.split(' ')[0], data.sha);
    assert.equal(Number(await repo.git('rev-list', '--count', 'main')), commits);
  });

test('what cannot be merged is not', async t => {
  const { repo, client, at } = await fixture(t, { files: { a: '0\n' } });
  const base = await repo.head();
  const sha = await repo.push({ by: 'octocat', branch: 'b', files: { a: '1\n' } });
  const number = await repo.open({ by: 'octocat', from: 'b' });
  const merge = (more = {}) => refusal(client.rest.pulls.merge({ ...at, pull_number: number, ...more }));
  assert.equal((await merge({ sha: base })).status, 409, 'the head is another');
  await repo.push({ by: 'hubot', files: { a: '2\n' } });
  assert.equal((await merge({ sha })).status, 405, 'a conflict');
  await client.rest.pulls.get({ ...at, pull_number: number });
  const { data } = await client.rest.pulls.get({ ...at, pull_number: number });
  assert.deepEqual([data.mergeable, data.mergeable_state], [false, 'dirty']);
});

test('a pull request is for another branch, and is a draft no more', async t => {
  const { repo, client, at, heard } = await fixture(t);
  const sha = await repo.head();
  await repo.push({ by: 'octocat', branch: 'next', files: { n: '1' } });
  await repo.push({ by: 'octocat', branch: 'b', files: { a: '1' } });
  const number = await repo.open({ by: 'octocat', from: 'b', draft: true });
  assert.equal((await refusal(client.rest.pulls.merge({ ...at, pull_number: number }))).status, 405);
  heard.clear();
  await repo.edit('octocat', number, { base: 'next', title: 'b' });
  await repo.ready('octocat', number);
  await repo.ready('octocat', number);
  assert.deepEqual(heard.names(), ['pull_request.edited', 'pull_request.ready_for_review']);
  assert.deepEqual(heard.all[0]?.payload.changes, { base: { ref: { from: 'main' }, sha: { from: sha } } });
});

test('a fork: its commits are there, its rights are not', async t => {
  const { repo, client, at, heard } = await fixture(t);
  const fork = await repo.fork('monalisa');
  const sha = await fork.push({ by: 'monalisa', branch: 'mine', files: { a: '1' } });
  assert.deepEqual(heard.names(), [], 'the app is not in the fork');
  const number = await repo.open({ by: 'monalisa', from: { fork, branch: 'mine' } });
  const { data } = await client.rest.pulls.get({ ...at, pull_number: number });
  assert.equal(data.head.repo?.full_name, 'monalisa/digits');
  assert.equal(data.author_association, 'NONE');
  assert.equal(await repo.git('rev-parse', `refs/pull/${number}/head`), sha);
  const next = await fork.push({ by: 'monalisa', branch: 'mine', files: { a: '2' } });
  assert.equal(await repo.git('rev-parse', `refs/pull/${number}/head`), next);
  assert.deepEqual(heard.names(), ['pull_request.opened', 'pull_request.synchronize']);
});
