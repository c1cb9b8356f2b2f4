import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { lookAt } from '../../src/app/promotion-evidence.ts';
import { type Place, system } from '../../src/core/actor.ts';
import { modelsSchema } from '../../src/core/promotion/model-keys.ts';
import type { Exit } from '../../src/core/run.ts';
import { channel, team } from '../fakes/slack/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { summaryOf } from '../support/summary.ts';
import { dev, octocat, op, openPromotionTown, third } from './promotion-town.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const evaluate = { command: ['python3', 'evaluate.py'] };

/** Version 1 and 2, of a model whose versions are evaluated before they come to production. */
async function open(t: TestContext) {
  const town = await openPromotionTown(t, server);
  const { said, runs, promotions, says, evidence } = town;
  /** What is said of the model from now on. */
  const declare = (more: Record<string, unknown> = { evaluate }) => {
    const production = {
      target: 'digits-live',
      gates: ['val_accuracy >= production.val_accuracy - 0.005'],
      approvals: { count: 1, from: 'approver' },
    };
    const digits = { project: 'digits', output: 'model.json', environments: { production }, ...more };
    said.policy = { ...said.policy, models: modelsSchema.parse({ digits }) };
  };
  declare();
  await town.version('a', [summaryOf('val_accuracy', 10, 0.99), summaryOf('loss', 10, 0.2)]);
  await town.version('b', [summaryOf('val_accuracy', 10, 0.98), summaryOf('loss', 10, 0.1)]);
  const evaluations = async () => (await runs.list({ kinds: ['evaluate'], limit: 100 })).toReversed();
  const newest = async () => {
    const run = (await evaluations()).at(-1);
    assert.ok(run, 'nothing was evaluated');
    return run;
  };
  const change = async (number: number, one: Parameters<typeof runs.change>[1]) =>
    await runs.change(number, one, town.now, system);
  /** The newest evaluation comes to its end. */
  const ends = async (exit: Partial<Exit>, metrics: Record<string, number> = {}) => {
    const { number, attempt } = await newest();
    await change(number, { type: 'start', actor: system, reason: '' });
    const points = Object.entries(metrics).map(([name, value]) => ({ name, step: 0, value }));
    await runs.addPoints(number, attempt + 1, points);
    const end: Exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: town.now };
    await change(number, { type: 'exited', attempt: attempt + 1, exit: { ...end, ...exit } });
    return number;
  };
  /** The promotion as it is now. */
  const at = async (number: number) => {
    const one = await promotions.get(number);
    assert.ok(one);
    return one;
  };
  const promoted = async (version: number, by = dev) => {
    await says(by, `model promote digits ${version}`);
    const [one] = await promotions.ofModel('digits', 1);
    assert.ok(one);
    return one.number;
  };
  return {
    ...town,
    ...{ declare, evaluations, newest, ends, at, promoted, change },
    async evidenceOf(number: number) {
      const { evidence: digest } = await at(number);
      return await evidence.promotions.evidence(number, digest ?? '');
    },
    /** Version 1 serves; its evaluation is run 3. */
    async first(value = 0.9) {
      const number = await promoted(1);
      await ends({}, { val_accuracy: value });
      await town.goOn();
      assert.match(await says(op, `model approve P${number}`), /is approved/);
      await town.goOn();
      assert.equal(await town.state(number), 'live');
      return number;
    },
  };
}

