import { z } from 'zod';
import { outputNameSchema } from '../declared-files.ts';
import { durationSchema } from '../duration.ts';
import { nameSchema } from '../name.ts';
import { mayNameSecret } from '../secret.ts';

const processTargetSchema = z.strictObject({
  kind: z.literal('process'),
  pool: nameSchema.describe('The pool on whose machine it serves.'),
  command: z
    .array(z.string())
    .min(1)
    .describe(
      'The command as a list of arguments. It learns from SIGNALBOX_PORT where to listen and from SIGNALBOX_MODEL which file to serve.',
    ),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .describe('The port at which the model is asked, whichever version serves behind it.'),
  ready: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,499}$/, 'must be a path that begins with /')
    .default('/')
    .describe('The path that answers 2xx once it can serve.'),
  readyWithin: durationSchema.prefault('60s').describe('How long it may take until then.'),
  gpus: z.int().min(0).max(1024).default(0).describe('Accelerators that it holds; 0 means one CPU slot.'),
  secrets: z
    .array(z.string().min(1).max(100))
    .max(50)
    .default([])
    .describe(
      "Names of the secrets that what serves there sees, as environment variables: of those of the version's project whose `triggers` name `promotion`.",
    ),
});

const webhookTargetSchema = z.strictObject({
  kind: z.literal('webhook'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an address that begins with https:// or http://' })
    .describe('Where it is told which version is to serve, and asked which one does.'),
  secret: z
    .string()
    .refine(mayNameSecret, 'must be the name of an environment variable that means nothing else')
    .describe('The name of the secret that signs what it is told.'),
  readyWithin: durationSchema
    .prefault('10m')
    .describe('How long it may take until it says that a version is ready.'),
});

const projectsOfTarget = z
  .array(nameSchema)
  .default([])
  .describe(
    'The projects whose repositories may name this target for models of their own, in .signalbox.yml. Models of signalbox.yml may name every target.',
  );

/** A place where a model serves. */
export const targetSchema = z.discriminatedUnion('kind', [
  processTargetSchema.extend({ projects: projectsOfTarget }),
  webhookTargetSchema.extend({ projects: projectsOfTarget }),
]);
export type Target = z.infer<typeof targetSchema>;

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

const timeOfDay = z
  .string()
  .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be a time of day in quotes, from 00:00 to 24:00');

const quietSchema = z
  .strictObject({
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .describe('Days of the week there: mon, tue, wed, thu, fri, sat, sun.'),
    from: timeOfDay.describe("When it begins, as '16:00'."),
    to: timeOfDay.describe("When it ends on the same day, as '24:00'."),
    zone: z
      .string()
      .refine(isZone, 'must be a time zone as IANA calls it, such as Europe/Berlin or UTC')
      .default('UTC')
      .describe('The time zone in which that is.'),
  })
  .refine(({ from, to }) => from < to, {
    path: ['to'],
    error: 'must be after `from`: what goes past midnight is written as two',
  });
export type QuietHours = z.infer<typeof quietSchema>;

/** `from`, `to`: read by `readApprovers`; who is meant is looked up where the file is checked. */
const approversText = z.string().min(1).max(100);

const rolloutSchema = z
  .strictObject({
    steps: z
      .array(z.int().min(1).max(100))
      .min(1)
      .max(20)
      .refine(
        steps => steps.every((step, i) => i === 0 || step > (steps[i - 1] ?? 0)),
        'must go up from step to step',
      )
      .refine(steps => steps.at(-1) === 100, 'must end at 100')
      .default([100])
      .describe('How many of a hundred requests the new version answers, step by step.'),
    bake: durationSchema.prefault('5m').describe('How long each step lasts before the next.'),
    check: z
      .string()
      .min(1)
      .max(2_000)
      .optional()
      .describe(
        'A Prometheus query that gives one number, asked while a step bakes (PROMETHEUS_URL); or signalbox.errors, the part of its answers at that step that were errors, or signalbox.latency, their mean time in seconds, as the front of a process target counts them.',
      ),
    holds: z
      .string()
      .regex(
        /^(?:<=|>=|==|!=|<|>)\s*-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?%?$/,
        'must be a comparison with a number, such as < 0.01',
      )
      .optional()
      .describe(
        'What must be so of that number, as `< 0.01`; else the rollout is halted and what served before serves again.',
      ),
  })
  .refine(({ check, holds }) => (check === undefined) === (holds === undefined), {
    path: ['check'],
    error: 'must be there together with `holds`, or neither of them',
  });

const modelEnvironmentSchema = z.strictObject({
  target: nameSchema.describe('Where it serves: one of the `targets` of signalbox.yml.'),
  gates: z
    .array(z.string().min(1))
    .max(50)
    .default([])
    .describe(
      'What must hold of a version that is to serve there: `val_accuracy >= production.val_accuracy - 0.005`, `age < 14d`.',
    ),
  approvals: z
    .strictObject({
      count: z.int().min(0).max(20).describe('How many persons must approve; 0: nobody needs to.'),
      from: approversText.default('approver').describe('Who may: a role, or `team:NAME`.'),
    })
    .prefault({ count: 1 })
    .describe('Who must agree. When absent, one person with the role approver.'),
  stepUp: z
    .boolean()
    .default(false)
    .describe(
      'Whether each approval needs a second factor: whoever approves gets a link on which they sign in anew (OIDC_ISSUER).',
    ),
  expires: durationSchema.prefault('24h').describe('How long it waits for them.'),
  remind: durationSchema.optional().describe('How long until they are reminded, and again each time.'),
  escalate: z
    .strictObject({
      after: durationSchema.describe('How long until others are asked too.'),
      to: approversText.describe('Whom: a role, or `team:NAME`.'),
    })
    .optional(),
  channel: z
    .string()
    .regex(/^T[A-Z\d]+\/[CG][A-Z\d]+$/, 'must be a workspace and a channel id, as T0123/C0456')
    .optional()
    .describe(
      'A channel of Slack where promotions to it are shown too, with buttons of their own: `T0123/C0456`. Signalbox must be invited there. Only signalbox.yml may name one.',
    ),
  quiet: z.array(quietSchema).max(20).default([]).describe('When no rollout begins there.'),
  rollout: rolloutSchema.prefault({}).describe('How a version comes to serve there.'),
  label: z
    .string()
    .trim()
    .min(1)
    .max(50)
    .optional()
    .describe(
      'A label on GitHub: put on a pull request, it asks for the newest version that was made from it to serve there.',
    ),
});
export type ModelEnvironment = z.infer<typeof modelEnvironmentSchema>;

const registrySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('builtin') }),
  z.strictObject({
    kind: z.literal('mlflow'),
    name: z
      .string()
      // No slash and no colon: MLflow takes neither in names of registered models.
      .regex(/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,199}$/, 'must be the name of a registered model in MLflow')
      .describe('The registered model there.'),
  }),
]);
export type ModelRegistry = z.infer<typeof registrySchema>;

