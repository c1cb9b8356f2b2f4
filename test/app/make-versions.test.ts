import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { contentExaminer } from '../../src/adapters/artifacts/examine.ts';
import { folderArtifacts } from '../../src/adapters/artifacts/folder.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { modelFileStore } from '../../src/adapters/postgres/model-files.ts';
import { modelStore } from '../../src/adapters/postgres/models.ts';
import { recordStore } from '../../src/adapters/postgres/records.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { makeVersions } from '../../src/app/make-versions.ts';
import { modelPolicies, readModelFiles } from '../../src/app/model-files.ts';
import { system } from '../../src/core/actor.ts';
import type { Log } from '../../src/core/ports.ts';
import type { RunSpec } from '../../src/core/run.ts';
import { parsePolicy } from '../../src/files/policy-file.ts';
import { readRepositoryFile } from '../../src/files/repository-file.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { wish } from '../support/run.ts';

const text = `teams: { research: {} }
projects:
  digits: { team: research, source: /projects/digits, command: [python3], outputs: ['*.json'] }
  remote: { team: research, github: octo-org/remote, command: [python3], outputs: ['*.json'] }
models:
  digits: { project: digits, output: model.json, card: MODEL.md }
`;
const now = new Date('2026-01-01T00:00:00Z');

