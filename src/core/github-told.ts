import { z } from 'zod';
import type { PullRequest } from './repository-event.ts';

const nothing = /^0+$/;
const sha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
/** All zeros stand for no commit. */
export const commitSchema = sha.transform(text => (nothing.test(text) ? null : text));
/** Whose name an account has. */
export const loginSchema = z
  .object({ login: z.string().min(1) })
  .nullish()
  // An account that is gone; GitHub shows it so.
  .transform(user => user?.login ?? 'ghost');

/** What all that an app is told has. A webhook of a repository alone names no installation. */
export const toldSchema = z.object({
  repository: z.object({ id: z.int(), full_name: z.string().regex(/^[^/]+\/[^/]+$/) }),
  installation: z.object({ id: z.int() }),
  sender: loginSchema,
});

/** https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request */
export const pullSchema = z
  .object({
    number: z.int(),
    user: loginSchema,
    state: z.enum(['open', 'closed']).optional(),
    created_at: z.iso.datetime({ offset: true }).optional(),
    labels: z.array(z.object({ name: z.string() })).default([]),
    base: z.object({ ref: z.string().min(1), sha }),
    head: z.object({ ref: z.string().min(1), sha, repo: z.object({ id: z.int() }).nullable() }),
    merged_at: z.string().nullish(),
    // Of one that is open, the commit by which GitHub tries the merge.
    merge_commit_sha: sha.nullish(),
  })
  .transform(
    ({ number, user, state, created_at, labels, base, head, merged_at, merge_commit_sha }): PullRequest => ({
      number,
      base: { branch: base.ref, sha: base.sha },
      head: { branch: head.ref, sha: head.sha, repo: head.repo?.id ?? null },
      labels: labels.map(label => label.name),
      author: user,
      ...(state ? { isOpen: state === 'open' } : {}),
      ...(created_at ? { openedAt: new Date(created_at) } : {}),
      ...(merged_at === undefined
        ? {}
        : { mergedAs: merged_at === null ? null : (merge_commit_sha ?? null) }),
    }),
  );

const branches = 'refs/heads/';

/** The branch that a full ref names; null: it names none. */
export function branchOf(ref: string): string | null {
  return ref.startsWith(branches) ? ref.slice(branches.length) : null;
}

/** Who tells it, of which repository. */
export function toldBy({ repository, installation, sender }: z.infer<typeof toldSchema>) {
  return {
    repo: { id: repository.id, name: repository.full_name, installation: installation.id },
    by: sender,
  };
}

/** The fields that are not as they should be, for the log. */
export function fieldsOf(error: z.ZodError): string {
  return error.issues.map(issue => issue.path.join('.')).join(', ');
}
