import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../src/adapters/postgres/database.ts';
import { migrate } from '../../src/adapters/postgres/migrate.ts';
import { servingStore } from '../../src/adapters/postgres/serving.ts';
import { rollouts } from '../../src/app/roll-out.ts';
import { system } from '../../src/core/actor.ts';
import { poolSchema } from '../../src/core/pool.ts';
import { modelSchema, targetSchema } from '../../src/core/promotion/model-keys.ts';
import { changed, isOver, type Promotion, type PromotionEvent } from '../../src/core/promotion/promotion.ts';
import type { ServingRun } from '../../src/core/promotion/serving.ts';
import type { Trigger } from '../../src/core/secret.ts';
import { aRun } from '../support/a-run.ts';
import { startServer, type TestServer } from '../support/postgres.ts';
import { spec } from '../support/run.ts';
import { versionOf } from '../support/version.ts';

const noon = new Date('2026-03-02T12:00:00Z');
const later = (seconds: number) => new Date(noon.getTime() + seconds * 1_000);

const target = targetSchema.parse({ kind: 'process', pool: 'lab', command: ['serve'], port: 8400 });

class Killed extends Error {}

describe('a rollout that is killed between any two of its steps', () => {
  let server: TestServer;
  let database: Database;
  before(async () => {
    server = await startServer();
    database = openDatabase(await server.database(), { onError: () => {} });
    await migrate(database.pool);
  });
  after(async () => {
    await database?.close();
    await server?.stop();
  });

  /** Goes on until it is over; the effect of that number is the last before, or just not any more, it is killed. */
  async function roll(
    model: string,
    wish: { value: number; kill: number | null; isDone: boolean; trigger?: Trigger },
  ) {
    const store = servingStore(database.db);
    const wanted = { model, environment: 'production', target: 'live', before: null, settled: [6] };
    await store.apply({ ...wanted, promotion: 1, stage: 2, weights: { 6: 100 } }, noon);
    let promotion: Promotion = {
      number: 2,
      kind: 'promote',
      model,
      version: 7,
      environment: 'production',
      before: 6,
      requestedBy: system,
      place: { kind: 'http' },
      reason: '',
      state: 'approved',
      evaluation: null,
      evidence: null,
      needed: 0,
      answers: [],
      step: null,
      stepAt: null,
      said: '',
      createdAt: noon,
      expiresAt: later(86_400),
      endedAt: null,
    };
    const policy = modelSchema.parse({
      project: 'digits',
      output: 'model.json',
      environments: {
        production: {
          target: 'live',
          rollout: { steps: [50, 100], bake: '1s', check: 'up', holds: '< 1' },
        },
      },
    });
    const events: PromotionEvent[] = [];
    let effects = 0;
    let seconds = 0;
    const seen: string[] = [];
    const effect = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      effects += 1;
      const isNow = effects === wish.kill;
      if (isNow && !wish.isDone) throw new Killed();
      const done = await work();
      seen.push(name);
      if (isNow) throw new Killed();
      return done;
    };
    const start = () =>
      rollouts({
        serving: {
          ...store,
          apply: (one, now) => effect(`apply ${one.stage}`, () => store.apply(one, now)),
          runs: async () => [serving(model, 7, 2), serving(model, 6, 1)],
        },
        modelPolicies: { all: async () => new Map([[model, policy]]) },
        models: { version: async (_, number) => versionOf({ number }) },
        runs: { get: async () => aRun({ spec: spec({ trigger: wish.trigger ?? 'command' }) }) },
        policy: () => ({ targets: { live: target }, pools: { lab: poolSchema.parse({}) }, projects: {} }),
        checks: { query: async () => wish.value },
        environment: {},
        promotions: {
          async change(_, change, now, actor) {
            const apply = async () => {
              const result = changed(promotion, change, now, actor);
              if (result.ok) {
                promotion = result.promotion;
                events.push(...result.events);
              }
              return result;
            };
            // What it waits for is words alone: said or not, nothing else follows from it.
            if (change.type === 'wait') return await apply();
            return await effect('step' in change ? `step ${change.step}` : change.type, apply);
          },
          events: async () => events.map((event, i) => ({ ...event, seq: i + 1, evidence: null })),
        },
      });
    let port = start();
    for (let looks = 0; looks < 50 && !isOver(promotion.state); looks += 1) {
      try {
        await port.next(promotion, { frozen: null, quiet: null }, later(seconds));
      } catch (err) {
        if (!(err instanceof Killed)) throw err;
        port = start();
      }
      seconds += 1;
    }
    const { rows, hold } = await store.of({ model, environment: 'production' });
    return {
      state: promotion.state,
      said: promotion.said,
      weights: Object.fromEntries(rows.map(row => [row.version, row.weight])),
      stage: hold?.stage,
      effects,
      seen,
    };
  }

  for (const [name, value, state, weights, said] of [
    ['live', 0, 'live', { 7: 100 }, 'Version 7 answers all requests.'],
    [
      'back',
      2,
      'halted',
      { 6: 100 },
      'At 50 % of the requests its check gave 2, and < 1 must hold. Version 6 answers all requests again.',
    ],
  ] as const)
    test(`${name}: a row for each of its steps, before and after it`, async () => {
      const whole = await roll(`${name}-0`, { value, kill: null, isDone: true });
      assert.deepEqual([whole.state, whole.weights, whole.said], [state, weights, said]);
      const steps = new Set(whole.seen);
      assert.equal(steps.size, whole.seen.length, 'nothing is done twice');
      for (let kill = 1; kill <= whole.effects; kill += 1)
        for (const isDone of [false, true]) {
          const one = await roll(`${name}-${kill}${isDone ? 'a' : 'b'}`, { value, kill, isDone });
          const at = `killed ${isDone ? 'after' : 'before'} ${whole.seen[kill - 1]}`;
          assert.deepEqual([one.state, one.weights, one.stage], [state, weights, whole.stage], at);
          assert.equal(one.said, said, at);
          assert.deepEqual(new Set(one.seen), steps, at);
        }
    });

  test('what a pull request made is not begun where it could do harm, and says so', async () => {
    const wish = { value: 0, kill: null, isDone: true, trigger: 'pull-request' } as const;
    const { state, said, weights } = await roll('proposed', wish);
    assert.deepEqual([state, weights], ['approved', { 6: 100 }]);
    assert.match(said, /lab/);
  });

  test('what an earlier promotion or an earlier stage would still change is refused', async () => {
    const store = servingStore(database.db);
    const at = { model: 'fenced', environment: 'production', target: 'live', before: null, settled: [] };
    const apply = (promotion: number, stage: number, weights: Record<number, number>) =>
      store.apply({ ...at, promotion, stage, weights }, noon);
    const rows: [promotion: number, stage: number, expected: string][] = [
      [5, 1, 'applied'],
      [5, 1, 'same'],
      [5, 0, 'overtaken'],
      [4, 9, 'overtaken'],
      [5, 2, 'applied'],
      [6, 0, 'applied'],
      [5, 1_000, 'overtaken'],
    ];
    for (const [promotion, stage, expected] of rows)
      assert.equal(await apply(promotion, stage, { [promotion]: 100 }), expected, `P${promotion} ${stage}`);
    assert.deepEqual(
      (await store.of(at)).rows.map(row => row.version),
      [6],
    );
  });

  test('answers are added up, whoever counted them', async () => {
    const store = servingStore(database.db);
    const stage = { model: 'counted', environment: 'production', version: 7, promotion: 5, stage: 1 };
    await Promise.all(
      [1, 2, 3].map(errors => store.count([{ ...stage, answers: 10, errors, seconds: 0.5 }])),
    );
    assert.deepEqual(await store.counts(stage), { answers: 30, errors: 6, seconds: 1.5 });
    assert.deepEqual(await store.counts({ ...stage, stage: 2 }), { answers: 0, errors: 0, seconds: 0 });
  });
});

function serving(model: string, version: number, promotion: number): ServingRun {
  const serves = {
    ...{ model, environment: 'production', version, promotion },
    ...{ output: 'model.json', sha256: '', bytes: 1, ready: '/' },
  };
  const one = aRun({ number: version, state: 'running', startedAt: noon });
  const run = { ...one, spec: spec({ kind: 'serve', serves }) };
  return { run, port: 8401, ready: true };
}
