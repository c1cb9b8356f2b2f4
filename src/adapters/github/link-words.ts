import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Signer } from '../../core/ports.ts';

const wordsSchema = z.strictObject({
  /** Each is good for its own step and no other, nor for anything else that Signalbox signs. */
  for: z.enum(['github-ask', 'github-form', 'github-state']),
  /** Whose account is to be linked: of Slack. */
  id: z.string(),
  name: z.string(),
  /** Milliseconds since 1970. */
  until: z.number(),
  /** Digest of what the browser keeps. */
  browser: z.string().optional(),
  nonce: z.string().optional(),
});
export type LinkWords = z.infer<typeof wordsSchema>;

export async function signWords(words: LinkWords, signer: Signer): Promise<string> {
  return await signer.sign(JSON.stringify(words));
}

/** What was signed for this step, or why it does not count. `held`: what the browser keeps, where that is to be looked at. */
export async function readWords(
  value: string,
  step: LinkWords['for'],
  signer: Signer,
  now: Date,
  held?: string,
): Promise<LinkWords | 'forged' | 'old' | 'other-browser'> {
  const words = wordsSchema.safeParse(jsonOf(await signer.read(value))).data;
  if (words?.for !== step) return 'forged';
  if (words.until <= now.getTime()) return 'old';
  if (held !== undefined && (held === '' || words.browser !== digestOf(held))) return 'other-browser';
  return words;
}

/** The browser's secret itself goes nowhere. */
export function digestOf(held: string): string {
  return createHash('sha256').update(held).digest('base64url');
}

function jsonOf(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}
