import { z } from 'zod';
import { alertsDescription, alertsSchema } from './alerts/alert-keys.ts';
import { declaredFilesSchema } from './declared-files.ts';
import { durationSchema } from './duration.ts';
import { repositoryPattern, sourceOn } from './github-source.ts';
import { compareDescription, compareSchema, metricsDescription, metricsSchema } from './metric-keys.ts';
import { nameSchema } from './name.ts';
import { readParameter } from './parameters.ts';
import { compilePattern } from './pattern.ts';
import { mayNameSecret, triggers, trustedTriggers } from './secret.ts';

export { parseDuration, typedDuration } from './duration.ts';
export type { Policy } from './policy.ts';

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

export const commandSchema = z
  .array(z.string())
  .min(1)
  .describe(
    'The command as a list of arguments; `{name}` inside an argument is replaced by the value of that parameter.',
  );

export const outputsSchema = declaredFilesSchema.describe(
  'Patterns of the files below $SIGNALBOX_OUTPUT_DIR that are kept when a run ends with exit code 0. A run that leaves none for one of them fails.',
);

export const inputsSchema = declaredFilesSchema.describe(
  'Patterns of the files in the source whose digests are recorded before the command starts. A run whose source has none for one of them does not start.',
);

export const parametersSchema = z
  .record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/), parameterSchema)
  // In the environment they are in capitals.
  .refine(
    parameters =>
      new Set(Object.keys(parameters).map(key => key.toUpperCase())).size === Object.keys(parameters).length,
    'must not have two names that differ only in upper and lower case',
  );

const projectKeys = z.strictObject({
  team: nameSchema.describe('The team that owns the project.'),
  source: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Where the code lives: a folder (relative to this file), inside a Git repository or not, or the URL of a Git repository. Absent with `github`.',
    ),
  github: z
    .string()
    .regex(repositoryPattern, 'must be a repository as owner/name, or owner/name#id')
    .optional()
    .describe(
      'The repository on GitHub where the code lives: `owner/name`. It is known by its id from the first time on, also when it is renamed; `owner/name#id` says which one is meant, where another had that name before.',
    ),
  ref: z
    .string()
    .min(1)
    .default('HEAD')
    .describe('The branch, tag or commit to run when a request names none.'),
  command: commandSchema,
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
          .describe(
            'What sets off the runs that may see it; all but `pull-request` and `promotion` when absent.',
          ),
      }),
    )
    .default({})
    .describe(
      'Names of secrets, as environment variables for the command. Their values are in the file that SIGNALBOX_SECRETS names on the machine that runs it.',
    ),
  parameters: parametersSchema.default({}).describe('What a request may set with `-p name=value`.'),
  gpus: z
    .int()
    .min(0)
    .max(1024)
    .default(0)
    .describe('Accelerators that a run gets unless the request says otherwise; 0 means one CPU slot.'),
  maxGpus: z
    .int()
    .min(0)
    .max(1024)
    .optional()
    .describe(
      'How many accelerators its repository may ask for in .signalbox.yml; as many as `gpus` when absent.',
    ),
  trusted: z
    .boolean()
    .default(false)
    .describe(
      'Whether runs of its pull requests may go to every pool. When absent, only to pools with `isolated: true`: whoever proposes a change chooses what it runs.',
    ),
  cancelOnClose: z
    .boolean()
    .default(true)
    .describe('Whether closing a pull request stops the runs that were asked for on it.'),
  forks: z
    .enum(['writer', 'approver'])
    .default('writer')
    .describe(
      'Who approves that a commit of a fork is run: whoever may write to the repository, or of them only those with the role approver. Where several projects have one repository, `approver` in any of them counts.',
    ),
  pool: nameSchema
    .optional()
    .describe('The pool that runs go to unless the request says otherwise; the first pool when absent.'),
  timeLimit: durationSchema.prefault('24h').describe('How long a run may take.'),
  grace: durationSchema.prefault('30s').describe('How long a run has between SIGTERM and SIGKILL.'),
  attempts: z
    .int()
    .min(1)
    .max(20)
    .default(3)
    .describe('How often a run is started at most when a machine loses it.'),
  preemptible: z
    .boolean()
    .default(false)
    .describe(
      'Whether its runs can be stopped at any time and go on later from a checkpoint: only such runs may borrow and be stopped for others.',
    ),
  maxRunning: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('How many of its runs may be at work at once; any number when absent.'),
  outputs: outputsSchema.default([]),
  inputs: inputsSchema.default([]),
  primaryMetric: z.string().optional().describe('The metric shown first.'),
  metrics: metricsSchema.optional().describe(metricsDescription),
  compare: compareSchema.optional().describe(compareDescription),
  alerts: alertsSchema.default([]).describe(alertsDescription),
  runsIn: nameSchema
    .optional()
    .describe('The environment that its runs work in, one of `environments`; an open one when absent.'),
  trainers: z
    .enum(['everyone', 'team'])
    .default('everyone')
    .describe('Who may train it: everyone with the role for it, or only the people of its team.'),
});

export const projectSchema = projectKeys.transform(({ source, github, ...project }, context) => {
  const found = github === undefined ? source : sourceOn(github);
  if (found === undefined || (source !== undefined && github !== undefined)) {
    const message =
      found === undefined ? 'must be there, or `github` instead' : 'must not be there beside `github`';
    context.addIssue({ code: 'custom', path: ['source'], message });
    return z.NEVER;
  }
  return { ...project, source: found };
});
export type Project = z.infer<typeof projectSchema>;
