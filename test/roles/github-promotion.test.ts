import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Actor, actorKey, type Place, system } from '../../src/core/actor.ts';
import { modelsSchema } from '../../src/core/promotion/model-keys.ts';
import type { RepoOptions } from '../fakes/github/repo-deeds.ts';
import { wallClock } from '../fakes/slack/clock.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';
import { summaryOf } from '../support/summary.ts';
import { openGitHubTown } from './github-town.ts';

type Town = Awaited<ReturnType<typeof openTown>>;
const onGitHub = (name: string): Actor => ({ kind: 'github', id: name, name });
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
/** octocat opened the pull request and trained what it made, mona asks for promotions, and the others approve. */
const roles = { octocat: 'write', mona: 'write', hubot: 'write', third: 'write', passer: 'write' } as const;

async function openTown(t: TestContext, server: TestServer, options: RepoOptions = {}) {
  const town = await openGitHubTown(t, server, { roles, ...options });
  const { said, evidence, runs, artifacts, place } = town;
  const person = (name: string, role: 'trainer' | 'approver', teams: string[] = []) => {
    return { name, github: name, role, teams };
  };
  let count = 1;
  const declare = (change: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => {
    const production = {
      ...{ target: 'digits-live', gates: ['val_accuracy >= 0.9'], label: 'promote-digits' },
      ...{ approvals: { count, from: 'approver' }, ...change },
    };
    said.policy = {
      ...said.policy,
      models: modelsSchema.parse({
        digits: { project: 'digits', output: 'model.json', pullRequests: true, environments: { production } },
        ...more,
      }),
    };
  };
  declare();
  const people = [
    person('octocat', 'approver'),
    person('mona', 'trainer'),
    person('hubot', 'approver', ['vision']),
    person('third', 'approver'),
  ];
  said.policy = { ...said.policy, people };
  const declared = { project: 'digits', output: 'model.json', pullRequests: true };
  await evidence.models.declare({ name: 'digits', ...declared });
  let ahead = 0;
  let keys = 0;
  return {
    ...town,
    person,
    declare,
    /** So many persons must approve. */
    needs(more: number) {
      count = more;
      declare();
    },
    /** By GitHub's clock, some seconds later. */
    later(seconds = 2) {
      ahead += seconds * 1_000;
      town.fake.world.clock = { ...wallClock, now: () => Date.now() + ahead };
    },
    /** A run of a commit has made a version: the next number. */
    async version(sha = town.sha, digit = String(++keys), model = 'digits', at: Place = place) {
      const now = new Date();
      const made = await runs.create(
        wish(
          `version ${model} ${digit}`,
          { requestedBy: onGitHub('octocat'), place: at },
          { sha, outputs: ['*.json'] },
        ),
      );
      const { number } = made.run;
      await runs.change(number, { type: 'start', actor: system, reason: '' }, now, system);
      const files = [{ name: 'model.json', sha256: digest(digit), bytes: 10 }];
      await evidence.records.expect(files);
      await evidence.records.stored({ sha256: digest(digit), bytes: 10 });
      await evidence.records.keep(number, 1, files);
      const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: now };
      await runs.change(number, { type: 'exited', attempt: 1, exit }, now, system);
      artifacts.kept.add(digest(digit));
      const version = await evidence.models.make({
        ...{ model, run: number, attempt: 1, project: 'digits', output: 'model.json', bytes: 10 },
        ...{ sha256: digest(digit), source: 'github:octo-org/digits', sha },
        metrics: [summaryOf('val_accuracy', 10, 0.93)],
        directions: { val_accuracy: { better: 'higher' as const } },
        ...{ primaryMetric: 'val_accuracy', inputs: {}, signature: null, card: null },
        ...{ trainedBy: onGitHub('octocat'), at: now },
      });
      assert.ok(version.ok);
      return number;
    },
    promotion: async (number = 1) => await evidence.promotions.get(number),
    state: async (number = 1) => (await evidence.promotions.get(number))?.state,
    approvals: async (number = 1) =>
      ((await evidence.promotions.get(number))?.answers ?? []).map(({ by, says }) => `${by.name} ${says}`),
  };
}

/** Version 1 was made from the head of the pull request, and mona has asked there that it serves: P1. */
async function asked(t: TestContext, server: TestServer, count = 1) {
  const town = await openTown(t, server);
  town.needs(count);
  await town.version();
  await town.repo.comment(
    'mona',
    town.pull,
    '/model promote digits 1 --to production --reason "fewer mistakes"',
  );
  await town.work();
  await town.show();
  assert.equal(await town.state(), 'awaiting-approval');
  town.later();
  return { ...town, before: town.answers().length };
}

