import { z } from 'zod';
import { nameSchema } from './name.ts';

const price = z.number().min(0, 'must be 0 or more');

/** Slices are `nvidia.com/mig-` and the profile, with `.me` for `+me`, as Kubernetes has them. */
const resourcePattern =
  /^(?:cpu|(?:nvidia|amd)\.com\/gpu|nvidia\.com\/mig-(?:\d{1,2}c\.)?\d{1,2}g\.\d{1,4}gb(?:\.[a-z]+)*)$/;

export const flavorSchema = z.strictObject({
  resource: z
    .string()
    .regex(
      resourcePattern,
      'must be nvidia.com/gpu, amd.com/gpu, cpu or a slice such as nvidia.com/mig-1g.10gb',
    )
    .describe(
      'What its accelerators are, by the name that Kubernetes has for it. A slice (`nvidia.com/mig-1g.10gb`) is given only to runs that name its flavor.',
    ),
  model: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe("Part of the accelerator's name, in any case, such as `A100`; any accelerator when absent."),
  price: price
    .default(0)
    .describe('What one accelerator costs for one hour, where the pool says nothing else.'),
});
export type Flavor = z.infer<typeof flavorSchema>;

export const poolSchema = z.strictObject({
  engine: z
    .literal('local')
    .default('local')
    .describe('What runs the work: `local` is one machine with an agent.'),
  slots: z.int().min(1).max(1024).default(2).describe('CPU slots, for runs that need no accelerator.'),
  accelerators: z
    .enum(['auto', 'none'])
    .default('auto')
    .describe('`auto` uses what nvidia-smi and amd-smi or rocm-smi show; `none` leaves them alone.'),
  runAs: z.string().optional().describe('The user that runs become when the agent is root.'),
  flavors: z
    .array(nameSchema)
    .min(1)
    .optional()
    .describe(
      'The flavors that are given out here, in the order in which they are tried. When absent, every model that the machine shows is a flavor of its own.',
    ),
  nodes: z
    .record(
      z
        .string()
        .regex(
          /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/,
          'must be the name of a machine: letters, digits, dots and dashes',
        ),
      z.record(nameSchema, z.int().min(0).max(1024)),
    )
    .optional()
    .describe(
      'How many of which flavor are given out on each machine, at most; what else it reports is left alone. When absent, whatever it reports.',
    ),
  isolated: z
    .boolean()
    .default(false)
    .describe(
      'Whether a run here can do no harm beyond itself: it reaches no network, files and accounts that matter, and leaves nothing behind for the next one. Signalbox takes your word for it. Runs of pull requests go to such pools alone, unless their project is `trusted`.',
    ),
  backup: z
    .boolean()
    .default(false)
    .describe('Used only for teams with `patience`, once their runs have waited that long for the others.'),
  prices: z
    .record(nameSchema, price)
    .default({})
    .describe('What an accelerator of a flavor costs here for one hour, instead of what the flavor says.'),
});
export type PoolSettings = z.infer<typeof poolSchema>;

/** What an accelerator is that somebody knows only the kind of, from a time when there were no others. */
export const plainResources = { gpu: 'nvidia.com/gpu', cpu: 'cpu' } as const;

/** Whether an accelerator is one of a flavor. */
export function fitsFlavor(flavor: Flavor, accelerator: { resource: string; model: string }): boolean {
  if (flavor.resource !== accelerator.resource) return false;
  return accelerator.model.toLowerCase().includes((flavor.model ?? '').toLowerCase());
}

/** Whether an accelerator is a part of one, which nobody gets who has not named it. */
export function isSlice(resource: string): boolean {
  return resource.startsWith('nvidia.com/mig-');
}

/** What one accelerator of a flavor costs in a pool for one hour; a flavor that nobody described costs nothing. */
export function priceOf(
  flavors: Readonly<Record<string, Flavor>>,
  pool: PoolSettings,
  flavor: string,
): number {
  if (Object.hasOwn(pool.prices, flavor)) return pool.prices[flavor] ?? 0;
  return Object.hasOwn(flavors, flavor) ? (flavors[flavor]?.price ?? 0) : 0;
}
