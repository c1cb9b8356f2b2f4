import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { githubApp } from '../../../src/adapters/github/app.ts';
import { githubCalls } from '../../../src/adapters/github/calls.ts';
import { githubDeployments } from '../../../src/adapters/github/deployments.ts';
import { startGitHub } from '../../fakes/github/fake.ts';
import { clientOf, secret } from '../../fakes/github/fixture.ts';
import { recordingLog } from '../slack/support.ts';

const create = 'POST /repos/{owner}/{repo}/deployments';
const status = 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses';
const going = {
  state: 'in_progress',
  description: 'Gates hold.',
  logUrl: 'https://signalbox.example.com/runs/42',
  environmentUrl: null,
} as const;

async function setUp(t: TestContext) {
  const github = await startGitHub({ secret });
  t.after(() => github.close());
  const repo = await github.repo('octo-org/digits', { roles: { octocat: 'write' } });
  const { log } = recordingLog();
  const appId = String(github.app.id);
  const app = githubApp({
    ...{ appId, privateKey: github.app.privateKey, apiUrl: github.apiUrl, log, timeoutMs: 1_000 },
    clock: () => new Date(),
  });
  const free = { reserve: async () => ({ waitMs: 0 }), hold: async () => {} };
  const deployments = githubDeployments(githubCalls(app, free), appId);
  const repository = { id: repo.id, name: repo.name, installation: repo.installation };
  const sha = await repo.head();
  const wish = {
    ...{ repository, sha, environment: 'staging', mark: 'promotion-7' },
    ...{ description: 'digits 3', isProduction: false, payload: { model: 'digits', version: 3 } },
  };
  return {
    ...{ github, repo, deployments, repository, sha, wish },
    client: clientOf(github, repo.installation),
    all: () => [...repo.state.deployments.values()],
    tell: (id: number, change: object = {}) => deployments.tell(repository, id, { ...going, ...change }),
    statuses: (id: number) => repo.state.deployments.get(id)?.statuses.map(one => one.state),
  };
}

describe('a deployment', () => {
  test('is of a commit, in an environment, with what it carries', async t => {
    const { deployments, wish, all, sha } = await setUp(t);
    const id = await deployments.begin(wish);
    const [made] = all();
    assert.deepEqual(
      [made?.id, made?.sha, made?.environment, made?.production, made?.transient, made?.payload],
      [id, sha, 'staging', false, false, { model: 'digits', version: 3, signalbox: 'promotion-7' }],
    );
  });

  const rows = [
    { name: 'the same mark', change: {}, made: 1 },
    { name: 'another mark', change: { mark: 'promotion-70' }, made: 2 },
    { name: 'another environment', change: { environment: 'production', isProduction: true }, made: 2 },
  ];
  for (const { name, change, made } of rows)
    test(`${name}: ${made}`, async t => {
      const { deployments, wish, all } = await setUp(t);
      const first = await deployments.begin(wish);
      const second = await deployments.begin({ ...wish, ...change });
      assert.deepEqual([all().length, first === second], [made, made === 1]);
    });

  for (const fault of ['lost', 'silent-after', 'cut', 'server-error'] as const)
    test(`${fault}: it is found again, and made once`, async t => {
      const { github, deployments, wish, all } = await setUp(t);
      github.faults.next(create, fault);
      await assert.rejects(deployments.begin(wish));
      const id = await deployments.begin(wish);
      assert.deepEqual(
        all().map(one => one.id),
        [id],
      );
    });

  test('begun by several at once it is one, and the others are not at work', async t => {
    const { deployments, wish, all, statuses } = await setUp(t);
    const ids = await Promise.all(Array.from({ length: 4 }, () => deployments.begin(wish)));
    const [first, ...others] = all();
    assert.deepEqual(new Set(ids), new Set([first?.id]));
    assert.deepEqual(
      others.map(one => statuses(one.id)),
      others.map(() => ['inactive']),
    );
  });

  test('needs nothing else to be green, and merges nothing', async t => {
    const { client, repo, deployments, wish } = await setUp(t);
    const sha = await repo.push({ by: 'octocat', branch: 'behind', files: { 'a.py': 'a\n' } });
    const main = await repo.push({ by: 'octocat', files: { 'b.py': 'b\n' } });
    await client.rest.repos.createCommitStatus({ owner: 'octo-org', repo: 'digits', sha, state: 'failure' });
    await deployments.begin({ ...wish, sha });
    assert.deepEqual([await repo.head('behind'), await repo.head()], [sha, main]);
  });

  test("somebody else's with the same mark is none of ours", async t => {
    const { github, repository, repo, wish, all } = await setUp(t);
    const { log } = recordingLog();
    const { privateKey } = github.app;
    const app = githubApp({
      ...{ appId: String(github.app.id), privateKey, apiUrl: github.apiUrl, log, clock: () => new Date() },
    });
    const free = { reserve: async () => ({ waitMs: 0 }), hold: async () => {} };
    const others = githubDeployments(githubCalls(app, free), '1');
    const id = await others.begin(wish);
    assert.notEqual(await others.begin(wish), id);
    assert.deepEqual([all().length, repository.id], [2, repo.id]);
  });

  test('of a renamed repository is the same', async t => {
    const { repo, github, deployments, wish, all } = await setUp(t);
    const id = await deployments.begin(wish);
    await repo.rename('octo-org', 'numbers');
    await github.repo('octo-org/digits');
    assert.equal(await deployments.begin(wish), id);
    assert.equal(all().length, 1);
  });
});

