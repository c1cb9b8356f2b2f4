import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { LoggedRequest } from './api.ts';
import { description } from './description/index.ts';
import { startGitHub } from './fake.ts';
import { appOf, fixture, secret } from './fixture.ts';

const published = await description();
const skip = typeof published === 'string' && published;

const checks = 'POST /repos/{owner}/{repo}/check-runs';
const pulls = 'GET /repos/{owner}/{repo}/pulls';
const check = { name: 'x', head_sha: 'y' };
const rows: [name: string, asked: Partial<LoggedRequest> & { route: string }, wrong: RegExp | null][] = [
  ['a check run', { route: checks, body: check }, null],
  ['a name is missing', { route: checks, body: { head_sha: 'y' } }, /has no name/],
  ['nothing is said', { route: checks }, /has no name/],
  ['a conclusion that is none', { route: checks, body: { ...check, conclusion: 'good' } }, /conclusion/],
  ['a word that GitHub does not know', { route: checks, body: { ...check, sha: 'x' } }, /sha is unknown/],
  [
    'the same further in',
    { route: checks, body: { ...check, output: { title: 'x', summary: 'y', body: 'z' } } },
    /output.body is unknown/,
  ],
  ['a number as text', { route: checks, body: { ...check, external_id: 7 } }, /external_id is no string/],
  ['a list', { route: pulls, query: { state: 'all', per_page: '100' } }, null],
  ['a state that is none', { route: pulls, query: { state: 'merged' } }, /\?state is none of/],
  ['a query that is none', { route: pulls, query: { author: 'octocat' } }, /\?author is unknown/],
  ['a body where there is none', { route: pulls, body: { state: 'all' } }, /has a body/],
  ['a route that is none', { route: 'GET /repos/{owner}/{repo}/runs' }, /no such route/],
];
type Fixture = Awaited<ReturnType<typeof fixture>>;

