import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type GitHubHouse, openGitHubHouse } from './github-house.ts';
import { until } from './until.ts';

describe('the service and GitHub', () => {
  let place: GitHubHouse;
  before(async () => {
    place = await openGitHubHouse();
  });
  after(() => place?.close());

  const conclusion = (sha: string) => {
    const [check] = place.runChecks(sha);
    return check && `${check.name}: ${check.status} ${check.conclusion ?? ''}`.trim();
  };

  test('a comment is heard, its run has one comment and one check until its end, and the merge trains main', async () => {
    const { house, repo, begun, later, propose, head, said, signs, settled } = place;
    const gate = house.gate('pull');
    const pull = await propose('octocat', 'wider');
    const sha = head(pull);
    later();
    const words = `It is ready.\n\n/train digits -p lr=0.3 -p gate=${gate.path}`;
    const comment = await repo.comment('octocat', pull, words);
    const number = await begun(0);
    assert.equal((await house.reaches(number, 'running')).trigger, 'pull-request');
    await until('the sign', () => signs(comment).length === 2);
    assert.deepEqual(signs(comment), ['eyes', 'rocket']);
    const name = `digits (run ${number})`;
    await until('a comment that says that it runs', () => said(pull)[0]?.includes('is running'));
    await until('a check that says so', () => conclusion(sha) === `${name}: in_progress`);
    gate.open();
    await house.reaches(number, 'succeeded');
    await until('the end in the comment', () => said(pull)[0]?.includes('succeeded'));
    await until('the end in the check', () => conclusion(sha) === `${name}: completed success`);
    assert.equal(await house.log(number), 'version wider\nmetric val_auc=0.3 step=1\n');
    assert.deepEqual([said(pull).length, place.runChecks(sha).length], [1, 1]);

    await repo.merge('octocat', pull);
    const main = await repo.head();
    const merged = await house.reaches(await begun(number), 'succeeded');
    assert.deepEqual([merged.sha, merged.trigger], [main, 'merge']);
    await until('the comment of that one', () => said(pull)[1]?.includes('succeeded'));
    await settled();
    assert.equal(await house.newest(), merged.number);
    assert.deepEqual(
      [said(pull).length, conclusion(main)],
      [2, `digits (run ${merged.number}): completed success`],
    );
  });

  test('of a fork nothing runs before it is approved, and then only what was approved', async () => {
    const { house, repo, begun, later, head, said, signs, settled } = place;
    const gate = house.gate('fork');
    const before = await house.newest();
    const fork = await repo.fork('hubot');
    const pushed = (version: string) =>
      fork.push({ by: 'hubot', branch: 'theirs', files: { version: `${version}\n` } });
    await pushed('approved');
    const pull = await repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
    const sha = head(pull);
    later();
    for (const words of ['/train digits', `/train digits --ref ${sha}`])
      await repo.comment('octocat', pull, words);
    await until(
      'two refusals',
      () => said(pull).filter(body => body.includes('FORK_UNAPPROVED')).length === 2,
    );
    // Who may not write there hears no by a sign alone.
    const denied = await repo.comment('hubot', pull, `/train approve ${sha}`);
    await until('no for who may not approve', () => signs(denied).includes('confused'));
    await repo.comment('monalisa', pull, `/train approve ${sha}`);
    await until('the approval', () => said(pull).some(body => body.includes(`${sha} may run`)));
    await repo.comment('octocat', pull, `/train digits -p gate=${gate.path}`);
    const first = await begun(before);
    await house.reaches(first, 'running');
    // It takes the only slot.
    await repo.comment('octocat', pull, '/train digits');
    const second = await begun(first);
    await house.reaches(second, 'queued');

    // What is pushed between the approval and the start is not run, and is not approved.
    await pushed('sneaked in');
    assert.notEqual(head(pull), sha);
    later();
    await repo.comment('octocat', pull, `/train digits --ref ${head(pull)}`);
    await until(
      'a third refusal',
      () => said(pull).filter(body => body.includes('FORK_UNAPPROVED')).length === 3,
    );
    gate.open();
    for (const number of [first, second]) {
      assert.equal((await house.reaches(number, 'succeeded')).sha, sha);
      assert.match(await house.log(number), /^version approved\n/);
    }
    await settled();
    assert.equal(await house.newest(), second);
  });

  test('killed in the middle of a delivery, it is done once when the service is back', async () => {
    const { github, house, repo, begun, later, propose, said, signs, settled } = place;
    const before = await house.newest();
    const pull = await propose('octocat', 'killed');
    later();
    const door = github.faults.gate('GET /repos/{owner}/{repo}/pulls/{pull_number}');
    const comment = await repo.comment('octocat', pull, '/train digits');
    const [told] = github.deliveries.recent();
    assert.equal(told?.statusCode, 202);
    // A worker is at it.
    await door.reached;
    await house.service().kill();
    door.open();
    await place.restart();
    // GitHub tells it again meanwhile, as somebody pressed the button there.
    github.deliveries.redeliver(told?.id ?? 0);
    await github.deliveries.settled();
    const number = await begun(before);
    await house.reaches(number, 'succeeded');
    await until('its comment', () => said(pull)[0]?.includes('succeeded'));
    await settled();
    assert.equal(await house.newest(), number);
    assert.deepEqual([said(pull).length, signs(comment)], [1, ['eyes', 'rocket']]);
  });

  test('what was told while nobody was there is asked for again, and done', async () => {
    const { github, house, repo, begun, later, propose, said, settled } = place;
    const known = await house.newest();
    const pull = await propose('octocat', 'lost');
    later();
    await settled();
    await house.service().kill();
    const before = github.deliveries.all().length;
    await repo.comment('octocat', pull, '/train digits');
    await repo.merge('octocat', pull);
    const lost = github.deliveries.all().slice(before);
    assert.deepEqual(lost.map(({ event }) => event).sort(), ['issue_comment', 'pull_request', 'push']);
    // As if a minute had passed since the last look.
    await house.query('update lost_deliveries_read set next_at = now() returning 1');
    await place.restart();
    const runs = [await begun(known, 1), await begun(known, 2)];
    const ended = await Promise.all(runs.map(number => house.reaches(number, 'succeeded', 'cancelled')));
    assert.deepEqual(ended.map(run => run.trigger).sort(), ['merge', 'pull-request']);
    await until('a comment for each', () => said(pull).length === 2);
    assert.equal(await house.newest(), Math.max(...runs));
    assert.deepEqual(await github.strays(), []);
  });
});
