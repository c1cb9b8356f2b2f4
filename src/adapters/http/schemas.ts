import { z } from 'zod';
import { actorSchema } from '../../core/actor.ts';
import { digestSchema, longestFileName } from '../../core/declared-files.ts';
import { replySchema } from '../../core/reply-json.ts';
import { endStates, runKinds, runStates } from '../../core/run.ts';
import { runJsonSchema } from '../../core/run-json.ts';

export const count = (max: number) => z.coerce.number().int().min(0).max(max);
const largestInteger = 2_147_483_647;
const flag = z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] }).default(false);

export const runNumberSchema = z.object({ number: count(largestInteger).min(1) });

export const attemptSchema = z.object({
  run: count(largestInteger).min(1),
  attempt: count(1_000_000).min(1),
});

export const contentSchema = attemptSchema.extend({ sha256: digestSchema });
export const contentQuerySchema = z.object({ bytes: count(Number.MAX_SAFE_INTEGER) });

export const artifactSchema = runNumberSchema.extend({ name: z.string().max(longestFileName) });

export const artifactListSchema = z.object({
  run: z.int(),
  artifacts: z.array(
    z.object({
      name: z.string(),
      sha256: digestSchema,
      bytes: z.int(),
      attempt: z.int(),
      path: z.string().describe('Where its content is.'),
    }),
  ),
});

export const listQuerySchema = z.object({
  project: z.string().max(255).optional(),
  state: z.enum(runStates).optional(),
  kind: z
    .enum(runKinds)
    .default('train')
    .describe('`lease`: what people hold accelerators by; `serve`: what models serve by.'),
  mine: flag.describe('Only runs that this token asked for.'),
  limit: count(100).min(1).default(20),
  before: count(largestInteger).optional().describe('Only runs with a smaller number: the next page.'),
});

export const runListSchema = z.object({
  runs: z.array(runJsonSchema),
  next: z.int().nullable().describe('`before` for the next page; null: this was the last.'),
});

export const logQuerySchema = z.object({
  offset: count(Number.MAX_SAFE_INTEGER).default(0).describe('Bytes to leave out.'),
  attempt: count(1_000_000).min(1).optional().describe('The newest unless given.'),
  follow: flag.describe('Go on until the run has ended.'),
});

/** The data of one server-sent event; its id is `seq`. */
export const eventSchema = z.object({
  seq: z.int(),
  type: z.enum([
    'requested',
    'queued',
    'approved',
    'bumped',
    'starting',
    'running',
    'warned',
    'extended',
    'stopping',
    'preempted',
    'lost',
    ...endStates,
  ]),
  from: z.enum(runStates),
  to: z.enum(runStates),
  actor: actorSchema,
  reason: z.string(),
  at: z.iso.datetime(),
  attempt: z.int(),
});

export const commandRequestSchema = z.strictObject({
  words: z.string().describe('A command line, verb first and without a slash: `train digits -p lr=0.1`.'),
});

export const commandAnswerSchema = z.object({ reply: replySchema });
