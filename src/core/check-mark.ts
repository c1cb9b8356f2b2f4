import { z } from 'zod';

/** What a check run on GitHub belongs to, and where answers to its buttons go. */
export interface CheckMark {
  /** The repository's id. */
  repo: number;
  /** The pull request. */
  issue: number;
  run: number;
}

const markSchema = z.tuple([z.literal('check'), z.int().positive(), z.int().positive(), z.int().positive()]);

/** The same as text, to be signed: a button's own id has no room for a signature, so the check run carries it for all of them. */
export function checkMarkText({ repo, issue, run }: CheckMark): string {
  return JSON.stringify(['check', repo, issue, run]);
}

/** What a text stands for; null where it is none such. */
export function readCheckMark(text: string): CheckMark | null {
  const parsed = markSchema.safeParse(parseJson(text));
  if (!parsed.success) return null;
  const [, repo, issue, run] = parsed.data;
  return { repo, issue, run };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
