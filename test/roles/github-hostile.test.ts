import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openGitHubTown } from './github-town.ts';

const files = {
  '.signalbox.yml': 'rules:\n  main: { project: digits, on: { merge: { branches: [main] } } }\n',
  'train.py': 'pass\n',
};

describe('what somebody on GitHub may try', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  type Town = Awaited<ReturnType<typeof openGitHubTown>>;
  const runsOf = async (town: Town) => (await town.runs.list({ limit: 50 })).map(run => run.spec.sha);

  /** With all that was told so far done; `before`: the runs that came of it. */
  async function open(t: Parameters<typeof openGitHubTown>[0]) {
    const town = await openGitHubTown(t, server, { files });
    town.said.policy.people.push({ github: 'monalisa', name: 'An approver', role: 'approver', teams: [] });
    await town.work();
    return { town, before: (await runsOf(town)).length };
  }

  type Row = [name: string, ref: (town: Town) => Promise<string> | string, code: string];
  const refs: Row[] = [
    ['six digits of the head', ({ sha }) => sha.slice(0, 6), 'HEAD_OTHER'],
    ['the branch', () => 'wider', 'HEAD_OTHER'],
    ['another commit of the repository', ({ repo }) => repo.head(), 'HEAD_OTHER'],
    ['the head with something behind it', ({ sha }) => `${sha}~1`, 'HEAD_OTHER'],
    ['a commit that is nowhere', () => 'c'.repeat(40), 'HEAD_OTHER'],
    [
      'a branch that is named like a commit',
      async ({ repo }) => {
        await repo.push({ by: 'octocat', branch: 'd'.repeat(40), files: { 'train.py': 'other\n' } });
        return 'd'.repeat(40);
      },
      'HEAD_OTHER',
    ],
    [
      'the head before the last push',
      async ({ repo, sha }) => {
        await repo.push({ by: 'octocat', branch: 'wider', files: { 'train.py': 'more\n' } });
        return sha;
      },
      'HEAD_OTHER',
    ],
    [
      'nothing, seconds after a push',
      async ({ repo }) => {
        await repo.push({ by: 'octocat', branch: 'wider', files: { 'train.py': 'more\n' } });
        return '';
      },
      'HEAD_UNSURE',
    ],
  ];
  for (const [name, ref, code] of refs)
    test(`--ref ${name} -> ${code}, nothing runs`, async t => {
      const { town, before } = await open(t);
      const said = await ref(town);
      await town.work();
      await town.repo.comment('octocat', town.pull, `/train digits${said && ` --ref ${said}`}`);
      await town.work();
      assert.deepEqual([await town.refused(), (await runsOf(town)).length], [[code], before]);
    });

  test('near it: nothing, seconds after it was opened', async t => {
    const { town, before } = await open(t);
    await town.repo.comment('octocat', town.pull, '/train digits');
    await town.work();
    assert.deepEqual([await town.refused(), (await runsOf(town)).length], [[], before + 1]);
    assert.ok((await runsOf(town)).includes(town.sha));
  });

  test('near it: seven digits of the head, in capitals', async t => {
    const { town, before } = await open(t);
    await town.repo.comment(
      'octocat',
      town.pull,
      `/train digits --ref ${town.sha.slice(0, 12).toUpperCase()}`,
    );
    await town.work();
    assert.deepEqual([await town.refused(), (await runsOf(town)).length], [[], before + 1]);
    assert.ok((await runsOf(town)).includes(town.sha));
  });

  test('of a fork: approved, then pushed by force -> what was approved does not run, nor what came', async t => {
    const { town, before } = await open(t);
    const fork = await town.repo.fork('hubot');
    const push = { by: 'hubot', branch: 'theirs' };
    await fork.push({ ...push, files: { 'train.py': 'fine\n' } });
    const pull = await town.repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
    const approved = town.repo.pull(pull).pull.head.sha;
    await town.work();
    // It was opened a while ago.
    await town.database.pool.query("update github_pushes set at = at - interval '2 minutes'");
    town.repo.permit('monalisa', 'write');
    await town.repo.comment('monalisa', pull, `/train approve ${approved}`);
    await town.work();
    assert.deepEqual(await town.refused(), []);
    await fork.forcePush({ ...push, files: { 'train.py': 'evil\n' } });
    const evil = town.repo.pull(pull).pull.head.sha;
    assert.notEqual(evil, approved);
    for (const ref of [approved, evil])
      await town.repo.comment('octocat', pull, `/train digits --ref ${ref}`);
    await town.work();
    // Back to what was approved, which is a push as well.
    await fork.push({ ...push, onto: approved, files: {} });
    await fork.git('update-ref', 'refs/heads/theirs', approved);
    await town.repo.comment('octocat', pull, '/train digits');
    await town.work();
    const refused = await town.refused();
    assert.deepEqual(refused, ['FORK_UNAPPROVED', 'FORK_UNAPPROVED', 'FORK_UNAPPROVED']);
    assert.equal((await runsOf(town)).length, before);
  });

  const changed: [name: string, change: (body: string, town: Town) => string, code: string][] = [
    [
      'an installation that is none of ours',
      (body, { place }) => body.replaceAll(String(place.installation), '77'),
      'ACCESS_DENIED',
    ],
    [
      'a repository that no project names',
      (body, { place }) => body.replaceAll(String(place.repo), '78'),
      'ACCESS_DENIED',
    ],
  ];
  for (const [name, change, code] of changed)
    test(`a comment at ${name} -> denied, nothing runs`, async t => {
      const { town, before } = await open(t);
      await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
      for (const one of town.heard.all) one.body = change(one.body, town);
      await town.work();
      assert.deepEqual([await town.refused(), (await runsOf(town)).length], [[code], before]);
    });

  test('a comment at a repository that took a name that is known -> denied, nothing runs', async t => {
    const { town, before } = await open(t);
    await town.repo.rename('octo-org', 'numbers');
    const other = await town.fake.repo('octo-org/digits', { roles: { octocat: 'write' }, files });
    await other.push({ by: 'octocat', branch: 'mine', files: { 'train.py': 'mine\n' } });
    const pull = await other.open({ by: 'octocat', from: 'mine' });
    await other.comment('octocat', pull, `/train digits --ref ${other.pull(pull).pull.head.sha}`);
    await town.work();
    assert.deepEqual(await town.refused(), ['REPOSITORY_UNKNOWN']);
    assert.equal((await runsOf(town)).length, before);
  });

  test('a repository that went to an owner without the app -> nothing is told, nothing runs', async t => {
    const { town, before } = await open(t);
    await town.repo.transfer('octo-org', 'monalisa', 'User');
    const heard = town.heard.all.length;
    await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
    await town.repo.merge('octocat', town.pull);
    assert.equal(town.heard.all.length, heard);
    await town.work();
    assert.equal((await runsOf(town)).length, before);
  });

  test('a repository that went to another owner with the app -> denied, nothing runs', async t => {
    const { town, before } = await open(t);
    await town.fake.repo('hubot-org/other', { files });
    await town.repo.transfer('octo-org', 'hubot-org');
    const heard = town.heard.all.length;
    await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
    await town.repo.merge('octocat', town.pull);
    assert.ok(town.heard.all.length > heard, 'it is told');
    await town.work();
    assert.deepEqual(await town.refused(), ['REPOSITORY_UNKNOWN']);
    assert.equal((await runsOf(town)).length, before);
  });

  test('merged into another branch -> nothing runs', async t => {
    const { town, before } = await open(t);
    await town.repo.push({ by: 'octocat', branch: 'develop', files: { 'train.py': 'develop\n' } });
    await town.repo.push({ by: 'octocat', branch: 'feature', files: { 'net.py': 'feature\n' } });
    const pull = await town.repo.open({ by: 'octocat', from: 'feature', into: 'develop' });
    await town.repo.merge('octocat', pull);
    await town.work();
    assert.equal((await runsOf(town)).length, before);
  });

  test('permission taken away between the approval and the run -> denied', async t => {
    const { town, before } = await open(t);
    const first = await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
    await town.work();
    assert.deepEqual(town.signs(first), ['eyes', 'rocket']);
    town.repo.permit('octocat', 'none');
    const second = await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
    await town.work();
    assert.deepEqual(town.signs(second), ['confused', 'eyes']);
    assert.equal((await runsOf(town)).length, before + 1);
  });
});
