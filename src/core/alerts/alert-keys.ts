import { z } from 'zod';

const mostAlerts = 20;

/** Rules over what a run reports, in the order in which they are said. */
export const alertsSchema = z
  .array(
    z.strictObject({
      when: z
        .string()
        .min(1)
        .max(500)
        .describe(
          'A condition over the last values of its metrics, or `no improvement [of METRIC] for N epochs|steps`; then, if it is to be looked at only later, `after step N`, `after epoch N` or `after 10m`.',
        ),
      do: z
        .enum(['warn', 'stop'])
        .default('warn')
        .describe(
          '`warn`: it is said once in the thread of the run. `stop`: the run is stopped too, and fails.',
        ),
    }),
  )
  .max(mostAlerts, `must not hold more than ${mostAlerts}`);
export type Alert = z.infer<typeof alertsSchema>[number];

export const alertsDescription =
  'Rules over what a run reports: `{ when: loss is NaN, do: stop }`. Each is said once of a run.';
