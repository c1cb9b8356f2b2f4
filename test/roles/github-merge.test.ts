import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openGitHubTown } from './github-town.ts';

const file = `rules:
  main: { project: digits, on: { merge: { branches: [main], paths: ['*.py'] } } }
  labelled: { project: digits, on: { merge: { branches: [main], labels: [train] } } }
`;
const files = { '.signalbox.yml': file, 'train.py': 'pass\n' };

describe('merges on GitHub', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  type Town = Awaited<ReturnType<typeof openGitHubTown>>;
  const runsOf = async (town: Town) => (await town.runs.list({ limit: 50 })).map(run => run.spec);

  for (const method of ['merge', 'squash', 'rebase'] as const)
    test(`${method}: all that tells of it makes one run for each rule, at the merged commit`, async t => {
      const town = await openGitHubTown(t, server, { files });
      await town.repo.label('octocat', town.pull, 'train');
      await town.work();
      const before = (await runsOf(town)).length;
      await town.repo.merge('octocat', town.pull, { method });
      const told = town.heard.all.map(one => one.event);
      assert.ok(told.includes('push') && told.includes('pull_request'), told.join());
      town.heard.all.reverse();
      await town.work({ twice: true });
      const made = (await runsOf(town)).slice(0, -before || undefined);
      const sha = await town.repo.git('rev-parse', 'main');
      assert.deepEqual(
        made.map(spec => [spec.sha, spec.trigger, spec.source]),
        [1, 2].map(() => [sha, 'merge', `github:octo-org/digits#${town.repo.state.id}`]),
      );
    });

  for (const only of ['push', 'pull_request'])
    test(`only ${only} arrives`, async t => {
      const town = await openGitHubTown(t, server, { files });
      await town.repo.label('octocat', town.pull, 'train');
      await town.work();
      const before = (await runsOf(town)).length;
      await town.repo.merge('octocat', town.pull);
      const some = town.heard.all.splice(0).filter(one => one.event === only);
      town.heard.all.push(...some);
      await town.work();
      assert.equal((await runsOf(town)).length, before + 2);
    });

  test('closed without a merge, nothing starts', async t => {
    const town = await openGitHubTown(t, server, { files });
    await town.work();
    const before = (await runsOf(town)).length;
    await town.repo.close('octocat', town.pull);
    await town.work();
    assert.equal((await runsOf(town)).length, before);
  });

  test('a renamed repository is the same one, and whoever takes its name is not', async t => {
    const town = await openGitHubTown(t, server, { files });
    await town.work();
    const before = (await runsOf(town)).length;
    await town.repo.rename('octo-org', 'numbers');
    await town.repo.merge('octocat', town.pull);
    await town.work();
    assert.equal((await runsOf(town)).length, before + 1);
    const other = await town.fake.repo('octo-org/digits', { files });
    await other.push({ by: 'octo-org', files: { 'train.py': 'other\n' } });
    await town.work();
    assert.equal((await runsOf(town)).length, before + 1);
  });

  test('a fork runs only at the commit that was approved', async t => {
    const town = await openGitHubTown(t, server, { files });
    town.said.policy.people.push({ github: 'octocat', name: 'octocat', role: 'approver', teams: [] });
    const fork = await town.repo.fork('hubot');
    await fork.push({ by: 'hubot', branch: 'theirs', files: { 'train.py': 'theirs\n' } });
    const pull = await town.repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
    await town.work();
    const before = (await runsOf(town)).length;
    const { sha } = town.repo.pull(pull).pull.head;
    await town.repo.comment('octocat', pull, `/train digits --ref ${sha}`);
    await town.work();
    assert.equal((await runsOf(town)).length, before);
    assert.ok((await town.refused()).includes('FORK_UNAPPROVED'));
  });
});
