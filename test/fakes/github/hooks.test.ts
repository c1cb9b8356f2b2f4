import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startGitHub } from './fake.ts';
import { appOf, fixture, listener, secret } from './fixture.ts';

test('a delivery is signed over its bytes, and says what it is', async t => {
  const { repo, heard } = await fixture(t);
  const number = await repo.issue('octocat', 'Größer');
  await repo.comment('octocat', number, '/train digits');
  assert.deepEqual(heard.names(), ['issues.opened', 'issue_comment.created']);
  for (const { body, guid, headers } of heard.all) {
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    assert.equal(headers['x-hub-signature-256'], `sha256=${signature}`);
    assert.match(guid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(headers['user-agent'] ?? '', /^GitHub-Hookshot\//);
  }
});

test('a comment is told of when it is made, changed and deleted, and not when nothing changed', async t => {
  const { repo, heard } = await fixture(t);
  const id = await repo.comment('octocat', await repo.issue('octocat', 'x'), 'one');
  await repo.editComment('octocat', id, 'one');
  await repo.editComment('hubot', id, 'two');
  await repo.deleteComment('hubot', id);
  const names = ['issues.opened', 'issue_comment.created', 'issue_comment.edited', 'issue_comment.deleted'];
  assert.deepEqual(heard.names(), names);
  assert.deepEqual(heard.all[2]?.payload.changes, { body: { from: 'one' } });
});

test('deliveries are lost, forgotten, repeated and turned round', async t => {
  const { github, repo, heard } = await fixture(t);
  const number = await repo.issue('octocat', 'x');
  const { deliveries } = github;
  heard.clear();
  deliveries.lose('issue_comment');
  await repo.comment('octocat', number, 'lost');
  assert.deepEqual(heard.names(), []);
  assert.equal(deliveries.recent()[0]?.status, 'failed to connect to host');
  const known = deliveries.recent().length;
  deliveries.vanish();
  await repo.comment('octocat', number, 'never made');
  assert.equal(deliveries.recent().length, known);
  deliveries.hold();
  for (const body of ['a', 'b']) await repo.comment('octocat', number, body);
  assert.deepEqual(heard.names(), []);
  deliveries.repeatAll(2);
  await deliveries.release(held => [...held].reverse());
  const guids = heard.all.map(({ guid }) => guid);
  assert.deepEqual(
    [guids.length, guids[0] === guids[1], guids[2] === guids[3], guids[0] === guids[2]],
    [4, true, true, false],
  );
  assert.match(heard.all[0]?.body ?? '', /"body":"b"/);
});

test('what failed is listed and told again under its GUID, for three days and only when asked', async t => {
  // The app's key is checked against the time, and Octokit goes by the machine's.
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const heard = await listener(t);
  const repo = await github.repo('octo-org/digits');
  github.sendTo(heard.url);
  const { octokit } = appOf(github);
  heard.answer(500);
  const number = await repo.issue('octocat', 'x');
  heard.answer(202);
  await repo.comment('octocat', number, 'y');
  const list = async (more = {}) =>
    (await octokit.request('GET /app/hook/deliveries', { per_page: 2, ...more })).data;
  const [newest, failed] = await list();
  assert.deepEqual([newest?.event, newest?.status, newest?.status_code], ['issue_comment', 'OK', 202]);
  assert.deepEqual([failed?.event, failed?.action, failed?.status_code], ['issues', 'opened', 500]);
  assert.deepEqual([failed?.installation_id, failed?.repository_id], [repo.installation, repo.id]);
  assert.equal(heard.all.length, 2, 'nothing is told again by itself');
  await octokit.request('POST /app/hook/deliveries/{delivery_id}/attempts', {
    delivery_id: Number(failed?.id),
  });
  await github.deliveries.settled();
  assert.deepEqual([heard.all[2]?.guid, heard.all[2]?.body], [heard.all[0]?.guid, heard.all[0]?.body]);
  const [again] = await list();
  assert.deepEqual([again?.redelivery, again?.guid, again?.id === failed?.id], [true, failed?.guid, false]);
  const { headers, data } = await octokit.request('GET /app/hook/deliveries', { per_page: 1 });
  assert.match(headers.link ?? '', new RegExp(`cursor=${data[0]?.id}.*rel="next"`));
});

test('an old delivery is gone', async t => {
  const { github, clock, repo } = await fixture(t);
  await repo.issue('octocat', 'x');
  const id = github.deliveries.recent()[0]?.id ?? 0;
  clock.advance(3 * 24 * 3_600_000 + 1_000);
  assert.deepEqual(github.deliveries.recent(), []);
  assert.equal(github.deliveries.redeliver(id), null);
});

test('where the app is not installed, or is suspended, it hears nothing', async t => {
  const { github, repo, heard } = await fixture(t);
  const other = await github.repo('octo-org/models', { installed: false });
  await other.issue('octocat', 'x');
  assert.deepEqual(heard.names(), []);
  await github.installations.suspend(repo.installation);
  await repo.issue('octocat', 'x');
  await github.installations.suspend(repo.installation, false);
  await other.install();
  await other.exclude();
  await github.installations.ping();
  const names = ['installation.suspend', 'installation.unsuspend'];
  const moved = ['installation_repositories.added', 'installation_repositories.removed'];
  assert.deepEqual(heard.names(), [...names, ...moved, 'ping']);
});

test('a merge group, buttons, labels and a new name are told', async t => {
  const { github, repo, client, at, heard } = await fixture(t);
  const head_sha = await repo.push({ by: 'octocat', branch: 'b', files: { a: '1' } });
  const number = await repo.open({ by: 'octocat', from: 'b' });
  const actions = [{ label: 'Cancel', description: 'Stops the run.', identifier: 'cancel' }];
  const { data } = await client.rest.checks.create({ ...at, name: 'digits', head_sha, actions });
  await assert.rejects(repo.press('octocat', data.id, 'cancel'), /no button/, 'it is not completed');
  await client.rest.checks.update({ ...at, check_run_id: data.id, conclusion: 'success' });
  await github.deliveries.settled();
  heard.clear();
  await repo.press('octocat', data.id, 'cancel');
  await repo.rerun('octocat', data.id);
  await repo.label('octocat', number, 'train');
  await repo.unlabel('octocat', number, 'train');
  const sha = await repo.enqueue('octocat', number);
  await repo.dequeue('octocat', number, sha, 'merged');
  await repo.rename('hubot', 'numbers');
  const checks = ['check_run.requested_action', 'check_run.rerequested'];
  const labels = ['pull_request.labeled', 'pull_request.unlabeled'];
  const groups = ['push', 'merge_group.checks_requested', 'merge_group.destroyed', 'repository.renamed'];
  assert.deepEqual(heard.names(), [...checks, ...labels, ...groups]);
  assert.deepEqual(heard.all[0]?.payload.requested_action, { identifier: 'cancel' });
});
