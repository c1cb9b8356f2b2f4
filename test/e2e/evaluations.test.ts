import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Evidence } from '../../src/core/promotion/evidence.ts';
import type { RunJson } from '../../src/core/run-json.ts';
import { openServingHouse, type ServingHouse } from './serving-house.ts';
import { until } from './until.ts';

const skip = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not on the PATH';

const values = {
  EVAL_KEY: 'key-of-evaluations-3f9a1c',
  SERVE_KEY: 'key-of-what-serves-77be20',
  TRAIN_KEY: 'key-of-trainings-d01e55',
};

const own = mkdtempSync(join(tmpdir(), 'signalbox-evaluations-'));
after(() => rmSync(own, { recursive: true, force: true }));
const secretsFile = join(own, 'secrets.yml');
writeFileSync(secretsFile, JSON.stringify({ digits: values }), { mode: 0o600 });
/** While it is there, evaluations wait. */
const hold = join(own, 'hold');

/** Says what it has, as a program may do by accident. */
const say = 'echo "sees [$EVAL_KEY] [$SERVE_KEY] [$TRAIN_KEY]"\n';
const files = {
  'evaluate.sh': `${say}echo "model $SIGNALBOX_MODEL, version $SIGNALBOX_VERSION, port <$SIGNALBOX_PORT>"
sha256sum "$SIGNALBOX_MODEL"
while [ -e ${hold} ]; do sleep 0.1; done
exec python3 evaluate.py
`,
  'serve.sh': `${say}exec python3 serve.py\n`,
};

