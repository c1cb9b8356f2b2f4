import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Database, openDatabase } from '../../../src/adapters/postgres/database.ts';
import { migrate } from '../../../src/adapters/postgres/migrate.ts';
import { runStore } from '../../../src/adapters/postgres/runs.ts';
import { metricLimits } from '../../../src/core/metric-points.ts';
import type { MetricPoint, MetricSummary } from '../../../src/core/ports.ts';
import { type ServerKind, serverMissing, startServer, type TestServer } from '../../support/postgres.ts';
import { wish } from '../../support/run.ts';

for (const kind of ['embedded', 'postgresql-15'] as const satisfies ServerKind[]) {
  describe(`metrics on ${kind}`, { skip: serverMissing(kind) }, () => {
    let server: TestServer;
    let a: Database;

    before(async () => {
      server = await startServer(kind);
      a = openDatabase(await server.database(), { onError: () => {} });
      await migrate(a.pool);
    });
    after(async () => {
      await a?.close();
      await server?.stop();
    });

    let made = 0;
    async function newRun() {
      const runs = runStore(a.db);
      const { run } = await runs.create(wish(`metrics-${++made}`));
      return { runs, number: run.number };
    }
    const curve = (of: (i: number) => number, amount: number, name = 'loss'): MetricPoint[] =>
      Array.from({ length: amount }, (_, i) => ({ name, step: i, value: of(i) }));

    test('summaries and curves are those of the points, in whatever order and however often they come', async () => {
      const name = fc.constantFrom('a', 'b', 'épreuve', 'x y');
      const value = fc.oneof(
        fc.integer({ min: -3, max: 3 }),
        fc.double({ noDefaultInfinity: true, noNaN: true }),
        fc.constantFrom(-0, Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 1e308),
      );
      const step = fc.oneof(fc.nat(8), fc.constant(Number.MAX_SAFE_INTEGER));
      const points = fc.array(fc.record({ name, step, value }), { maxLength: 12 });
      const reports = fc.array(fc.record({ attempt: fc.integer({ min: 1, max: 3 }), points }), {
        maxLength: 8,
      });
      await fc.assert(
        fc.asyncProperty(reports, async said => {
          const { runs, number } = await newRun();
          const naive = new Map<string, MetricPoint & { attempt: number }>();
          for (const { attempt, points: some } of said) {
            await runs.addPoints(number, attempt, some);
            for (const point of some) {
              const key = `${point.step} ${point.name}`;
              const known = naive.get(key);
              if (!known || known.attempt < attempt)
                naive.set(key, { ...point, value: point.value === 0 ? 0 : point.value, attempt });
            }
          }
          const all = [...naive.values()];
          assert.deepEqual(await runs.metrics(number), naiveSummaries(all));
          const names = ['x y', 'none', 'a', 'b', 'épreuve'];
          assert.deepEqual(
            await runs.series(number, names, 1_000),
            names.flatMap(one => {
              const its = all.filter(point => point.name === one).sort((p, q) => p.step - q.step);
              return its.length > 0
                ? [{ name: one, points: its.map(({ step: at, value: is }) => ({ step: at, value: is })) }]
                : [];
            }),
          );
        }),
        { numRuns: 60 },
      );
    });

    test('two processes at once lose nothing and count nothing twice', async () => {
      const { runs, number } = await newRun();
      const all = curve(i => i % 17, 400);
      const parts = Array.from({ length: 40 }, (_, i) => all.slice(i * 10, i * 10 + 20));
      await Promise.all([...parts, ...parts].map(part => runs.addPoints(number, 1, part)));
      const [loss] = await runs.metrics(number);
      assert.deepEqual(loss, {
        ...{ name: 'loss', step: 399, value: 399 % 17, count: 400 },
        least: { value: 0, step: 0 },
        most: { value: 16, step: 16 },
      });
    });

    const rows: [what: string, points: MetricPoint[], kept: number, refused: Record<string, number>][] = [
      ['values that are finite, however large or small', [1e308, -1e308, 5e-324, -0].map(at), 4, {}],
      ['values that are not', [Number.NaN, Infinity, -Infinity, 1].map(at), 1, { value: 3 }],
      [
        'steps that are no whole numbers from 0 on',
        [-1, 0.5, 2 ** 53, Number.NaN, Infinity, 0, 2 ** 53 - 1].map(step => ({ name: 'a', step, value: 1 })),
        2,
        { step: 5 },
      ],
      [
        'names of any script',
        ['loss', 'val/loss', 'recall@10 (top 1)', 'précision', '損失', 'x.y-z', '1st', 'x'.repeat(100)].map(
          named,
        ),
        8,
        {},
      ],
      [
        'names that nobody could read',
        [
          ...[
            '',
            ' loss',
            'loss ',
            'a  b',
            'a\nb',
            'a\u0000b',
            'a\u202eb',
            'a\u200bb',
            '<b>',
            'a|b',
            '`a`',
            '-a',
          ],
          ...['x'.repeat(101), '\ud800', `ghp_${'a'.repeat(36)}`, '👍'],
        ].map(named),
        0,
        { name: 16 },
      ],
    ];
    function at(value: number, step: number): MetricPoint {
      return { name: 'a', step, value };
    }
    function named(name: string): MetricPoint {
      return { name, step: 1, value: 1 };
    }
    for (const [what, points, kept, refused] of rows)
      test(what, async () => {
        const { runs, number } = await newRun();
        assert.deepEqual(await runs.addPoints(number, 1, points), { taken: kept, refused });
        const total = (await runs.metrics(number)).reduce((sum, one) => sum + one.count, 0);
        assert.equal(total, kept);
      });

    test('the first thousand names stay, and its owner is told of the others', async () => {
      const { runs, number } = await newRun();
      const names = Array.from({ length: metricLimits.names + 5 }, (_, i) => named(`m${i}`));
      assert.deepEqual(await runs.addPoints(number, 1, names.slice(0, 600)), { taken: 600, refused: {} });
      const second = await runs.addPoints(number, 1, names.slice(500));
      assert.deepEqual(second, { taken: 500, refused: { names: 5 } });
      const again = await runs.addPoints(number, 1, [
        { name: 'm3', step: 2, value: 2 },
        { name: 'other', step: 2, value: 2 },
      ]);
      assert.deepEqual(again, { taken: 1, refused: { names: 1 } });
      assert.equal((await runs.metrics(number)).length, metricLimits.names);
      assert.deepEqual((await runs.reported(number)).leftOut.examples, { names: 'm1000' });
    });

    test('values that are not finite are counted once, however often they are told', async () => {
      const { runs, number } = await newRun();
      const broken = [3, 4, 5].map(step => ({ name: 'loss', step, value: Number.NaN }));
      await runs.addPoints(number, 1, broken);
      await runs.addPoints(number, 1, broken);
      await runs.addPoints(number, 1, [{ name: 'loss', step: 2, value: 1 }]);
      await runs.addPoints(number, 2, broken.slice(0, 1));
      const { leftOut } = await runs.reported(number);
      assert.deepEqual(leftOut.notFinite, [{ name: 'loss', count: 4, attempt: 2, step: 3 }]);
    });

    test('what is repeated shows no message again', async () => {
      const { runs, number } = await newRun();
      const wanted = async () =>
        (await a.pool.query('select wanted_seq from surfaces where run = $1', [number])).rows[0]?.wanted_seq;
      const before = await wanted();
      const points = curve(i => i, 10);
      await runs.addPoints(number, 1, points);
      assert.equal(await wanted(), before + 1);
      await runs.addPoints(number, 1, points);
      assert.equal(await wanted(), before + 1);
    });

    test('a curve of many points keeps its ends and whatever stands out', async () => {
      const { runs, number } = await newRun();
      const amount = 20_000;
      const all = curve(i => (i === 7_777 ? 50 : i === 12_345 ? -50 : Math.sin(i / 500)), amount);
      for (let i = 0; i < amount; i += 5_000) await runs.addPoints(number, 1, all.slice(i, i + 5_000));
      for (const most of [4, 10, 60, 999, 20_000]) {
        const [found] = await runs.series(number, ['loss'], most);
        const points = found?.points ?? [];
        assert.ok(points.length <= most && points.length >= Math.min(most, 4), `${points.length} of ${most}`);
        assert.deepEqual([points[0]?.step, points.at(-1)?.step], [0, amount - 1], `the ends of ${most}`);
        const values = points.map(point => point.value);
        assert.deepEqual([Math.min(...values), Math.max(...values)], [-50, 50], `what stands out of ${most}`);
        assert.deepEqual(
          points.map(point => point.step),
          points.map(point => point.step).toSorted((p, q) => p - q),
        );
      }
    });

    test('one that never changes, and one with steps far apart', async () => {
      const { runs, number } = await newRun();
      await runs.addPoints(
        number,
        1,
        curve(() => 1, 5_000, 'flat'),
      );
      const wide = Array.from({ length: 50 }, (_, i) => ({ name: 'wide', step: i ** 8, value: i % 7 }));
      await runs.addPoints(number, 1, [...wide, { name: 'wide', step: 2 ** 53 - 1, value: 3 }]);
      const [flat, far] = await runs.series(number, ['flat', 'wide'], 40);
      assert.ok((flat?.points.length ?? 0) <= 40 && (flat?.points.length ?? 0) > 2);
      assert.deepEqual([flat?.points[0]?.step, flat?.points.at(-1)?.step], [0, 4_999]);
      assert.deepEqual([far?.points[0]?.step, far?.points.at(-1)?.step], [0, 2 ** 53 - 1]);
    });
  });
}

function naiveSummaries(points: readonly (MetricPoint & { attempt: number })[]): MetricSummary[] {
  const names = [...new Set(points.map(point => point.name))].sort();
  return names.map(name => {
    const its = points.filter(point => point.name === name).sort((p, q) => p.step - q.step);
    const newest = Math.max(...its.map(point => point.attempt));
    const last = its.findLast(point => point.attempt === newest);
    const extreme = (value: number) => ({
      value,
      step: its.find(point => point.value === value)?.step ?? -1,
    });
    return {
      ...{ name, step: last?.step ?? -1, value: last?.value ?? Number.NaN, count: its.length },
      least: extreme(Math.min(...its.map(point => point.value))),
      most: extreme(Math.max(...its.map(point => point.value))),
    };
  });
}