const evaluateSchema = z
  .strictObject({
    command: z
      .array(z.string())
      .min(1)
      .describe(
        'The command as a list of arguments, run on the source of the version. It learns from SIGNALBOX_MODEL which file to evaluate, and reports metrics as a training does.',
      ),
    gpus: z
      .int()
      .min(0)
      .max(1024)
      .default(0)
      .describe(
        'Accelerators that it gets; 0 means one CPU slot. At most `maxGpus` of the project where a repository says it.',
      ),
    timeLimit: durationSchema
      .optional()
      .describe('How long it may take; at most, and when absent, the time limit of the project.'),
  })
  .describe(
    'How a version is measured before its gates are judged. When absent, they judge what its training measured.',
  );
export type Evaluate = z.infer<typeof evaluateSchema>;

/** Keys that look like numbers would be put first, and the order of environments means something. */
const environmentName = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,38}$/,
    'must be lower-case letters, digits and dashes, at most 39, starting with a letter',
  );

/** What `models:` says of a model, in signalbox.yml and in .signalbox.yml. */
export const modelSchema = z.strictObject({
  project: nameSchema.describe('The project whose runs make its versions.'),
  output: outputNameSchema.describe('The output of those runs that is the model.'),
  card: outputNameSchema
    .optional()
    .describe('A file of the source that says what the model is for; as it stands at the commit of the run.'),
  signature: outputNameSchema
    .optional()
    .describe(
      'The output (JSON) that says what it takes and gives. When absent, `signature` inside of `output` where that is JSON.',
    ),
  pullRequests: z
    .boolean()
    .default(false)
    .describe('Whether runs of pull requests make versions too: what they train is on no branch yet.'),
  evaluate: evaluateSchema.optional(),
  registry: registrySchema.prefault({ kind: 'builtin' }).describe('Where its versions are written down.'),
  environments: z
    .record(environmentName, modelEnvironmentSchema)
    .default({})
    .describe('Where it serves, in order: a version comes to one after it served in the one before.'),
});
export type ModelPolicy = z.infer<typeof modelSchema>;

export const modelsSchema = z
  .record(nameSchema, modelSchema)
  .refine(models => Object.keys(models).length <= 200, 'must not name more than 200')
  .default({});

function isZone(zone: string): boolean {
  try {
    // Offsets such as +01:00 are taken too, and know no summer.
    return /^[A-Za-z]/.test(zone) && new Intl.DateTimeFormat('en', { timeZone: zone }) !== null;
  } catch {
    return false;
  }
}