describe('versions of what runs put out', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(async () => {
    await server?.stop();
  });

  async function open(t: TestContext, said = text) {
    const database = openDatabase(await server.database(), { onError: () => {} });
    t.after(() => database.close());
    await migrate(database.pool);
    const { db } = database;
    const folder = await mkdtemp(join(tmpdir(), 'signalbox-versions-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const artifacts = folderArtifacts(folder);
    const [models, files, runs, records] = [
      modelStore(db),
      modelFileStore(db),
      runStore(db),
      recordStore(db),
    ];
    const policy = parsePolicy(said, 'signalbox.yml');
    const logged: string[] = [];
    const log: Log = {
      ...{ debug: () => {}, info: () => {} },
      warn: (_, message) => void logged.push(message),
      error: (_, message) => void logged.push(message),
    };
    const state = {
      head: 'b'.repeat(40),
      files: new Map<string, string | Error>([[`/projects/digits ${'a'.repeat(40)} MODEL.md`, '# Digits']]),
    };
    const source = {
      resolve: async () => ({ ok: true as const, sha: state.head }),
      file: async (from: string, sha: string, path: string) => {
        const found = state.files.get(`${from} ${sha} ${path}`) ?? null;
        if (found instanceof Error) throw found;
        return found === null
          ? null
          : { id: sha, isPlain: true, size: found.length, text: async () => found };
      },
    };
    const policies = modelPolicies(() => policy, { files, models, readFile: readRepositoryFile });
    const ports = {
      ...{ policy: () => policy, models, policies, runs, records, files, source, log },
      examine: contentExaminer(artifacts),
    };
    return {
      ...{ models, state, logged, folder, pool: database.pool, runs, ports },
      look: () => makeVersions(ports, () => now),
      async run(content: string, spec: Partial<RunSpec> = {}) {
        const key = `wish ${await runs.newestNumber()}`;
        const { number } = (await runs.create(wish(key, {}, { outputs: ['*.json'], ...spec }))).run;
        await runs.change(number, { type: 'start', actor: system, reason: '' }, now, system);
        const sha256 = `sha256:${createHash('sha256').update(content).digest('hex')}`;
        const file = { name: 'model.json', sha256, bytes: Buffer.byteLength(content) };
        await records.expect([file]);
        await artifacts.put(
          (async function* () {
            yield Buffer.from(content);
          })(),
          file,
        );
        await records.stored(file);
        await records.keep(number, 1, [file]);
        const machine = {
          ...{ node: 'n1', system: 's', cpus: 1, memoryMb: 1, accelerators: [], driver: null },
          ...{ python: null, locks: [], environment: null },
        };
        await records.began(number, 1, { inputs: [{ ...file, name: 'data/a.gz' }], machine });
        await runs.addPoints(number, 1, [
          { name: 'val_accuracy', step: 1, value: 0.95 },
          { name: 'val_accuracy', step: 2, value: 0.93 },
          { name: 'val_loss', step: 2, value: 0.2 },
          { name: 'learning_rate', step: 2, value: 0.1 },
        ]);
        const exit = { code: 0, signal: null, stopped: null, failure: null, lines: [], at: now };
        await runs.change(number, { type: 'exited', attempt: 1, exit }, now, system);
        return { number, ...file };
      },
      place: (sha256: string) => join(folder, 'sha256', sha256.slice(7, 9), sha256.slice(7)),
    };
  }

  test('a version says what it was made of', async t => {
    const { run, look, models } = await open(t);
    const made = await run('{"weights": [1], "signature": {"inputs": "image"}}', {
      metrics: { val_loss: { better: 'lower', unit: '%' } },
      primaryMetric: 'val_accuracy',
    });
    await look();
    const version = await models.version('digits', 1);
    assert.equal(version?.sha256, made.sha256);
    assert.deepEqual(version?.signature, { inputs: 'image' });
    assert.equal(version?.card, '# Digits');
    assert.deepEqual(version?.inputs, { 'data/a.gz': made.sha256 });
    assert.deepEqual(version?.directions, {
      val_accuracy: { better: 'higher' },
      val_loss: { better: 'lower', unit: '%' },
    });
    const accuracy = version?.metrics.find(one => one.name === 'val_accuracy');
    assert.deepEqual([accuracy?.value, accuracy?.most.value], [0.93, 0.95], 'final and best');
    await look();
    assert.equal((await models.versions('digits', 10)).length, 1);
  });

  test('several workers make one of each run', async t => {
    const { run, look, models } = await open(t);
    for (const i of [1, 2, 3, 4, 5]) await run(`{"weights": [${i}]}`);
    await Promise.all([look(), look(), look()]);
    await look();
    assert.deepEqual(
      (await models.versions('digits', 10)).map(one => one.number),
      [5, 4, 3, 2, 1],
    );
    assert.equal((await models.claim(10)).length, 0);
  });

  test('a run of a pull request makes none, unless the model says so', async t => {
    const { run, look, models } = await open(t);
    await run('{}', { trigger: 'pull-request' });
    await look();
    assert.deepEqual(await models.versions('digits', 10), []);
    const other = await open(t, text.replace('card: MODEL.md', 'pullRequests: true'));
    await other.run('{}', { trigger: 'pull-request' });
    await other.look();
    assert.equal((await other.models.versions('digits', 10)).length, 1);
  });

  test('of another project, or a lease, there is none', async t => {
    const { run, look, models } = await open(t);
    await run('{}', { project: 'others' });
    await run('{}', { kind: 'lease' });
    await look();
    assert.deepEqual(await models.versions('digits', 10), []);
    assert.deepEqual(await models.claim(10), [], 'and they are not looked at again');
  });

  test('content that was changed makes no version, and is said', async t => {
    const { run, look, models, place, logged } = await open(t);
    const { sha256 } = await run('{"weights": [1]}');
    await writeFile(place(sha256), '{"weights": [2]}');
    await look();
    assert.deepEqual(await models.versions('digits', 10), []);
    assert.match(logged.join(), /was changed, and makes no version/);
    const gone = await run('{"weights": [3]}');
    await rm(place(gone.sha256));
    await look();
    assert.deepEqual(await models.versions('digits', 10), []);
    assert.match(logged.join(), /is gone, and makes no version/);
  });

  test('a card that cannot be read is waited for, and then left out', async t => {
    const { run, look, models, state, pool, logged } = await open(t);
    const away = `/projects/digits ${'a'.repeat(40)} MODEL.md`;
    state.files.set(away, new Error('away'));
    await run('{}');
    const again = () => pool.query('update model_candidates set next_at = now()');
    for (let i = 0; i < 6; i++) {
      await look();
      await again();
    }
    assert.deepEqual(await models.versions('digits', 10), []);
    await look();
    assert.equal((await models.version('digits', 1))?.card, null);
    assert.match(logged.join(), /without its card/);
  });

  const own = `models: { faces: { project: remote, output: model.json } }\n`;
  const github = (state: { head: string }, path = '.signalbox.yml') =>
    `github:octo-org/remote ${state.head} ${path}`;

  test('what a repository declares counts when the run ends, however lately it was pushed', async t => {
    const { run, look, models, state, ports } = await open(t);
    await readModelFiles(ports.policy(), { since: null, project: null }, ports);
    await run('{}', { project: 'remote', source: 'github:octo-org/remote#7' });
    // Its file was read before, and says something else now.
    state.head = 'c'.repeat(40);
    state.files.set(github(state), own);
    await look();
    assert.equal((await models.versions('faces', 10)).length, 1);
  });

  test('where the repository cannot be read the run is looked at again', async t => {
    const { run, look, models, state, pool } = await open(t);
    state.files.set(github(state), new Error('away'));
    await run('{}', { project: 'remote' });
    await look();
    assert.deepEqual(await models.claim(1), []);
    state.files.set(github(state), own);
    await pool.query(
      "update model_candidates set next_at = now(); update model_files set next_at = '-infinity'",
    );
    await look();
    assert.equal((await models.versions('faces', 10)).length, 1);
  });

  test('a file that is not valid declares nothing; signalbox.yml wins', async t => {
    const { state, ports } = await open(t);
    const names = async () =>
      [...(await ports.policies.all())].map(([name, { project }]) => `${name}: ${project}`);
    const say = async (file: string) => {
      state.head = createHash('sha1').update(file).digest('hex');
      state.files.set(github(state), file);
      await readModelFiles(ports.policy(), { since: new Date(Date.now() + 60_000), project: null }, ports);
    };
    await say(own.replace('output', 'outputs'));
    assert.deepEqual(await names(), ['digits: digits']);
    await say(own);
    assert.deepEqual(await names(), ['digits: digits', 'faces: remote']);
    await say(own.replace('faces', 'digits'));
    assert.deepEqual(await names(), ['digits: digits']);
  });
});