describe('the evaluation of a version', () => {
  test('is a run on the queue, of whoever asked, at the commit of the version', async t => {
    const { promoted, newest, at, said, change, goOn } = await open(t);
    const number = await promoted(2);
    const run = await newest();
    const { spec } = run;
    assert.equal(run.state, 'queued');
    assert.equal(run.requestedBy.id, dev.id);
    assert.deepEqual(
      [spec.kind, spec.command, spec.sha, spec.team, spec.gpus, spec.secrets, spec.trigger],
      ['evaluate', evaluate.command, 'b'.repeat(40), said.policy.projects.digits?.team, 0, [], 'promotion'],
    );
    const { key, ...about } = spec.evaluates ?? { key: '' };
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.deepEqual(about, {
      ...{ model: 'digits', environment: 'production', version: 2, promotion: number },
      ...{ output: 'model.json', sha256: `sha256:${'b'.repeat(64)}`, bytes: 10 },
    });
    const waiting = await at(number);
    assert.deepEqual([waiting.state, waiting.evaluation], ['evaluating', run.number]);
    await goOn();
    assert.match((await at(number)).said, /^Its version is to be evaluated by run #\d+\. It waits/);
    await change(run.number, { type: 'start', actor: system, reason: '' });
    await goOn();
    assert.match((await at(number)).said, /^Its version is evaluated by run #\d+\.$/);
  });

  test('is said as what it is', async t => {
    const { promoted, newest, says, dispatch, now } = await open(t);
    const number = await promoted(2);
    const run = await newest();
    const name = `evaluation of digits 2 for P${number}`;
    for (const words of ['train status', 'train why'])
      assert.match(
        await says(dev, `${words} ${run.number}`),
        new RegExp(`^#${run.number} ${name} is queued`),
      );
    const place: Place = { kind: 'slack', team, channel, user: 'U1' };
    const list = await dispatch(
      { key: 'k', actor: dev, place, wish: { kind: 'words', words: 'train list' } },
      now,
    );
    assert.ok(list.ok && JSON.stringify(list.reply.blocks).includes(name));
    assert.equal(await says(dev, `train retry ${run.number}`), 'RUN_EVALUATES');
    assert.match(await says(dev, `model promote digits 2`), /is being evaluated/);
  });

  test('its numbers count before those of the training, and each says where it comes from', async t => {
    const { promoted, ends, goOn, at, evidenceOf, first } = await open(t);
    const one = await first(0.9);
    const number = await promoted(2);
    const run = await ends({}, { val_accuracy: 0.91, recall: 0.8 });
    await goOn();
    assert.equal((await at(number)).state, 'awaiting-approval');
    const found = await evidenceOf(number);
    const before = (await at(one)).evaluation;
    assert.equal(found?.evaluation, run);
    assert.deepEqual(found?.gates[0]?.sentence, '0.91 >= 0.895.');
    assert.deepEqual(
      found?.metrics.map(row => [row.name, row.value, row.before, row.run, row.beforeRun]),
      [
        ['val_accuracy', '0.91', '0.9', run, before],
        ['recall', '0.8', null, run, undefined],
        ['loss', '0.1', '0.2', 2, 1],
      ],
    );
  });

  test('that is there already is taken again; for another command there is another', async t => {
    const { promoted, first, says, goOn, at, evaluations, declare, version, promotions } = await open(t);
    await first();
    await version('c');
    assert.equal((await evaluations()).length, 1);
    const number = await promoted(2);
    assert.equal((await evaluations()).length, 2);
    assert.equal(await promoted(2), number);
    assert.equal((await evaluations()).length, 2);
    // Back to the first one, as it was measured then.
    await says(op, `model cancel P${number} --reason "not now"`);
    declare({ evaluate, environments: { staging: { target: 'digits-staging', approvals: { count: 1 } } } });
    await says(dev, 'model promote digits 1 --to staging');
    const [again] = await promotions.ofModel('digits', 1);
    assert.deepEqual([again?.state, again?.evaluation], ['awaiting-approval', null]);
    assert.equal((await evaluations()).length, 2);
    declare({
      evaluate: { command: ['python3', 'other.py'] },
      environments: { staging: { target: 'digits-staging', approvals: { count: 1 } } },
    });
    await goOn();
    assert.equal((await at(again?.number ?? 0)).state, 'evaluating');
    assert.equal((await evaluations()).length, 3);
  });

  test('that is asked for in another way voids what was approved, and ends the one before', async t => {
    const { promoted, ends, goOn, at, declare, says, evaluations, runs, show, shown } = await open(t);
    const number = await promoted(2);
    const old = await ends({}, { val_accuracy: 0.9 });
    declare({ evaluate, environments: { production: { target: 'digits-live', approvals: { count: 2 } } } });
    await goOn();
    await says(op, `model approve P${number}`);
    const environments = { production: { target: 'digits-live', approvals: { count: 2 } } };
    declare({ evaluate: { command: ['a'] }, environments });
    await goOn();
    assert.equal((await at(number)).state, 'evaluating');
    const second = (await at(number)).evaluation ?? 0;
    assert.notEqual(second, old);
    await show();
    assert.match(JSON.stringify(shown()), /does not count any more/);
    declare({ evaluate: { command: ['b'] }, environments });
    await goOn();
    assert.equal((await runs.get(second))?.state, 'cancelled');
    // Without any it goes straight to its gates.
    declare({ environments });
    await goOn();
    assert.equal((await at(number)).state, 'awaiting-approval');
    assert.deepEqual(
      (await evaluations()).map(one => one.state),
      ['succeeded', 'cancelled', 'cancelled'],
    );
  });

  const nan: [name: string, metrics: Record<string, number>[], sentence: RegExp][] = [
    ['NaN alone', [{ val_accuracy: Number.NaN }], /val_accuracy is no finite number/],
    [
      'NaN at last',
      [{ val_accuracy: 0.99 }, { val_accuracy: Number.NaN }],
      /val_accuracy is no finite number/,
    ],
    ['too little', [{ val_accuracy: 0.1 }], /0\.1 is not >= 0\.895/],
  ];
  for (const [name, steps, sentence] of nan)
    test(`whose number is ${name}: its gate fails`, async t => {
      const { promoted, newest, runs, change, goOn, at, first, now } = await open(t);
      await first();
      const number = await promoted(2);
      const run = await newest();
      await change(run.number, { type: 'start', actor: system, reason: '' });
      const points = steps.flatMap((one, step) =>
        Object.entries(one).map(([metric, value]) => ({ name: metric, step, value })),
      );
      await runs.addPoints(run.number, 1, points);
      const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: now };
      await change(run.number, { type: 'exited', attempt: 1, exit });
      await goOn();
      const { state, said } = await at(number);
      assert.equal(state, 'refused');
      assert.match(said, sentence);
    });

  const lines = ['Traceback (most recent call last):', 'KeyError: images', ''];
  const failures: [name: string, exit: Partial<Exit>, said: RegExp][] = [
    ['fails', { code: 1, lines }, /, run #\d+, failed \(code-error\): .* Its last line: KeyError: images$/],
    ['runs out of time', { stopped: 'time-limit', code: null }, /failed \(time-limit\): It ran longer than/],
    [
      'cannot begin',
      {
        code: null,
        failure: { class: 'start-error', message: 'The model could not be fetched: it is gone.' },
      },
      /failed \(start-error\): The model could not be fetched: it is gone\.$/,
    ],
  ];
  for (const [name, exit, sentence] of failures)
    test(`that ${name} ends the promotion, and the next one has another`, async t => {
      const { promoted, ends, goOn, at, newest } = await open(t);
      const number = await promoted(2);
      const run = await ends(exit);
      await goOn();
      const { state, said, endedAt } = await at(number);
      assert.equal(state, 'failed');
      assert.match(said, sentence);
      assert.ok(endedAt);
      const next = await promoted(2);
      assert.notEqual(next, number);
      assert.notEqual((await newest()).number, run);
    });

  test('that somebody cancels ends the promotion', async t => {
    const { promoted, newest, says, goOn, at } = await open(t);
    const number = await promoted(2);
    await says(dev, `train cancel ${(await newest()).number}`);
    await goOn();
    const { state, said } = await at(number);
    assert.deepEqual([state, /was cancelled by developer\.$/.test(said)], ['failed', true], said);
  });

  test('that its machine loses goes on by itself', async t => {
    const { promoted, newest, change, goOn, at } = await open(t);
    const number = await promoted(2);
    const { number: run } = await newest();
    await change(run, { type: 'start', actor: system, reason: '' });
    await change(run, { type: 'running', attempt: 1, at: new Date() });
    await change(run, { type: 'lost', attempt: 1, reason: 'Its machine fell silent.' });
    await goOn();
    assert.equal((await newest()).state, 'queued');
    assert.equal((await at(number)).state, 'evaluating');
  });

  test('ends with its promotion, whichever way', async t => {
    const { promoted, newest, says, at, wait, goOn, runs, change } = await open(t);
    const left: [string, string | undefined, string | undefined][] = [];
    /** The way in which a promotion and its run, one that waits or is at work, have ended. */
    const see = async (number: number) => {
      const { state, evaluation } = await at(number);
      const run = await runs.get(evaluation ?? 0);
      left.push([state, run?.state, run?.stopping ?? undefined]);
    };
    const one = await promoted(1);
    const two = await promoted(2);
    await see(one);
    await change((await newest()).number, { type: 'start', actor: system, reason: '' });
    await says(dev, `model cancel P${two}`);
    await see(two);
    const three = await promoted(2);
    wait(25 * 3_600_000);
    await goOn();
    await see(three);
    assert.deepEqual(left, [
      ['superseded', 'cancelled', undefined],
      ['cancelled', 'starting', 'cancel'],
      ['expired', 'cancelled', undefined],
    ]);
  });

  test('is one, whoever looks, and however many at once', async t => {
    const { promoted, evaluations, evidence, now, declare, promotions, at } = await open(t);
    declare({});
    const number = await promoted(2);
    assert.equal((await at(number)).state, 'awaiting-approval');
    assert.equal((await evaluations()).length, 0);
    declare();
    await Promise.all(Array.from({ length: 8 }, () => lookAt(number, evidence, now)));
    assert.equal((await evaluations()).length, 1);
    const events = await promotions.events(number);
    assert.equal(events.filter(one => one.to === 'evaluating').length, 2);
    // Whoever saw it before comes too late.
    const [run] = await evaluations();
    assert.ok(run);
    const late = await promotions.evaluate(number, { spec: run.spec, instead: null }, now);
    assert.deepEqual(late, { ok: false, code: 'stale' });
    assert.equal((await evaluations()).length, 1);
  });

  test('is nothing that a rollback waits for', async t => {
    const { first, promoted, ends, goOn, says, promotions, evaluations } = await open(t);
    await first();
    const number = await promoted(2);
    await ends({}, { val_accuracy: 0.95 });
    await goOn();
    await says(third, `model approve P${number}`);
    await goOn();
    await says(op, 'model rollback digits --reason "it confuses 3 and 8"');
    const [back] = await promotions.ofModel('digits', 1);
    assert.deepEqual([back?.kind, back?.state], ['rollback', 'approved']);
    assert.equal((await evaluations()).length, 2);
  });
});

describe('secrets of an evaluation', () => {
  const rows: [name: string, trigger: 'command' | 'pull-request', sees: string[], triggered: string][] = [
    ['what its project opens to promotions', 'command', ['EVAL_KEY'], 'promotion'],
    ['nothing, where a pull request made the version', 'pull-request', [], 'pull-request'],
  ];
  for (const [name, trigger, sees, triggered] of rows)
    test(name, async t => {
      const { said, promoted, newest, database } = await open(t);
      const digits = said.policy.projects.digits;
      assert.ok(digits);
      said.policy = {
        ...said.policy,
        projects: {
          ...said.policy.projects,
          digits: {
            ...digits,
            trusted: true,
            secrets: { EVAL_KEY: { triggers: ['promotion'] }, TRAIN_KEY: { triggers: ['command'] } },
          },
        },
      };
      await database.pool.query(
        "update runs set spec = jsonb_set(spec::jsonb, '{trigger}', to_jsonb($1::text))::json",
        [trigger],
      );
      await promoted(2, octocat);
      const { spec } = await newest();
      assert.deepEqual([spec.secrets, spec.trigger], [sees, triggered]);
    });
});
