import { z } from 'zod';
import { SignalboxError } from '../../core/errors.ts';
import { leftOutSentences } from '../../core/metric-points.ts';
import { nearest } from '../../core/nearest.ts';
import { type Answer, defineRoute, type Route, withScope } from './route.ts';
import { existingRun } from './routes-runs.ts';
import { count, runNumberSchema } from './schemas.ts';

const valueSchema = z.object({ value: z.number(), step: z.int() });
const summarySchema = z.object({
  name: z.string(),
  last: valueSchema.describe(
    'The finite one of the highest step that its newest attempt reported; it need not be its best.',
  ),
  notFiniteAt: z
    .int()
    .optional()
    .describe(
      'The step of what it reported last, where that was not finite: `last` is then not its last word.',
    ),
  least: valueSchema,
  most: valueSchema,
  points: z.int(),
});
const summariesSchema = z.object({
  metrics: z.array(summarySchema),
  leftOut: z.array(z.string()).describe('What of its reports was not kept, and why.'),
});
const seriesSchema = z.object({
  name: z.string(),
  total: z.int().describe('How many points there are.'),
  points: z
    .array(valueSchema)
    .describe('By step; the first, the last and whatever stands out are among them.'),
});

const shownNames = 10;

const seriesQuery = z.object({
  points: count(10_000).min(4).default(1_000).describe('At most so many.'),
});

const getMetrics = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/metrics',
  summary: 'The last, least and most value of each metric of a run.',
  gate: withScope('runs:read'),
  params: runNumberSchema,
  answers: { 200: { description: 'By name.', schema: summariesSchema } },
  errors: ['RUN_NOT_FOUND'],
  handle: async ({ params }, _, { runs }) => {
    const run = await existingRun(params.number, runs);
    const { leftOut } = await runs.reported(run.number);
    const metrics = (await runs.metrics(run.number)).map(
      ({ name, value, step, least, most, count: points, notFinite: notFiniteAt }) => ({
        ...{ name, last: { value, step }, least, most, points },
        ...(notFiniteAt === undefined ? {} : { notFiniteAt }),
      }),
    );
    return { status: 200, json: { metrics, leftOut: leftOutSentences(leftOut) } };
  },
});

const getSeries = defineRoute({
  method: 'GET',
  path: '/v1/runs/:number/metrics/:name',
  summary: 'The curve of one metric of a run.',
  gate: withScope('runs:read'),
  params: runNumberSchema.extend({ name: z.string().describe('A `/` in it is written `%2F`.') }),
  query: seriesQuery,
  headers: { Accept: '`text/csv` for lines of step and value instead.' },
  answers: { 200: { description: 'Its points.', schema: seriesSchema } },
  errors: ['RUN_NOT_FOUND', 'METRIC_UNKNOWN'],
  handle: async ({ params, query, headers }, _, { runs }): Promise<Answer> => {
    const run = await existingRun(params.number, runs);
    const all = await runs.metrics(run.number);
    const summary = all.find(one => one.name === params.name);
    if (!summary) {
      const names = all.map(one => one.name);
      throw new SignalboxError('METRIC_UNKNOWN', {
        ...{ word: params.name, number: run.number, allowed: names.slice(0, shownNames) },
        nearest: nearest(params.name, names),
      });
    }
    const [curve] = await runs.series(run.number, [summary.name], query.points);
    const points = curve?.points ?? [];
    if (!/\btext\/csv\b/i.test(headers.accept ?? ''))
      return { status: 200, json: { name: summary.name, total: summary.count, points } };
    return {
      status: 200,
      headers: { 'content-type': 'text/csv; charset=utf-8' },
      live: false,
      stream: () => csvOf(points),
    };
  },
});

async function* csvOf(points: readonly { step: number; value: number }[]): AsyncGenerator<string> {
  yield ['step,value', ...points.map(({ step, value }) => `${step},${value}`), ''].join('\r\n');
}

export const metricRoutes: readonly Route[] = [getMetrics, getSeries];
