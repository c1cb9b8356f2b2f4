import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { githubApp } from '../../src/adapters/github/app.ts';
import { githubCalls } from '../../src/adapters/github/calls.ts';
import { githubDeployments } from '../../src/adapters/github/deployments.ts';
import { GitHubError } from '../../src/adapters/github/errors.ts';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { deploymentStore } from '../../src/adapters/postgres/deployments.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { promotionStore } from '../../src/adapters/postgres/promotions.ts';
import { registryStore } from '../../src/adapters/postgres/registry.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { showDeployments } from '../../src/app/show-deployments.ts';
import { system } from '../../src/core/actor.ts';
import { modelSchema } from '../../src/core/promotion/model-keys.ts';
import type { PromotionChange, promotionKinds } from '../../src/core/promotion/promotion.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { startGitHub } from '../fakes/github/fake.ts';
import { secret } from '../fakes/github/fixture.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { octocat, wish } from '../support/run.ts';
import { insertVersion } from '../support/version.ts';

const begin = 'POST /repos/{owner}/{repo}/deployments';
const status = 'POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses';
const minute = 60_000;

describe('what GitHub shows of a promotion', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer('embedded');
  });
  after(async () => {
    await server?.stop();
  });

  async function open(t: TestContext, { source = 'github:octo-org/digits', isKnown = true } = {}) {
    const { pool, db, close } = openDatabase(await server.database(), { onError: () => {} });
    t.after(close);
    await migrate(pool);
    const github = await startGitHub({ secret });
    t.after(() => github.close());
    const repo = await github.repo('octo-org/digits', { roles: { octocat: 'write' } });
    const sha = await repo.head();
    const runs = runStore(db);
    for (const number of [1, 2]) {
      const { run } = await runs.create(wish(`wish ${number}`));
      await insertVersion(pool, { number, run: run.number, source, sha });
    }
    const { log, lines } = recordingLog();
    const { privateKey } = github.app;
    const appId = String(github.app.id);
    const app = githubApp({
      ...{ appId, privateKey, apiUrl: github.apiUrl, log, timeoutMs: 1_000, clock: () => new Date() },
    });
    const free = { reserve: async () => ({ waitMs: 0 }), hold: async () => {} };
    const repository = { id: repo.id, name: repo.name, installation: repo.installation };
    const place = { target: 'digits-live' };
    const model = modelSchema.parse({
      ...{ project: 'digits', output: 'model.json' },
      environments: { staging: place, production: place },
    });
    const store = deploymentStore(db);
    const ports = {
      ...{ store, log, deployments: githubDeployments(githubCalls(app, free), appId) },
      repositories: { find: async () => (isKnown ? repository : null) },
      policies: { all: async () => new Map([['digits', model]]) },
      linkOf: (run: number) => `https://signalbox.example.com/v1/runs/${run}`,
      waitFor: (err: unknown) => (err instanceof GitHubError && err.outcome === 'retry' ? err.afterMs : null),
    };
    const promotions = promotionStore(db);
    // The database goes by its own clock.
    let now = Date.now() - 60 * minute;
    let keys = 0;
    const change = async (number: number, ...changes: PromotionChange[]) => {
      for (const one of changes) {
        now += minute;
        const done = await promotions.change(number, one, new Date(now), system);
        assert.ok(done.ok, one.type);
      }
    };
    const step = (at: number, reason: string): PromotionChange => ({ type: 'step', step: at, reason });
    return {
      ...{ github, ports, pool, promotions, change, step, store, lines, sha, registry: registryStore(db) },
      /** A promotion that nobody has to approve. */
      async promote(
        version: number,
        {
          kind = 'promote',
          environment = 'production',
        }: { kind?: (typeof promotionKinds)[number]; environment?: string } = {},
      ) {
        now += minute;
        const live = await promotions.live('digits');
        const before = live.find(one => one.environment === environment)?.version ?? null;
        const { promotion } = await promotions.create({
          ...{ key: `promotion ${++keys}`, kind, model: 'digits', version, environment, before },
          ...{ requestedBy: octocat, place: { kind: 'http' as const }, alsoAt: [], reason: '', needed: 0 },
          ...{ expiresAt: new Date(now + 24 * 60 * minute), at: new Date(now) },
        });
        const judged = { type: 'judged', evidence: 'sha256:e', holds: true, needed: 0, reason: '' } as const;
        await change(promotion.number, judged);
        return promotion.number;
      },
      /** What is due is looked at, as if every pause were over. */
      async look() {
        await pool.query("update promotion_deployments set next_at = now(), claimed_until = '-infinity'");
        await showDeployments(ports);
      },
      /** They ended so long ago. */
      ended: (hours: number) =>
        pool.query('update promotions set ended_at = now() - make_interval(hours => $1)', [hours]),
      all: () => [...repo.state.deployments.values()],
      said: () =>
        [...repo.state.deployments.values()].map(one =>
          one.statuses.map(({ state, description }) => `${state}: ${description}`),
        ),
    };
  }

  test('nothing before its rollout begins, and then every step', async t => {
    const { promote, look, change, step, all, said, sha } = await open(t);
    const number = await promote(1);
    await look();
    assert.deepEqual(all(), []);
    await change(number, step(0, 'Version 1 is being made ready.'));
    await look();
    await change(number, step(1, 'Version 1 gets 50 % of the requests.'));
    await look();
    await look();
    await change(number, { type: 'live', reason: 'Version 1 answers all requests.' });
    await look();
    assert.deepEqual(said(), [
      [
        'in_progress: Version 1 is being made ready.',
        'in_progress: Version 1 gets 50 % of the requests.',
        'success: Version 1 answers all requests.',
      ],
    ]);
    const [made] = all();
    assert.deepEqual(
      [made?.sha, made?.environment, made?.production, made?.payload],
      [
        sha,
        'digits/production',
        true,
        {
          model: 'digits',
          version: 1,
          environment: 'production',
          promotion: number,
          run: 1,
          signalbox: 'promotion-1',
        },
      ],
    );
    assert.equal(made?.statuses[0]?.logUrl, 'https://signalbox.example.com/v1/runs/1');
  });

  test('why it waits is no step', async t => {
    const { promote, look, change, step, said, pool } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'), { type: 'wait', reason: 'No room.' });
    await look();
    await change(number, { type: 'wait', reason: 'Still no room.' });
    const { rows } = await pool.query('select wanted = shown as done from promotion_deployments');
    await look();
    assert.deepEqual([rows, said()], [[{ done: true }], [['in_progress: It is being made ready.']]]);
  });

  const ends: { name: string; changes: PromotionChange[]; last: string }[] = [
    {
      name: 'halted',
      changes: [
        { type: 'halt', reason: 'Its check failed.' },
        { type: 'restored', reason: 'What served before goes on.' },
      ],
      last: 'failure: What served before goes on.',
    },
    {
      name: 'failed',
      changes: [
        { type: 'halt', reason: 'Its check failed.' },
        { type: 'failed', reason: 'Version 1 is not ready either.' },
      ],
      last: 'error: Version 1 is not ready either.',
    },
    {
      name: 'being rolled back',
      changes: [{ type: 'halt', reason: 'Its check failed.' }],
      last: 'in_progress: Its check failed.',
    },
  ];
  for (const { name, changes, last } of ends)
    test(`one that is ${name}`, async t => {
      const { promote, look, change, step, said } = await open(t);
      const number = await promote(2);
      await change(number, step(0, 'It is being made ready.'));
      await look();
      await change(number, ...changes);
      await look();
      assert.deepEqual(said(), [['in_progress: It is being made ready.', last]]);
    });

  test('the one that it replaces is told so, and one elsewhere is not', async t => {
    const { promote, look, change, step, said } = await open(t);
    const live: PromotionChange = { type: 'live', reason: 'It answers all requests.' };
    for (const [version, environment] of [
      [1, 'staging'],
      [1, 'production'],
      [2, 'production'],
    ] as const) {
      const number = await promote(version, { environment });
      await change(number, step(0, 'It is being made ready.'));
      await look();
      await change(number, live);
      await look();
    }
    const usual = ['in_progress: It is being made ready.', 'success: It answers all requests.'];
    assert.deepEqual(said(), [usual, [...usual, 'inactive: P3 took its place.'], usual]);
  });

  for (const fault of ['lost', 'silent-after', 'cut', 'server-error'] as const)
    test(`${fault} when it is begun: it is found again`, async t => {
      const { github, promote, look, change, step, all, said } = await open(t);
      const number = await promote(1);
      await change(number, step(0, 'It is being made ready.'));
      github.faults.next(begin, fault);
      await look();
      await look();
      assert.equal(all().length, 1);
      assert.deepEqual(said(), [['in_progress: It is being made ready.']]);
    });

  test('a status whose answer was lost is not said again', async t => {
    const { github, promote, look, change, step, said } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'));
    github.faults.next(status, 'lost');
    await look();
    await look();
    assert.deepEqual(said(), [['in_progress: It is being made ready.']]);
  });

  test('a worker that is gone after it was begun: the next goes on with the same', async t => {
    const { ports, store, promote, look, change, step, all, said } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'));
    const gone = { ...ports, store: { ...store, begun: () => Promise.reject(new Error('killed')) } };
    await showDeployments({ ...gone, store: { ...gone.store, failed: async () => {} } });
    assert.deepEqual(said(), [[]]);
    await look();
    assert.equal(all().length, 1);
    assert.deepEqual(said(), [['in_progress: It is being made ready.']]);
  });

  test('what changes while it is told is told next', async t => {
    const { ports, promote, look, change, step, said } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'));
    const { tell } = ports.deployments;
    await showDeployments({
      ...ports,
      deployments: {
        ...ports.deployments,
        async tell(...told) {
          await tell(...told);
          await change(number, { type: 'live', reason: 'It answers all requests.' });
        },
      },
    });
    await look();
    assert.deepEqual(said(), [['in_progress: It is being made ready.', 'success: It answers all requests.']]);
  });

  test('what somebody who had lost it told late is put right', async t => {
    const { ports, store, promote, look, change, step, said } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'));
    const [late] = await store.claim(1);
    assert.ok(late);
    await change(number, { type: 'live', reason: 'It answers all requests.' });
    await look();
    const claimLate = { ...store, claim: async () => [{ ...late, deployment: null }] };
    await showDeployments({ ...ports, store: claimLate });
    await look();
    assert.deepEqual(said(), [
      [
        'success: It answers all requests.',
        'in_progress: It is being made ready.',
        'success: It answers all requests.',
      ],
    ]);
  });

  test('a project that is not on GitHub has none', async t => {
    const { promote, look, change, step, all, pool } = await open(t, { source: '/projects/digits' });
    await change(await promote(1), step(0, 'It is being made ready.'));
    await look();
    const { rowCount } = await pool.query('select from promotion_deployments');
    assert.deepEqual([all(), rowCount], [[], 0]);
  });

  test('a repository that is not known is said once, and not asked for at once again', async t => {
    const { ports, promote, change, step, all, lines, pool } = await open(t, { isKnown: false });
    await change(await promote(1), step(0, 'It is being made ready.'));
    await showDeployments(ports);
    await showDeployments(ports);
    await pool.query('update promotion_deployments set next_at = now()');
    await showDeployments(ports);
    const warned = JSON.stringify(lines).split('a deployment could not be shown on GitHub').length - 1;
    const { rows } = await pool.query('select failures, error from promotion_deployments');
    assert.deepEqual(
      [all(), warned, rows],
      [[], 1, [{ failures: 2, error: 'the repository of its commit is not known' }]],
    );
  });

  test('what was long over before GitHub was configured is not begun there', async t => {
    const { promote, look, change, step, all, ended } = await open(t);
    const number = await promote(1);
    await change(number, step(0, 'It is being made ready.'), { type: 'live', reason: 'It answers.' });
    await ended(25);
    await look();
    assert.deepEqual(all(), []);
    await ended(23);
    await look();
    assert.equal(all().length, 1);
  });

  test('the name of its environment means it from when it is live, and again after a rollback', async t => {
    const { promote, change, step, registry } = await open(t);
    const meant = async () => (await registry.aliases('digits')).map(one => `${one.alias} ${one.number}`);
    const first = await promote(1);
    await change(first, step(0, 'It is being made ready.'));
    assert.deepEqual(await meant(), []);
    await change(first, { type: 'live', reason: 'It answers.' });
    assert.deepEqual(await meant(), ['production 1']);
    const second = await promote(2);
    await change(second, step(0, 'It is being made ready.'), { type: 'halt', reason: 'Its check failed.' });
    await change(second, { type: 'restored', reason: 'What served before goes on.' });
    assert.deepEqual(await meant(), ['production 1'], 'it never came to serve');
    const third = await promote(2);
    await change(third, step(0, 'It is being made ready.'), { type: 'live', reason: 'It answers.' });
    assert.deepEqual(await meant(), ['production 2']);
    const back = await promote(1, { kind: 'rollback' });
    await change(back, step(0, 'It is being made ready.'), { type: 'live', reason: 'It answers.' });
    assert.deepEqual(await meant(), ['production 1']);
  });
});
