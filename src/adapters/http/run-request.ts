import { z } from 'zod';
import { tokenActor } from '../../core/actor.ts';
import type { Intent } from '../../core/intent.ts';
import type { Token } from '../../core/ports.ts';
import { parseDuration } from '../../core/project.ts';
import { parse } from './problem.ts';

/** What `POST /v1/runs` takes. */
export const describedRunRequest = z.strictObject({
  project: z.string(),
  ref: z.string().optional().describe('A branch, tag or commit.'),
  gpus: z.number().optional().describe('Accelerators; 0 means one CPU slot.'),
  gpu: z.string().optional().describe("Part of the wanted accelerator's model."),
  pool: z.string().optional(),
  priority: z.string().optional().describe('`low`, `normal` or `high`.'),
  timeLimit: z.string().optional().describe('For example `4h`.'),
  parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  note: z.string().optional(),
  dryRun: z.boolean().optional().describe('Answer what would become of it, and ask for nothing.'),
});

const plain = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** How it is read: shape only. What is in it is the command's to take or refuse, in its own words and with a line in the audit log. */
export const runRequestSchema = z
  .object({ parameters: z.record(z.string(), plain).optional() })
  .catchall(plain);

type AskingToken = Pick<Token, 'id' | 'name' | 'scopes'>;

/** The same request from anywhere: `key` is unique per wish. Throws `BODY_INVALID` where it has another shape. */
export function runIntent(token: AskingToken, key: string, body: unknown): Intent {
  const { timeLimit, dryRun, ...same } = parse(runRequestSchema, body);
  const values: Record<string, unknown> = same;
  const time = timeLimit ?? values.time;
  if (time !== undefined) values.time = typeof time === 'string' ? (parseDuration(time) ?? time) : time;
  if (dryRun !== undefined) values['dry-run'] = dryRun;
  return callIntent(token, key, ['train'], values);
}

/** A command, called by a token. */
export function callIntent(
  token: AskingToken,
  key: string,
  path: readonly string[],
  values: Record<string, unknown>,
): Intent {
  return { ...asked(token, key), wish: { kind: 'call', path, values } };
}

/** A command line, typed with a token in hand. */
export function wordsIntent(token: AskingToken, key: string, words: string): Intent {
  return { ...asked(token, key), wish: { kind: 'words', words } };
}

function asked(token: AskingToken, key: string): Omit<Intent, 'wish'> {
  return { key, actor: tokenActor(token), scopes: token.scopes, place: { kind: 'http' } };
}
