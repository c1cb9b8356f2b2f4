import type { Chart, ChartSeries } from '../../src/core/chart.ts';

type Curve = (i: number) => number;

export function points(amount: number, y: Curve, every = 1, from = 0): ChartSeries['points'] {
  return Array.from({ length: amount }, (_, i) => ({ x: from + i * every, y: Number(y(i).toPrecision(13)) }));
}

/** A little unrest that is the same every time. */
const wobble = (i: number) => Math.sin(i * 12.9898) * 0.008;

export function run(series: ChartSeries['points'], name = '#42'): ChartSeries {
  return { name, role: 'run', points: series };
}

export function baseline(series: ChartSeries['points'], name = '#38 (main)'): ChartSeries {
  return { name, role: 'baseline', points: series };
}

const auc = {
  title: 'val_auc of #42',
  metric: 'val_auc',
  better: 'higher',
  xTitle: 'step',
} as const satisfies Partial<Chart>;

export const usual: Chart = {
  ...auc,
  title: 'val_auc of #42 beside #38 (main)',
  series: [
    run(points(60, i => 0.95 - 0.4 * Math.exp(-i / 15) + wobble(i) - Math.max(0, i - 45) * 0.002)),
    baseline(points(60, i => 0.92 - 0.4 * Math.exp(-i / 20) + wobble(i * 3))),
  ],
};

/** Charts of every kind that a run may make of itself, by what they show. */
export const charts: Record<string, Chart> = {
  usual,
  'lower-is-better-over-decades': {
    ...{ title: 'loss of #42', metric: 'loss', better: 'lower', xTitle: 'epoch' },
    series: [
      run(points(80, i => 2 * Math.exp(-i / 8) + 0.001 + wobble(i) / 40, 100)),
      baseline(points(50, i => 2 * Math.exp(-i / 12) + 0.002, 100)),
    ],
  },
  'one-point': { ...auc, series: [run([{ x: 100, y: 0.5 }])] },
  'two-points': { ...auc, series: [run(points(2, i => 0.5 + i / 10))] },
  constant: { ...auc, unit: '%', series: [run(points(20, () => 97.5))] },
  gap: {
    ...auc,
    series: [run([...points(30, i => 0.5 + i * 0.01), ...points(20, i => 0.8 + i * 0.002, 1, 90)])],
  },
  'best-is-last-and-a-short-baseline': {
    ...auc,
    series: [run(points(30, i => 0.5 + i * 0.012)), baseline(points(18, i => 0.55 + i * 0.012))],
  },
  'nobody-knows-which-is-better': { ...auc, better: null, series: [run(points(30, i => Math.sin(i / 5)))] },
  tiny: { ...auc, metric: 'lr', better: null, series: [run(points(50, i => 1e-9 + i * 1e-11))] },
  huge: {
    ...auc,
    metric: 'tokens',
    unit: 'tok',
    better: null,
    series: [run(points(50, i => 1e12 + i * 3e10))],
  },
  'far-from-zero-and-close-together': { ...auc, series: [run(points(50, i => 1e10 + i))] },
  'as-large-as-numbers-get': { ...auc, series: [run(points(40, i => (i % 2 ? 1e308 : -1e308)))] },
  'as-small-as-numbers-get': { ...auc, series: [run(points(40, i => 5e-324 * (1 + i)))] },
  'not-finite': {
    ...auc,
    series: [
      run([
        { x: 0, y: Number.NaN },
        { x: 1, y: 1 },
        { x: 2, y: Number.POSITIVE_INFINITY },
        { x: 3, y: 2 },
      ]),
    ],
  },
  'names-of-others': {
    ...auc,
    title: '<script>alert(1)</script> & "שלום" 👨‍👩‍👧 a title that goes on and on for longer',
    metric: '验证 <b>acc</b> 🚀 \u202eabc',
    unit: '<i>%',
    series: [
      run(
        points(30, i => Math.sin(i / 5) * 5),
        '#42 <b>🚀 a very long name',
      ),
      baseline(
        points(30, i => Math.cos(i / 5) * 5),
        '#38 (feature/العربية)',
      ),
    ],
  },
  'nothing-that-can-be-drawn': {
    ...auc,
    title: '🚀',
    metric: '验证',
    series: [
      run(
        points(9, i => i),
        '🚀',
      ),
    ],
  },
  several: {
    ...auc,
    series: [1, 2, 3, 4].map(k =>
      run(
        points(40, i => 1 - Math.exp(-i / (5 * k))),
        `#${40 + k}`,
      ),
    ),
  },
  none: { ...auc, series: [] },
};
