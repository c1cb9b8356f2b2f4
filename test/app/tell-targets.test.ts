import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { servingStore } from '../../src/adapters/postgres/serving.ts';
import { targetTeller } from '../../src/app/tell-targets.ts';
import { type Target, targetSchema } from '../../src/core/promotion/model-keys.ts';
import type { TargetHook } from '../../src/core/promotion/serving.ts';
import { recordingLog } from '../adapters/slack/support.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { versionOf } from '../support/version.ts';

const noon = Date.parse('2026-03-02T12:00:00Z');
const hookTarget = targetSchema.parse({ kind: 'webhook', url: 'https://a.example/', secret: 'S_ONE' });
const processTarget = targetSchema.parse({ kind: 'process', pool: 'lab', command: ['serve'], port: 8400 });

type Said = Awaited<ReturnType<TargetHook>>;
const says = (states: Record<string, 'ready' | 'starting' | 'failed'>): Said => ({
  ok: true,
  states: Object.fromEntries(
    Object.entries(states).map(([version, state]) => [version, { state, said: '' }]),
  ),
});
const away: Said = { ok: false, reason: 'The target does not answer.' };

describe('telling targets that are webhooks', () => {
  let server: TestServer;
  before(async () => {
    server = await startServer();
  });
  after(() => server?.stop());

  /** `answers`: of the target, one after the other; the last one for ever. */
  async function open(t: TestContext, answers: Said[], target: Target = hookTarget) {
    const { pool, db, close } = openDatabase(await server.database(), { onError: () => {} });
    t.after(close);
    await migrate(pool);
    const serving = servingStore(db);
    const { log, lines } = recordingLog();
    const heard: { id: string; body: unknown }[] = [];
    let now = noon;
    const place = { model: 'digits', environment: 'production' };
    const ports = {
      ...{ serving, log, config: { publicUrl: 'https://signalbox.example' } },
      models: { version: async (_: string, number: number) => versionOf({ number }) },
      policy: () => ({ targets: { away: target } }),
      hook: (async (_, { id, body }) => {
        heard.push({ id, body });
        return answers[Math.min(heard.length, answers.length) - 1] ?? away;
      }) satisfies TargetHook,
    };
    return {
      ...{ heard, lines, serving },
      async wants(promotion: number, stage: number, weights: Record<number, number>) {
        const wish = { ...place, target: 'away', before: null, settled: [], promotion, stage, weights };
        assert.equal(await serving.apply(wish, new Date(now)), 'applied');
      },
      teller: (hook: TargetHook) => targetTeller({ ...ports, hook }, () => new Date(now)),
      async look(hook: TargetHook = ports.hook) {
        const teller = targetTeller({ ...ports, hook }, () => new Date(now));
        await teller.look();
        await teller.settled();
      },
      wait(seconds: number) {
        now += seconds * 1_000;
      },
      told: (promotion: number, stage: number) => serving.told({ ...place, promotion, stage }),
    };
  }

  test('it hears all that is to serve, with where to fetch it, and once it is ready nothing more', async t => {
    const { wants, look, wait, heard } = await open(t, [says({ 6: 'ready', 7: 'ready' })]);
    await wants(2, 1, { 6: 90, 7: 10 });
    await look();
    wait(3_600);
    await look();
    const artifact = {
      ...{ sha256: versionOf().sha256, bytes: 18_432, name: 'model.json', run: 42 },
      url: 'https://signalbox.example/v1/runs/42/artifacts/model.json',
    };
    const id = 'signalbox-digits-production-P2-1';
    const versions = [
      { version: 6, weight: 90, artifact },
      { version: 7, weight: 10, artifact },
    ];
    const body = { id, model: 'digits', environment: 'production', promotion: 2, stage: 1, versions };
    assert.deepEqual(heard, [{ id, body }]);
  });

  const rows: [name: string, answers: Said[], pauses: number[]][] = [
    ['is not ready', [says({ 7: 'starting' })], [1, 2, 4, 8, 16, 30, 30]],
    ['is away', [away], [1, 2, 4, 8, 16, 30, 30]],
    ['says nothing of the version', [says({})], [1, 2, 4]],
  ];
  for (const [name, answers, pauses] of rows)
    test(`one that ${name} is asked again under the same id, more and more seldom`, async t => {
      const { wants, look, wait, heard } = await open(t, answers);
      await wants(2, 0, { 7: 0 });
      await look();
      for (const [at, seconds] of pauses.entries()) {
        wait(seconds - 0.1);
        await look();
        assert.equal(heard.length, at + 1, `within ${seconds} s`);
        wait(0.1);
        await look();
        assert.equal(heard.length, at + 2, `after ${seconds} s`);
      }
      assert.equal(new Set(heard.map(({ id }) => id)).size, 1);
    });

  test('what keeps it is known, and said in the log once', async t => {
    const { wants, look, wait, told, lines } = await open(t, [away, away, says({ 7: 'failed' })]);
    await wants(2, 0, { 7: 0 });
    await look();
    assert.deepEqual((await told(2, 0))?.states, {
      all: { state: 'starting', said: 'The target does not answer.' },
    });
    wait(1);
    await look();
    wait(2);
    await look();
    assert.equal((await told(2, 0))?.states[7]?.state, 'failed');
    assert.deepEqual(
      lines.map(([level, , message]) => [level, message]),
      [['warn', 'a target could not be told']],
    );
  });

  test('where nothing is to serve any more it hears that too, until it has', async t => {
    const { wants, look, wait, heard } = await open(t, [away, says({})]);
    await wants(2, 1_000, {});
    for (let looks = 0; looks < 3; looks += 1) {
      await look();
      wait(60);
    }
    assert.equal(heard.length, 2);
  });

  test('a new stage is told at once, and what was said of an earlier one changes nothing', async t => {
    const { wants, look, told, heard } = await open(t, [says({ 7: 'ready' })]);
    await wants(2, 0, { 7: 0 });
    let late = () => {};
    const slow = look(async () => {
      await new Promise<void>(resolve => {
        late = resolve;
      });
      return says({ 7: 'failed' });
    });
    while (!(await told(2, 0))) await new Promise(setImmediate);
    await wants(2, 1, { 7: 50 });
    await look();
    late();
    await slow;
    assert.deepEqual(
      heard.map(({ id }) => id),
      ['signalbox-digits-production-P2-1'],
    );
    assert.equal((await told(2, 1))?.states[7]?.state, 'ready');
    assert.equal(await told(2, 0), null);
  });

  test('one that hangs does not keep the same worker from the way back, and is asked once meanwhile', async t => {
    const { wants, teller, told } = await open(t, []);
    let late = () => {};
    const asked: string[] = [];
    const { look, settled } = teller(async (_, { id }) => {
      asked.push(id);
      if (asked.length > 1) return says({ 6: 'ready' });
      await new Promise<void>(resolve => {
        late = resolve;
      });
      return away;
    });
    await wants(2, 1, { 6: 50, 7: 50 });
    await look();
    while (asked.length === 0) await new Promise(setImmediate);
    await look();
    await wants(2, 1_000, { 6: 100 });
    await look();
    while ((await told(2, 1_000))?.states[6]?.state !== 'ready') await new Promise(setImmediate);
    late();
    await settled();
    assert.deepEqual(
      asked,
      [1, 1_000].map(stage => `signalbox-digits-production-P2-${stage}`),
    );
    assert.equal((await told(2, 1_000))?.states[6]?.state, 'ready');
  });

  test('while one worker asks, another leaves it', async t => {
    const { wants, look, told, heard } = await open(t, [says({ 7: 'ready' })]);
    await wants(2, 0, { 7: 0 });
    let late = () => {};
    const slow = look(async () => {
      await new Promise<void>(resolve => {
        late = resolve;
      });
      return says({ 7: 'ready' });
    });
    while (!(await told(2, 0))) await new Promise(setImmediate);
    await look();
    assert.equal(heard.length, 0);
    late();
    await slow;
  });

  test('a target that is a process is not told', async t => {
    const { wants, look, heard } = await open(t, [says({ 7: 'ready' })], processTarget);
    await wants(2, 0, { 7: 0 });
    await look();
    assert.equal(heard.length, 0);
  });
});
