import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture, refusal } from './fixture.ts';

type Client = Awaited<ReturnType<typeof fixture>>['client'];
const at = { owner: 'octo-org', repo: 'digits' };
const check = (client: Client, more: object) =>
  client.request('POST /repos/{owner}/{repo}/check-runs', { ...at, name: 'digits', head_sha: '', ...more });
const action = { label: 'x'.repeat(20), description: 'x'.repeat(40), identifier: 'x'.repeat(20) };
const line = { path: 'a', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'x' };
const output = (annotations: number) => ({
  output: { title: 'x', summary: 'x', annotations: Array(annotations).fill(line) },
});

const checks: [name: string, status: number, body: object][] = [
  ['queued', 201, {}],
  ['three actions as long as may be', 201, { actions: [action, action, action] }],
  ['four actions', 422, { actions: [action, action, action, action] }],
  ['a label of 21', 422, { actions: [{ ...action, label: 'x'.repeat(21) }] }],
  ['a description of 41', 422, { actions: [{ ...action, description: 'x'.repeat(41) }] }],
  ['an identifier of 21', 422, { actions: [{ ...action, identifier: 'x'.repeat(21) }] }],
  ['50 annotations', 201, output(50)],
  ['51 annotations', 422, output(51)],
  ['completed with a conclusion', 201, { status: 'completed', conclusion: 'neutral' }],
  ['completed without', 422, { status: 'completed' }],
  ['stale is for GitHub alone', 422, { conclusion: 'stale' }],
  ['a commit that is not there', 422, { head_sha: '1'.repeat(40) }],
  ['a branch is no commit', 422, { head_sha: 'main' }],
];
for (const [name, status, body] of checks)
  test(`a check run, ${name}: ${status}`, async t => {
    const { client, repo } = await fixture(t);
    const asked = check(client, { head_sha: await repo.head(), ...body });
    if (status === 201) assert.equal((await asked).status, 201);
    else assert.equal((await refusal(asked)).status, status);
  });

test('annotations are added to those before', async t => {
  const { client, repo } = await fixture(t);
  const { data } = await check(client, { head_sha: await repo.head(), ...output(50) });
  const more = {
    ...at,
    check_run_id: Number(data.id),
    output: { title: 'x', summary: 'y', annotations: [] },
  };
  const rest = { ...more.output, annotations: [{ ...line, annotation_level: 'failure' as const }] };
  const { data: now } = await client.rest.checks.update({ ...more, output: rest });
  assert.equal(now.output.annotations_count, 51);
});

const bodies: [name: string, status: number, body: string][] = [
  ['65,536', 201, 'x'.repeat(65_536)],
  ['65,537', 422, 'x'.repeat(65_537)],
  ['65,536 outside the first plane', 201, '😀'.repeat(65_536)],
  ['nothing', 422, ' '],
];
for (const [name, status, body] of bodies)
  test(`a comment of ${name}: ${status}`, async t => {
    const { client, repo } = await fixture(t);
    const issue_number = await repo.issue('octocat', 'x');
    const asked = client.rest.issues.createComment({ ...at, issue_number, body });
    if (status === 201) assert.equal((await asked).data.user?.login, 'signalbox[bot]');
    else assert.equal((await refusal(asked)).status, status);
  });

const people: [login: string, role: 'maintain' | 'triage' | 'none', word: string, open: string][] = [
  ['mona', 'maintain', 'write', 'write'],
  ['mona', 'triage', 'read', 'read'],
  ['mona', 'none', 'none', 'read'],
];
for (const [username, role, closed, open] of people)
  test(`${role}: ${closed} where private, ${open} where public`, async t => {
    const { client, repo } = await fixture(t, { private: true });
    repo.permit(username, role);
    const ask = async () =>
      (await client.rest.repos.getCollaboratorPermissionLevel({ ...at, username })).data.permission;
    assert.equal(await ask(), closed);
    repo.makePrivate(false);
    assert.equal(await ask(), open);
  });

test('a former name leads to the repository, by its id', async t => {
  const { client, repo, github } = await fixture(t);
  await repo.rename('hubot', 'numbers');
  const { data, url } = await client.rest.repos.get(at);
  assert.equal(data.full_name, 'octo-org/numbers');
  assert.match(url, new RegExp(`/repositories/${repo.id}$`));
  const byId = await client.request('GET /repositories/{id}/pulls', { id: repo.id });
  assert.deepEqual(byId.data, []);
  const other = await github.repo('octo-org/digits');
  assert.equal((await client.rest.repos.get(at)).data.id, other.id, 'the name is of another now');
});

test('a repository that went to an owner without the app is gone for it', async t => {
  const { client, repo } = await fixture(t, { private: true });
  await repo.transfer('hubot', 'other-org');
  assert.equal((await refusal(client.rest.repos.get(at))).status, 404);
  assert.equal(repo.installation, 0);
});

