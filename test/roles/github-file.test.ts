import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { followFiles } from '../../src/app/follow-files.ts';
import { cronNext } from '../../src/files/cron.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { wallClock } from '../fakes/slack/clock.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { openGitHubTown } from './github-town.ts';

const good = `rules:
  main: { project: digits, on: { merge: { branches: [main] } } }
  quick: { project: digits, on: { comment: true, check: { label: Train quick } }, parameters: { lr: 0.5 } }
`;
const broken = `rules:
  main: { project: digit, on: { merge: { branches: [main] } } }
  quick: { project: digits, on: { merge: { branch: [main] } } }
`;
const files = { '.signalbox.yml': good, 'train.py': 'pass\n' };

describe('.signalbox.yml on GitHub', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  type Town = Awaited<ReturnType<typeof openGitHubTown>>;
  type Files = Record<string, string>;
  const named = (town: Town, sha: string, name: string) =>
    town.repo.checks(sha).filter(one => one.name === name);
  /** Of the newest check of a name. */
  const state = (town: Town, sha: string, name: string) => {
    const check = named(town, sha, name).at(-1);
    return check ? (check.conclusion ?? check.status) : 'none';
  };
  const headOf = (town: Town, pull = town.pull) => town.repo.pull(pull).pull.head.sha;
  const said = (town: Town, pull: number) =>
    town.repo
      .comments(pull)
      .filter(one => one.viaApp)
      .map(one => one.body);
  /** As if nobody had said anything for an hour. */
  const rested = (town: Town) => town.database.pool.query('delete from rate_slots');
  async function showAll(town: Town) {
    await rested(town);
    await town.show();
  }
  async function work(town: Town, how: { twice?: boolean } = {}) {
    await rested(town);
    await town.work(how);
  }
  /** By GitHub's clock. */
  const later = (town: Town, ms: number) => {
    town.fake.world.clock = { ...wallClock, now: () => Date.now() + ms };
  };
  async function propose(town: Town, changed: Files, branch = 'file') {
    await town.repo.push({ by: 'octocat', branch, files: changed });
    return await town.repo.open({ by: 'octocat', from: branch });
  }

  test('what is wrong is said in one comment and at its lines, and so is that it is mended', async t => {
    const town = await openGitHubTown(t, server, { files });
    const pull = await propose(town, { '.signalbox.yml': broken });
    await work(town, { twice: true });
    const first = headOf(town, pull);
    const [comment = '', ...others] = said(town, pull);
    assert.deepEqual(others, []);
    assert.match(comment, /signalbox\.yml of this pull request has 2 problems/);
    assert.match(comment, /Line 3, column 44:.*branch: .*Did you mean branches\?/s);
    assert.equal(state(town, first, '.signalbox.yml'), 'failure');
    assert.equal(state(town, first, 'signalbox'), 'failure');
    const annotations = named(town, first, '.signalbox.yml')[0]?.annotations ?? [];
    assert.deepEqual(
      annotations.map(({ path, start_line, annotation_level }) => [path, start_line, annotation_level]),
      Array(2).fill(['.signalbox.yml', 3, 'failure']),
    );

    await town.repo.push({
      by: 'octocat',
      branch: 'file',
      files: { '.signalbox.yml': broken.replace('branch:', 'branches:') },
    });
    await work(town);
    assert.match(said(town, pull)[0] ?? '', /Line 2, column 11:.*digit: .*Did you mean digits\?/s);

    await town.repo.push({ by: 'octocat', branch: 'file', files: { '.signalbox.yml': `# fine\n${good}` } });
    await work(town);
    assert.equal(said(town, pull).length, 1);
    assert.match(said(town, pull)[0] ?? '', /of this pull request is fine now/);
    const mended = headOf(town, pull);
    assert.equal(state(town, mended, '.signalbox.yml'), 'success');
    assert.equal(state(town, mended, 'signalbox'), 'neutral');

    await town.repo.push({ by: 'octocat', branch: 'file', files: { '.signalbox.yml': broken } });
    await work(town);
    assert.match(said(town, pull)[0] ?? '', /has 2 problems/);
    await town.repo.push({ by: 'octocat', branch: 'file', files: { '.signalbox.yml': good } });
    await work(town);
    assert.match(said(town, pull)[0] ?? '', /leaves .*signalbox\.yml as it is/);
    assert.equal(said(town, pull).length, 1);
  });

  test('the last push counts, in whatever order it is told', async t => {
    const town = await openGitHubTown(t, server, { files });
    const pull = await propose(town, { '.signalbox.yml': broken });
    await work(town);
    later(town, 5_000);
    await town.repo.push({ by: 'octocat', branch: 'file', files: { 'train.py': '1\n' } });
    later(town, 10_000);
    await town.repo.push({ by: 'octocat', branch: 'file', files: { '.signalbox.yml': `# 2\n${good}` } });
    town.heard.all.reverse();
    await work(town);
    assert.match(said(town, pull)[0] ?? '', /is fine now/);
  });

  const silent: { name: string; base: Files; proposed: Files; summary: string; file: string }[] = [
    { name: 'other files', base: files, proposed: { 'train.py': '1\n' }, summary: 'neutral', file: 'none' },
    {
      name: 'no file at all',
      base: { 'train.py': 'pass\n' },
      proposed: { 'train.py': '1\n' },
      summary: 'none',
      file: 'none',
    },
    {
      name: 'a file of that name elsewhere',
      base: files,
      proposed: { 'conf/.signalbox.yml': broken },
      summary: 'neutral',
      file: 'none',
    },
    {
      name: 'a first file that is fine',
      base: { 'train.py': 'pass\n' },
      proposed: { '.signalbox.yml': good },
      summary: 'none',
      file: 'success',
    },
  ];
  for (const { name, base, proposed, summary, file } of silent)
    test(`nothing is said of ${name}`, async t => {
      const town = await openGitHubTown(t, server, { files: base });
      const pull = await propose(town, proposed);
      await work(town);
      const head = headOf(town, pull);
      assert.deepEqual(said(town, pull), []);
      assert.equal(state(town, head, 'signalbox'), summary);
      assert.equal(state(town, head, '.signalbox.yml'), file);
    });

  test('with another base it is read anew at once; with other words nothing is', async t => {
    const town = await openGitHubTown(t, server, { files });
    await town.repo.push({ by: 'octocat', branch: 'plain', files: { '.signalbox.yml': null } });
    await town.repo.push({ by: 'octocat', branch: 'topic', files: { 'train.py': '1\n' } });
    await town.repo.push({
      by: 'octocat',
      branch: 'topic',
      onto: await town.repo.git('rev-parse', 'plain'),
      files: { 'train.py': '2\n' },
    });
    const pull = await town.repo.open({ by: 'octocat', from: 'topic', into: 'plain' });
    await work(town);
    const head = headOf(town, pull);
    assert.equal(state(town, head, 'signalbox'), 'none');
    later(town, 5_000);
    await town.repo.edit('octocat', pull, { title: 'Other words' });
    await work(town);
    assert.equal(state(town, head, 'signalbox'), 'none');
    await town.repo.edit('octocat', pull, { base: 'main' });
    await work(town, { twice: true });
    assert.equal(state(town, head, 'signalbox'), 'neutral');
    assert.deepEqual(
      named(town, head, 'signalbox')
        .at(-1)
        ?.actions.map(one => one.label),
      ['Train quick'],
    );
    // Nothing was pushed.
    const pushes = await town.repositories.pushes(town.place.repo, pull, 'topic');
    assert.equal(pushes.filter(push => push.before === null).length, 1);
  });

  test('a base that moved on is no change of the pull request', async t => {
    const town = await openGitHubTown(t, server, { files });
    await propose(town, { 'train.py': '1\n' });
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': `# moved\n${good}` } });
    await town.repo.push({ by: 'octocat', branch: 'file', files: { 'train.py': '2\n' } });
    await work(town);
    const pull = town.pull + 1;
    assert.deepEqual(said(town, pull), []);
    assert.equal(state(town, headOf(town, pull), '.signalbox.yml'), 'none');
  });

  const hostile: { name: string; text: string; expected: RegExp }[] = [
    { name: 'a tab', text: 'rules:\n\tmain: {}\n', expected: /Line 2.*[Tt]ab/s },
    { name: 'a key twice', text: `${good}rules: {}\n`, expected: /Line 4, column 1.*unique/s },
    {
      name: 'aliases that grow',
      text: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((one, i) => `${one}: &${one} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
        .join('\n')}\n`,
      expected: /too many aliases/,
    },
    {
      name: 'what is nested deep',
      text: `rules: ${'['.repeat(100_000)}`,
      expected: /nested too deep|problem/,
    },
    { name: 'a huge file', text: `# ${'x'.repeat(2 * 1024 * 1024)}\n`, expected: /more than 262144 bytes/ },
    {
      name: 'a thousand wrong keys',
      text: Array.from({ length: 1_000 }, (_, i) => `key${i}: 1`).join('\n'),
      expected: /and 30 more/,
    },
    { name: 'no map', text: '- a\n- b\n', expected: /Line 1, column 1/ },
    { name: 'markup', text: '"@octocat <img>": 1\n', expected: /has 1 problem/ },
  ];
  test('a fork is read and nothing of it runs, whatever its file is', async t => {
    const town = await openGitHubTown(t, server, { files });
    const fork = await town.repo.fork('hubot');
    await fork.push({ by: 'hubot', branch: 'theirs', files: { '.signalbox.yml': broken } });
    const pull = await town.repo.open({ by: 'hubot', from: { fork, branch: 'theirs' } });
    await work(town);
    const before = await town.runs.newestNumber();
    assert.equal(state(town, headOf(town, pull), '.signalbox.yml'), 'failure');
    for (const { name, text, expected } of hostile) {
      await fork.push({ by: 'hubot', branch: 'theirs', files: { '.signalbox.yml': text } });
      await work(town);
      const [comment = ''] = said(town, pull);
      assert.match(comment.replaceAll('\u2060', ''), expected, name);
      assert.doesNotMatch(comment, /(?<!\u2060|\\)@octocat|<img/, name);
      assert.equal(state(town, headOf(town, pull), '.signalbox.yml'), 'failure', name);
    }
    assert.equal(said(town, pull).length, 1);
    assert.equal(await town.runs.newestNumber(), before);
  });

  test('what came to the base broken is told at its pull request and its commit, once', async t => {
    const town = await openGitHubTown(t, server, { files });
    const pull = await propose(town, { '.signalbox.yml': broken });
    await work(town);
    await town.repo.merge('octocat', pull, { method: 'squash' });
    await work(town, { twice: true });
    const sha = await town.repo.git('rev-parse', 'main');
    assert.equal(said(town, pull).length, 1);
    assert.match(said(town, pull)[0] ?? '', /on main has 2 problems/);
    assert.equal(named(town, sha, '.signalbox.yml').length, 1);
    assert.equal(state(town, sha, '.signalbox.yml'), 'failure');

    await town.repo.push({ by: 'octocat', files: { 'train.py': 'later\n' } });
    await work(town);
    assert.deepEqual(town.repo.checks(await town.repo.git('rev-parse', 'main')), []);
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': `${broken}# worse\n` } });
    await work(town);
    assert.equal(state(town, await town.repo.git('rev-parse', 'main'), '.signalbox.yml'), 'failure');
    await town.repo.push({ by: 'octocat', branch: 'aside', files: { '.signalbox.yml': broken } });
    await work(town);
    assert.deepEqual(town.repo.checks(await town.repo.git('rev-parse', 'aside')), []);
  });

  describe('the check signalbox', () => {
    const endAs = async (town: Town, number: number, code: number) => {
      const at = new Date();
      const by = { kind: 'system', id: 'signalbox', name: 'Signalbox' } as const;
      const change = (one: Parameters<Town['runs']['change']>[1]) => town.runs.change(number, one, at, by);
      await change({ type: 'start', actor: by, reason: '' });
      await change({ type: 'running', attempt: 1, at });
      await showAll(town);
      const exit = { code, signal: null, stopped: null, failure: null, lines: [], at };
      await change({ type: 'exited', attempt: 1, exit });
      await showAll(town);
    };

    test('sums up the newest run of each project at a head', async t => {
      const town = await openGitHubTown(t, server, { files });
      await work(town);
      assert.equal(state(town, town.sha, 'signalbox'), 'neutral');
      await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
      await work(town);
      assert.equal(state(town, town.sha, 'signalbox'), 'queued');
      await endAs(town, 1, 1);
      assert.equal(state(town, town.sha, 'signalbox'), 'failure');
      await town.repo.comment('octocat', town.pull, '/train retry 1');
      await work(town);
      await showAll(town);
      assert.equal(state(town, town.sha, 'signalbox'), 'queued');
      await endAs(town, 2, 0);
      assert.equal(state(town, town.sha, 'signalbox'), 'success');
      // Neutral, opened twice.
      assert.equal(named(town, town.sha, 'signalbox').length, 3);
      assert.deepEqual(
        named(town, town.sha, 'signalbox')
          .slice(0, -1)
          .map(one => one.status),
        ['completed', 'completed'],
      );
    });

    const lost = [
      { name: 'made, and its run ends before that is looked at', fault: 'lost', checks: 2 },
      { name: 'not made, and its run ends before that is looked at', fault: 'cut', checks: 1 },
    ] as const;
    for (const { name, fault, checks } of lost)
      test(`one that is opened again, ${name}: the newest says how it went`, async t => {
        const town = await openGitHubTown(t, server, { files });
        await work(town);
        // It was completed a while ago.
        for (const one of named(town, town.sha, 'signalbox')) one.startedAt = '2026-01-01T00:00:00Z';
        await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
        town.fake.faults.next('POST /repos/{owner}/{repo}/check-runs', fault, 20);
        town.fake.faults.next('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', 'cut', 100);
        await work(town);
        await endAs(town, 1, 1);
        town.fake.faults.clear();
        await showAll(town);
        assert.equal(named(town, town.sha, 'signalbox').length, checks);
        assert.equal(state(town, town.sha, 'signalbox'), 'failure');
      });

    test('an answer that is lost when it is opened again makes no third one', async t => {
      const town = await openGitHubTown(t, server, { files });
      await work(town);
      await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
      town.fake.faults.next('POST /repos/{owner}/{repo}/check-runs', 'lost');
      town.fake.faults.next('POST /repos/{owner}/{repo}/check-runs', 'lost');
      await work(town);
      await showAll(town);
      assert.equal(named(town, town.sha, 'signalbox').length, 2);
      assert.equal(state(town, town.sha, 'signalbox'), 'queued');
    });

    test('its button starts the rule as whoever pressed it, at that commit', async t => {
      const town = await openGitHubTown(t, server, { files });
      await work(town);
      const [check] = named(town, town.sha, 'signalbox');
      assert.deepEqual(check?.actions, [
        { identifier: 'quick', label: 'Train quick', description: 'Train digits.' },
      ]);
      await town.repo.press('octocat', check?.id ?? 0, 'quick');
      await work(town, { twice: true });
      const runs = await town.runs.list({ limit: 9 });
      assert.equal(runs.length, 1);
      assert.equal(runs[0]?.spec.sha, town.sha);
      assert.equal(runs[0]?.spec.parameters.lr, 0.5);
      assert.equal(runs[0]?.spec.trigger, 'pull-request');
      assert.equal(runs[0]?.requestedBy.id, 'octocat');
      await town.repo.press('hubot', check?.id ?? 0, 'quick', { early: true });
      await work(town);
      assert.equal((await town.runs.list({ limit: 9 })).length, 1);
      await town.repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'later\n' } });
      await town.repo.press('octocat', check?.id ?? 0, 'quick');
      await work(town);
      assert.equal((await town.runs.list({ limit: 9 })).length, 1);
      assert.ok((await town.refused()).includes('HEAD_OTHER'));
    });

    test('a merge queue is not held by it', async t => {
      const town = await openGitHubTown(t, server, { files });
      await work(town);
      const group = await town.repo.enqueue('octocat', town.pull);
      await work(town, { twice: true });
      assert.equal(state(town, group, 'signalbox'), 'neutral');
      assert.equal(named(town, group, 'signalbox').length, 1);
      assert.equal(await town.runs.newestNumber(), null);
    });

    test('its Re-run repeats what has ended there', async t => {
      const town = await openGitHubTown(t, server, { files });
      await work(town);
      await town.repo.rerun('octocat', named(town, town.sha, 'signalbox')[0]?.id ?? 0);
      await work(town);
      assert.equal(await town.runs.newestNumber(), null);
      await town.repo.comment('octocat', town.pull, `/train digits --ref ${town.sha}`);
      await work(town);
      await endAs(town, 1, 1);
      await town.repo.rerun('octocat', named(town, town.sha, 'signalbox').at(-1)?.id ?? 0);
      await work(town, { twice: true });
      assert.equal(await town.runs.newestNumber(), 2);
      assert.equal((await town.runs.get(2))?.spec.retryOf, 1);
    });
  });

  test('all checks again: of each project the newest run that has ended, once, by who may', async t => {
    const town = await openGitHubTown(t, server, { files });
    await work(town);
    const again = async (by: string, how = {}) => {
      await town.repo.rerunAll(by, town.sha);
      await work(town, how);
      return await town.runs.newestNumber();
    };
    assert.equal(await again('octocat'), null, 'nothing was asked for');
    const ended = await town.ended();
    assert.equal(await again('hubot'), ended, 'who may only read');
    assert.equal(await again('octocat', { twice: true }), ended + 1);
    const run = await town.runs.get(ended + 1);
    assert.deepEqual([run?.spec.retryOf, run?.spec.sha], [ended, town.sha]);
    assert.equal(run?.place.kind === 'github' && run.place.issue, town.pull);
    assert.equal(await again('octocat'), ended + 1, 'that one is at work');
  });

  test('a rule is said by its name, with what is said besides', async t => {
    const town = await openGitHubTown(t, server, { files });
    await work(town);
    const say = async (words: string) => {
      await town.repo.comment('octocat', town.pull, `${words} --ref ${town.sha}`);
      await work(town);
      const number = await town.runs.newestNumber();
      return number === null ? null : await town.runs.get(number);
    };
    assert.equal((await say('/train quick'))?.spec.parameters.lr, 0.5);
    const other = await say('/train quick -p lr=0.7 --priority low');
    assert.deepEqual([other?.number, other?.spec.parameters.lr, other?.priority], [2, 0.7, 'low']);
    assert.equal((await say('/train quickk'))?.number, 2);
    assert.match(town.answers().at(-1) ?? '', /Did you mean quick\?/);
    // A rule that names no comment.
    assert.equal((await say('/train main'))?.number, 2);
  });

  test('what the base branch says now counts, not what it said when the pull request was opened', async t => {
    const town = await openGitHubTown(t, server, { files: { 'train.py': 'pass\n' } });
    await work(town);
    const say = async (words: string) => {
      await town.repo.comment('octocat', town.pull, `${words} --ref ${town.sha}`);
      await work(town);
      return await town.runs.newestNumber();
    };
    assert.equal(await say('/train quick'), null);
    const quick = good.split('\n').toSpliced(1, 1).join('\n');
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': quick } });
    assert.equal(await say('/train quick'), 1);
    assert.equal((await town.runs.get(1))?.spec.parameters.lr, 0.5);
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': broken } });
    assert.equal(await say('/train quick'), 1);
    assert.match(town.answers().at(-1) ?? '', /of the base branch/);
    const slower = quick.replace('lr: 0.5', 'lr: 0.05');
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': slower } });
    assert.equal(await say('/train quick'), 2);
    assert.equal((await town.runs.get(2))?.spec.parameters.lr, 0.05);
    // Nothing is said of a base that GitHub has no more.
    await town.repo.push({ by: 'octocat', branch: 'release', files: { 'docs.md': 'of the release' } });
    await town.repo.edit('octocat', town.pull, { base: 'release' });
    await town.repo.git('update-ref', '-d', 'refs/heads/release');
    assert.equal(await say('/train quick'), 2);
    assert.match(town.answers().at(-1) ?? '', /GitHub has no branch release/);
  });

  test('several commands are answered in their order, and what is too much is said', async t => {
    const town = await openGitHubTown(t, server, { files });
    await work(town);
    const lines = Array.from({ length: 12 }, (_, i) => `/train status ${1_000 + i}`);
    const comment = await town.repo.comment('octocat', town.pull, lines.join('\n'));
    await work(town, { twice: true });
    const answers = town.answers();
    assert.equal(answers.length, 11);
    assert.deepEqual(
      answers.map(body => /\b10\d\d\b/.exec(body)?.[0]),
      [...lines.slice(0, 10).map(line => line.slice(-4)), undefined],
    );
    assert.match(answers.at(-1) ?? '', /2 more commands in this comment were not done/);
    assert.deepEqual(town.signs(comment), ['confused', 'eyes']);
  });

  test('a stranger with many commands hears nothing', async t => {
    const town = await openGitHubTown(t, server, { files });
    await work(town);
    await town.repo.comment('stranger', town.pull, '/train status 1\n'.repeat(12));
    await work(town);
    assert.deepEqual(town.answers(), []);
  });

  test('a schedule starts the default branch, once for each moment, and what was missed once', async t => {
    const file = (cron: string) =>
      `rules:\n  nightly: { project: digits, on: { schedule: { cron: '${cron}', timeZone: Europe/Paris } }, parameters: { lr: 0.2 } }\n`;
    const town = await openGitHubTown(t, server, {
      files: { '.signalbox.yml': file('0 3 * * *'), 'train.py': 'pass\n' },
    });
    const { log } = recordingLog();
    const { repositories, source, runs } = town;
    const ports = { repositories, source, runs, readFile: readRepositoryFile, next: cronNext, log };
    const at = async (time: string) => {
      await Promise.all(
        Array.from({ length: 3 }, () => followFiles(town.said.policy, ports, new Date(time))),
      );
      await town.database.pool.query(
        "update github_schedules set claimed_until = '-infinity'; update github_repositories set look_at = '-infinity'",
      );
      return (await runs.list({ limit: 20 })).length;
    };
    await work(town);
    assert.equal(await at('2026-01-01T12:00:00Z'), 0);
    assert.equal(await at('2026-01-02T01:59:59Z'), 0);
    assert.equal(await at('2026-01-02T02:00:00Z'), 1);
    assert.equal(await at('2026-01-02T02:00:05Z'), 1);
    const [run] = await runs.list({ limit: 1 });
    assert.deepEqual(
      [run?.spec.trigger, run?.spec.parameters.lr, run?.spec.sha, run?.requestedBy.kind],
      ['schedule', 0.2, await town.repo.git('rev-parse', 'main'), 'system'],
    );
    // Nobody was there for three nights.
    assert.equal(await at('2026-01-05T12:00:00Z'), 2);
    assert.equal(await at('2026-01-05T12:00:05Z'), 2);
    // The clocks go forward: three in the morning is an hour earlier in UTC.
    assert.equal(await at('2026-03-29T00:59:59Z'), 3);
    assert.equal(await at('2026-03-29T01:00:00Z'), 4);
    // Another moment, and a broken file, which starts nothing.
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': file('0 5 * * *') } });
    await work(town);
    assert.equal(await at('2026-03-29T01:00:10Z'), 4);
    assert.equal(await at('2026-03-30T01:00:00Z'), 5);
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': broken } });
    await work(town);
    assert.equal(await at('2026-03-31T12:00:00Z'), 5);
    await town.repo.push({ by: 'octocat', files: { '.signalbox.yml': 'rules: {}\n' } });
    await work(town);
    assert.equal(await at('2026-04-01T12:00:00Z'), 5);
  });
});