describe('the status of a deployment', () => {
  test('is said once each, with where to look', async t => {
    const { deployments, wish, tell, statuses, repo } = await setUp(t);
    const id = await deployments.begin(wish);
    await tell(id);
    await tell(id);
    await tell(id, { state: 'success', environmentUrl: 'https://digits.example.com' });
    await tell(id, { state: 'success', environmentUrl: 'https://digits.example.com' });
    assert.deepEqual(statuses(id), ['in_progress', 'success']);
    const [first, last] = repo.state.deployments.get(id)?.statuses ?? [];
    assert.deepEqual([first?.logUrl, last?.environmentUrl], [going.logUrl, 'https://digits.example.com']);
  });

  test('what was said before, and is true again, is said again', async t => {
    const { deployments, wish, tell, statuses } = await setUp(t);
    const id = await deployments.begin(wish);
    for (const state of ['in_progress', 'failure', 'in_progress'] as const) await tell(id, { state });
    assert.deepEqual(statuses(id), ['in_progress', 'failure', 'in_progress']);
  });

  for (const fault of ['lost', 'silent-after'] as const)
    test(`${fault}: it was said, and is not said again`, async t => {
      const { github, deployments, wish, tell, statuses } = await setUp(t);
      const id = await deployments.begin(wish);
      github.faults.next(status, fault);
      await assert.rejects(tell(id));
      await tell(id);
      assert.deepEqual(statuses(id), ['in_progress']);
    });

  for (const length of [140, 141, 1_000])
    test(`${length} characters, in lines`, async t => {
      const { deployments, wish, tell, repo } = await setUp(t);
      const id = await deployments.begin(wish);
      const description = `a\r\n${'b'.repeat(length - 3)}`;
      await tell(id, { description });
      await tell(id, { description });
      const said = repo.state.deployments.get(id)?.statuses ?? [];
      assert.equal(said.length, 1);
      assert.ok((said[0]?.description.length ?? 0) <= 140 && !/[\r\n]/.test(said[0]?.description ?? ''));
    });

  test('success retires nothing by itself: what it replaces is told so', async t => {
    const { deployments, wish, tell, statuses } = await setUp(t);
    const before = await deployments.begin(wish);
    await tell(before, { state: 'success' });
    const next = await deployments.begin({ ...wish, mark: 'promotion-8' });
    await tell(next, { state: 'success' });
    assert.deepEqual([statuses(before), statuses(next)], [['success'], ['success']]);
    await tell(before, { state: 'inactive', description: 'digits 4 took its place.' });
    assert.deepEqual(statuses(before), ['success', 'inactive']);
  });
});
