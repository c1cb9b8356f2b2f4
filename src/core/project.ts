import { z } from 'zod';
import { groupName } from './groups.ts';
import { readParameter } from './parameters.ts';
import { compilePattern } from './pattern.ts';
import { mayNameSecret, triggers, trustedTriggers } from './secret.ts';

/** `90s`, `15m`, `4h`, `2d` or a sum such as `1h30m`, as whole seconds. */
export function parseDuration(text: string): number | null {
  const parts = /^(?:(\d{1,5})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/.exec(text.trim());
  if (!parts || text.trim() === '') return null;
  const [days, hours, minutes, seconds] = parts.slice(1).map(part => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

/** The same as it is typed, in its largest whole unit below a day: `90s`, `15m`, `48h`. */
export function typedDuration(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

const name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,38}$/,
    'must be lower-case letters, digits and dashes, at most 39, not starting with a dash',
  );

const duration = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds !== null && seconds > 0) return seconds;
  context.addIssue({ code: 'custom', message: 'must be a duration such as 90s, 15m, 4h or 1h30m' });
  return z.NEVER;
});

const parameterKinds = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('number'),
    default: z.number(),
    min: z.number().optional(),
    max: z.number().optional(),
    hint: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('integer'),
    default: z.int(),
    min: z.int().optional(),
    max: z.int().optional(),
    hint: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('text'),
    default: z.string(),
    pattern: z
      .string()
      .refine(
        text => compilePattern(text) !== null,
        'must be a regular expression of at most 200 characters without look-around, references or \\b',
      )
      .optional()
      .describe('A regular expression that the whole value must match.'),
    hint: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('choice'),
    default: z.string(),
    choices: z.array(z.string()).min(1),
    hint: z.string().optional(),
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean(), hint: z.string().optional() }),
]);
export type Parameter = z.infer<typeof parameterKinds>;
/**
 * One parameter of a project; its default must be a value that it takes. The value reaches the command as one argument, `{name}` in
 * `command`, and as `SIGNALBOX_PARAM_NAME`.
 */
const parameterSchema = parameterKinds.superRefine((parameter, context) => {
  const read = readParameter(parameter, String(parameter.default));
  if (read.ok) return;
  const allowed = typeof read.allowed === 'string' ? read.allowed : `one of ${read.allowed.join(', ')}`;
  context.addIssue({ code: 'custom', path: ['default'], message: `must be ${allowed}` });
});
export type ParameterValue = string | number | boolean;

export const priorities = ['low', 'normal', 'high'] as const;
export type Priority = (typeof priorities)[number];

export const projectSchema = z.strictObject({
  team: name.describe('The team that owns the project.'),
  source: z
    .string()
    .min(1)
    .describe(
      'Where the code lives: a folder (relative to this file), inside a Git repository or not, or the URL of a Git repository.',
    ),
  ref: z
    .string()
    .min(1)
    .default('HEAD')
    .describe('The branch, tag or commit to run when a request names none.'),
  command: z
    .array(z.string())
    .min(1)
    .describe(
      'The command as a list of arguments; `{name}` inside an argument is replaced by the value of that parameter.',
    ),
  shell: z
    .boolean()
    .default(false)
    .describe(
      'Run the command (one string) with `/bin/sh -c`. Parameters then reach it as environment variables only.',
    ),
  environment: z
    .record(z.string(), z.string())
    .default({})
    .describe('Environment variables for the command.'),
  secrets: z
    .record(
      z
        .string()
        .refine(
          mayNameSecret,
          'must be the name of an environment variable that means nothing to Signalbox, the shell, the loader or an interpreter',
        ),
      z.strictObject({
        triggers: z
          .array(z.enum(triggers))
          .default(trustedTriggers)
          .describe('What sets off the runs that may see it; all but `pull-request` when absent.'),
      }),
    )
    .default({})
    .describe(
      'Names of secrets, as environment variables for the command. Their values are in the file that SIGNALBOX_SECRETS names on the machine that runs it.',
    ),
  parameters: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/), parameterSchema)
    // In the environment they are in capitals.
    .refine(
      parameters =>
        new Set(Object.keys(parameters).map(key => key.toUpperCase())).size ===
        Object.keys(parameters).length,
      'must not have two names that differ only in upper and lower case',
    )
    .default({})
    .describe('What a request may set with `-p name=value`.'),
  gpus: z
    .int()
    .min(0)
    .max(1024)
    .default(0)
    .describe('Accelerators that a run gets unless the request says otherwise; 0 means one CPU slot.'),
  pool: name
    .optional()
    .describe('The pool that runs go to unless the request says otherwise; the first pool when absent.'),
  timeLimit: duration.prefault('24h').describe('How long a run may take.'),
  grace: duration.prefault('30s').describe('How long a run has between SIGTERM and SIGKILL.'),
  attempts: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('How often a run is started at most when a machine loses it.'),
  primaryMetric: z.string().optional().describe('The metric shown first.'),
  runsIn: name
    .optional()
    .describe('The environment that its runs work in, one of `environments`; an open one when absent.'),
  trainers: z
    .enum(['everyone', 'team'])
    .default('everyone')
    .describe('Who may train it: everyone with the role for it, or only the people of its team.'),
});
export type Project = z.infer<typeof projectSchema>;

const environmentSchema = z.strictObject({
  needs: z.enum(['trainer', 'approver', 'operator']).describe('The least role that may start work there.'),
  description: z.string().optional().describe('What it is, for those who may not.'),
});

const poolSchema = z.strictObject({
  engine: z
    .literal('local')
    .default('local')
    .describe('What runs the work: `local` is one machine with an agent.'),
  slots: z.int().min(1).max(1024).default(2).describe('CPU slots, for runs that need no accelerator.'),
  accelerators: z
    .enum(['auto', 'none'])
    .default('auto')
    .describe('`auto` uses what nvidia-smi shows; `none` leaves them alone.'),
  runAs: z.string().optional().describe('The user that runs become when the agent is root.'),
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
  email: z.email().optional().describe('E-mail address.'),
  name: z.string().min(1).describe('What others see.'),
  role: z.enum(['none', 'viewer', 'trainer', 'approver', 'operator']).describe('What this person may do.'),
  teams: z.array(name).default([]).describe('The teams this person belongs to.'),
});

const groups = z.array(groupName);

/** Roles that a group gives. To take everything from somebody, name them under `people`. */
const rolesSchema = z.strictObject({
  viewer: groups.optional(),
  trainer: groups.optional(),
  approver: groups.optional(),
  operator: groups.optional(),
});

/** The whole of `signalbox.yml`. */
export const policySchema = z.strictObject({
  teams: z
    .record(
      name,
      z.strictObject({
        description: z.string().optional(),
        groups: groups
          .default([])
          .describe('Whoever is in one of these Slack user groups or GitHub teams is in the team.'),
      }),
    )
    .default({})
    .describe('Groups of people that share quotas.'),
  pools: z
    .record(name, poolSchema)
    .refine(pools => Object.keys(pools).length > 0, 'must name at least one pool')
    .prefault({ local: {} })
    .describe('Places with accelerators, in the order in which they are tried.'),
  environments: z
    .record(name, environmentSchema)
    .default({})
    .describe('What work may touch, and who may start it: `production: { needs: operator }`.'),
  projects: z.record(name, projectSchema).default({}).describe('What can be trained.'),
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
