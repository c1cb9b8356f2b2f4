import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientOf, fixture, refusal } from './fixture.ts';

const post = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';

test('80 that make content a minute, then one has to wait', async t => {
  const { client, clock, repo, at } = await fixture(t);
  const issue_number = await repo.issue('octocat', 'x');
  const say = () => client.rest.issues.createComment({ ...at, issue_number, body: 'x' });
  for (let time = 0; time < 80; time += 1) await say();
  clock.advance(20_000);
  const error = await refusal(say());
  assert.deepEqual([error.status, error.response?.headers['retry-after']], [403, '40']);
  assert.equal((await client.rest.issues.get({ ...at, issue_number })).status, 200, 'reading goes on');
  clock.advance(40_000);
  assert.equal((await say()).status, 201);
});

test('the hour has its own number', async t => {
  const { github, client, clock, repo, at } = await fixture(t);
  github.limits.set({ contentPerHour: 2 });
  const issue_number = await repo.issue('octocat', 'x');
  const say = () => client.rest.issues.createComment({ ...at, issue_number, body: 'x' });
  await say();
  clock.advance(600_000);
  await say();
  assert.equal((await refusal(say())).response?.headers['retry-after'], '3000');
});

test('the primary limit says when it is over', async t => {
  const { github, client, clock, repo, at } = await fixture(t);
  github.limits.set({ primary: 2 });
  const { headers } = await client.rest.repos.get(at);
  assert.deepEqual([headers['x-ratelimit-remaining'], headers['x-ratelimit-used']], ['1', 1].map(String));
  await client.rest.repos.get(at);
  const error = await refusal(client.rest.repos.get(at));
  const reset = Number(error.response?.headers['x-ratelimit-reset']) * 1000;
  assert.deepEqual([error.status, error.response?.headers['x-ratelimit-remaining']], [403, '0']);
  clock.advance(reset - clock.now());
  const later = clientOf(github, repo.installation);
  assert.equal((await later.rest.repos.get(at)).status, 200);
});

const faults: [
  'server-error' | 'secondary' | 'too-many' | 'cut' | 'lost',
  status: number,
  comments: number,
][] = [
  ['server-error', 502, 0],
  ['secondary', 403, 0],
  ['too-many', 429, 0],
  ['cut', 500, 0],
  ['lost', 500, 1],
];
for (const [fault, status, comments] of faults)
  test(`${fault}: ${comments} comments`, async t => {
    const { github, client, repo, at } = await fixture(t);
    const issue_number = await repo.issue('octocat', 'x');
    github.faults.next(post, fault);
    const error = await refusal(client.rest.issues.createComment({ ...at, issue_number, body: 'x' }));
    assert.equal(error.status, status);
    assert.equal(repo.comments(issue_number).length, comments);
  });

test('a slow answer comes when it is let in', async t => {
  const { github, client, repo, at } = await fixture(t);
  const issue_number = await repo.issue('octocat', 'x');
  const gate = github.faults.gate(post);
  const asked = client.rest.issues.createComment({ ...at, issue_number, body: 'x' });
  await gate.reached;
  assert.equal(repo.comments(issue_number).length, 0);
  gate.open();
  assert.equal((await asked).status, 201);
});
