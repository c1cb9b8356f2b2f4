import { z } from 'zod';

const mostMetrics = 100;

/** What a project says of its metrics, by name. */
export const metricsSchema = z
  .record(
    // As runs report them.
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_./-]{0,99}$/, 'must be the name of a metric as runs report it'),
    z.strictObject({
      better: z.enum(['higher', 'lower']).describe('Which way it gets better.'),
      unit: z
        .string()
        .regex(/^[^\p{C}\p{Z}][^\p{C}]{0,11}$/u, 'must have 1 to 12 characters that can be seen')
        .optional()
        .describe('What it is counted in, as it is shown: `%`, `ms`.'),
    }),
  )
  .refine(metrics => Object.keys(metrics).length <= mostMetrics, `must not name more than ${mostMetrics}`);
export type MetricKeys = z.infer<typeof metricsSchema>;

export const compareSchema = z.enum(['base', 'previous', 'production']);
export type Compare = z.infer<typeof compareSchema>;

export const metricsDescription =
  'Which way metrics get better, and what they are counted in: `val_auc: { better: higher }`. Where a metric is not named, well-known words in its name say it (`loss`, `accuracy`), and where they do not, no value of it is called better.';
export const compareDescription =
  'What its runs are held against: `base`, the newest run that succeeded on the branch that the pull request goes to (of a merge or a push: the branch it came to), `previous`, the newest that succeeded before, or `production`, the one whose version of a model serves in the environment `production` (where none does: as when absent). When absent, `base` for pull requests and merges; a run of neither is always held against the previous one.';
