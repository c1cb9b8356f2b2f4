import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openServingHouse, type ServingHouse, traffic } from './serving-house.ts';
import { until } from './until.ts';

const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';

describe('a model comes to serve, and goes', { skip }, () => {
  let house: ServingHouse;
  before(async () => {
    house = await openServingHouse({
      rollout: "{ steps: [10, 50, 100], bake: 2s, check: signalbox.errors, holds: '< 1%' }",
    });
  });
  after(() => house?.close());

  test('before there is one, the front says so', async () => {
    const answer = await fetch(`${house.url}/predict`, { method: 'POST', body: '[]' });
    assert.equal(answer.status, 503);
    assert.match(((await answer.json()) as { detail: string }).detail, /^No version of a model is promoted/);
  });

  test('the first one serves', async () => {
    const version = await house.version('good', 1);
    const asking = traffic(house);
    const one = await house.comes(await house.promote(version), 'live', 'halted', 'failed');
    assert.deepEqual([one.state, one.version], ['live', 1], one.said);
    await until('an answer', () => asking.answers.at(-1)?.version === 1);
    await asking.stop();
    assert.deepEqual(await house.weights(), { 1: 100 });
  });

  test('a canary gets its part, then more, then all, and nobody goes without an answer', async () => {
    const version = await house.version('good', 2);
    const asking = traffic(house);
    const number = await house.promote(version);
    await until('the first step', async () => (await house.weights())[2] === 10);
    const one = await house.comes(number, 'live', 'halted', 'failed');
    assert.equal(one.state, 'live', one.said);
    await until('nobody else to answer', () => asking.answers.slice(-50).every(each => each.version === 2));
    const answers = await asking.stop();
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200),
      [],
    );
    assert.deepEqual([...new Set(answers.map(each => each.version))], [1, 2]);
    const events = await house.query<{ type: string }>(
      `select type from promotion_events where promotion = ${number} and type in ('rolling-out', 'step', 'live') order by seq`,
    );
    assert.deepEqual(
      events.map(({ type }) => type),
      ['rolling-out', 'step', 'step', 'live'],
    );
    const parts = await house.query<{ stage: number; version: number; answers: number }>(
      `select stage, version, answers::int from serving_counts where promotion = ${number} and stage between 1 and 3`,
    );
    const part = (stage: number) => {
      const here = parts.filter(row => row.stage === stage);
      const sum = here.reduce((all, row) => all + row.answers, 0);
      return (here.find(row => row.version === 2)?.answers ?? 0) / sum;
    };
    assert.ok(part(1) > 0.01 && part(1) < 0.3, String(part(1)));
    assert.ok(part(2) > 0.3 && part(2) < 0.7, String(part(2)));
    assert.equal(part(3), 1);
    await until('the old one to end', async () => {
      const left = await house.query("select 1 from runs where kind = 'serve' and state = 'running'");
      return left.length === 1;
    });
  });

  test('one that fails with real images is halted by its check, and the old one has answered throughout', async () => {
    const version = await house.version('broken', 3);
    const asking = traffic(house);
    const one = await house.comes(await house.promote(version), 'live', 'halted', 'failed');
    assert.equal(one.state, 'halted', one.said);
    const { said } = await house.newest();
    assert.match(
      said,
      /^At 10 % of the requests its check gave 1, and < 1% must hold\. Version 2 answers all requests again\.$/,
    );
    await until('the old one alone', () => asking.answers.slice(-50).every(each => each.version === 2));
    const answers = await asking.stop();
    const wrong = answers.filter(({ status }) => status !== 200);
    assert.ok(wrong.length > 0);
    assert.deepEqual([...new Set(wrong.map(each => `${each.version} ${each.status}`))], ['3 500']);
    assert.ok(wrong.length < answers.length * 0.4, `${wrong.length} of ${answers.length}`);
    assert.deepEqual(await house.weights(), { 2: 100 });
  });

  test('one that cannot even be loaded gets no request', async () => {
    const version = await house.version('dead', 4);
    const asking = traffic(house);
    const one = await house.comes(await house.promote(version), 'live', 'halted', 'failed');
    assert.equal(one.state, 'halted');
    const answers = await asking.stop();
    assert.deepEqual([...new Set(answers.map(each => `${each.version} ${each.status}`))], ['2 200']);
  });

  test('a target that never becomes ready is left, and nothing serves there as before', async () => {
    const one = await house.comes(await house.promote(1, 'never'), 'live', 'halted', 'failed');
    assert.equal(one.state, 'halted');
    const events = await house.query<{ reason: string }>(
      `select reason from promotion_events where promotion = ${one.number} and type = 'rolling-back'`,
    );
    assert.match(events[0]?.reason ?? '', /^Version 1 was not ready within 2 s\.$/);
  });

  test('an earlier one serves again at any time, also while everything is frozen', async () => {
    await house.said('signalbox freeze --why "the launch"');
    await house.said('model rollback digits --to 1 --reason "it confuses 3 and 8"');
    const one = await house.comes((await house.newest()).number, 'live', 'halted', 'failed');
    assert.equal(one.state, 'live', one.said);
    await until('it to answer', async () => (await house.ask()).version === 1);
  });

  test('what serves goes on while Signalbox and its agent are away, and is adopted', async () => {
    await until('the one before to end', async () => (await serving()).length === 1);
    const [before] = await serving();
    await house.service().kill();
    await house.restart();
    await until('it to answer', async () => (await house.ask()).version === 1);
    assert.deepEqual(await serving(), [before]);
    assert.equal(before?.attempt, 1);
  });

  test('what ends by itself is started again', async () => {
    const [before] = await serving();
    execFileSync('pkill', ['-KILL', '-P', String(await supervisorOf(before?.number ?? 0))]);
    await until('another one to serve', async () => {
      const [now] = await serving();
      return now !== undefined && now.number !== before?.number;
    });
    await until('it to answer', async () => (await house.ask()).version === 1);
  });

  async function serving() {
    return await house.query<{ number: number; attempt: number }>(
      "select number::int, attempt from runs where kind = 'serve' and state = 'running' and stopping is null order by number",
    );
  }

  /** The process that watches over the first attempt of a run. */
  async function supervisorOf(run: number): Promise<number> {
    const file = join(house.dataDir, 'agent/here/runs', String(run), '1/control/launched');
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
    return pid;
  }
});
