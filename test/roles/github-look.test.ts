import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { GitHubPlace } from '../../src/core/actor.ts';
import type { Heard } from '../fakes/github/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { openGitHubTown } from './github-town.ts';

const file = `rules:
  main: { project: digits, on: { merge: { branches: [main, 'release/*'], paths: ['*.py'] } } }
  labelled: { project: digits, on: { merge: { branches: [main], labels: [train] } } }
`;
const files = { '.signalbox.yml': file, 'train.py': 'pass\n' };

type Town = Awaited<ReturnType<typeof openGitHubTown>>;
const minute = 60_000;

describe('what no delivery told is found by looking', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  /** A repository that was looked at before, of which nothing is told from now on. `lost`: what would have been. */
  async function setUp(t: TestContext) {
    const town = await openGitHubTown(t, server, { files });
    await town.work();
    // GitHub's times are whole seconds: what was there before was so some time before.
    for (const one of town.repo.state.activity) one.at -= minute;
    await town.look();
    const old = new Set((await town.runs.list({ limit: 50 })).map(run => run.number));
    const lost: Heard[] = [];
    return {
      town,
      lose: () => lost.push(...town.heard.all.splice(0)),
      /** What was lost arrives after all, the last first. */
      async arrive() {
        town.heard.all.push(...lost.splice(0).reverse());
        await town.work({ twice: true });
      },
      async made() {
        const all = (await town.runs.list({ limit: 50 })).filter(run => !old.has(run.number));
        return all.map(run => ({ sha: run.spec.sha, place: run.place, by: run.requestedBy.name })).reverse();
      },
    };
  }

  const rows: { name: string; runs: number; happens(town: Town): Promise<unknown> }[] = [
    ...(['merge', 'squash', 'rebase'] as const).map(method => ({
      name: `a merge (${method}) with a label`,
      runs: 2,
      async happens({ repo, pull }: Town) {
        await repo.label('octocat', pull, 'train');
        await repo.merge('octocat', pull, { method });
      },
    })),
    { name: 'a merge without a label', runs: 1, happens: ({ repo, pull }) => repo.merge('octocat', pull) },
    {
      name: 'a push',
      runs: 1,
      happens: ({ repo }) => repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } }),
    },
    {
      name: 'two pushes',
      runs: 2,
      async happens({ repo }) {
        await repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
        await repo.push({ by: 'octocat', files: { 'train.py': 'three\n' } });
      },
    },
    {
      name: 'a new branch that a rule names',
      runs: 1,
      happens: ({ repo }) =>
        repo.push({ by: 'octocat', branch: 'release/1', files: { 'train.py': 'two\n' } }),
    },
    {
      name: 'a push of other paths',
      runs: 0,
      happens: ({ repo }) => repo.push({ by: 'octocat', files: { 'README.md': 'two\n' } }),
    },
    {
      name: 'a branch that no rule names',
      runs: 0,
      happens: ({ repo }) => repo.push({ by: 'octocat', branch: 'main2', files: { 'train.py': 'two\n' } }),
    },
    {
      name: 'a branch that is gone',
      runs: 0,
      happens: ({ repo }) => repo.deleteBranch('octocat', 'wider'),
    },
    {
      name: 'a pull request that is closed',
      runs: 0,
      happens: ({ repo, pull }) => repo.close('octocat', pull),
    },
    { name: 'a merge queue that tries', runs: 0, happens: ({ repo, pull }) => repo.enqueue('octocat', pull) },
    { name: 'nothing', runs: 0, happens: async () => {} },
  ];
  for (const { name, runs, happens } of rows)
    test(`${name}: ${runs} runs, whatever arrives later`, async t => {
      const { town, lose, arrive, made } = await setUp(t);
      await happens(town);
      lose();
      await town.look();
      const found = await made();
      assert.equal(found.length, runs);
      assert.ok(found.every(one => one.by === 'octocat'));
      await town.look();
      await arrive();
      await town.look();
      assert.deepEqual(await made(), found);
    });

  test('a merge that was told of is not told again', async t => {
    const { town, made } = await setUp(t);
    await town.repo.merge('octocat', town.pull);
    await town.work();
    const found = await made();
    const asked = () => town.fake.count('GET /repos/{owner}/{repo}/pulls/{pull_number}');
    const before = asked();
    await town.look();
    assert.deepEqual([found.length, asked() - before], [1, 0]);
    assert.deepEqual(await made(), found);
  });

  test('a run of a merge shows at its pull request', async t => {
    const { town, lose, made } = await setUp(t);
    await town.repo.merge('octocat', town.pull);
    lose();
    await town.look();
    const [run] = await made();
    assert.equal(run?.place.kind === 'github' && run.place.issue, town.pull);
  });

  test('what was there before the first look starts nothing, and what comes later does', async t => {
    const town = await openGitHubTown(t, server, { files });
    const { repo, pull } = town;
    await repo.merge('octocat', pull);
    town.heard.all.splice(0);
    // Long enough ago that no clock makes it doubtful, and not long enough to be left out as old.
    for (const one of repo.state.activity) one.at -= minute;
    const { merged } = repo.pull(pull).pull;
    assert.ok(merged);
    merged.at -= minute;
    const count = async () => (await town.runs.list({ limit: 50 })).length;
    await town.look();
    await town.look();
    assert.equal(await count(), 0);
    await repo.push({ by: 'octocat', files: { 'train.py': 'later\n' } });
    town.heard.all.splice(0);
    await town.look();
    assert.equal(await count(), 1);
  });

  describe('the end of a pull request', () => {
    async function withRuns(t: TestContext) {
      const { town, lose, arrive } = await setUp(t);
      const by = { kind: 'github' as const, id: 'octocat', name: 'octocat' };
      const ask = async (saidAt: number) => {
        const place: GitHubPlace = { ...town.place, saidAt: new Date(saidAt).toISOString() };
        const made = await town.runs.create(
          wish(`at ${saidAt}`, { place, requestedBy: by }, { sha: town.sha, trigger: 'pull-request' }),
        );
        return async () => (await town.runs.get(made.run.number))?.state;
      };
      return { town, lose, arrive, ask };
    }

    test('stops what was asked for before it, and not what was asked for after', async t => {
      const { town, lose, arrive, ask } = await withRuns(t);
      const early = await ask(Date.now() - minute);
      await town.repo.close('octocat', town.pull);
      lose();
      const late = await ask(Date.now() + minute);
      await town.look();
      assert.deepEqual([await early(), await late()], ['cancelled', 'queued']);
      await arrive();
      assert.equal(await late(), 'queued');
    });

    test('is none where it was opened again, though only the closing arrives', async t => {
      const { town, lose, arrive, ask } = await withRuns(t);
      const early = await ask(Date.now() - minute);
      await town.repo.close('octocat', town.pull);
      lose();
      await town.repo.reopen('octocat', town.pull);
      town.heard.all.splice(0);
      await town.look();
      assert.equal(await early(), 'queued');
      await arrive();
      assert.equal(await early(), 'queued');
    });
  });

  describe('a head that nobody told of', () => {
    const at = async ({ said, place }: Town, pull: number, saidAt: number) => {
      const found = await said.ports.pulls.at(
        { ...place, issue: pull, saidAt: new Date(saidAt).toISOString() },
        null,
        said.policy,
      );
      return found.ok ? found.sha : found.code;
    };

    for (const from of ['branch', 'fork'] as const)
      test(`of a ${from}: it counts for who comments a minute later`, async t => {
        const { town, lose } = await setUp(t);
        const fork = from === 'fork' ? await town.repo.fork('hubot') : null;
        const theirs = { by: 'hubot', branch: 'theirs', files: { 'train.py': 'theirs\n' } };
        await (fork ?? town.repo).push(theirs);
        const pull = await town.repo.open({
          by: 'hubot',
          from: fork ? { fork, branch: 'theirs' } : 'theirs',
        });
        const { sha } = town.repo.pull(pull).pull.head;
        lose();
        const { repositories, place } = town;
        const approved = {
          key: 'x',
          repo: place.repo,
          pull,
          sha,
          by: { kind: 'github', id: 'o', name: 'o' },
        };
        if (fork)
          await repositories.approve({ ...approved, by: { ...approved.by, kind: 'github' }, at: new Date() });
        const unseen = await at(town, pull, Date.now() + 2 * minute);
        await town.look();
        assert.equal(await at(town, pull, Date.now() + 2 * minute), sha);
        // What was pushed to a branch here GitHub remembers to the second; of a fork only that it was there.
        assert.equal(await at(town, pull, Date.now() - minute / 2), 'HEAD_UNSURE');
        assert.equal(unseen, 'HEAD_UNSURE');
      });

    test('a push that was missed leaves a doubt about who commented between', async t => {
      const { town, lose } = await setUp(t);
      const fork = await town.repo.fork('hubot');
      await fork.push({ by: 'hubot', branch: 'theirs', files: { 'train.py': 'theirs\n' } });
      const pull = await town.repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
      await town.work();
      const opened = town.repo.pull(pull).pull.head.sha;
      const approve = { repo: town.place.repo, pull, by: { kind: 'github', id: 'o', name: 'o' } as const };
      await town.repositories.approve({
        ...approve,
        key: 'a',
        sha: opened,
        at: new Date(Date.now() + 1_000),
      });
      const push = 'update github_pushes set at = at - make_interval(mins => 90) where pull = $1';
      await town.database.pool.query(push, [pull]);
      assert.equal(await at(town, pull, Date.now() - 30 * minute), opened);
      // Seen once more, it is no push, and the approval stands.
      await town.look();
      assert.equal(await at(town, pull, Date.now() - 30 * minute), opened);
      await fork.push({ by: 'hubot', branch: 'theirs', files: { 'train.py': 'other\n' } });
      lose();
      await town.database.pool.query("update github_looks set whole_at = '-infinity'");
      await town.look();
      const { sha } = town.repo.pull(pull).pull.head;
      assert.equal(await at(town, pull, Date.now() + 2 * minute), 'FORK_UNAPPROVED');
      await town.repositories.approve({
        ...{ ...approve, key: 'b', sha },
        at: new Date(Date.now() + minute),
      });
      assert.equal(await at(town, pull, Date.now() + 2 * minute), sha);
      assert.equal(await at(town, pull, Date.now() - 30 * minute), 'HEAD_UNSURE');
    });
  });

  describe('whose it is', () => {
    test('renamed and not told: by its id', async t => {
      const { town, lose, made } = await setUp(t);
      await town.repo.rename('octo-org', 'numbers');
      await town.repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
      lose();
      await town.look();
      assert.equal((await made()).length, 1);
      const known = await town.repositories.find({ name: 'octo-org/digits', id: null });
      assert.equal(known?.name, 'octo-org/numbers');
    });

    test('whoever took its name is another one, and the renamed one is still looked at', async t => {
      const { town, lose, made } = await setUp(t);
      await town.repo.rename('octo-org', 'numbers');
      const other = await town.fake.repo('octo-org/digits', { files });
      await other.push({ by: 'octo-org', files: { 'train.py': 'other\n' } });
      lose();
      await town.look();
      assert.deepEqual(await made(), []);
      await town.repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
      lose();
      await town.look();
      assert.equal((await made()).length, 1);
    });

    test('moved to others who have the app: denied, for signalbox.yml names somebody else', async t => {
      const { town, lose, made } = await setUp(t);
      await town.fake.repo('monalisa/else', { ownerType: 'User' });
      await town.repo.transfer('octo-org', 'monalisa', 'User');
      await town.repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
      lose();
      await town.look();
      assert.deepEqual(await made(), []);
    });

    test('moved to others who have it not, while somebody takes its name: denied', async t => {
      const { town, lose, made } = await setUp(t);
      await town.repo.transfer('octo-org', 'hubot', 'User');
      const other = await town.fake.repo('octo-org/digits', { files });
      await town.repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
      await other.push({ by: 'octo-org', files: { 'train.py': 'other\n' } });
      lose();
      await town.look();
      assert.deepEqual(await made(), []);
      assert.ok(JSON.stringify(town.lines).includes('a repository is out of reach'));
    });
  });

  describe('what it costs', () => {
    const asked = ({ fake }: Town) => fake.requests.filter(one => one.method === 'GET');
    const used = ({ fake, repo }: Town) => fake.limits.of(`installation ID ${repo.installation}`).used;

    test('where nothing has happened, three questions, of which none counts', async t => {
      const { town } = await setUp(t);
      await town.look();
      const [questions, counted] = [asked(town).length, used(town)];
      await town.look();
      assert.deepEqual([asked(town).length - questions, used(town) - counted], [3, 0]);
    });

    test('of workers that look at once one does, and none before it is time', async t => {
      const { town } = await setUp(t);
      const before = asked(town).length;
      await town.database.pool.query("update github_looks set tried_at = '-infinity'");
      await Promise.all(Array.from({ length: 5 }, () => town.look(minute)));
      assert.ok(asked(town).length - before <= 3);
      await town.look(15 * minute);
      assert.ok(asked(town).length - before <= 3);
    });

    for (const fault of ['secondary', 'too-many', 'lost'] as const)
      test(`${fault}: nothing is lost by it`, async t => {
        const { town, lose, made } = await setUp(t);
        await town.repo.push({ by: 'octocat', files: { 'train.py': 'two\n' } });
        lose();
        town.fake.faults.next('GET /repos/{owner}/{repo}/pulls', fault);
        await town.look();
        const isBusy = fault === 'secondary' || fault === 'too-many';
        const before = asked(town).length;
        await town.look();
        if (isBusy) assert.equal(asked(town).length, before, 'it waits as long as it was asked to');
        await town.database.pool.query(
          "update github_looks set claimed_until = '-infinity'; update rate_slots set held_until = to_timestamp(0)",
        );
        await town.look();
        assert.equal((await made()).length, 1);
      });
  });
});
