import { z } from 'zod';
import { durationSchema } from './duration.ts';
import { groupName } from './groups.ts';
import { nameSchema } from './name.ts';

const accelerators = z.int().min(0).max(1_000_000);

const quotaSchema = z.strictObject({
  quota: accelerators.describe('How many accelerators of this flavor are the team’s own.'),
  borrow: accelerators
    .optional()
    .describe(
      'How many more its preemptible runs may hold while others of the cohort leave theirs unused; no limit when absent.',
    ),
  lend: accelerators
    .optional()
    .describe('How many of its own others may hold while it leaves them unused; all of them when absent.'),
});

const queueSchema = z.strictObject({
  cohort: nameSchema.default('shared').describe('Teams of one cohort lend to and borrow from each other.'),
  weight: z
    .number()
    .positive('must be more than 0')
    .max(1_000_000)
    .default(1)
    .describe('Its share of what is lent, against the weights of the others.'),
  preempts: z
    .boolean()
    .default(false)
    .describe(
      'Whether a run may take the place of a preemptible one of the same team with a lower priority.',
    ),
  quotas: z
    .record(nameSchema, quotaSchema)
    .default({})
    .describe(
      'By flavor. A flavor that any team names here may be used only by the teams that name it; all others are free for all.',
    ),
});

export const teamSchema = z.strictObject({
  description: z.string().optional(),
  groups: z
    .array(groupName)
    .default([])
    .describe('Whoever is in one of these Slack user groups or GitHub teams is in the team.'),
  queue: queueSchema
    .optional()
    .describe('What the team may have at once. When no team says it, nobody is bound.'),
  budget: z
    .strictObject({
      month: z
        .number()
        .min(0, 'must be 0 or more')
        .optional()
        .describe('What may be spent in a calendar month (UTC); no limit when absent.'),
      ask: z
        .number()
        .min(0, 'must be 0 or more')
        .optional()
        .describe('A run that may cost more than this waits for an approver; none does when absent.'),
    })
    .optional()
    .describe('Money, in `currency`.'),
  patience: durationSchema
    .optional()
    .describe(
      'How long a run waits for the other pools before backup pools are used; they are never used by themselves when absent.',
    ),
});
