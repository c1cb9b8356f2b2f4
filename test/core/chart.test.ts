import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chartTable } from '../../src/adapters/slack/chart.ts';
import { renderTerminal } from '../../src/adapters/terminal/render.ts';
import { curvesOf, curveWords, gridOf } from '../../src/core/chart.ts';
import { chartLinkText, linkEnd, readChartLink } from '../../src/core/chart-link.ts';
import { reply } from '../../src/core/reply.ts';
import { replySchema } from '../../src/core/reply-json.ts';
import { chartsOf } from '../../src/core/run-charts.ts';
import { sparklines } from '../../src/core/sparkline.ts';
import { baseline, charts, points, run, usual } from '../support/charts.ts';
import { liveRun } from '../support/live-run.ts';
import { summaryOf } from '../support/summary.ts';

const one = charts['one-point'] ?? usual;

describe('charts', () => {
  test('best is the earliest of the best, and never taken for the last', () => {
    const series = [run([0.5, 0.9, 0.9, 0.7].map((y, x) => ({ x, y })))];
    const words = (better: 'higher' | 'lower' | null, unit?: string) =>
      curvesOf({ better, series }).map(curve => curveWords(curve, { xTitle: 'step', unit }));
    assert.deepEqual(words('higher'), ['last 0.7 at step 3, best 0.9 at step 1']);
    assert.deepEqual(words('lower', 's'), ['last 0.7 s at step 3, best 0.5 s at step 0']);
    assert.deepEqual(words(null), ['last 0.7 at step 3']);
    assert.deepEqual(
      curvesOf(one).map(curve => curveWords(curve, one)),
      ['only 0.5 at step 100'],
    );
  });
  test('the last point is not called the last word where that was no number', () => {
    const odd = { ...run([0.5, 0.9, 0.7].map((y, x) => ({ x, y }))), oddAt: 7 };
    const words = (better: 'higher' | null) => {
      const chart = { ...usual, better, unit: undefined, series: [odd] };
      return [...curvesOf(chart).map(curve => curveWords(curve, chart)), chartTable(chart).rows[0]?.[1]];
    };
    assert.deepEqual(words('higher'), [
      'last not finite, at step 7, best 0.9 at step 1',
      'not finite (step 7)',
    ]);
    assert.deepEqual(words(null), [
      'last not finite, at step 7, before that 0.7 at step 2',
      'not finite (step 7)',
    ]);
  });
  test('a run that ended with no number has a chart that says so', () => {
    const metrics = [{ ...summaryOf('loss', 9, 0.2), notFinite: 12 }];
    const curve = [{ name: 'loss', points: [1, 9].map(step => ({ step, value: 0.2 })) }];
    const [chart] = chartsOf({ run: liveRun(), metrics }, ['loss'], curve, null);
    assert.equal(chart?.series[0]?.oddAt, 12);
    const again = replySchema.parse(
      JSON.parse(JSON.stringify(reply('', chart ? [{ kind: 'chart', ...chart }] : []))),
    );
    assert.deepEqual(again.blocks[0]?.kind === 'chart' && again.blocks[0].series, chart?.series);
  });
  test('points out of order, twice, and not finite', () => {
    const series = [
      run([
        { x: 2, y: 2 },
        { x: 0, y: 9 },
        { x: 0, y: 0 },
        { x: 1, y: Number.NaN },
      ]),
    ];
    assert.deepEqual(curvesOf({ better: null, series })[0]?.points, [
      { x: 0, y: 0 },
      { x: 2, y: 2 },
    ]);
  });
  test('a grid keeps ends and extremes, and fills what is missing between', () => {
    const series = [run(points(1_000, i => (i === 501 ? -7 : i))), baseline(points(10, i => i, 50))];
    const grid = gridOf({ better: null, series }, 20);
    assert.deepEqual([grid?.xs.length, grid?.xs[0], grid?.xs.at(-1)], [20, 0, 999]);
    assert.equal(grid?.curves[0]?.ys.includes(-7), true);
    assert.deepEqual([grid?.curves[0]?.carried, grid?.curves[1]?.carried], [false, true]);
    assert.equal(grid?.curves[1]?.ys.at(-1), 9);
    assert.equal(gridOf({ better: null, series: [] }, 20), null);
    assert.deepEqual(gridOf({ better: null, series: [run(points(3, i => i))] }, 20)?.xs, [0, 1, 2]);
  });
  test('sparklines stand on one scale', () => {
    assert.deepEqual(sparklines({ better: null, series: [run(points(8, i => i))] }, 8), [
      { name: '#42', line: '▁▂▃▄▅▆▇█' },
    ]);
    const two = [run(points(2, () => 1)), baseline(points(2, () => 0))];
    assert.deepEqual(
      sparklines({ better: null, series: two }, 8).map(({ line }) => line),
      ['██', '▁▁'],
    );
    assert.deepEqual(sparklines({ better: null, series: [run(points(3, () => 5))] }, 8)[0]?.line, '▄▄▄');
    for (const chart of Object.values(charts))
      for (const { line } of sparklines(chart, 16)) assert.match(line, /^[▁▂▃▄▅▆▇█]{1,16}$/);
  });
  test('in a terminal', () => {
    const said = renderTerminal(reply('Title', [{ kind: 'chart', ...usual }]));
    assert.match(said, /^ {2}#42 {9}[▁▂▃▄▅▆▇█]{30} {2}last 0\.913 at step 59, best/m);
    assert.match(said, /^ {2}#38 \(main\) {2}[▁▂▃▄▅▆▇█]{30} {2}last/m);
    const titles = (title: string) =>
      renderTerminal(reply(title, [{ kind: 'chart', ...usual }])).split(usual.title).length - 1;
    assert.equal(titles('Title'), 1);
    assert.equal(titles(`${usual.title}.`), 1, 'as `train chart` says it');
    assert.equal(titles(`${usual.title} and more.`), 2, 'near it');
  });
});

describe('addresses of pictures', () => {
  const now = new Date('2026-07-01T12:00:00Z');
  const link = { run: 42, metric: 'val auc\n2', theme: 'dark' as const, until: linkEnd(now) };
  test('say what they show, until the same moment all day', () => {
    assert.deepEqual(readChartLink(chartLinkText(link), now), link);
    assert.deepEqual(linkEnd(new Date('2026-07-01T00:00:00Z')), linkEnd(now));
    assert.equal(linkEnd(now).toISOString(), '2026-08-01T00:00:00.000Z');
  });
  const rows: [name: string, text: string | null, at: Date][] = [
    ['nothing', null, now],
    ['another kind of signed words', 'T1|C1|cancel|42', now],
    ['no metric', 'chart 42 dark 9999999999999 ', now],
    ['another theme', 'chart 42 pink 9999999999999 a', now],
    ['the end has come', chartLinkText(link), link.until],
  ];
  for (const [name, text, at] of rows) test(name, () => assert.equal(readChartLink(text, at), null));
});
