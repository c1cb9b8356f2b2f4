import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { runStore } from '../../src/adapters/postgres/runs.ts';
import { servingStore } from '../../src/adapters/postgres/serving.ts';
import { keepAllServing } from '../../src/app/keep-serving.ts';
import { policySchema } from '../../src/core/policy.ts';
import type { Trigger } from '../../src/core/secret.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { aRun } from '../support/a-run.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { spec } from '../support/run.ts';
import { versionOf } from '../support/version.ts';

const noon = Date.parse('2026-03-02T12:00:00Z');
const place = { model: 'digits', environment: 'production' };

describe('what serves is kept', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  async function open(t: TestContext, { trigger = 'command' as Trigger, trusted = false, isolated = false }) {
    const { pool, db, close } = openDatabase(await server.database(), { onError: () => {} });
    t.after(close);
    await migrate(pool);
    const serving = servingStore(db);
    const runs = runStore(db);
    const { log, lines } = recordingLog();
    let now = noon;
    const policy = policySchema.parse({
      teams: { research: {} },
      pools: { lab: { isolated }, other: { isolated: true } },
      projects: { digits: { source: '/digits', team: 'research', command: ['train'], trusted } },
      targets: { live: { kind: 'process', pool: 'lab', command: ['serve'], port: 8400 } },
    });
    const made = aRun({ spec: spec({ trigger }) });
    const ports = {
      ...{ serving, log, policy: () => policy },
      models: { version: async (_: string, number: number) => versionOf({ number }) },
      runs: { ...runs, get: async () => made },
    };
    return {
      ...{ runs, lines, serving },
      at: () => new Date(now),
      async wants(promotion: number, stage: number, weights: Record<number, number>, settled: number[] = []) {
        const wish = { ...place, target: 'live', before: null, settled, promotion, stage, weights };
        assert.equal(await serving.apply(wish, new Date(now)), 'applied');
      },
      look: () => keepAllServing(ports, new Date(now)),
      wait(seconds: number) {
        now += seconds * 1_000;
      },
      all: async () => (await serving.runs(place)).map(({ run }) => run),
    };
  }

  const rows: [name: string, made: Parameters<typeof open>[1], pools: string[]][] = [
    ['that was reviewed', {}, ['lab']],
    ['of a pull request', { trigger: 'pull-request' }, []],
    ['of a pull request, where it can do no harm', { trigger: 'pull-request', isolated: true }, ['lab']],
    ['of a pull request of a trusted project', { trigger: 'pull-request', trusted: true }, ['lab']],
  ];
  for (const [name, made, pools] of rows)
    test(`a version ${name} ${pools.length > 0 ? 'is started' : 'is not'}`, async t => {
      const { wants, look, all, lines } = await open(t, made);
      await wants(1, 0, { 7: 0 });
      await look();
      assert.deepEqual(
        (await all()).map(run => run.pool),
        pools,
      );
      assert.equal(lines.filter(([level]) => level === 'warn').length, 1 - pools.length);
    });

  test('a version that has served for long is started again, however many were tried since', async t => {
    const { wants, look, wait, all, runs, at, serving } = await open(t, {});
    const end = async (number: number) => {
      const actor = aRun().requestedBy;
      const stop = { type: 'stop', actor, why: 'cancel', reason: 'No.' } as const;
      assert.ok((await runs.change(number, stop, at(), actor)).ok);
    };
    await wants(1, 100, { 6: 100 }, [6]);
    await look();
    const [first] = await all();
    assert.ok(first);
    for (let promotion = 2; promotion < 55; promotion += 1) {
      await wants(promotion, 0, { 6: 100, 7: 0 }, [6]);
      await look();
      const [tried] = await all();
      assert.ok(tried && tried.spec.serves?.promotion === promotion);
      await end(tried.number);
      await wants(promotion, 1_000, { 6: 100 }, [6]);
    }
    assert.ok((await serving.runs(place)).some(({ run }) => run.number === first.number));
    await end(first.number);
    wait(60);
    await look();
    const [again] = await all();
    assert.deepEqual([again?.spec.serves?.version, again?.state], [6, 'queued']);
  });
});