describe('a version is evaluated before it serves', { skip }, () => {
  let house: ServingHouse;
  before(async () => {
    house = await openServingHouse({
      rollout: '{ steps: [100], bake: 1s }',
      environment: { SIGNALBOX_SECRETS: secretsFile },
      more: {
        files,
        project:
          'secrets: { EVAL_KEY: { triggers: [promotion] }, SERVE_KEY: { triggers: [promotion] }, TRAIN_KEY: {} }',
        serve: '[sh, serve.sh]',
        target: ', secrets: [SERVE_KEY]',
        model: 'evaluate: { command: [sh, evaluate.sh], timeLimit: 60s }',
      },
    });
  });
  after(() => house?.close());

  const ends = ['live', 'halted', 'failed', 'refused'];

  /** The evaluation of a promotion. */
  async function evaluationOf(promotion: number): Promise<RunJson> {
    const run = await until(`P${promotion} to have an evaluation`, async () => {
      const rows = await house.query<{ evaluation: number | null }>(
        `select evaluation::int from promotions where number = ${promotion}`,
      );
      return rows[0]?.evaluation ?? undefined;
    });
    return await house.run(run);
  }

  test('by a run with its file, which tells what the gates are judged by', async () => {
    const number = await house.promote(await house.version('good', 1));
    const one = await house.comes(number, ...ends);
    assert.equal(one.state, 'live', one.said);
    const { number: run } = await evaluationOf(number);
    const ended = await house.run(run);
    assert.deepEqual(
      [ended.kind, ended.state, ended.team, ended.trigger, ended.secrets],
      ['evaluate', 'succeeded', 'research', 'promotion', ['EVAL_KEY', 'SERVE_KEY']],
    );
    assert.deepEqual(ended.evaluates, {
      model: 'digits',
      version: 1,
      environment: 'production',
      promotion: number,
    });
    const lines = (await house.log(run)).split('\n');
    const [made] = await house.query<{ sha256: string }>(
      'select sha256 from model_versions where number = 1',
    );
    assert.equal(lines[0], 'sees [[secret EVAL_KEY]] [[secret SERVE_KEY]] []');
    assert.match(lines[1] ?? '', /^model \/.*\/model\.json, version 1, port <>$/);
    assert.equal(`sha256:${(lines[2] ?? '').slice(0, 64)}`, made?.sha256);
    const [kept] = await house.query<{ content: Evidence }>(
      `select content from promotion_evidence where promotion = ${number}`,
    );
    const rows = kept?.content.metrics.map(row => [row.name, row.run]) ?? [];
    // The project's own command keeps its metrics to itself.
    assert.deepEqual(Object.fromEntries(rows), { val_loss: run, val_accuracy: run, worst_recall: run });
  });

  test('what serves sees the secrets that its target names, and logs hide them', async () => {
    const [serving] = await house.query<{ number: number }>(
      "select number::int from runs where kind = 'serve' and state = 'running'",
    );
    assert.ok(serving);
    assert.deepEqual((await house.run(serving.number)).secrets, ['SERVE_KEY']);
    await until('its first line', async () => /sees/.test(await house.log(serving.number)));
    assert.equal((await house.log(serving.number)).split('\n')[0], 'sees [] [[secret SERVE_KEY]] []');
    const folder = join(house.dataDir, 'agent');
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (file.isFile()) {
        const text = readFileSync(join(file.parentPath, file.name), 'latin1');
        for (const value of Object.values(values)) assert.ok(!text.includes(value), file.name);
      }
  });

  test('one that names none sees none', async () => {
    const number = await house.promote(await house.version('good', 2, 'never'), 'never');
    await house.comes(number, ...ends);
    const [run] = await house.query<{ number: number }>(
      "select number::int from runs where kind = 'serve' order by number desc",
    );
    assert.ok(run);
    assert.deepEqual((await house.run(run.number)).secrets, []);
  });

  test('one that cannot be evaluated is not promoted, and what serves goes on', async () => {
    const number = await house.promote(await house.version('dead', 3));
    const one = await house.comes(number, ...ends);
    assert.equal(one.state, 'failed');
    const { number: run } = await evaluationOf(number);
    assert.match(
      one.said,
      new RegExp(
        `^Its evaluation, run #${run}, failed \\(code-error\\): .* Its last line: evaluate: .* is not a signalbox-digits model$`,
      ),
    );
    assert.deepEqual(await house.weights(), { 1: 100 });
  });

  test('what is evaluated already is not evaluated again', async () => {
    const version = await house.version('good', 4);
    const first = await house.promote(version);
    assert.equal((await house.comes(first, ...ends)).state, 'live');
    await house.said('model rollback digits --to 1 --reason "it confuses 3 and 8"');
    assert.equal((await house.comes((await house.newest()).number, ...ends)).state, 'live');
    const before = await count();
    await house.said(`model promote digits ${version} --to production`);
    assert.equal((await house.comes((await house.newest()).number, ...ends)).state, 'live');
    assert.equal(await count(), before);
  });

  test('Signalbox is killed while it is evaluated, and it goes on as one run', async () => {
    writeFileSync(hold, '');
    const number = await house.promote(await house.version('good', 5));
    const { number: run } = await evaluationOf(number);
    await house.service().kill();
    await house.restart();
    await until('it to be at work', async () => /model /.test(await house.log(run).catch(() => '')));
    await house.service().kill();
    await house.restart();
    assert.match((await house.newest()).said, new RegExp(`run #${run}`));
    rmSync(hold);
    assert.equal((await house.comes(number, ...ends)).state, 'live');
    const all = await house.query(`select 1 from runs where request_key like 'evaluate:${number}:%'`);
    assert.equal(all.length, 1);
    assert.equal((await house.run(run)).attempt, 1);
  });

  test('one whose promotion is taken back ends with it', async () => {
    writeFileSync(hold, '');
    const number = await house.promote(await house.version('good', 6));
    const { number: run } = await evaluationOf(number);
    await house.reaches(run, 'running');
    await house.said(`model cancel P${number}`);
    assert.equal((await house.reaches(run, 'cancelled', 'succeeded', 'failed')).state, 'cancelled');
    assert.ok(existsSync(hold));
    rmSync(hold);
  });

  async function count(): Promise<number> {
    return (await house.query("select 1 from runs where kind = 'evaluate'")).length;
  }
});