test('files, as text and as GitHub wraps them', async t => {
  const files = { 'a/b.txt': 'Größer\n', '.signalbox.yml': 'x: 1\n' };
  const { client, repo } = await fixture(t, { files });
  const ask = (path: string, more = {}) => client.rest.repos.getContent({ ...at, path, ...more });
  const { data } = await ask('a/b.txt');
  assert.ok(!Array.isArray(data) && data.type === 'file');
  assert.equal(Buffer.from(data.content, 'base64').toString(), 'Größer\n');
  const raw = await ask('a/b.txt', { mediaType: { format: 'raw' }, ref: await repo.head() });
  assert.equal(raw.data, 'Größer\n');
  const { data: top } = await ask('');
  assert.deepEqual(Array.isArray(top) && top.map(({ name, type }) => [name, type]), [
    ['.signalbox.yml', 'file'],
    ['a', 'dir'],
  ]);
  assert.equal((await refusal(ask('none'))).status, 404);
  assert.equal((await refusal(ask('a/b.txt', { ref: 'none' }))).status, 404);
});

test('two sides are compared', async t => {
  const { client, repo } = await fixture(t);
  await repo.push({ by: 'octocat', branch: 'b', files: { a: '1' } });
  const ask = async (basehead: string) => {
    const { data } = await client.rest.repos.compareCommitsWithBasehead({ ...at, basehead });
    return [data.status, data.ahead_by, data.behind_by, data.files?.map(({ filename }) => filename)];
  };
  assert.deepEqual(await ask('main...b'), ['ahead', 1, 0, ['a']]);
  assert.deepEqual(await ask('b...main'), ['behind', 0, 1, []]);
  await repo.push({ by: 'octocat', files: { c: '1' } });
  assert.deepEqual(await ask('main...b'), ['diverged', 1, 1, ['a']]);
  assert.deepEqual(await ask('main...main'), ['identical', 0, 0, []]);
});

test('a reaction is there once', async t => {
  const { client, repo } = await fixture(t);
  const comment_id = await repo.comment('octocat', await repo.issue('octocat', 'x'), '/train');
  const react = () => client.rest.reactions.createForIssueComment({ ...at, comment_id, content: 'eyes' });
  const first: number = (await react()).status;
  assert.deepEqual([first, (await react()).status], [201, 200]);
  const { data } = await client.rest.issues.getComment({ ...at, comment_id });
  assert.equal(data.reactions?.eyes, 1);
});

test('a deployment waits for its checks, and takes the default branch in unless told not to', async t => {
  const { client, repo, heard } = await fixture(t);
  const sha = await repo.push({ by: 'octocat', branch: 'b', files: { a: '1' } });
  await repo.push({ by: 'octocat', files: { c: '1' } });
  heard.clear();
  const deploy = (more = {}) => client.rest.repos.createDeployment({ ...at, ref: 'b', ...more });
  await client.rest.repos.createCommitStatus({ ...at, sha, state: 'pending' });
  assert.equal((await refusal(deploy({ auto_merge: false }))).status, 409);
  const made = await deploy({ auto_merge: false, required_contexts: [] });
  assert.ok(made.status === 201);
  await client.rest.repos.createDeploymentStatus({ ...at, deployment_id: made.data.id, state: 'success' });
  assert.equal((await deploy({ required_contexts: [] })).status, 202);
  await new Promise<void>(done => setImmediate(done));
  assert.notEqual(await repo.head('b'), sha);
});

test('pages have links', async t => {
  const { client, repo } = await fixture(t);
  const issue_number = await repo.issue('octocat', 'x');
  for (let at = 0; at < 5; at += 1) await repo.comment('octocat', issue_number, `${at}`);
  const all = await client.paginate(client.rest.issues.listComments, { ...at, issue_number, per_page: 2 });
  assert.deepEqual(
    all.map(({ body }) => body),
    ['0', '1', '2', '3', '4'],
  );
});

test('what has not changed is said in short, and does not count', async t => {
  const { github, client, repo, at } = await fixture(t);
  const used = () => github.limits.of(`installation ID ${repo.installation}`).used;
  const { headers } = await client.rest.pulls.list(at);
  const [etag, before] = [headers.etag ?? '', used()];
  const again = () =>
    client.request('GET /repos/{owner}/{repo}/pulls', { ...at, headers: { 'if-none-match': etag } });
  assert.equal((await refusal(again())).status, 304);
  assert.equal(used(), before);
  await repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'x\n' } });
  await repo.open({ by: 'octocat', from: 'wider' });
  assert.equal((await again()).data.length, 1);
  assert.equal(used(), before + 1);
});

test('what happened to branches is listed, newest first, page by page', async t => {
  const { client, repo, at } = await fixture(t);
  await repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'x\n' } });
  await repo.forcePush({ by: 'octocat', branch: 'wider', files: { 'net.py': 'y\n' } });
  await repo.merge('octocat', await repo.open({ by: 'octocat', from: 'wider' }));
  await repo.deleteBranch('octocat', 'wider');
  const route = 'GET /repos/{owner}/{repo}/activity';
  const types = [];
  let after: string | undefined;
  do {
    const { data, headers } = await client.request(route, {
      ...at,
      per_page: 2,
      ...(after ? { after } : {}),
    });
    types.push(...data.map(one => `${one.activity_type} ${one.ref}`));
    const next = /<([^>]+)>; rel="next"/.exec(headers.link ?? '')?.[1];
    after = next ? (new URL(next).searchParams.get('after') ?? undefined) : undefined;
  } while (after !== undefined);
  assert.deepEqual(types, [
    'branch_deletion refs/heads/wider',
    'pr_merge refs/heads/main',
    'force_push refs/heads/wider',
    'branch_creation refs/heads/wider',
    'branch_creation refs/heads/main',
  ]);
});
