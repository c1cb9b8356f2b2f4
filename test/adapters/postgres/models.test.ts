import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { modelFileStore } from '../../../src/adapters/postgres/model-files.ts';
import { modelStore } from '../../../src/adapters/postgres/models.ts';
import { recordStore } from '../../../src/adapters/postgres/records.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { system } from '../../../src/core/actor.ts';
import type { DeclaredModel } from '../../../src/core/ports.ts';
import type { NewVersion } from '../../../src/core/promotion/version.ts';
import type { RunSpec } from '../../../src/core/run.ts';
import { startServer, type TestServer } from '../../support/postgres.ts';
import { octocat, wish } from '../../support/run.ts';
import { summaryOf } from '../../support/summary.ts';

const now = new Date('2026-01-01T00:00:00Z');
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

describe('models in Postgres', () => {
  let server: TestServer;
  let database: Database;
  before(async () => {
    server = await startServer('embedded');
  });
  after(async () => {
    await server?.stop();
  });

  /** A database of its own: numbers and candidates are counted. */
  async function fresh(t: { after(work: () => Promise<void>): void }) {
    database = openDatabase(await server.database(), { onError: () => {} });
    const own = database;
    t.after(() => own.close());
    await migrate(own.pool);
    const runs = runStore(own.db);
    const records = recordStore(own.db);
    return {
      db: own.db,
      pool: own.pool,
      models: modelStore(own.db),
      records,
      /** One that ends with this output. */
      async run(sha256: string, spec: Partial<RunSpec> = {}, exit = 0, name = 'model.json') {
        const key = `wish ${await runs.newestNumber()}`;
        const { number } = (await runs.create(wish(key, {}, { outputs: ['*.json'], ...spec }))).run;
        await runs.change(number, { type: 'start', actor: system, reason: '' }, now, system);
        const files = [{ name, sha256, bytes: 10 }];
        await records.expect(files);
        await records.stored({ sha256, bytes: 10 });
        await records.keep(number, 1, files);
        const failure = exit === 0 ? null : { class: 'code-error' as const, message: 'It failed.' };
        const said = { code: exit, signal: null, stopped: null, failure, lines: [], at: now };
        await runs.change(number, { type: 'exited', attempt: 1, exit: said }, now, system);
        return number;
      },
    };
  }

  const digits: DeclaredModel = {
    ...{ name: 'digits', project: 'digits', output: 'model.json', pullRequests: false },
  };
  const versionOf = (run: number, sha256: string): NewVersion => ({
    ...{ model: 'digits', run, attempt: 1, project: 'digits', output: 'model.json', sha256, bytes: 10 },
    ...{ source: '/projects/digits', sha: 'a'.repeat(40) },
    metrics: [summaryOf('val_accuracy', 10, 0.93)],
    directions: { val_accuracy: { better: 'higher' } },
    primaryMetric: 'val_accuracy',
    inputs: { 'data/a.gz': digest('e') },
    signature: [{ name: 'image', type: 'double' }],
    card: '# Digits',
    trainedBy: octocat,
    at: now,
  });

  test('a version is what it was made of, and is read as it was written', async t => {
    const { models, run } = await fresh(t);
    await models.declare(digits);
    const number = await run(digest('a'));
    const made = await models.make(versionOf(number, digest('a')));
    assert.ok(made.ok && made.created);
    assert.deepEqual(made.version, { ...versionOf(number, digest('a')), number: 1 });
    assert.deepEqual(await models.version('digits', 1), made.version);
    assert.deepEqual(await models.ofRun(number), [made.version]);
    assert.equal(await models.version('digits', 2), null);
    assert.equal(await models.version('other', 1), null);
    assert.deepEqual(await models.all(), [
      { name: 'digits', project: 'digits', output: 'model.json', newest: 1 },
    ]);
  });

  test('whoever makes it again, or at the same moment, gets the same; numbers have no gaps', async t => {
    const { models, run } = await fresh(t);
    await models.declare(digits);
    const numbers: number[] = [];
    for (let i = 0; i < 6; i++) numbers.push(await run(digest(String(i))));
    const answers = await Promise.all(
      numbers.flatMap((number, i) => [
        models.make(versionOf(number, digest(String(i)))),
        models.make(versionOf(number, digest(String(i)))),
        // What cannot be made takes no number.
        models.make(versionOf(number, digest('f'))),
      ]),
    );
    const made = answers.flatMap(answer => (answer.ok ? [answer] : []));
    assert.equal(made.filter(one => one.created).length, 6);
    const listed = await models.versions('digits', 10);
    assert.deepEqual(
      listed.map(one => one.number),
      [6, 5, 4, 3, 2, 1],
    );
    assert.equal(new Set(listed.map(one => one.run)).size, 6);
    assert.deepEqual(
      (await models.versions('digits', 2, 4)).map(one => one.number),
      [3, 2],
    );
  });

  const refused: { name: string; with: Partial<NewVersion>; code: string }[] = [
    { name: 'other content than the run kept', with: { sha256: digest('b') }, code: 'content' },
    { name: 'another length', with: { bytes: 11 }, code: 'content' },
    { name: 'an output that it has not', with: { output: 'other.json' }, code: 'content' },
    { name: 'an attempt that kept nothing', with: { attempt: 2 }, code: 'content' },
    { name: 'a model that nobody declared', with: { model: 'fraud' }, code: 'undeclared' },
  ];
  test('none is made of', async t => {
    const { models, run } = await fresh(t);
    await models.declare(digits);
    const number = await run(digest('a'));
    await run(digest('b'));
    for (const { name, with: changes, code } of refused) {
      const found = await models.make({ ...versionOf(number, digest('a')), ...changes });
      assert.deepEqual(found, { ok: false, code }, name);
    }
    assert.deepEqual(await models.versions('digits', 10), []);
  });

  test('its content and its run stay while it is there', async t => {
    const { models, run, records, pool } = await fresh(t);
    await models.declare(digits);
    const kept = await run(digest('a'));
    await run(digest('b'));
    assert.ok((await models.make(versionOf(kept, digest('a')))).ok);
    // Retention of runs takes what they put out with it.
    await pool.query('delete from artifacts');
    await pool.query("update contents set wanted_at = now() - interval '2 days'");
    assert.deepEqual(await records.takeUnused(10), [digest('b')]);
    await assert.rejects(pool.query('delete from runs where number = $1', [kept]), /foreign key/);
  });

  test('content that is being removed makes no version', async t => {
    const { models, run, pool } = await fresh(t);
    await models.declare(digits);
    const number = await run(digest('a'));
    await pool.query("update contents set state = 'going'");
    assert.deepEqual(await models.make(versionOf(number, digest('a'))), { ok: false, code: 'content' });
    assert.equal((await models.get('digits'))?.newest, 0);
  });

  test('runs that succeed with outputs are looked at once', async t => {
    const { models, run } = await fresh(t);
    const first = await run(digest('a'));
    await run(digest('b'), {}, 1);
    await run(digest('c'), { outputs: [] });
    const second = await run(digest('d'));
    const [one, ...others] = await models.claim(1);
    assert.equal(one?.run, first);
    assert.equal(others.length, 0);
    assert.deepEqual(
      (await models.claim(10)).map(found => found.run),
      [second],
    );
    assert.deepEqual(await models.claim(10), []);
    assert.ok(one && (await models.keep(one)));
    await models.looked(one);
    assert.equal(await models.keep(one), false);
  });

  test('what a killed worker had is taken over, and its late word changes nothing', async t => {
    const { models, run, pool } = await fresh(t);
    await run(digest('a'));
    const [dead] = await models.claim(1);
    await pool.query("update model_candidates set claimed_until = now() - interval '1 second'");
    const [living] = await models.claim(1);
    assert.ok(dead && living && living.claim > dead.claim);
    await models.looked(dead);
    await models.failed(dead, 'late', 0, true);
    assert.equal(await models.keep(dead), false);
    assert.ok(await models.keep(living));
    await models.failed(living, 'away', 0, false);
    const [again] = await models.claim(1);
    assert.equal(again?.failures, 1);
    await pool.query("update model_candidates set claimed_until = now() - interval '1 second'");
    await models.failed({ ...living, claim: again?.claim ?? 0 }, 'away', 60_000, false);
    assert.deepEqual(await models.claim(1), []);
  });

  test('whose metrics are still being read from MLflow waits for them, but not for ever', async t => {
    const { models, run, pool } = await fresh(t);
    const number = await run(digest('a'));
    await pool.query('insert into mlflow_follows (run) values ($1)', [number]);
    assert.deepEqual(await models.claim(1), []);
    await pool.query("update model_candidates set at = now() - interval '11 minutes'");
    assert.equal((await models.claim(1)).length, 1);
    await pool.query("update model_candidates set at = now(), claimed_until = '-infinity'");
    await pool.query('update mlflow_follows set done_at = now()');
    assert.equal((await models.claim(1)).length, 1);
  });

  test('of a model that is new the newest run counts, and earlier ones do not', async t => {
    const { models, run, pool } = await fresh(t);
    await run(digest('a'));
    const newest = await run(digest('b'));
    await run(digest('c'), { trigger: 'pull-request' });
    await run(digest('d'), {}, 0, 'other.json');
    await run(digest('e'), { project: 'others' });
    await pool.query('delete from model_candidates');
    const claimed = async () => (await models.claim(10)).map(found => found.run);
    await models.declare(digits);
    assert.deepEqual(await claimed(), [newest]);
    await pool.query('delete from model_candidates');
    await models.declare(digits);
    assert.deepEqual(await claimed(), [], 'it is not new any more');
    await models.declare({ ...digits, output: 'other.json' });
    assert.deepEqual(await claimed(), [newest + 2], 'another output is another model');
  });

  test('a file of a repository is read by one, and what was read later stays', async t => {
    const { db } = await fresh(t);
    const files = modelFileStore(db);
    const [first, second] = await Promise.all([files.take(['s1'], now), files.take(['s1'], now)]);
    assert.equal(first.length + second.length, 1);
    assert.deepEqual(await files.all(['s1']), []);
    const later = new Date(now.getTime() + 1_000);
    const one = { source: 's1', sha: 'a', content: 'models: {}', readAt: later };
    await files.read(one);
    await files.read({ ...one, sha: 'b', readAt: now });
    assert.deepEqual(await files.all(['s1', 's2']), [one]);
    assert.deepEqual(await files.take(['s1'], later), [], 'it was read since');
    const [taken] = await files.take(['s1'], null);
    assert.equal(taken?.source, 's1', 'it was read more than a minute ago');
    await files.read({ ...one, readAt: taken?.at ?? later });
    assert.deepEqual(await files.take(['s1'], null), [], 'it was read lately');
    await files.failed('s1', 'away');
    assert.deepEqual(await files.take(['s1'], new Date(Date.now() + 60_000)), [], 'it is left alone a while');
    assert.equal((await files.all(['s1']))[0]?.content, one.content);
  });
});
