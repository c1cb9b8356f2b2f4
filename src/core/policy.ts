import { z } from 'zod';
import { durationSchema } from './duration.ts';
import { groupName } from './groups.ts';
import { nameSchema } from './name.ts';
import { flavorSchema, poolSchema } from './pool.ts';
import { projectSchema } from './project.ts';
import { modelsSchema, targetSchema } from './promotion/model-keys.ts';
import { teamSchema } from './queue.ts';
import { policyNames } from './scheduler/world.ts';

const environmentSchema = z.strictObject({
  needs: z.enum(['trainer', 'approver', 'operator']).describe('The least role that may start work there.'),
  description: z.string().optional().describe('What it is, for those who may not.'),
});

const slackUser = z
  .string()
  .regex(/^[TE][A-Z\d]+\/[UW][A-Z\d]+$/, 'must be a workspace and a user id, as T0123/U0456');

const personSchema = z.strictObject({
  slack: z
    .union([slackUser, z.array(slackUser)])
    .optional()
    .describe('Slack workspace and user id: `T0123/U0456`; a list for several workspaces.'),
  github: z
    .string()
    .regex(/^[A-Za-z\d](?:-?[A-Za-z\d]){0,38}$/, 'must be a GitHub login')
    .optional()
    .describe('GitHub login.'),
  jira: z.string().min(1).max(128).optional().describe('Jira account id.'),
  tokens: z
    .array(z.uuid())
    .optional()
    .describe('Ids of tokens of the API that are theirs alone, as `signalbox tokens` lists them.'),
  email: z
    .email()
    .optional()
    .describe('E-mail address; where `oidc` is absent, also who they are at the provider of OIDC_ISSUER.'),
  oidc: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      'Who they are at the provider of OIDC_ISSUER: the subject, or an e-mail address that it has verified.',
    ),
  name: z.string().min(1).describe('What others see.'),
  role: z.enum(['none', 'viewer', 'trainer', 'approver', 'operator']).describe('What this person may do.'),
  teams: z.array(nameSchema).default([]).describe('The teams this person belongs to.'),
});

const groups = z.array(groupName);

/** Roles that a group gives. To take everything from somebody, name them under `people`. */
const rolesSchema = z.strictObject({
  viewer: groups.optional(),
  trainer: groups.optional(),
  approver: groups.optional(),
  operator: groups.optional(),
});

const schedulerSchema = z.strictObject({
  policy: z
    .enum(policyNames)
    .default('fair')
    .describe(
      '`fifo`: strictly in order. `easy`: in order, and later runs may pass that delay no earlier one. `fair`: the same, between teams by weight and by what they had lately.',
    ),
  halfLife: durationSchema
    .prefault('7d')
    .describe('With `fair`: after this long, what a team had counts half.'),
});

const leasesSchema = z.strictObject({
  most: durationSchema.prefault('8h').describe('How long a lease lasts at most.'),
  gpus: z.int().min(0).max(1024).default(4).describe('How many accelerators a lease holds at most.'),
  commands: z
    .record(
      nameSchema,
      z.strictObject({
        command: z.array(z.string()).min(1).describe('The command as a list of arguments.'),
      }),
    )
    .default({})
    .describe('What may be run on a lease, such as a notebook.'),
});

/** The whole of `signalbox.yml`. */
export const policySchema = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, 'must be three capital letters, as USD')
    .default('USD')
    .describe('What prices and budgets are in.'),
  scheduler: schedulerSchema.prefault({}).describe('How runs are put in order.'),
  teams: z.record(nameSchema, teamSchema).default({}).describe('Groups of people that share quotas.'),
  flavors: z
    .record(nameSchema, flavorSchema)
    .default({})
    .describe('Kinds of accelerators, as pools, quotas and requests name them.'),
  pools: z
    .record(nameSchema, poolSchema)
    .refine(pools => Object.keys(pools).length > 0, 'must name at least one pool')
    .prefault({ local: {} })
    .describe('Places with accelerators, in the order in which they are tried.'),
  environments: z
    .record(nameSchema, environmentSchema)
    .default({})
    .describe('What work may touch, and who may start it: `production: { needs: operator }`.'),
  projects: z.record(nameSchema, projectSchema).default({}).describe('What can be trained.'),
  targets: z.record(nameSchema, targetSchema).default({}).describe('Places where models serve.'),
  models: modelsSchema.describe('What is made of runs and comes to serve, and how.'),
  leases: leasesSchema.prefault({}).describe('Accelerators that people hold for themselves.'),
  people: z.array(personSchema).default([]).describe('Who is who.'),
  roles: rolesSchema
    .default({})
    .describe('What those may do who are in a group and not named under `people`; the highest counts.'),
  defaultRole: z
    .enum(['none', 'viewer', 'trainer'])
    .default('trainer')
    .describe('What people of the connected workspace may do who are not named under `people`.'),
});
export type Policy = z.infer<typeof policySchema>;