/** Everything once. */
async function all({ repo, client, at, github }: Fixture) {
  const { rest } = client;
  const username = 'octocat';
  const head_sha = await repo.push({ by: 'octocat', branch: 'b', files: { 'a.txt': '1' } });
  const issue_number = await repo.issue('octocat', 'A question', 'Why?');
  const pull_number = await repo.open({ by: 'octocat', from: 'b', body: 'x' });
  const draft = await rest.pulls.create({ ...at, head: 'b', base: 'main', title: 'x' }).catch(() => null);
  assert.equal(draft, null, 'there is one already');
  await rest.pulls.list({ ...at, state: 'all' });
  await rest.pulls.get({ ...at, pull_number });
  await rest.pulls.get({ ...at, pull_number });
  await rest.pulls.listFiles({ ...at, pull_number });
  await rest.pulls.listCommits({ ...at, pull_number });
  const review = await repo.review('hubot', pull_number, 'APPROVED', 'Good');
  await rest.pulls.listReviews({ ...at, pull_number });
  await rest.pulls.getReview({ ...at, pull_number, review_id: review.id });
  await repo.editReview(pull_number, review, 'Very good');
  await repo.dismissReview('hubot', pull_number, review);
  await repo.label('hubot', pull_number, 'train');
  await rest.pulls.update({ ...at, pull_number, title: 'y' });
  await rest.issues.listForRepo(at);
  await rest.issues.create({ ...at, title: 'x' });
  await rest.issues.get({ ...at, issue_number });
  await rest.issues.update({ ...at, issue_number, state: 'closed' });
  const { data: comment } = await rest.issues.createComment({ ...at, issue_number: pull_number, body: 'x' });
  const comment_id = comment.id;
  await rest.issues.updateComment({ ...at, comment_id, body: 'y' });
  await rest.issues.getComment({ ...at, comment_id });
  await rest.issues.listComments({ ...at, issue_number: pull_number });
  await rest.issues.listCommentsForRepo({ ...at, sort: 'updated', since: '2026-01-01T00:00:00Z' });
  const { data: eyes } = await rest.reactions.createForIssueComment({ ...at, comment_id, content: 'eyes' });
  await rest.reactions.listForIssueComment({ ...at, comment_id });
  await rest.reactions.deleteForIssueComment({ ...at, comment_id, reaction_id: eyes.id });
  const { data: up } = await rest.reactions.createForIssue({ ...at, issue_number, content: '+1' });
  await rest.reactions.listForIssue({ ...at, issue_number });
  await rest.reactions.deleteForIssue({ ...at, issue_number, reaction_id: up.id });
  await rest.issues.deleteComment({ ...at, comment_id });
  await rest.issues.addLabels({ ...at, issue_number, labels: ['a'] });
  await rest.issues.listLabelsOnIssue({ ...at, issue_number });
  await rest.issues.removeLabel({ ...at, issue_number, name: 'a' });
  await repo.edit('octocat', pull_number, { body: 'y' });
  const { data: run } = await rest.checks.create({ ...at, name: 'digits', head_sha });
  const check_run_id = Number(run.id);
  const annotations = [
    { path: 'a.txt', start_line: 1, end_line: 1, annotation_level: 'failure' as const, message: 'x' },
  ];
  const actions = [{ label: 'x', description: 'x', identifier: 'x' }];
  const output = { title: 'x', summary: 'y', annotations };
  await rest.checks.update({ ...at, check_run_id, conclusion: 'failure', output, actions });
  await rest.checks.get({ ...at, check_run_id });
  await rest.checks.listAnnotations({ ...at, check_run_id });
  await rest.checks.listForRef({ ...at, ref: head_sha });
  await repo.press('octocat', check_run_id, 'x');
  await repo.rerun('octocat', check_run_id);
  await rest.repos.createCommitStatus({ ...at, sha: head_sha, state: 'success' });
  await rest.repos.getCombinedStatusForRef({ ...at, ref: 'b' });
  await rest.repos.listCommitStatusesForRef({ ...at, ref: head_sha });
  const deploy = { ...at, ref: 'b', auto_merge: false, required_contexts: [], environment: 'staging' };
  for (const state of ['in_progress', 'success'] as const) {
    const { data } = await rest.repos.createDeployment(deploy);
    assert.ok('id' in data);
    const deployment_id = data.id;
    await rest.repos.getDeployment({ ...at, deployment_id });
    await rest.repos.createDeploymentStatus({ ...at, deployment_id, state });
    await rest.repos.listDeploymentStatuses({ ...at, deployment_id });
  }
  await rest.repos.listDeployments({ ...at, environment: 'staging' });
  await rest.repos.get(at);
  await rest.repos.getCollaboratorPermissionLevel({ ...at, username });
  await rest.repos.getContent({ ...at, path: 'README.md' });
  await rest.repos.getContent({ ...at, path: '' });
  await rest.repos.compareCommitsWithBasehead({ ...at, basehead: 'main...b' });
  await rest.repos.listCommits({ ...at, sha: 'b' });
  await rest.repos.getCommit({ ...at, ref: 'b' });
  await rest.repos.listPullRequestsAssociatedWithCommit({ ...at, commit_sha: head_sha });
  await rest.git.getCommit({ ...at, commit_sha: head_sha });
  await rest.git.getRef({ ...at, ref: 'heads/b' });
  await rest.git.listMatchingRefs({ ...at, ref: 'heads/' });
  await rest.repos.listBranches(at);
  await rest.repos.getBranch({ ...at, branch: 'b' });
  const queued = await repo.enqueue('hubot', pull_number);
  await repo.dequeue('hubot', pull_number, queued, 'merged');
  await rest.pulls.merge({ ...at, pull_number, merge_method: 'squash', sha: head_sha });
  await repo.push({ by: 'octocat', branch: 'c', files: { c: '1' } });
  const { data: second } = await rest.pulls.create({ ...at, head: 'c', base: 'main', title: 'x' });
  await repo.forcePush({ by: 'octocat', branch: 'c', files: { c: '2' } });
  await repo.unlabel('hubot', pull_number, 'train');
  await repo.close('octocat', second.number);
  await repo.reopen('octocat', second.number);
  await repo.deleteBranch('octocat', 'b');
  await rest.users.getByUsername({ username });
  await client.request('GET /repos/{owner}/{repo}/activity', at);
  await client.request('GET /rate_limit');
  await client.request('GET /installation/repositories');
  await repo.rename('hubot', 'numbers');
  await github.installations.ping();
  await github.installations.suspend(repo.installation);
  await github.installations.suspend(repo.installation, false);
  await (await github.repo('octo-org/more')).exclude();
  await client.request('DELETE /installation/token');
}