describe('promotions on GitHub', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(() => server?.stop());

  /** What was said since it was asked for, beside its own comment. */
  const since = (town: Town & { before: number }) => town.answers().slice(town.before);
  const own = (town: Town) => town.answers().filter(body => /P\u2060?1: digits 1/.test(body));
  const isUnanswered = async (town: Town & { before: number }) => {
    await town.show();
    assert.equal(await town.state(), 'awaiting-approval');
    assert.deepEqual(await town.approvals(), []);
  };

  test('a comment asks for it: one comment with all that decides, edited in place', async t => {
    const town = await asked(t, server);
    const [body = '', ...others] = own(town);
    assert.deepEqual(others, []);
    assert.match(body, /waits for approval \(0 of 1\)/);
    assert.match(body, /<b>✓ holds<\/b> `val_accuracy >= 0\.9`: 0\.93 &gt;= 0\.9/);
    assert.match(body, /\| Metric \|/);
    assert.match(
      body,
      /To decide, say here `\/model approve P1` or `\/model reject P1 --reason "\.\.\."`\. A review/,
    );
    assert.doesNotMatch(town.answers().join('\n'), /is asked for/);

    await town.repo.comment('hubot', town.pull, '/model approve P1 --reason "looks right"');
    await town.work();
    await town.show();
    assert.equal(await town.state(), 'approved');
    assert.equal(own(town).filter(one => /is approved/.test(one)).length > 0, true);
    assert.doesNotMatch(own(town)[0] ?? '', /To decide/);
  });

  test('a review that approves the code of the version approves it, once', async t => {
    const town = await asked(t, server);
    await town.repo.review('hubot', town.pull, 'APPROVED', 'Well done');
    await town.work({ twice: true });
    await town.show();
    assert.equal(await town.state(), 'approved');
    assert.deepEqual(await town.approvals(), ['hubot approve']);
    assert.deepEqual(since(town), []);
    assert.match(own(town)[0] ?? '', /is approved/);
    assert.match(own(town)[0] ?? '', /<b>hubot<\/b> \(Well done\)/);
    const events = await town.evidence.promotions.events(1);
    assert.equal(events.filter(one => one.type === 'approved').length, 1);
  });

  test('a review that is told once more after what it approved has changed counts no second time', async t => {
    const town = await asked(t, server, 2);
    await town.repo.review('hubot', town.pull, 'APPROVED');
    const told = [...town.heard.all];
    await town.work();
    assert.deepEqual(await town.approvals(), ['hubot approve']);
    town.declare({ approvals: { count: 2, from: 'approver' }, gates: ['val_accuracy >= 0.92'] });
    // As another attempt of GitHub, which it knows by the same name.
    town.heard.all.push(...told);
    await town.work();
    assert.equal((await town.promotion())?.answers.length, 1);
    await town.show();
    assert.deepEqual(since(town), []);
  });

  test('one that requests changes rejects it, for what it says', async t => {
    const town = await asked(t, server);
    await town.repo.review('hubot', town.pull, 'CHANGES_REQUESTED', 'Worse on\nrotated images');
    await town.work();
    await town.show();
    assert.equal(await town.state(), 'rejected');
    assert.match((await town.promotion())?.said ?? '', /hubot rejected it: Worse on rotated images/);
    assert.deepEqual(since(town), []);
  });

  const refused: [
    name: string,
    review: (town: Awaited<ReturnType<typeof asked>>) => Promise<unknown>,
    says: RegExp,
  ][] = [
    [
      'of whoever asked for it',
      async town => {
        town.said.policy = {
          ...town.said.policy,
          people: town.said.policy.people.map(one =>
            one.name === 'mona' ? { ...one, role: 'approver' } : one,
          ),
        };
        await town.repo.review('mona', town.pull, 'APPROVED');
      },
      /nobody approves their own promotion.*Ask people with the role approver or above, other than you/,
    ],
    [
      'of a second account of whoever trained it, linked since',
      async town => {
        const { person, said, links } = town;
        said.policy = { ...said.policy, people: [...said.policy.people, person('second', 'approver')] };
        const now = new Date();
        const octocat = onGitHub('octocat');
        const code = await links.issue(actorKey(octocat), 'wish', new Date(now.getTime() + 60_000));
        await links.redeem(actorKey(onGitHub('second')), code, onGitHub('second'), now);
        await town.repo.review('second', town.pull, 'APPROVED');
      },
      /nobody approves their own model/,
    ],
    [
      'of an account that nobody knows, whatever it may do in the repository',
      town => town.repo.review('passer', town.pull, 'APPROVED'),
      /Signalbox knows you only by what this repository lets you do.*Link your account/,
    ],
    [
      'of somebody who was put out of the team a moment ago',
      async town => {
        town.declare({ approvals: { count: 1, from: 'team:vision' } });
        await town.evidence.promotions.open();
        await town.repo.comment('mona', town.pull, '/model promote digits 1');
        await town.work();
        await town.show();
        town.later(4);
        await town.repo.review('hubot', town.pull, 'APPROVED');
        const people = town.said.policy.people.map(one =>
          one.name === 'hubot' ? { ...one, teams: [] } : one,
        );
        town.said.policy = { ...town.said.policy, people };
      },
      /decided by team vision, and you are not in it/,
    ],
    [
      'of another commit',
      async town => {
        await town.repo.push({ by: 'octocat', branch: 'wider', files: { 'net.py': 'wide = 2\n' } });
        await town.repo.review('hubot', town.pull, 'APPROVED');
      },
      /decides nothing about P\u2060?1.*It is of [0-9a-f]{7}, and version 1 was made from [0-9a-f]{7}\. It is decided by people with the role approver or above.*model approve P1/s,
    ],
    [
      'that was sent before what is decided on changed',
      async town => {
        await town.repo.review('hubot', town.pull, 'APPROVED');
        town.declare({ gates: ['val_accuracy >= 0.92'] });
      },
      /is decided on has changed since you were shown it/,
    ],
    [
      'that was sent before its message was there',
      async town => {
        town.later(-3_600);
        await town.repo.review('hubot', town.pull, 'APPROVED');
      },
      /is decided on has changed since you were shown it/,
    ],
    [
      'that requests changes and gives no reason',
      town => town.repo.review('hubot', town.pull, 'CHANGES_REQUESTED', '', true),
      /--reason/,
    ],
  ];
  for (const [name, review, says] of refused)
    test(`a review ${name}: it does not count, and is answered once`, async t => {
      const town = await asked(t, server);
      await review(town);
      const before = town.answers().length;
      await town.work({ twice: true });
      await isUnanswered(town);
      const answers = town.answers().slice(before);
      assert.equal(answers.length, 1, answers.join('\n---\n'));
      assert.match(answers[0] ?? '', says);
    });

  const ignored: [name: string, act: (town: Awaited<ReturnType<typeof asked>>) => Promise<unknown>][] = [
    ['that only says something', town => town.repo.review('hubot', town.pull, 'COMMENTED', 'Hm')],
    [
      'that is edited',
      async town => {
        const made = await town.repo.review('hubot', town.pull, 'COMMENTED', 'Hm');
        await town.repo.editReview(town.pull, { ...made, state: 'APPROVED' }, 'Well');
        town.heard.all.splice(0, 1);
      },
    ],
    [
      'of another pull request',
      async town => {
        await town.repo.push({ by: 'octocat', branch: 'other', files: { 'other.py': '1\n' } });
        const other = await town.repo.open({ by: 'octocat', from: 'other' });
        await town.repo.review('hubot', other, 'APPROVED');
      },
    ],
    [
      'that was dismissed since, even where that is told first',
      async town => {
        const made = await town.repo.review('hubot', town.pull, 'APPROVED');
        await town.repo.dismissReview('third', town.pull, made);
        town.heard.all.reverse();
      },
    ],
    [
      'of a stranger in a public repository',
      async town => {
        town.repo.permit('passer', 'none');
        await town.repo.review('passer', town.pull, 'APPROVED');
      },
    ],
  ];
  for (const [name, act] of ignored)
    test(`a review ${name}: nothing comes of it`, async t => {
      const town = await asked(t, server);
      await act(town);
      await town.work();
      await isUnanswered(town);
      assert.deepEqual(since(town), []);
    });

  test('its author can not review the pull request', async t => {
    const town = await asked(t, server);
    await assert.rejects(town.repo.review('octocat', town.pull, 'APPROVED'), { status: 422 });
  });

  test('where nothing waits, a review does nothing', async t => {
    const town = await openTown(t, server);
    await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    assert.deepEqual(town.answers(), []);
    assert.ok(!town.fake.requests.some(({ route }) => /reviews/.test(route)));
  });

  test('a dismissed review takes its approval back, and may be given again', async t => {
    const town = await asked(t, server, 2);
    const made = await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    assert.match((await town.promotion())?.said ?? '', /1 of 2/);
    await town.repo.dismissReview('octocat', town.pull, made);
    await town.work({ twice: true });
    await town.show();
    assert.deepEqual(await town.approvals(), []);
    assert.match(own(town)[0] ?? '', /review by which hubot approved it was dismissed: 0 of 2/);
    await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.repo.review('third', town.pull, 'APPROVED');
    await town.work();
    assert.deepEqual(await town.approvals(), ['hubot approve', 'third approve']);
    assert.equal(await town.state(), 'approved');
    // What is decided stays so.
    const [, again] = town.repo.pull(town.pull).pull.reviews;
    assert.ok(again);
    await town.repo.dismissReview('octocat', town.pull, again);
    await town.work();
    assert.equal(await town.state(), 'approved');
    assert.equal((await town.approvals()).length, 2);
  });

  test('what was approved by a comment is not taken back with a review', async t => {
    const town = await asked(t, server, 2);
    await town.repo.comment('hubot', town.pull, '/model approve P1');
    await town.work();
    const made = await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    await town.repo.dismissReview('octocat', town.pull, made);
    await town.work();
    assert.deepEqual(await town.approvals(), ['hubot approve']);
  });

  test('two that wait for one commit: a review does not say which', async t => {
    const town = await openTown(t, server);
    const environments = { production: { target: 'digits-other' } };
    const model = { project: 'digits', output: 'model.json', pullRequests: true };
    town.declare({}, { other: { ...model, environments } });
    await town.evidence.models.declare({ name: 'other', ...model });
    await town.version();
    await town.version(town.sha, '2', 'other');
    await town.repo.comment('mona', town.pull, '/model promote digits 1\n/model promote other 1');
    await town.work();
    await town.show();
    town.later();
    const before = town.answers().length;
    await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    await town.show();
    const [answer = '', ...more] = town.answers().slice(before);
    assert.deepEqual(more, []);
    assert.match(answer, /It may mean P\u2060?1 and P\u2060?2/);
    assert.deepEqual([await town.state(1), await town.state(2)], ['awaiting-approval', 'awaiting-approval']);
  });

  test('after the merge a review of its head counts for what came of it', async t => {
    const town = await openTown(t, server);
    const merged = await town.repo.merge('octocat', town.pull);
    await town.version(merged);
    await town.repo.comment('mona', town.pull, '/model promote digits 1');
    await town.work();
    await town.show();
    assert.equal(await town.state(), 'awaiting-approval');
    town.later();
    await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    assert.equal(await town.state(), 'approved');
  });

  test('a run is held against what serves in production, where its project says so', async t => {
    const town = await asked(t, server);
    const source = `github:octo-org/digits#${town.repo.state.id}`;
    const pull = { repo: town.repo.state.id, number: town.pull, base: 'main' };
    const held = async (key: string) => {
      const spec = { source, sha: town.sha, ref: 'wider', trigger: 'pull-request', pull } as const;
      const made = await town.runs.create(
        wish(key, { place: town.place }, { ...spec, compare: 'production', primaryMetric: 'val_accuracy' }),
      );
      const { number } = made.run;
      const at = new Date();
      await town.runs.change(number, { type: 'start', actor: system, reason: '' }, at, system);
      await town.runs.change(number, { type: 'running', attempt: 1, at }, at, system);
      await town.runs.addPoints(number, 1, [{ name: 'val_accuracy', step: 1, value: 0.5 }]);
      const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at };
      await town.runs.change(number, { type: 'exited', attempt: 1, exit }, at, system);
      await town.show();
      return town.answers().find(body => new RegExp(`\u2060${number} digits succeeded`).test(body)) ?? '';
    };
    assert.doesNotMatch(await held('before'), /in production/);
    await town.repo.review('hubot', town.pull, 'APPROVED');
    await town.work();
    const now = new Date();
    await town.evidence.promotions.change(1, { type: 'step', step: 0, reason: 'It begins.' }, now, system);
    await town.evidence.promotions.change(1, { type: 'live', reason: 'It serves.' }, now, system);
    assert.match(await held('after'), /Held against:<\/b> <b>[^<]*1<\/b> in production/);
  });

  describe('by a label', () => {
    test('the newest version of the head is asked for, once however often it is told', async t => {
      const town = await openTown(t, server);
      await town.version();
      await town.version();
      await town.version('f'.repeat(40));
      await town.repo.label('mona', town.pull, 'Promote-Digits');
      await town.work({ twice: true });
      await town.show();
      const promotion = await town.promotion();
      assert.deepEqual(
        [promotion?.version, promotion?.environment, promotion?.state, promotion?.reason],
        [2, 'production', 'awaiting-approval', 'Label Promote-Digits.'],
      );
      assert.equal(await town.promotion(2), null);
      assert.equal(promotion?.requestedBy.name, 'mona');
      const shown = town.answers().filter(body => /digits 2 to production/.test(body));
      assert.equal(shown.length, 1);
      assert.match(shown[0] ?? '', /waits for approval/);
    });

    test('of a merged pull request it is what came of the merge', async t => {
      const town = await openTown(t, server);
      const merged = await town.repo.merge('octocat', town.pull);
      await town.version(merged);
      await town.repo.label('mona', town.pull, 'promote-digits');
      await town.work();
      assert.equal((await town.promotion())?.version, 1);
    });

    const nothing: [name: string, act: (town: Town) => Promise<unknown>, says: RegExp | null][] = [
      [
        'by somebody who may not',
        async town => {
          await town.version();
          await town.repo.label('passer', town.pull, 'promote-digits');
          await town.repo.unlabel('passer', town.pull, 'promote-digits');
          await town.repo.label('passer', town.pull, 'promote-digits');
        },
        /You may not use.*model promote/s,
      ],
      [
        'of what has made no version',
        async town => {
          await town.version('f'.repeat(40));
          await town.repo.label('mona', town.pull, 'promote-digits');
        },
        /No version of digits was made from [0-9a-f]{7}\./,
      ],
      [
        'of a fork',
        async town => {
          const fork = await town.repo.fork('forker');
          const sha = await fork.push({ by: 'forker', branch: 'theirs', files: { 'net.py': 'theirs\n' } });
          const pull = await town.repo.open({ by: 'forker', from: { fork, branch: 'theirs' } });
          await town.version(sha);
          await town.repo.label('mona', pull, 'promote-digits');
        },
        /of a fork/,
      ],
      [
        'that means nothing',
        async town => {
          await town.version();
          await town.repo.label('mona', town.pull, 'promote-digit');
        },
        null,
      ],
      [
        'of a model whose project lives elsewhere',
        async town => {
          await town.version();
          const { digits } = town.said.policy.projects;
          assert.ok(digits);
          const projects = {
            ...town.said.policy.projects,
            digits: { ...digits, source: 'github:octo-org/other' },
          };
          town.said.policy = { ...town.said.policy, projects };
          await town.repo.label('mona', town.pull, 'promote-digits');
        },
        null,
      ],
    ];
    for (const [name, act, says] of nothing)
      test(`${name}: nothing is asked for, and at most one comment says why`, async t => {
        const town = await openTown(t, server);
        const said = () =>
          [...town.repo.state.comments.values()].filter(one => one.viaApp).map(one => one.body);
        await act(town);
        const before = said().length;
        await town.work({ twice: true });
        await town.show();
        assert.equal(await town.promotion(), null);
        const answers = said()
          .slice(before)
          .filter(body => !/digits has succeeded|digits succeeded/.test(body));
        assert.equal(answers.length, says ? 1 : 0, answers.join('\n---\n'));
        if (says) assert.match(answers[0] ?? '', says);
      });
  });

  describe('by the button of a check', () => {
    const check = (town: Town) => town.repo.checks(town.sha).find(one => /digits \(run/.test(one.name));

    test('it is there once the run has made a version, and asks for it as whoever presses', async t => {
      const town = await openTown(t, server);
      await town.version();
      await town.work();
      await town.show();
      const made = check(town);
      assert.ok(made);
      assert.deepEqual(
        made.actions.map(one => one.identifier),
        ['promote', 'rerun'],
      );
      assert.ok(made.actions.every(one => one.identifier.length <= 20 && one.label.length <= 20));
      await town.repo.press('mona', made.id, 'promote');
      await town.work({ twice: true });
      await town.show();
      assert.deepEqual([(await town.promotion())?.version, await town.promotion(2)], [1, null]);
      assert.equal((await town.promotion())?.requestedBy.name, 'mona');
    });

    test('pressed by who may not, or where nothing can be promoted any more', async t => {
      const town = await openTown(t, server);
      await town.version();
      await town.work();
      await town.show();
      const made = check(town);
      assert.ok(made);
      const before = town.answers().length;
      await town.repo.press('passer', made.id, 'promote');
      await town.work();
      await town.show();
      assert.match(town.answers().slice(before).join(), /You may not use.*model promote/s);
      town.said.policy = { ...town.said.policy, models: {} };
      await town.repo.press('mona', made.id, 'promote');
      await town.work();
      await town.show();
      assert.match(town.answers().at(-1) ?? '', /has made no version that can be promoted/);
      assert.equal(await town.promotion(), null);
    });

    test('a run without a version has none', async t => {
      const town = await openTown(t, server);
      await town.ended();
      assert.deepEqual(
        check(town)?.actions.map(one => one.identifier),
        ['rerun'],
      );
    });
  });
});
