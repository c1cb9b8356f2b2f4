import { z } from 'zod';

/** What a check run on GitHub belongs to, and where answers to its buttons go. */
export type CheckMark = {
  /** The repository's id. */
  repo: number;
  /** The pull request. */
  issue: number;
} & (
  | { run: number }
  /** A commit: all that is known of it. `runs`: those that are repeated with it, the newest first. */
  | { sha: string; runs: number[] }
);

/** How many runs there is room for. */
export const mostMarkedRuns = 5;

const positive = z.int().positive();
const markSchema = z.union([
  z.tuple([z.literal('check'), positive, positive, positive]),
  z.tuple([z.literal('commit'), positive, z.int().min(0), z.string().regex(/^[0-9a-f]{40,64}$/)], positive),
]);

/** The same as text, to be signed: a button's own id has no room for a signature, so the check run carries it for all of them. */
export function checkMarkText(mark: CheckMark): string {
  const { repo, issue } = mark;
  if ('run' in mark) return JSON.stringify(['check', repo, issue, mark.run]);
  return JSON.stringify(['commit', repo, issue, mark.sha, ...mark.runs]);
}

/** What a text stands for; null where it is none such. */
export function readCheckMark(text: string): CheckMark | null {
  const parsed = markSchema.safeParse(parseJson(text));
  if (!parsed.success) return null;
  if (parsed.data[0] === 'check') {
    const [, repo, issue, run] = parsed.data;
    return { repo, issue, run };
  }
  const [, repo, issue, sha, ...runs] = parsed.data;
  return { repo, issue, sha, runs };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