/** What needs the app's key, whose time is the machine's. */
async function asApp(t: TestContext) {
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits');
  await github.repo('octocat/own', { ownerType: 'User' });
  const { octokit } = appOf(github);
  const { rest } = octokit;
  await rest.apps.getAuthenticated();
  await rest.apps.listInstallations();
  await rest.apps.getInstallation({ installation_id: repo.installation });
  await rest.apps.createInstallationAccessToken({
    installation_id: repo.installation,
    permissions: { checks: 'write' },
    repository_ids: [repo.id],
  });
  await rest.apps.getRepoInstallation({ owner: 'octo-org', repo: 'digits' });
  await rest.apps.getOrgInstallation({ org: 'octo-org' });
  await rest.apps.getUserInstallation({ username: 'octocat' });
  const { data } = await rest.apps.listWebhookDeliveries();
  const delivery_id = Number(data[0]?.id);
  await rest.apps.getWebhookDelivery({ delivery_id });
  await rest.apps.redeliverWebhookDelivery({ delivery_id });
  await github.deliveries.settled();
  return github;
}

/** The published list of installations asks for an account that is a user and an enterprise at once; the route of one asks for either. */
const mistaken = /^GET \/app\/installations 200: \[\d+\]\.account has no (name|slug|created_at|updated_at)$/;

describe('what GitHub publishes', { skip }, () => {
  if (typeof published === 'string') return;
  for (const [name, asked, wrong] of rows)
    test(`${name}: ${wrong ? 'found' : 'right'}`, () => {
      const logged = { method: '', params: {}, query: {}, body: undefined, at: 0, status: 200, answer: {} };
      const found = published.request({ ...logged, ...asked }).join('\n');
      if (wrong) assert.match(found, wrong);
      else assert.equal(found, '');
    });

  test('the fake answers and tells as GitHub describes it, by every route that it has', async t => {
    const made = await fixture(t);
    await all(made);
    const app = await asApp(t);
    const asked = [...made.github.requests, ...app.requests];
    const told = [...made.github.deliveries.all(), ...app.deliveries.all()];
    const wrong = [
      ...asked.filter(({ status }) => status < 400).flatMap(published.request),
      ...asked.flatMap(published.answer),
      ...told.flatMap(published.webhook),
    ];
    assert.deepEqual(
      [...new Set(wrong)].filter(one => !mistaken.test(one)),
      [],
    );
    const seen = new Set(asked.map(({ route }) => route));
    assert.deepEqual(
      made.github.routes.filter(route => !seen.has(route)),
      [],
    );
  });

  test('who asks for what GitHub does not know is told at the end', async () => {
    const github = await startGitHub({ secret });
    const repo = await github.repo('octo-org/digits');
    await fetch(`${github.apiUrl}/repos/${repo.name}/pulls?author=octocat`, {
      headers: { authorization: `Bearer ${github.issue(repo.installation)}`, 'user-agent': 'a-test' },
    });
    await assert.rejects(github.close(), /author is unknown/);
  });
});
