import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { openGitHubTown } from './github-town.ts';

/** Those of runs. */
const checksOf = (town: Awaited<ReturnType<typeof openGitHubTown>>) =>
  town.repo.checks(town.sha).filter(one => one.name !== 'signalbox');

describe('talking on GitHub', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  test('a comment is heard at once, its run is one comment that is edited, and a check', async t => {
    const town = await openGitHubTown(t, server);
    const first = await town.ended();
    const comment = await town.repo.comment('octocat', town.pull, `Once more:\n/train retry ${first}`);
    await town.work();
    assert.deepEqual(town.signs(comment), ['eyes', 'rocket']);
    const [, said = ''] = town.answers();
    assert.match(said, /^#### ⏳ \\#\u20602 digits is queued\n/);
    assert.match(said, /<!-- signalbox [0-9a-f-]{36} -->$/);
    const [, check] = checksOf(town);
    assert.equal(check?.name, 'digits (run 2)');
    assert.equal(check?.status, 'queued');
    assert.deepEqual(
      check?.actions.map(one => one.identifier),
      ['cancel'],
    );

    await town.repo.comment('octocat', town.pull, '/train cancel 2');
    await town.work();
    await town.show();
    assert.match(town.answers()[1] ?? '', /^#### ℹ️ \\#\u20602 digits was cancelled\n/);
    const [, ended] = checksOf(town);
    assert.equal(`${ended?.status} ${ended?.conclusion}`, 'completed cancelled');
    assert.equal(checksOf(town).length, 2);
  });

  test('a run of a pull request is of its head, and of nothing else', async t => {
    const town = await openGitHubTown(t, server);
    await town.work();
    await town.repo.comment('octocat', town.pull, `/train digits -p lr=0.3 --ref ${town.sha}`);
    await town.work();
    const run = await town.runs.get(1);
    assert.equal(run?.spec.sha, town.sha);
    assert.equal(run?.spec.trigger, 'pull-request');
    assert.deepEqual(run?.spec.pull, { repo: town.place.repo, number: town.pull, base: 'main' });
    assert.match(town.answers()[0] ?? '', /digits is queued/);
    assert.equal(checksOf(town)[0]?.status, 'queued');
    await town.repo.comment('octocat', town.pull, '/train others');
    await town.work();
    assert.equal(await town.runs.newestNumber(), 1);
  });

  test('told twice, it is done once', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const comment = await town.repo.comment('octocat', town.pull, '/train retry 1\n/train retry 1');
    await town.work({ twice: true });
    await town.show();
    // Two lines are two wishes.
    assert.equal(await town.runs.newestNumber(), 3);
    assert.equal(town.answers().length, 3);
    assert.deepEqual(town.signs(comment), ['eyes', 'rocket']);
  });

  test('an edited comment does nothing, nor does what Signalbox says itself', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const comment = await town.repo.comment('octocat', town.pull, 'Hello');
    await town.repo.editComment('octocat', comment, '/train retry 1');
    await town.work();
    await town.work();
    assert.equal(await town.runs.newestNumber(), 1);
    assert.deepEqual(town.signs(comment), []);
  });

  for (const route of [
    'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
    'POST /repos/{owner}/{repo}/check-runs',
  ])
    test(`an answer that is lost on ${route} is found again`, async t => {
      const town = await openGitHubTown(t, server);
      await town.ended();
      await town.repo.comment('octocat', town.pull, '/train retry 1');
      town.fake.faults.next(route, 'lost');
      await town.work();
      await town.show();
      await town.show();
      assert.equal(town.answers().length, 2);
      assert.equal(checksOf(town).length, 2);
    });

  test('a mark that somebody copied is not taken for our own comment', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    await town.repo.comment('octocat', town.pull, '/train retry 1');
    town.fake.faults.next('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', 'cut');
    await town.work();
    const { rows } = await town.database.pool.query(
      "select nonce from surfaces where run = 2 and kind = 'run'",
    );
    const copied = await town.repo.comment('hubot', town.pull, `<!-- signalbox ${rows[0].nonce} -->`);
    await town.show();
    assert.match(town.answers().at(-1) ?? '', /digits is queued/);
    assert.doesNotMatch(town.repo.state.comments.get(copied)?.body ?? '', /digits/);
  });

  test('whoever may not write may not train, and is told once', async t => {
    const town = await openGitHubTown(t, server, { private: true });
    await town.ended();
    const comment = await town.repo.comment(
      'hubot',
      town.pull,
      '/train retry 1\n/train cancel 1\n/train status 1',
    );
    await town.work();
    assert.deepEqual(town.signs(comment), ['confused', 'eyes']);
    const answers = town.answers().slice(1);
    assert.equal(answers.length, 2);
    assert.ok(answers.some(body => body.includes('It needs the role trainer, and yours is viewer')));
    assert.ok(answers.some(body => body.includes('digits was cancelled')));
    assert.deepEqual(await town.refused(), ['ACCESS_DENIED', 'ACCESS_DENIED']);
  });

  test('a stranger at a public repository gets a sign and no words', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const comment = await town.repo.comment(
      'stranger',
      town.pull,
      '/train logs 1\n/train retry 1\n/gpu\n/train x',
    );
    await town.work();
    assert.deepEqual(town.signs(comment), ['confused', 'eyes']);
    assert.equal(town.answers().length, 1);
    assert.equal(await town.runs.newestNumber(), 1);
  });

  test('whoever takes the name of a repository is asked nothing and told nothing', async t => {
    const town = await openGitHubTown(t, server, { private: true });
    await town.ended();
    const [theirs, ours] = [
      await town.repo.comment('hubot', town.pull, '/train retry 1'),
      await town.repo.comment('octocat', town.pull, '/train retry 1'),
    ];
    await town.repo.rename('octo-org', 'numbers');
    const other = await town.fake.repo('octo-org/digits', { roles: { hubot: 'admin' } });
    for (const title of ['first', 'second', 'third']) await other.issue('hubot', title);
    await town.work();
    assert.deepEqual(town.signs(theirs), ['confused', 'eyes']);
    assert.deepEqual(town.signs(ours), ['eyes', 'rocket']);
    assert.equal(await town.runs.newestNumber(), 2);
    assert.ok(town.answers().some(body => body.includes('digits is queued')));
    assert.deepEqual([...other.state.comments.values()], []);
  });

  test('what somebody may do is asked when it is done', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const comment = await town.repo.comment('octocat', town.pull, '/train retry 1');
    town.repo.permit('octocat', 'none');
    await town.work();
    assert.deepEqual(town.signs(comment), ['confused', 'eyes']);
    assert.equal(await town.runs.newestNumber(), 1);
  });

  test('while GitHub does not say what somebody may do, nothing is done', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const comment = await town.repo.comment('octocat', town.pull, '/train retry 1');
    town.fake.faults.next('GET /repos/{owner}/{repo}/collaborators/{username}/permission', 'server-error');
    await town.work();
    assert.deepEqual(town.signs(comment), ['eyes']);
    assert.equal(await town.runs.newestNumber(), 1);
  });

  test('whoever is named has their role, whatever the repository says', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    town.said.policy.people = [{ github: 'Stranger', name: 'The operator', role: 'operator', teams: [] }];
    await town.repo.comment('stranger', town.pull, '/train retry 1');
    await town.work();
    assert.equal(await town.runs.newestNumber(), 2);
  });

  test('whom only the repository knows asks about its own runs alone', async t => {
    const town = await openGitHubTown(t, server, { private: true });
    await town.ended();
    const elsewhere = { ...town.place, repo: town.place.repo + 1 };
    const { run } = await town.runs.create(wish('elsewhere', { place: elsewhere }));
    await town.repo.comment('octocat', town.pull, `/train status ${run.number}`);
    await town.repo.comment('octocat', town.pull, '/train list');
    await town.repo.comment('octocat', town.pull, '/train status 1');
    await town.work();
    const said = town.answers().slice(1);
    assert.equal(said.filter(body => body.includes('knows you only by what this repository')).length, 2);
    assert.deepEqual(await town.refused(), ['ACCESS_DENIED', 'ACCESS_DENIED']);
  });

  test('a code that is said in a comment links the account, once', async t => {
    const town = await openGitHubTown(t, server);
    const code = await town.links.issue('slack:T1/U1', 'wish', new Date(Date.now() + 60_000));
    const comment = await town.repo.comment('stranger', town.pull, `/signalbox link ${code}`);
    await town.work();
    assert.deepEqual([...(await town.links.all())], [['github:stranger', 'slack:T1/U1']]);
    assert.deepEqual(town.signs(comment), ['eyes', 'rocket']);
    await town.repo.comment('hubot', town.pull, `/signalbox link ${code}`);
    await town.work();
    assert.equal((await town.links.all()).size, 1);
    assert.match(town.answers().at(-1) ?? '', /is no code that links an account/);
  });

  test('no code is made where everybody reads it', async t => {
    const town = await openGitHubTown(t, server);
    await town.repo.comment('octocat', town.pull, '/signalbox link\n/signalbox link github');
    await town.work();
    assert.equal((await town.database.pool.query('select 1 from link_codes')).rows.length, 0);
    assert.equal(town.answers().filter(body => body.includes('A code is not made on GitHub')).length, 2);
  });

  test('on an issue there is no code to train', async t => {
    const town = await openGitHubTown(t, server);
    const issue = await town.repo.issue('octocat', 'A question');
    await town.repo.comment('octocat', issue, '/train digits');
    await town.work();
    const [said] = town.repo.comments(issue).filter(one => one.viaApp);
    assert.match(said?.body ?? '', /It needs code, and an issue has none/);
  });

  test('the buttons of a check run are commands of whoever presses them', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    const [check] = checksOf(town);
    assert.deepEqual(
      check?.actions.map(one => one.identifier),
      ['rerun'],
    );
    await town.repo.press('octocat', check?.id ?? 0, 'rerun');
    await town.work();
    assert.equal(await town.runs.newestNumber(), 2);
    await town.repo.rerun('octocat', check?.id ?? 0);
    await town.repo.rerun('stranger', check?.id ?? 0);
    await town.work();
    assert.equal(await town.runs.newestNumber(), 3);
    assert.deepEqual(await town.refused(), ['ACCESS_DENIED']);
  });

  test('asked to wait, it waits, and says the same then', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    await town.repo.comment('octocat', town.pull, '/train retry 1');
    town.fake.faults.next('POST /repos/{owner}/{repo}/check-runs', 'secondary');
    await town.work();
    const asked = town.fake.requests.length;
    await town.show();
    // Nothing is asked while GitHub wants to be left alone.
    assert.equal(town.fake.requests.length, asked);
    await town.database.pool.query('update rate_slots set held_until = now()');
    await town.show();
    assert.equal(checksOf(town).length, 2);
  });

  test('a run of a commit that is not in the repository has a comment, and no check is tried for', async t => {
    const town = await openGitHubTown(t, server);
    const requestedBy = { kind: 'github' as const, id: 'octocat', name: 'octocat' };
    await town.runs.create(wish('elsewhere', { place: town.place, requestedBy }, { sha: 'b'.repeat(40) }));
    await town.show();
    assert.equal(town.answers().length, 1);
    const { rows } = await town.database.pool.query('select kind, gave_up from surfaces order by kind');
    assert.deepEqual(rows, [
      { kind: 'check', gave_up: true },
      { kind: 'run', gave_up: false },
      { kind: 'summary', gave_up: true },
    ]);
  });

  test('what people wrote does nothing in a comment', async t => {
    const town = await openGitHubTown(t, server);
    const requestedBy = { kind: 'github' as const, id: 'octocat', name: '@everyone' };
    const note = '<!-- @octocat closes #1 </details> ```';
    await town.runs.create(wish('hostile', { place: town.place, requestedBy }, { sha: town.sha, note }));
    await town.show();
    const [said = ''] = town.answers();
    assert.match(said, /&lt;\\!-- @\u2060octocat closes \\#\u20601 &lt;\/details&gt; \\`\\`\\`/);
    assert.match(said, /<b>@\u2060everyone<\/b>/);
    assert.doesNotMatch(said, /@everyone|@octocat|#1\b/);
  });

  test('a comment that somebody deleted is not made again', async t => {
    const town = await openGitHubTown(t, server);
    await town.ended();
    await town.repo.comment('octocat', town.pull, '/train retry 1');
    await town.work();
    const own = town.repo
      .comments(town.pull)
      .filter(one => one.viaApp)
      .at(-1);
    await town.repo.deleteComment('octocat', own?.id ?? 0);
    await town.repo.comment('octocat', town.pull, '/train cancel 2');
    await town.work();
    await town.show();
    assert.equal(town.answers().filter(body => body.includes('Asked by')).length, 1);
  });
});
